//! Sizes and times as people type them, and counted things as they read them. No other numbers are printed here.

use std::time::Duration;

use bytesize::ByteSize;

/// A number of bytes: `4096`, `64KiB`, `1.5MiB`; as everywhere `kB` is 1000 and `KiB` 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let parsed = text.parse().map(|ByteSize(bytes)| bytes);
    parsed.map_err(|_| "write a size, for example 4096, 64KiB or 1.5MiB".to_owned())
}

/// The longest time, which is as good as for ever and can be added to the present one.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A time: `500ms`, `2s`, `1m 30s`; a plain number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parsed = seconds.map_or_else(|| humantime::parse_duration(text), Ok);
    parsed.map(|time| time.min(CENTURY)).map_err(|_| "write a time, for example 500ms, 2s or 1m30s".to_owned())
}

/// `1 value`, `2 values`.
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
