//! Parses the sizes and times that users type, and prints counts with the right plural.

use std::time::Duration;

use bytesize::ByteSize;

/// Parses a number of bytes: `4096`, `64KiB`, `1.5MiB`. `kB` is 1000 bytes, `KiB` is 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let parsed = text.parse().map(|ByteSize(bytes)| bytes);
    parsed.map_err(|_| "expected a size, for example 4096, 64KiB or 1.5MiB".to_owned())
}

/// The longest time: long enough to count as no limit, and short enough to be added to the current
/// time.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Parses a time: `500ms`, `2s`, `1m 30s`. A plain number is in seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parsed = seconds.map_or_else(|| humantime::parse_duration(text), Ok);
    parsed.map(|time| time.min(CENTURY)).map_err(|_| "expected a time, for example 500ms, 2s or 1m30s".to_owned())
}

/// Returns the count with its noun: `1 value`, `2 values`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[test]
fn a_plain_number_is_bytes_or_seconds() {
    assert_eq!(size("4096"), Ok(4096));
    assert_eq!(size("64KiB"), Ok(65_536));
    assert_eq!(duration("0.25"), Ok(Duration::from_millis(250)));
    assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
    assert!(duration("-1").is_err() && size("-1").is_err());
}
