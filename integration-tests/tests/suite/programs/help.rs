//! Tests of help, versions, completions, and the grammar of verbs.

use crate::harness::Sandbox;

#[test]
fn short_help_fits_a_screen_and_shows_examples() {
    let s = Sandbox::new().with("COLUMNS", "80");
    for program in ["shm-writer", "shm-reader"] {
        let text = s.ok(&format!("{program} -h"));
        assert!(text.lines().count() <= 24, "{program}: {} lines\n{text}", text.lines().count());
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{program}: {widest:?} columns\n{text}");
        assert!(text.contains("demo"), "an example: {text}");
    }
}

#[test]
fn long_help_tells_exit_codes_and_environment() {
    let s = Sandbox::new();
    for program in ["shm-writer", "shm-reader"] {
        let text = s.ok(&format!("{program} --help"));
        for word in ["SHM_DIR", "NO_COLOR", "/dev/shm", "130", "141", "143", "7", "Exit"] {
            assert!(
                text.to_lowercase().contains(&word.to_lowercase()),
                "{program} --help does not mention {word}\n{text}"
            );
        }
    }
}

#[test]
fn help_mentions_every_verb_and_option() {
    let s = Sandbox::new();
    let check = |program: &str, words: &[&str]| {
        let text = s.ok(&format!("{program} --help"));
        let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
        assert!(missing.is_empty(), "{program} --help lacks {missing:?}\n{text}");
    };
    check("shm-writer", &["create", "rm", "clean", "map", "completions"]);
    check(
        "shm-writer",
        &["--file", "--as", "--null", "--chunk", "--whole", "--records", "--every", "--count", "--slots", "--capacity"],
    );
    check("shm-writer", &["--mode", "--checksum", "--rm", "--quiet", "--verbose", "{seq}", "{time}"]);
    check(
        "shm-reader",
        &["list", "inspect", "verify", "map", "completions", "--follow", "--count", "--from", "--timeout"],
    );
    check("shm-reader", &["--strict", "--until-closed", "--json", "--raw", "--hex", "--quiet", "--verbose"]);
}

#[test]
fn help_and_version_are_data_and_need_no_region_directory() {
    let s = Sandbox::new().with("SHM_DIR", "/nowhere");
    for program in ["shm-writer", "shm-reader"] {
        for option in ["-h", "--help"] {
            s.run(&format!("{program} {option}")).succeeds();
        }
        let version = s.ok(&format!("{program} --version"));
        assert_eq!(version, format!("{program} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn every_verb_has_help() {
    let s = Sandbox::new();
    for command in [
        "shm-writer create",
        "shm-writer rm",
        "shm-writer clean",
        "shm-writer map",
        "shm-reader list",
        "shm-reader inspect",
        "shm-reader verify",
        "shm-reader map",
    ] {
        assert!(s.ok(&format!("{command} --help")).contains("Usage"), "{command}");
    }
}

#[test]
fn a_region_has_a_capacity_and_only_a_block_has_a_size() {
    let s = Sandbox::new();
    s.run("shm-writer demo --size 64 x").exits(2).complains(&["--size"]);
    s.run("shm-writer create demo --size 64").exits(2).complains(&["--size"]);
    assert_eq!(s.files(), [""; 0]);
    s.ok(
        "shm-writer demo --capacity 64 x && shm-writer create other --capacity 128 && shm-writer map block --size 8 x",
    );
    assert_eq!((&s.inspect("demo")["capacity"], &s.inspect("other")["capacity"]), (&64.into(), &128.into()));
    for shell in ["bash", "zsh", "fish"] {
        let script = s.ok(&format!("shm-writer completions {shell}"));
        assert!(script.contains("capacity") && script.contains("size"), "{shell}");
    }
}

#[test]
fn completions_are_made_for_each_shell() {
    let s = Sandbox::new();
    for program in ["shm-writer", "shm-reader"] {
        for shell in ["bash", "zsh", "fish"] {
            let script = s.ok(&format!("{program} completions {shell}"));
            assert!(script.contains(program) && script.lines().count() > 10, "{program} {shell}");
        }
        s.ok(&format!(
            "{program} completions bash > script && if command -v bash > /dev/null; then bash -n script; fi"
        ));
    }
}

#[test]
fn a_verb_after_a_region_is_refused_with_the_right_order() {
    let s = Sandbox::new();
    for (command, right) in [
        ("shm-reader demo list", "list"),
        ("shm-reader demo inspect", "shm-reader inspect demo"),
        ("shm-reader demo verify", "shm-reader verify demo"),
        ("shm-writer demo rm", "shm-writer rm demo"),
        ("shm-writer demo create", "shm-writer create demo"),
    ] {
        s.run(command).exits(2).complains(&[right]);
        assert_eq!(s.files(), [""; 0], "{command}");
    }
}

/// Verbs of the other program, and synonyms of verbs: the command, and the words that its message must contain.
const FOREIGN: [(&str, &str); 24] = [
    ("shm-writer list", "'list' is a verb of shm-reader\n  to run it: shm-reader list"),
    ("shm-writer ls", "'ls' is a verb of shm-reader\n  to run it: shm-reader ls"),
    ("shm-writer inspect demo", "'inspect' is a verb of shm-reader\n  to run it: shm-reader inspect demo"),
    ("shm-writer verify demo", "'verify' is a verb of shm-reader\n  to run it: shm-reader verify demo"),
    ("shm-writer list --json", "shm-reader list --json"),
    ("shm-writer -v list", "'list' is a verb of shm-reader\n  to run it: shm-reader list"),
    ("shm-writer inspect", "'inspect' is a verb of shm-reader\n  to run it: shm-reader inspect"),
    ("echo x | shm-writer verify", "'verify' is a verb of shm-reader"),
    ("shm-writer remove demo", "'remove' is called 'rm' in shm-writer\n  to run it: shm-writer rm demo"),
    ("shm-writer delete demo", "'delete' is called 'rm' in shm-writer\n  to run it: shm-writer rm demo"),
    ("shm-writer del demo", "'del' is called 'rm' in shm-writer\n  to run it: shm-writer rm demo"),
    ("shm-writer show demo", "'show' is called 'inspect' in shm-reader\n  to run it: shm-reader inspect demo"),
    ("shm-writer info demo", "'info' is called 'inspect' in shm-reader\n  to run it: shm-reader inspect demo"),
    ("shm-writer ps", "'ps' is called 'list' in shm-reader\n  to run it: shm-reader list"),
    ("shm-reader create demo", "'create' is a verb of shm-writer\n  to run it: shm-writer create demo"),
    ("shm-reader rm demo", "'rm' is a verb of shm-writer\n  to run it: shm-writer rm demo"),
    ("shm-reader rm demo", "a region of this name: shm-reader -- rm\n"),
    ("shm-writer -q show hello", "a region of this name: shm-writer -q -- show hello\n"),
    ("shm-reader clean", "'clean' is a verb of shm-writer\n  to run it: shm-writer clean"),
    ("shm-reader rm --force demo", "shm-writer rm --force demo"),
    ("shm-reader remove demo", "'remove' is called 'rm' in shm-writer\n  to run it: shm-writer rm demo"),
    ("shm-reader delete demo", "shm-writer rm demo"),
    ("shm-reader show demo", "'show' is called 'inspect' in shm-reader\n  to run it: shm-reader inspect demo"),
    ("shm-reader -f ps", "'ps' is called 'list' in shm-reader\n  to run it: shm-reader list"),
];

#[test]
fn a_verb_of_the_other_program_is_refused_with_that_program_and_makes_nothing() {
    let s = Sandbox::new();
    for (command, right) in FOREIGN {
        s.run(command).exits(2).complains(&[right]);
        assert_eq!((s.files(), s.home_files()), (vec![], vec![]), "{command}");
    }
}

#[test]
fn after_dashes_every_word_is_a_region() {
    let s = Sandbox::new();
    for name in ["list", "inspect", "rm", "create", "remove", "show", "ps", "info"] {
        s.run(&format!("shm-writer -- {name} hello")).prints("");
        s.run(&format!("shm-reader -- {name}")).prints("hello\n");
        s.run(&format!("shm-writer rm -- {name}")).prints("");
        s.run(&format!("shm-writer demo -- {name}")).prints("");
        s.run("shm-reader demo").prints(format!("{name}\n"));
    }
}

#[test]
fn a_verb_behind_a_region_is_no_value_of_it() {
    let s = Sandbox::new();
    for verb in ["list", "inspect", "verify", "rm", "create"] {
        s.run(&format!("shm-writer demo {verb}")).exits(2).complains(&[verb, &format!("shm-writer demo -- {verb}")]);
    }
    assert_eq!(s.files(), [""; 0]);
    // Words that are merely similar to a verb are values.
    s.ok("shm-writer demo show; shm-writer demo info");
    s.run("shm-reader demo --from oldest").prints("show\ninfo\n");
}

#[test]
fn an_option_before_a_verb_is_refused_with_the_right_order() {
    let s = Sandbox::new();
    for (command, right) in [
        ("shm-writer --slots 4 create demo", "shm-writer create"),
        ("shm-writer --force rm demo", "rm"),
        ("shm-reader --json list", "shm-reader list"),
        ("shm-reader --json inspect demo", "shm-reader inspect"),
        ("shm-reader -f verify demo", "shm-reader verify"),
    ] {
        s.run(command).exits(2).complains(&[right]);
        assert_eq!(s.files(), [""; 0], "{command}");
    }
}

#[test]
fn options_may_stand_on_either_side_of_a_region() {
    let s = Sandbox::new();
    for command in
        ["shm-writer --slots 4 demo hello", "shm-writer demo --slots 4 hello", "shm-writer demo hello --slots 4"]
    {
        s.run(command).prints("");
        s.run("shm-reader demo").prints("hello\n");
        s.run("shm-reader --raw demo").prints("hello");
    }
}

#[test]
fn quiet_and_verbose_may_follow_a_verb() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x");
    for command in [
        "shm-reader list -v",
        "shm-reader inspect demo -q",
        "shm-reader verify -v demo",
        "shm-reader -v demo",
        "shm-reader demo -q",
        "shm-writer demo -v x",
        "shm-writer clean -q",
        "shm-writer rm demo -v",
    ] {
        s.run(command).exits(0);
    }
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let s = Sandbox::new();
    s.ok("shm-writer demo x");
    for command in
        ["shm-reader list", "shm-reader inspect demo", "shm-reader --help", "shm-reader missing", "shm-writer -h"]
    {
        let outcome = s.run(command);
        assert!(!(outcome.text() + &outcome.stderr).contains('\x1b'), "{outcome:?}");
        let outcome = s.run(&format!("NO_COLOR=1 CLICOLOR_FORCE=0 {command}"));
        assert!(!(outcome.text() + &outcome.stderr).contains('\x1b'), "{outcome:?}");
    }
}

#[test]
fn shm_dir_moves_everything() {
    let s = Sandbox::new();
    s.ok("mkdir other && SHM_DIR=$PWD/other shm-writer demo there");
    assert_eq!(s.files(), [""; 0]);
    assert!(s.home("other/demo").is_file());
    s.run("shm-reader demo").exits(3);
    s.run("SHM_DIR=other shm-reader demo").prints("there\n");
    s.run("SHM_DIR=$PWD/other shm-reader list").exits(0);
    s.ok("SHM_DIR=$PWD/other shm-writer rm demo");
    assert_eq!(s.ok("ls -A other"), "");
}

#[test]
fn help_can_be_read_where_the_width_is_not_known() {
    let s = Sandbox::new();
    for command in ["shm-reader --help", "shm-reader map --help", "shm-writer --help", "shm-writer create --help"] {
        for columns in ["0", "1"] {
            assert!(
                s.ok(&format!("COLUMNS={columns} {command}")) == s.ok(&format!("COLUMNS=80 {command}")),
                "{command}"
            );
        }
        let narrow = s.ok(&format!("COLUMNS=50 {command}"));
        assert!(narrow.lines().count() > s.ok(&format!("COLUMNS=80 {command}")).lines().count(), "{command}");
    }
}
