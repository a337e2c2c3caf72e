//! Kinds, times and sizes in words.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use shm_core::Info;

/// The kind of the region's values; a later version may know more kinds.
pub fn kind(info: &Info) -> String {
    info.kind.map_or("unknown".to_owned(), |kind| kind.to_string())
}

/// How long ago it was; a time that is still to come is now.
pub fn since(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// A time that has passed, in its largest unit.
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        0 => format!("{}ms", age.as_millis()),
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ ..3600 => format!("{}m", seconds / 60),
        seconds @ ..86400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

/// A point in time, and how long ago it was.
pub fn time(time: SystemTime) -> String {
    format!("{}, {} ago", humantime::format_rfc3339_millis(time), age(since(time)))
}

/// A point in time as programs read it.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_nanos(time).to_string()
}

/// A length of time.
pub fn nanoseconds(nanoseconds: u64) -> String {
    humantime::format_duration(Duration::from_nanos(nanoseconds)).to_string()
}

/// A random or derived number, of which 0 means that there is none.
pub fn id(id: u128, digits: usize) -> String {
    if id == 0 { "none".to_owned() } else { format!("{id:0digits$x}") }
}

/// Feature bits.
pub fn bits(bits: u64) -> String {
    if bits == 0 { "no features".to_owned() } else { format!("features {bits:#x}") }
}

/// A number of bytes, exactly, and where that is long also in a larger unit.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        ..1024 => format!("{bytes} bytes"),
        _ => format!("{} ({bytes} bytes)", ByteSize(bytes)),
    }
}

#[test]
fn an_age_has_one_unit() {
    let ages = [0.25, 59.9, 60.0, 7200.0, 200_000.0].map(|seconds| age(Duration::from_secs_f64(seconds)));
    assert_eq!(ages, ["250ms", "59s", "1m", "2h", "2d"]);
}
