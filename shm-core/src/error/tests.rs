//! Errors that are returned often are small, and an error that contains another one keeps its message
//! and its cause.

use super::*;
use crate::types::error::ValueError;
use std::error::Error as _;
use std::io;

/// The largest size of these errors in bytes. The single error type of earlier versions had 72 bytes.
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
fn the_error_for_a_refused_value_contains_the_remedy() {
    let refused = |source| PublishError::BadValue { region: "x".into(), source }.to_string();
    let expected = "cannot publish to region 'x': the value is not UTF-8 text from byte 3 on; publish it as bytes";
    assert_eq!(refused(ValueError::Text { valid_up_to: 3 }), expected);
    let left_over = refused(ValueError::LeftOver { left_over: 1, bytes: 2 });
    assert_eq!(left_over, "cannot publish to region 'x': 1 of its 2 bytes are left over");
}

#[test]
fn numbers_are_fields_and_part_of_the_message() {
    let check = |error: OpenError, expected: &str| assert!(error.to_string().contains(expected), "{error}");
    let region = || "x".to_owned();
    check(
        OpenError::Version { region: region(), found: (9, 2), supported: (0, 1) },
        "format 9.2, this program reads 0.1",
    );
    check(
        OpenError::Permission { region: region(), denied: Denied::Write { owner: 7, mode: 0o640 } },
        "mode 640, and user 7",
    );
    check(
        OpenError::TooLarge { region: region(), bytes: 9, limit: Limit::Allowed(8) },
        "'x' would be too large: 9 bytes, more than 8, what its reader or writer allows",
    );
    check(
        OpenError::NotOurs { file: region(), reason: NotOursReason::Names { names: 2 } },
        "'x': the file has 2 names",
    );
    let too_large = BlockError::TooLarge { block: region(), bytes: 9, limit: Limit::Address };
    assert_eq!(too_large.to_string(), "'x' would be too large: 9 bytes, more than this machine can address");
}
