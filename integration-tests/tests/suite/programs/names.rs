//! Tests which names are valid: both programs follow the same short rule, and create nothing for other names.

use std::path::Path;
use std::process::Command;

use crate::harness::{Child, Outcome, Sandbox};

/// Runs a program with exactly these arguments, without a shell.
#[track_caller]
fn run(s: &Sandbox, program: &str, arguments: &[&[u8]]) -> Outcome {
    use std::os::unix::ffi::OsStrExt;
    let name = format!(
        "{program} {arguments:?}",
        arguments = arguments.iter().map(|a| a.escape_ascii().to_string()).collect::<Vec<_>>()
    );
    let mut command: Command = s.prepare(program);
    command.args(arguments.iter().map(|argument| std::ffi::OsStr::from_bytes(argument)));
    Child::start(&name, &mut command).finish()
}

#[track_caller]
fn refused(name: &[u8]) {
    let s = Sandbox::new();
    let shown = name.escape_ascii();
    let attempts: [(&str, &[&[u8]]); 8] = [
        ("shm-writer", &[b"--", name, b"value"]),
        ("shm-writer", &[b"create", b"--", name]),
        ("shm-writer", &[b"rm", b"--", name]),
        ("shm-writer", &[b"rm", b"--force", b"--", name]),
        ("shm-reader", &[b"--", name]),
        ("shm-reader", &[b"-f", b"--", name]),
        ("shm-reader", &[b"inspect", b"--", name]),
        ("shm-reader", &[b"verify", b"--", name]),
    ];
    for (program, arguments) in attempts {
        let outcome = run(&s, program, arguments);
        assert!([1, 2].contains(&outcome.code()), "'{shown}': {outcome:?}");
        assert!(outcome.stderr.starts_with("error: "), "'{shown}': {outcome:?}");
        assert!(!outcome.stderr.contains('\x1b'), "'{shown}' reaches the terminal unescaped: {outcome:?}");
    }
    assert_eq!((s.files(), s.home_files()), (vec![], vec![]), "'{shown}' created a file");
}

// Fault 52.
#[test]
fn names_that_break_the_rule_are_refused_and_nothing_is_made() {
    for name in ["", ".", "..", ".hidden", "-rf", "-", "--", "a b", " a", "a ", "a\nb", "a\tb", "a\x1b[31mb", "a\x7fb"]
    {
        refused(name.as_bytes());
    }
}

// Fault 52.
#[test]
fn names_with_other_characters_are_refused() {
    for name in
        ["%s", "a%20b", "*", "a:b", "a\\b", "~", "$HOME", "a+b", "a,b", "a'b", "é", "dеmo", "🦀", "ａ", "a\u{202e}b"]
    {
        refused(name.as_bytes());
    }
}

// Fault 52.
#[test]
fn names_that_are_not_utf_8_are_refused() {
    for name in [&b"\xff"[..], b"a\xffb", b"./\xff", b"\xc3"] {
        refused(name);
    }
}

// Fault 52.
#[test]
fn paths_are_refused_for_their_last_component() {
    for name in ["./", "./.", "./..", "/", "//", "sub/", "./.hidden", "./-x", "./a b", "../", "./a/"] {
        refused(name.as_bytes());
    }
}

// Fault 52.
#[test]
fn names_that_are_too_long_are_refused() {
    for length in [201, 255, 256, 5000] {
        refused("n".repeat(length).as_bytes());
        refused(format!("./{}", "n".repeat(length)).as_bytes());
    }
}

// Fault 52.
#[test]
fn names_that_keep_the_rule_work() {
    for name in ["a", "0", "A.b_c-9", "x-", "x.", "a..b", "_", "demo.lock", "demo.new", &"n".repeat(200)] {
        let s = Sandbox::new();
        s.run(&format!("shm-writer {name} hello")).prints("");
        s.run(&format!("shm-reader {name}")).prints("hello\n");
        assert!(Path::new(&s.shm(name)).is_file());
        s.run(&format!("shm-writer rm {name}")).prints("");
        assert_eq!(s.files(), [""; 0]);
    }
}

#[test]
fn a_path_may_go_through_any_directory() {
    let s = Sandbox::new();
    s.ok("mkdir -p '.hidden/a b/é'");
    s.run("shm-writer '.hidden/a b/é/demo' hello").prints("");
    s.run("shm-reader '.hidden/a b/é/demo'").prints("hello\n");
}

#[test]
fn a_message_about_a_name_says_what_is_wrong_with_it() {
    let s = Sandbox::new();
    s.run("shm-writer 'two words' x").complains(&["cannot use 'two words' as the name of a region"]);
    s.run("shm-reader .hidden").complains(&["cannot use '.hidden' as the name of a region"]);
}
