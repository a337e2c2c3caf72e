//! Tests how the programs end at a signal: silently, by the signal itself, and after a writer has closed its region.

use nix::sys::signal::Signal;

use crate::harness::Sandbox;

// Fault 62.
#[test]
fn a_follower_dies_by_the_signal_it_gets() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let s = Sandbox::new();
        let mut reader = s.spawn("shm-reader demo -f").idle();
        s.ok("shm-writer demo hello");
        reader.expect(&["hello"]);
        reader.signal(signal);
        let outcome = reader.wait().exits(code).dies_of(signal);
        assert_eq!((outcome.text(), outcome.stderr), (String::new(), String::new()));
    }
}

// Fault 62.
#[test]
fn a_reader_that_waits_for_a_region_dies_by_the_signal_too() {
    for command in ["shm-reader demo -f", "shm-reader demo -t 1h", "shm-reader demo --until-closed"] {
        let s = Sandbox::new();
        let reader = s.spawn(command).idle();
        reader.signal(Signal::SIGINT);
        assert_eq!(reader.wait().dies_of(Signal::SIGINT).stderr, "", "{command}");
    }
}

// Fault 62.
#[test]
fn a_writer_told_to_end_closes_its_region_cleanly() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let s = Sandbox::new();
        let mut reader = s.spawn("shm-reader demo --until-closed").idle();
        let mut writer = s.spawn("shm-writer demo");
        writer.write("one\ntwo\n");
        reader.expect(&["one", "two"]);
        writer.signal(signal);
        writer.wait().exits(code).dies_of(signal);
        reader.wait().prints("");
        assert_eq!(s.inspect("demo")["state"], "closed");
        s.run("shm-writer demo three").prints("");
    }
}

// Fault 62.
#[test]
fn a_repeating_writer_told_to_end_closes_or_removes_its_region() {
    for (options, remains) in [("", true), ("--rm", false)] {
        let s = Sandbox::new();
        let writer = s.spawn(&format!("shm-writer demo --every 1h {options} tick"));
        s.holds("demo", "tick");
        writer.signal(Signal::SIGTERM);
        writer.wait().dies_of(Signal::SIGTERM);
        assert_eq!(s.shm("demo").exists(), remains);
    }
}

// Fault 62.
#[test]
fn a_writer_in_the_middle_of_a_stream_ends_on_the_signal() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo < /dev/zero --chunk 1000");
    writer.close_stdin();
    crate::harness::eventually("values arrive", || (s.run("shm-reader demo --raw").code() == 0).then_some(()));
    writer.signal(Signal::SIGINT);
    writer.wait().dies_of(Signal::SIGINT);
    assert_eq!(s.inspect("demo")["state"], "closed");
    s.run("shm-reader verify demo").exits(0);
}

// Fault 62.
#[test]
fn a_closed_pipe_is_141_and_silent() {
    let s = Sandbox::new();
    s.ok("seq 1 100000 | shm-writer nums --slots 131072 --capacity 8");
    for options in ["", "--json", "--raw", "-z", "--hex"] {
        let line = format!("{{ shm-reader nums --from oldest {options}; echo $? > code; }} | head -c 1 > first");
        assert_eq!(s.run(&line).succeeds().text(), "", "{options}");
        assert_eq!(s.ok("cat code"), "141\n", "{options}");
    }
}

// Fault 62.
#[test]
fn a_follower_with_a_closed_pipe_ends_at_its_next_value() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo --every 5ms '{seq}'");
    writer.close_stdin();
    s.run("{ shm-reader demo -f; echo $? >&2; } | head -n 3 > first").complains(&["141"]);
    assert_eq!(s.ok("wc -l < first").trim(), "3");
}

// Fault 62.
#[test]
fn a_reader_that_waits_ends_when_its_pipe_is_closed() {
    let s = Sandbox::new();
    s.ok("shm-writer demo hello");
    let writer = s.spawn("shm-writer alive hello --every 1h");
    s.holds("alive", "hello");
    for command in ["demo -f", "alive -f", "alive --until-closed", "alive --until-gone", "alive -f -t 1h"] {
        s.run(&format!("{{ shm-reader {command}; echo $? >&2; }} | head -n 1 > first")).complains(&["141"]);
        assert_eq!(s.ok("cat first"), "hello\n", "{command}");
    }
    s.ok("shm-writer create empty");
    for command in ["missing -f", "missing -t 1h", "empty -t 1h", "demo -f --from new"] {
        s.run(&format!("{{ shm-reader -q {command}; echo $? >&2; }} | :")).complains(&["141"]);
    }
    writer.kill();
}

// Fault 62.
#[test]
fn other_commands_end_silently_on_a_closed_pipe_too() {
    let s = Sandbox::new();
    s.ok("shm-writer create 1 --slots 2 --capacity 8");
    for number in 2..=300 {
        std::fs::copy(s.shm("1"), s.shm(&number.to_string())).expect("room for it");
    }
    for command in ["list", "list --json", "inspect 7", "--help", "completions bash"] {
        let line = format!("{{ {{ shm-reader {command}; echo $? >&3; }} | :; }} 3>&1");
        let outcome = s.run(&line).exits(0);
        assert!(["0", "141"].contains(&outcome.text().trim()), "{command}: {outcome:?}");
        assert_eq!(outcome.stderr, "", "{command}");
    }
}

// Fault 62.
#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let s = Sandbox::new();
    s.ok("seq 1 10 | shm-writer demo");
    for options in ["", "--from oldest", "--json", "--raw"] {
        s.run(&format!("shm-reader demo {options} > /dev/full")).exits(1).complains(&["error: "]);
    }
    for command in ["--help", "-h", "--version", "list", "completions bash", "inspect demo", "verify demo"] {
        s.run(&format!("shm-reader {command} > /dev/full")).exits(1).complains(&["cannot write to stdout"]);
    }
}

// Fault 62.
#[test]
fn an_inherited_ignored_interrupt_stays_ignored() {
    let s = Sandbox::new();
    let mut reader = s.spawn("sh -c 'trap \"\" INT TERM; exec shm-reader demo -f'").idle();
    let mut writer = s.spawn("sh -c 'trap \"\" INT TERM; exec shm-writer demo'").idle();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        reader.signal(signal);
        writer.signal(signal);
        writer.write(&format!("after {signal}\n"));
        reader.expect(&[&format!("after {signal}")]);
    }
    writer.finish().prints("");
}

// Fault 62.
#[test]
fn a_background_job_of_a_script_survives_an_interrupt() {
    let s = Sandbox::new();
    let mut job = s.spawn("sh -c 'shm-reader demo -n 2 -f & echo $!; wait $!; echo $?'");
    let pid = job.line();
    s.ok("shm-writer demo one");
    job.expect(&["one"]);
    s.ok(&format!("kill -INT {pid}; shm-writer demo two"));
    job.expect(&["two", "0"]);
}

// Fault 62.
#[test]
fn an_interrupted_reader_has_printed_whole_lines_only() {
    let s = Sandbox::new();
    let mut writer = s.spawn("shm-writer demo --every 1ms 'a line of text with number {seq} in it'");
    writer.close_stdin();
    for _ in 0..5 {
        let mut reader = s.spawn("shm-reader demo -f");
        reader.line();
        reader.signal(Signal::SIGINT);
        let outcome = reader.wait().dies_of(Signal::SIGINT);
        let text = outcome.text();
        assert!(text.is_empty() || text.ends_with("in it\n"), "{text:?}");
    }
}

#[test]
fn a_program_of_ones_own_that_is_told_to_end_closes_its_region() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let s = Sandbox::new();
        let mut reader = s.spawn("shm-reader ticks --until-closed").idle();
        let program = s.spawn("until_ctrl_c");
        reader.expect(&["1", "2"]);
        program.signal(signal);
        assert_eq!(program.wait().exits(0).stderr, "");
        reader.close_stdin();
        reader.wait().exits(0);
        assert_eq!(s.inspect("ticks")["state"], "closed");
    }
}
