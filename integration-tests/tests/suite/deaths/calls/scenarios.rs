//! Every command of both programs, with the state that it starts from. The expected results are not
//! listed here; a run without faults determines them.

/// A command, and the state that it starts from.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// A script for `sh` that creates the initial state.
    pub before: &'static str,
    pub command: &'static str,
    /// Contents of a file that are allowed besides those before and after the command.
    pub between: &'static [&'static str],
    /// The exit code of the command when it is tried again after it may already have done its work.
    pub again: Option<i32>,
    /// Whether another process writes to the region meanwhile.
    pub has_writer: bool,
    /// A script that runs after the command has printed a first line.
    pub meanwhile: Option<&'static str>,
    /// Whether the command prints the same output each time.
    pub prints_the_same: bool,
    /// Whether the command creates, takes over or replaces a region. Such commands are tested more
    /// thoroughly.
    pub is_central: bool,
}

const OLD: &str = "shm-writer demo old";
const SMALL: &str = "shm-writer demo --slots 4 --capacity 64 old";
const LEFTOVERS: &str = "shm-writer demo old; touch $SHM_DIR/.demo.new; umask 077; : > $SHM_DIR/.gone.lock";
const REAL: &str = "rover; printf 'hello' > f; shm-writer create cam --array u1:5";

const fn of(before: &'static str, command: &'static str) -> Scenario {
    Scenario {
        before,
        command,
        between: &[],
        again: None,
        has_writer: false,
        meanwhile: None,
        prints_the_same: true,
        is_central: false,
    }
}

pub const SCENARIOS: [Scenario; 46] = [
    // Commands that create, change and remove.
    of(":", "shm-writer create demo"),
    of(OLD, "shm-writer create demo"),
    Scenario { between: &["text: "], ..of(OLD, "shm-writer create demo --slots 128 --mode 644") },
    of("printf x > f", "shm-writer create demo --array u1:2,3"),
    of("rover; shm-reader inspect rover --schema > f; shm-writer rm rover", "shm-writer create demo --schema f"),
    Scenario { between: &["text: "], is_central: true, ..of(":", "shm-writer demo new") },
    Scenario { is_central: true, ..of(OLD, "shm-writer demo new") },
    Scenario { is_central: true, ..of(OLD, "shm-writer demo --slots 128 new") },
    Scenario { between: &["json: "], is_central: true, ..of(OLD, "shm-writer demo -q --replace --as json '\"new\"'") },
    Scenario { between: &["text: "], ..of(":", "shm-writer demo --checksum --mode 644 new") },
    Scenario { between: &["bytes: "], ..of("printf hello > f", "shm-writer demo --file f") },
    Scenario { between: &["text: old, a"], ..of("shm-writer demo old; printf 'a\\nb\\n' > f", "shm-writer demo < f") },
    Scenario {
        between: &["text: old, a"],
        ..of(
            "shm-writer demo --slots 8 --capacity 8 old; printf 'a\\nmuch longer than eight bytes\\n' > f",
            "shm-writer demo < f",
        )
    },
    Scenario { between: &["text: "], ..of(":", "shm-writer demo -e 1ms -n 1 new") },
    Scenario { between: &["text: ", "text: new"], ..of(":", "shm-writer demo --rm new") },
    of(REAL, "shm-writer cam < f"),
    of("rover; shm-reader rover > f", "shm-writer rover < f"),
    Scenario { has_writer: true, ..of(OLD, "shm-writer demo new") },
    Scenario { has_writer: true, ..of(OLD, "shm-writer rm demo") },
    Scenario { again: Some(3), has_writer: true, ..of(OLD, "shm-writer rm --force demo") },
    Scenario { again: Some(3), ..of(OLD, "shm-writer rm demo") },
    Scenario { again: Some(3), ..of("shm-writer a x; shm-writer b x", "shm-writer rm a b") },
    // A file that cannot be locked is skipped and is not an error.
    Scenario { prints_the_same: false, ..of(LEFTOVERS, "shm-writer clean --dry-run") },
    Scenario { prints_the_same: false, ..of(LEFTOVERS, "shm-writer clean") },
    Scenario { between: &["plain: "], ..of(":", "shm-writer map block --size 8 hello") },
    of("printf 'some bytes' > $SHM_DIR/block", "shm-writer map block --at 5 BYTES"),
    of("printf 'some bytes' > $SHM_DIR/block; printf BYTES > f", "shm-writer map block --size 10 < f"),
    of(":", "shm-writer completions bash"),
    of(":", "shm-reader completions bash"),
    // Commands that only read.
    of(OLD, "shm-reader demo"),
    of(SMALL, "shm-reader demo --from oldest"),
    of("shm-writer --checksum demo old", "shm-reader demo --json"),
    of("rover", "shm-reader rover"),
    of(OLD, "shm-reader demo -f --from oldest -n 1"),
    of(OLD, "shm-reader demo -f --from new -t 60ms"),
    of(OLD, "shm-reader absent"),
    of(OLD, "shm-reader absent -t 60ms"),
    Scenario { meanwhile: Some("shm-writer demo --slots 128 new"), ..of(OLD, "shm-reader demo -f -n 2 -t 5s") },
    Scenario { meanwhile: Some("shm-writer rm demo; shm-writer demo new"), ..of(OLD, "shm-reader demo -f -n 2 -t 5s") },
    of(OLD, "shm-reader demo --until-closed -t 5s"),
    Scenario { prints_the_same: false, ..of("shm-writer a x; shm-writer b x", "shm-reader list") },
    Scenario { prints_the_same: false, ..of("shm-writer a x; shm-writer b x", "shm-reader list --json") },
    Scenario { prints_the_same: false, ..of("rover", "shm-reader inspect rover") },
    of("rover", "shm-reader inspect rover --schema"),
    of("rover", "shm-reader verify rover"),
    of("printf 'some bytes' > $SHM_DIR/block", "shm-reader map block --hex"),
];
