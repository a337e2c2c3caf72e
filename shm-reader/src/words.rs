//! Kinds, times and sizes as text.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use shm_core::Info;

/// Returns the kind of the region's values, or `unknown` for a kind of a later version.
pub fn kind(info: &Info) -> String {
    info.kind.map_or("unknown".to_owned(), |kind| kind.to_string())
}

/// Returns how long ago the time was; zero if it is in the future.
pub fn since(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Returns a duration in its largest unit.
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        0 => format!("{}ms", age.as_millis()),
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ ..3600 => format!("{}m", seconds / 60),
        seconds @ ..86400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

/// Returns a point in time, and how long ago it was.
pub fn time(time: SystemTime) -> String {
    format!("{}, {} ago", humantime::format_rfc3339_millis(time), age(since(time)))
}

/// Returns a point in time for programs.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_nanos(time).to_string()
}

/// Returns a duration as a number of nanoseconds, and in larger units.
pub fn nanoseconds(nanoseconds: u64) -> String {
    format!("{nanoseconds} ns ({})", humantime::format_duration(Duration::from_nanos(nanoseconds)))
}

/// Returns an id in hexadecimal digits, or `none` for 0.
pub fn id(id: u128, digits: usize) -> String {
    if id == 0 { "none".to_owned() } else { format!("{id:0digits$x}") }
}

/// Returns feature bits.
pub fn bits(bits: u64) -> String {
    if bits == 0 { "none".to_owned() } else { format!("{bits:#x}") }
}

/// Returns an exact number of bytes, and the same in a larger unit if there is one.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        ..1024 => shm_cli::counted(bytes, "byte"),
        _ => format!("{bytes} bytes ({})", ByteSize(bytes)),
    }
}

#[test]
fn an_age_has_one_unit() {
    let ages = [0.25, 59.9, 60.0, 7200.0, 200_000.0].map(|seconds| age(Duration::from_secs_f64(seconds)));
    assert_eq!(ages, ["250ms", "59s", "1m", "2h", "2d"]);
}
