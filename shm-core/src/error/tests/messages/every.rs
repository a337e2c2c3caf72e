//! An example of every error of the library, with realistic values, and the rules for their texts. `shm-cli` includes this
//! file as well, and checks what its programs add to these errors.

use super::{
    ArrayType, ArrayTypeError, BlockError, Denied, Error, Kind, Limit, NotOursReason, OpenError, PublishError,
    ReceiveError, SchemaError, ValueError,
};
use std::io;
use std::path::Path;

/// The region or block of all examples.
pub const NAME: &str = "demo";

/// Every error: one per variant, and one per reason where a variant has several.
pub fn every() -> Vec<Error> {
    let mut all: Vec<Error> = open().into_iter().map(Error::Open).collect();
    all.extend(publish().into_iter().map(Error::Publish));
    all.extend(receive().into_iter().map(Error::Receive));
    all.extend(block().into_iter().map(Error::Block));
    all.extend(array_type().into_iter().map(Error::ArrayType));
    all.extend(schema().into_iter().map(Error::Schema));
    all
}

fn demo() -> String {
    NAME.to_owned()
}

fn system(kind: io::ErrorKind) -> io::Error {
    let number = match kind {
        io::ErrorKind::NotFound => 2,
        io::ErrorKind::PermissionDenied => 13,
        _ => 5,
    };
    io::Error::from_raw_os_error(number)
}

fn open() -> Vec<OpenError> {
    use OpenError as E;
    let region = demo;
    let directory = || "/mnt/usb".into();
    let not_found = || system(io::ErrorKind::NotFound);
    let mut all = vec![
        E::BadName {
            name: "my demo".into(),
            reason: "it contains characters other than ASCII letters, digits, '.', '_' and '-'; leave them out",
        },
        E::BadOption {
            region: region(),
            option: "slots",
            reason: "the number of slots must be a power of two and at least 2, not 3; use 4".into(),
        },
        E::BadOption {
            region: region(),
            option: "array",
            reason: "the option `array` does not apply to a reader of Rust values; use open_array".into(),
        },
        E::ArrayType(ArrayTypeError::Empty),
        E::Directory { region: Some(region()), directory: directory(), source: not_found() },
        E::Directory { region: Some("/mnt/usb/demo".into()), directory: directory(), source: not_found() },
        E::Directory { region: None, directory: directory(), source: system(io::ErrorKind::PermissionDenied) },
        E::NotFound { region: region() },
        E::NotARegion { region: region(), reason: "it is empty" },
        E::NotARegion { region: region(), reason: "it does not begin with the header of a region" },
        E::Version { region: region(), found: (9, 2), supported: (0, 1) },
        E::Features { region: region(), bits: 2 },
        E::Damaged { region: region(), reason: "the CRC of its header does not match".into() },
        E::UnknownKind { region: region(), code: 9 },
        E::Kind { region: region(), found: Kind::Text, expected: Kind::Json },
        E::Kind { region: region(), found: Kind::Array, expected: Kind::Bincode },
        E::Type {
            region: region(),
            difference: "Reading.celsius is f64 in the region, and f32 in this program".into(),
        },
        E::Undescribed { region: region() },
        E::Schema(SchemaError::Malformed("it has 2000000 bytes, and the limit is 1048560".into())),
        E::WriterAlive { region: region(), pid: Some(4711) },
        E::WriterAlive { region: region(), pid: None },
        E::NoSpace { region: region(), needed: 270_336, free: 4096 },
        E::NoSpace { region: region(), needed: 4096, free: 1 << 30 },
        E::Quota { region: region(), needed: 270_336 },
        E::Mounted { action: "follow", region: region() },
        E::FileSystem { region: region(), directory: Path::new("/mnt/usb").into(), file_system: "ext2 or ext3".into() },
        E::Remote { region: region(), file_system: "NFS" },
        E::ReadOnly { action: "create region", region: region() },
        E::DirectoryGone { region: region() },
        E::Gone { region: region() },
        E::Io { action: "map region", region: region(), source: system(io::ErrorKind::Other) },
    ];
    all.extend(limits().map(|limit| E::TooLarge { region: region(), bytes: 1 << 41, limit }));
    let denied = [
        Denied::Read { owner: 1000, mode: 0o600 },
        Denied::Write { owner: 1000, mode: 0o644 },
        Denied::Marked { file: "demo".into() },
        Denied::Marked { file: "/mnt/usb".into() },
        Denied::Create,
        Denied::Lock { file: ".demo.lock".into() },
        Denied::Locking { file: ".demo.lock".into() },
        Denied::Group { group: 1000 },
    ];
    all.extend(denied.map(|denied| E::Permission { region: region(), denied }));
    let not_ours = [
        NotOursReason::Owner { owner: 1000, user: 1001 },
        NotOursReason::Names { names: 2 },
        NotOursReason::Mode { mode: 0o666 },
        NotOursReason::NotRegular,
    ];
    all.extend(not_ours.map(|reason| E::NotOurs { file: region(), reason }));
    all
}

fn limits() -> [Limit; 5] {
    [Limit::Allowed(1 << 40), Limit::Region(1 << 40), Limit::FileSize(1 << 20), Limit::Address, Limit::FileSystem]
}

fn publish() -> Vec<PublishError> {
    use PublishError as E;
    let region = demo;
    let mut all = vec![
        E::TooLarge { region: region(), bytes: 1 << 48, limit: (1 << 48) - 1 },
        E::Gone { region: region() },
        E::Forked { region: region() },
        E::Damaged { region: region(), reason: "another program emptied its file (its state is 0)".into() },
        E::Grow(OpenError::NoSpace { region: region(), needed: 540_672, free: 4096 }),
        E::Io { action: "remove region", region: region(), source: system(io::ErrorKind::Other) },
    ];
    // A writer knows the kind and the type of its region.
    let is_received = |wrong: &ValueError| matches!(wrong, ValueError::Kind { .. } | ValueError::Undescribed { .. });
    let wrong = value().into_iter().filter(|wrong| !is_received(wrong));
    all.extend(wrong.map(|source| E::BadValue { region: region(), source }));
    all
}

fn receive() -> Vec<ReceiveError> {
    use ReceiveError as E;
    let region = demo;
    let mut all = vec![
        E::Gone { region: region() },
        E::Busy { region: region() },
        E::Damaged { region: region(), reason: "its state is 9, not one of 1 to 4".into() },
        E::DamagedValue { region: region(), sequence: 12, reason: "its checksum does not match".into() },
        E::TooLarge { region: region(), sequence: 12 },
        E::Reopen(OpenError::Kind { region: region(), found: Kind::Text, expected: Kind::Bincode }),
    ];
    all.extend(value().into_iter().map(|source| E::Decode { region: region(), sequence: 12, source }));
    all
}

fn value() -> Vec<ValueError> {
    use ValueError as E;
    let json = serde_json::from_str::<serde_json::Value>("{\"t\": 21.5").expect_err("it is cut off");
    let array = |shape: &[u64]| Box::new(ArrayType::new("f4", shape).expect("an array"));
    vec![
        E::Text { valid_up_to: 3 },
        E::Json(json),
        E::AmbiguousJson { reason: "the name 'a' is there twice in one object at line 1 column 13".into() },
        E::Length { bytes: 1, array: array(&[2]) },
        E::Length { bytes: 7, array: array(&[0, 2]) },
        E::Schema(Box::new(SchemaError::Bytes { at: 1, reason: "a boolean is 2, not 0 or 1".into() })),
        E::Encoding { reason: "a time in the value is before 1970".into() },
        E::LeftOver { left_over: 1, bytes: 2 },
        E::TooLarge { bytes: 1 << 31, limit: (1 << 31) - 1 },
        E::Kind { found: Kind::Text, expected: Kind::Bincode },
        E::Undescribed { kind: Kind::Bincode },
    ]
}

fn array_type() -> Vec<ArrayTypeError> {
    use ArrayTypeError as E;
    vec![
        E::Dtype { dtype: "u3".into() },
        E::Dimensions { dimensions: 33, limit: 32 },
        E::Empty,
        E::TooLarge { elements: 1 << 48, element_bytes: 8, limit: (1 << 48) - 1 },
        E::TooLarge { elements: 1 << 49, element_bytes: 1, limit: (1 << 48) - 1 },
        E::Malformed { reason: "missing field `shape` at line 1 column 14".into() },
    ]
}

fn schema() -> Vec<SchemaError> {
    use SchemaError as E;
    vec![
        E::Untraceable {
            type_name: "rover::Event",
            reason: "its Deserialize does not read all fields (does one have an alias?)".into(),
        },
        E::SelfDescribing {
            type_name: "rover::Event",
            reason: "it uses #[serde(flatten)], #[serde(tag)] or the like, which needs a self-describing format such as JSON".into(),
        },
        E::Malformed("the type 'Place' is not defined in it".into()),
        E::Bytes { at: 9, reason: "the type needs 8 bytes more, and only 1 byte is left".into() },
        E::Json { path: "Reading.position.1".into(), reason: "expected f64, got \"east\"".into() },
    ]
}

fn block() -> Vec<BlockError> {
    use BlockError as E;
    let block = demo;
    let mut all = vec![
        E::BadName {
            name: "-demo".into(),
            reason: "it starts with '.' or '-'; start it with a letter, a digit or '_'",
        },
        E::Directory { block: block(), directory: "/nowhere".into(), source: system(io::ErrorKind::NotFound) },
        E::NoBlock { block: block() },
        E::IsRegion { block: block() },
        E::Closed { block: block() },
        E::OutOfRange { block: block(), asked: "write 10 bytes at 60 of".into(), len: 64 },
        E::OutOfRange { block: block(), asked: "read byte 1 of".into(), len: 1 },
        E::Refused {
            block: block(),
            asked: "resize".into(),
            reason: "it is read-only or copy-on-write; open it with Access::Write".into(),
        },
        E::Permission { block: block() },
        E::NoSpace { block: block(), needed: 1 << 30, free: 4096 },
        E::ReadOnly { action: "map", block: block() },
        E::Quota { block: block(), needed: 1 << 30 },
        E::Io { action: "flush", block: block(), source: system(io::ErrorKind::Other) },
    ];
    all.extend(limits().map(|limit| E::TooLarge { block: block(), bytes: 1 << 41, limit }));
    all
}

/// Phrases that an error text does not use, besides those that no text of the project uses.
const BANNED: [&str; 11] = [
    "failed to",
    " 1 bytes",
    "bytes are no",
    "go on",
    "made",
    "mend",
    "will not",
    "nobody",
    "somebody",
    "for ever",
    "Error",
];

/// Checks the form of a message: what was being done, what is wrong, and what to do, on one line.
#[track_caller]
pub fn check_form(text: &str) {
    assert!(text.starts_with(|first: char| first.is_ascii_lowercase()), "starts with a small letter: {text}");
    assert!(!text.ends_with(['.', ';', ' ']) && !text.contains('\n'), "{text}");
    let banned = BANNED.iter().find(|phrase| text.contains(**phrase));
    assert_eq!(banned, None, "{text}");
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(words.windows(2).find(|pair| pair[0] == pair[1] || pair[1].is_empty()), None, "{text}");
}
