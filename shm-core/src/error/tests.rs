//! Errors that are returned often are small, and an error that contains another one keeps its message
//! and its cause.

use super::*;
use crate::types::error::ValueError;
use std::error::Error as _;
use std::io;

#[cfg(feature = "schema")]
mod messages;

/// The largest size of these errors in bytes, with 64 bits. The single error type of earlier versions had 72 bytes.
#[cfg(target_pointer_width = "64")]
const MOST_BYTES: usize = 64;

#[cfg(target_pointer_width = "64")]
#[test]
fn results_are_small() {
    assert!(size_of::<PublishError>() <= MOST_BYTES, "{}", size_of::<PublishError>());
    assert!(size_of::<ReceiveError>() <= MOST_BYTES, "{}", size_of::<ReceiveError>());
    assert!(size_of::<Result<crate::Sequence, PublishError>>() <= MOST_BYTES);
    assert!(size_of::<Result<crate::Received<()>, ReceiveError>>() <= MOST_BYTES);
    // Each decoded value is returned in a result with this error.
    assert_eq!(size_of::<ValueError>(), size_of::<String>());
}

fn denied() -> OpenError {
    OpenError::Io { action: "open region", region: "x".into(), source: io::ErrorKind::PermissionDenied.into() }
}

#[test]
fn an_error_in_another_keeps_its_message_and_its_cause() {
    let expected = denied().to_string();
    assert_eq!(expected, "cannot open region 'x': permission denied");
    let all: [Error; 3] = [denied().into(), PublishError::Grow(denied()).into(), ReceiveError::Reopen(denied()).into()];
    for error in all {
        assert_eq!(error.to_string(), expected);
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::PermissionDenied), "{error:?}");
    }
}

#[test]
fn errors_while_a_region_grows_are_errors_of_publishing() {
    let region = || "x".to_owned();
    let gone = PublishError::from_replacing(OpenError::Gone { region: region() });
    assert!(matches!(gone, PublishError::Gone { .. }), "{gone:?}");
    let damaged = PublishError::from_replacing(OpenError::Damaged { region: region(), reason: "it ends".into() });
    assert!(matches!(damaged, PublishError::Damaged { .. }), "{damaged:?}");
    let full = PublishError::from_replacing(OpenError::NoSpace { region: region(), needed: 2, free: 1 });
    assert!(matches!(full, PublishError::Grow(OpenError::NoSpace { .. })), "{full:?}");
    let removing = PublishError::from_removing(denied());
    assert!(matches!(removing, PublishError::Io { action: "open region", .. }), "{removing:?}");
}

#[test]
fn the_description_of_a_damaged_type_reads_as_the_reason_of_damage() {
    use crate::types::error::DescriptionError as E;
    let mut all = vec![E::Records("its descriptor ends in the middle of a record"), E::Missing, E::Fingerprint];
    all.push(E::Array(ArrayTypeError::Malformed { reason: "missing field `shape` at line 1 column 14".into() }));
    #[cfg(feature = "schema")]
    all.push(E::Schema(SchemaError::Malformed("the type 'Place' is not defined in it".into())));
    for reason in all {
        let error = OpenError::Damaged { region: "demo".into(), reason: reason.to_string() };
        println!("{error}");
        assert!(reason.to_string().starts_with("its "), "{error}");
    }
}

#[test]
fn numbers_and_their_units_agree() {
    let check = |error: Error, expected: &str| assert!(error.to_string().contains(expected), "{error}");
    let region = || "x".to_owned();
    check(
        OpenError::TooLarge { region: region(), bytes: 1, limit: Limit::Allowed(0) }.into(),
        "its size is 1 byte, and",
    );
    check(BlockError::OutOfRange { block: region(), asked: "read".into(), len: 1 }.into(), "only 1 byte;");
    check(OpenError::Version { region: region(), found: (9, 2), supported: (0, 1) }.into(), "version 9.2, and");
    let source = ValueError::LeftOver { left_over: 1, bytes: 2 };
    check(PublishError::BadValue { region: region(), source }.into(), "the value ends after 1 of its 2 bytes;");
    check(PublishError::TooLarge { region: region(), bytes: 2, limit: 1 }.into(), "the value has 2 bytes");
}
