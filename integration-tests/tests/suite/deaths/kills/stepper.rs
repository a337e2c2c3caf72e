//! A program that is run instruction by instruction, and killed after any of them. What it does is not known here.

use std::process::{Child, Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::harness::{start, victim};

/// A place in a program's run: so many instructions behind its so many-th system call. That is as exact as a count of all
/// instructions, and reached much faster, because the kernel can run a program up to a system call at full speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub calls: usize,
    pub instructions: usize,
}

/// A stopped program, which starts and ends the part that matters by stopping itself. Killed when dropped.
///
/// Only the thread that started it can trace it.
pub struct Stepper {
    process: Child,
    is_alive: bool,
}

/// Every moment of a run, and which of them come directly after a change of what is seen from outside.
pub struct Survey {
    pub moments: Vec<Moment>,
    pub changes: Vec<usize>,
}

/// Whether the system lets a parent trace its child.
pub fn can_trace() -> bool {
    let mut probe = Command::new(victim());
    let probe = start(probe.args(["none", "0", "stop"]).stdin(Stdio::null()).stderr(Stdio::null()));
    let mut probe = Stepper { process: probe.expect("the victim starts"), is_alive: true };
    is_end(probe.wait())
}

impl Stepper {
    /// Starts the program and lets it run up to the part that matters.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let process = start(command.stdin(Stdio::null()).stdout(Stdio::null())).expect("the victim starts");
        let mut stepper = Self { process, is_alive: true };
        let stop = stepper.wait();
        assert!(is_end(stop), "the victim did not get to the part that matters: {stop:?}");
        ptrace::setoptions(stepper.pid(), Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL).expect("traced");
        stepper
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().try_into().expect("a pid is positive"))
    }

    /// Runs one instruction; false at the end of the part that matters.
    #[track_caller]
    pub fn step(&mut self) -> bool {
        ptrace::step(self.pid(), None).expect("the victim is stopped");
        let stop = self.wait();
        assert!(is_end(stop) || matches!(stop, WaitStatus::Stopped(_, Signal::SIGTRAP)), "{stop:?}");
        !is_end(stop)
    }

    /// Runs up to a moment, or to the end of the part that matters should that come before.
    #[track_caller]
    pub fn run_to(&mut self, moment: Moment) {
        // Each system call stops it twice.
        for _ in 0..2 * moment.calls {
            ptrace::syscall(self.pid(), None).expect("the victim is stopped");
            let stop = self.wait();
            assert!(is_end(stop) || matches!(stop, WaitStatus::PtraceSyscall(_)), "{stop:?}");
            if is_end(stop) {
                return;
            }
        }
        for _ in 0..moment.instructions {
            if !self.step() {
                return;
            }
        }
    }

    /// Runs all of it, and asks after each instruction whether what is seen from outside has changed.
    #[track_caller]
    pub fn survey(mut self, mut has_changed: impl FnMut() -> bool) -> Survey {
        has_changed();
        let mut moment = Moment::default();
        let mut survey = Survey { moments: vec![moment], changes: vec![] };
        while self.step() {
            let registers = ptrace::getregs(self.pid()).expect("the victim is stopped");
            moment = match registers.orig_rax {
                u64::MAX => Moment { instructions: moment.instructions + 1, ..moment },
                _ => Moment { calls: moment.calls + 1, instructions: 0 },
            };
            if has_changed() {
                survey.changes.push(survey.moments.len());
            }
            survey.moments.push(moment);
        }
        survey
    }

    /// Kills it, and waits until the kernel has taken it away.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.is_alive {
            let _ = kill(self.pid(), Signal::SIGKILL);
            while self.is_alive {
                self.wait();
            }
        }
    }

    fn wait(&mut self) -> WaitStatus {
        loop {
            match waitpid(self.pid(), Some(WaitPidFlag::__WALL)) {
                Err(nix::Error::EINTR) => {}
                status => {
                    let status = status.expect("it is our child");
                    self.is_alive &= !matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
                    return status;
                }
            }
        }
    }
}

impl Drop for Stepper {
    fn drop(&mut self) {
        self.end();
    }
}

fn is_end(stop: WaitStatus) -> bool {
    matches!(stop, WaitStatus::Stopped(_, Signal::SIGSTOP))
}

impl Survey {
    /// At most about so many moments, evenly spread, and besides those around each change: more of them, the more there
    /// may be.
    pub fn choose(&self, most: usize) -> Vec<Moment> {
        let stride = self.moments.len().div_ceil(most.max(1)).max(1);
        let margin = (most / 16).min(32);
        // Directly before each change and after it, at least.
        let near =
            |index: usize| self.changes.iter().any(|change| change.abs_diff(index) <= margin || index + 1 == *change);
        let chosen = (0..self.moments.len()).filter(|index| index.is_multiple_of(stride) || near(*index));
        chosen.map(|index| self.moments[index]).collect()
    }

    /// The moments directly before and after each change.
    pub fn turning_points(&self) -> Vec<Moment> {
        self.changes.iter().flat_map(|change| [self.moments[change - 1], self.moments[*change]]).collect()
    }
}
