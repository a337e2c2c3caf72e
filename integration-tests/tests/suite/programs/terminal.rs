//! Tests the behaviour on a terminal: hints, escaped control characters, colour, Ctrl-C and Ctrl-D.

use std::fs::File;
use std::io::Write;

use nix::pty::openpty;

use crate::harness::Stream;
use crate::harness::{Child, DEADLINE, Sandbox};

/// A program whose standard streams are a terminal.
pub struct Terminal {
    keyboard: File,
    screen: Stream,
    _child: Child,
}

impl Terminal {
    pub fn run(s: &Sandbox, line: &str) -> Self {
        let pair = openpty(None, None).expect("a pseudo-terminal");
        let (master, slave) = (File::from(pair.master), File::from(pair.slave));
        let path =
            std::fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&slave))).expect("its name");
        // `setsid` (which does not fork here) and the first `open` make it the controlling terminal, as in a terminal
        // window.
        let script = format!("exec setsid sh -c 'exec < {0} > {0} 2>&1; exec {line}'", path.display());
        let child = Child::start(line, s.prepare_in_group("sh").args(["-c", &script]));
        let screen = Stream::of(master.try_clone().expect("a second descriptor"));
        let terminal = Self { keyboard: master, screen, _child: child };
        drop(slave);
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    #[track_caller]
    pub fn shows(&self, words: &str) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let seen = self.screen.wait_for(DEADLINE, |bytes, _| text(bytes).contains(words).then(|| text(bytes)));
        seen.unwrap_or_else(|| panic!("no '{words}' on the screen:\n{}", self.screen.text()))
    }
}

#[test]
fn a_writer_on_a_terminal_gives_a_hint_publishes_at_enter_and_ends_at_ctrl_d() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-closed").idle();
    let mut writer = Terminal::run(&s, "shm-writer demo");
    writer.shows("Ctrl-D");
    writer.press("hello\n");
    reader.expect(&["hello"]);
    writer.press("\x04");
    reader.wait().prints("");
}

#[test]
fn ctrl_c_on_a_terminal_ends_a_writer_with_a_clean_close() {
    let s = Sandbox::new();
    let mut reader = s.spawn("shm-reader demo --until-closed").idle();
    let mut writer = Terminal::run(&s, "shm-writer demo");
    writer.press("hello\n");
    reader.expect(&["hello"]);
    writer.press("\x03");
    reader.wait().prints("");
    assert_eq!(s.inspect("demo")["state"], "closed");
}

#[test]
fn control_characters_are_escaped_on_a_terminal() {
    let s = Sandbox::new();
    s.ok("printf 'be\\033[31mware\\007\\233 of\\0this\\n' | shm-writer demo --as bytes");
    s.ok("printf 'a\\033[31mb\\007\\302\\233c\\n' | shm-writer text");
    for (command, end) in [("shm-reader demo", "this"), ("shm-reader text", "c"), ("shm-reader text --json", "}")] {
        let screen = Terminal::run(&s, command).shows(end);
        let raw: Vec<char> = screen.chars().filter(|c| c.is_control() && !['\n', '\r', '\t'].contains(c)).collect();
        assert!(raw.is_empty(), "{command}: {raw:?} in {screen:?}");
    }
}

#[test]
fn raw_stays_raw_on_a_terminal() {
    let s = Sandbox::new();
    s.ok("printf 'a\\033[0mb\\n' | shm-writer demo");
    Terminal::run(&s, "shm-reader demo --raw").shows("a\x1b[0mb");
}

#[test]
fn no_color_is_honoured_on_a_terminal() {
    let s = Sandbox::new().with("NO_COLOR", "1");
    s.ok("shm-writer demo x");
    for (command, end) in
        [("shm-reader list", "demo"), ("shm-reader missing", "missing"), ("shm-reader inspect demo", "closed")]
    {
        let screen = Terminal::run(&s, command).shows(end);
        assert!(!screen.contains("\x1b[3"), "{screen:?}");
    }
}
