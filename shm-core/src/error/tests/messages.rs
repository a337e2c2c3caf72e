//! Every error of the library: none is forgotten, and each message has the form that messages have. To read them all:
//! `cargo test -p shm-core every_message -- --nocapture`.

use super::*;
use crate::types::array::ArrayType;
use crate::types::kind::Kind;

mod every;

/// The names of all variants, and the name of the variant of an error. A variant that is missing here does not compile.
macro_rules! variants {
    ($type:ident: $($variant:ident)*) => {(
        vec![$(stringify!($variant)),*],
        |error: &$type| match error { $($type::$variant { .. } => stringify!($variant)),* },
    )};
}

#[track_caller]
fn has_all<'e, E: 'e>(
    (names, name_of): (Vec<&str>, impl Fn(&'e E) -> &'static str),
    examples: impl IntoIterator<Item = &'e E>,
) {
    let examples: Vec<&str> = examples.into_iter().map(name_of).collect();
    for name in names {
        assert!(examples.contains(&name), "every.rs has no example of {name}");
    }
}

#[test]
fn there_is_an_example_of_every_error() {
    let all = every::every();
    has_all(variants!(Error: Open Publish Receive Block ArrayType Schema), &all);
    macro_rules! within {
        ($pattern:pat => $found:expr) => {
            all.iter().filter_map(|error| match error {
                $pattern => Some($found),
                _ => None,
            })
        };
    }
    let open = variants!(OpenError: BadName BadOption ArrayType Directory NotFound NotARegion Version Features Damaged
        UnknownKind Kind Type Undescribed Schema WriterAlive NotOurs Permission NoSpace Quota FileSystem Remote ReadOnly DirectoryGone TooLarge
        Mounted Gone Io);
    has_all(open, within!(Error::Open(error) => error));
    let publish = variants!(PublishError: BadValue TooLarge Gone Forked Damaged Grow Io);
    has_all(publish, within!(Error::Publish(error) => error));
    let receive = variants!(ReceiveError: Gone Busy Damaged DamagedValue Decode TooLarge Reopen);
    has_all(receive, within!(Error::Receive(error) => error));
    let block = variants!(BlockError: BadName Directory NoBlock IsRegion Closed OutOfRange Refused Permission NoSpace
        Quota ReadOnly TooLarge Io);
    has_all(block, within!(Error::Block(error) => error));
    has_all(
        variants!(ArrayTypeError: Dtype Dimensions Empty TooLarge Malformed),
        within!(Error::ArrayType(error) => error),
    );
    has_all(
        variants!(SchemaError: Untraceable SelfDescribing Malformed Bytes Json),
        within!(Error::Schema(error) => error),
    );
    let value =
        variants!(ValueError: Text Json AmbiguousJson Length Schema Encoding LeftOver TooLarge Kind Undescribed);
    has_all(value, within!(Error::Receive(ReceiveError::Decode { source, .. }) => source));
    let limit = || variants!(Limit: Allowed Region FileSize Address FileSystem);
    has_all(limit(), within!(Error::Open(OpenError::TooLarge { limit, .. }) => limit));
    has_all(limit(), within!(Error::Block(BlockError::TooLarge { limit, .. }) => limit));
    let denied = variants!(Denied: Read Write Marked Create Lock Locking Group);
    has_all(denied, within!(Error::Open(OpenError::Permission { denied, .. }) => denied));
    let not_ours = variants!(NotOursReason: Owner Names Mode NotRegular);
    has_all(not_ours, within!(Error::Open(OpenError::NotOurs { reason, .. }) => reason));
}

/// Reports whether the message needs no remedy: for a region that is not found, a program adds one; for an error of the
/// system, nobody knows one.
fn needs_no_remedy(error: &Error) -> bool {
    matches!(
        error,
        Error::Open(OpenError::NotFound { .. } | OpenError::Io { .. })
            | Error::Publish(PublishError::Io { .. })
            | Error::Block(BlockError::NoBlock { .. } | BlockError::Io { .. })
            // Parts of other messages.
            | Error::Schema(SchemaError::Malformed(_) | SchemaError::Bytes { .. } | SchemaError::Json { .. })
            | Error::Open(OpenError::Schema(_))
            | Error::ArrayType(ArrayTypeError::Malformed { .. })
    )
}

#[test]
fn every_message_says_what_was_done_to_which_region_what_is_wrong_and_what_to_do() {
    for error in every::every() {
        let text = error.to_string();
        println!("{text}");
        if !matches!(error, Error::Schema(SchemaError::Json { .. })) {
            every::check_form(&text); // it begins with a type's name
        }
        assert!(!has_name(&error) || text.contains(&format!("{}'", every::NAME)), "names the region: {text}");
        assert!(needs_no_remedy(&error) || text.contains("; "), "says what to do: {text}");
        assert!(!text.contains("shm-"), "a library names no command: {text}");
    }
}

/// Reports whether an error must name a region or block: all but those of a type or of a whole directory.
fn has_name(error: &Error) -> bool {
    !matches!(
        error,
        Error::ArrayType(_)
            | Error::Schema(_)
            | Error::Open(OpenError::ArrayType(_) | OpenError::Schema(_) | OpenError::Directory { region: None, .. })
    )
}
