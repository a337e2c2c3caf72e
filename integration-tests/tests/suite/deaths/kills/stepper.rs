//! Runs a program instruction by instruction and kills it after any of them. It does not depend on
//! what the program does.

use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::harness::{Started, start, victim};

/// A moment of a program's run: a number of system calls, followed by a number of instructions.
/// This is as exact as a count of all instructions. It is reached much faster, because the kernel
/// can run a program at full speed up to a system call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub calls: usize,
    pub instructions: usize,
}

/// A stopped program. It marks the beginning and the end of the part to be tested by stopping
/// itself. It is killed when it is dropped.
///
/// Only the thread that started it can trace it.
pub struct Stepper {
    process: Started,
    is_alive: bool,
}

/// Every moment of a run, and those that come directly after a change that is visible from outside.
pub struct Survey {
    pub moments: Vec<Moment>,
    pub changes: Vec<usize>,
}

/// Returns whether the system lets a parent trace its child.
pub fn can_trace() -> bool {
    let mut probe = Command::new(victim());
    let probe = start(probe.args(["none", "0", "stop"]).stdin(Stdio::null()).stderr(Stdio::null()));
    let mut probe = Stepper { process: probe.expect("the victim starts"), is_alive: true };
    is_end(probe.wait())
}

impl Stepper {
    /// Starts the program and runs it up to the part to be tested.
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

    /// Runs one instruction. Returns false at the end of the part to be tested.
    #[track_caller]
    pub fn step(&mut self) -> bool {
        ptrace::step(self.pid(), None).expect("the victim is stopped");
        let stop = self.wait();
        assert!(is_end(stop) || matches!(stop, WaitStatus::Stopped(_, Signal::SIGTRAP)), "{stop:?}");
        !is_end(stop)
    }

    /// Runs up to a moment, or to the end of the part to be tested if that comes first.
    #[track_caller]
    pub fn run_to(&mut self, moment: Moment) {
        // The program stops twice for each system call.
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

    /// Runs the whole part, and checks after each instruction whether the visible state has
    /// changed.
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

    /// Kills the program and waits until the kernel has removed it.
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
    /// Returns about `most` moments, evenly spread, and in addition those around each change. The
    /// larger `most` is, the more moments around each change are included.
    pub fn choose(&self, most: usize) -> Vec<Moment> {
        let stride = self.moments.len().div_ceil(most.max(1)).max(1);
        let margin = (most / 16).min(32);
        // Include at least the moments directly before and after each change.
        let near =
            |index: usize| self.changes.iter().any(|change| change.abs_diff(index) <= margin || index + 1 == *change);
        let chosen = (0..self.moments.len()).filter(|index| index.is_multiple_of(stride) || near(*index));
        chosen.map(|index| self.moments[index]).collect()
    }

    /// Returns the moments directly before and after each change.
    pub fn turning_points(&self) -> Vec<Moment> {
        self.changes.iter().flat_map(|change| [self.moments[change - 1], self.moments[*change]]).collect()
    }
}
