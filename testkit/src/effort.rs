//! Sets how much work the tests do that could run forever. The variable `SHM_EFFORT` controls all
//! of them.

/// The environment variable that sets the effort.
const VARIABLE: &str = "SHM_EFFORT";
/// The effort if the variable is not set. `cargo test --workspace` uses it.
const USUAL: usize = 1;

/// Returns the effort that `SHM_EFFORT` requests. 0 is a quick check, 1 is the default, which
/// `cargo test --workspace` uses, 2 takes up to an hour for all tests, and 3 is the effort that
/// docs/RELIABILITY.md reports.
///
/// # Panics
///
/// Panics if the variable is set to anything but 0, 1, 2 or 3.
pub fn effort() -> usize {
    let set = std::env::var_os(VARIABLE);
    set.map_or(USUAL, |value| parse(&value.to_string_lossy()))
}

/// Returns the amount for the requested effort. `amounts` has one amount for each of 0, 1, 2 and 3.
///
/// # Panics
///
/// Panics if [`effort`] panics.
///
/// # Examples
///
/// ```
/// let rounds = testkit::at_effort([10, 100, 10_000, 1_000_000]);
/// assert!((0..rounds).all(|round| round < rounds));
/// ```
pub fn at_effort<T>(amounts: [T; 4]) -> T {
    let [quick, usual, long, full] = amounts;
    match effort() {
        0 => quick,
        1 => usual,
        2 => long,
        _ => full,
    }
}

fn parse(value: &str) -> usize {
    match value {
        "0" => 0,
        "1" => 1,
        "2" => 2,
        "3" => 3,
        _ => panic!(
            "{VARIABLE}={value}: it must be 0 (a quick check), 1 (the default), 2 (up to an hour) or 3 (the full runs)"
        ),
    }
}

#[test]
fn an_effort_is_a_digit_from_0_to_3() {
    assert_eq!(["0", "1", "2", "3"].map(parse), [0, 1, 2, 3]);
    for wrong in ["", "4", "-1", "all", " 1", "01"] {
        let refused = std::panic::catch_unwind(|| parse(wrong)).expect_err("no effort");
        let message = refused.downcast::<String>().expect("a formatted message");
        assert!(message.starts_with(&format!("SHM_EFFORT={wrong}: it must be 0 ")), "{message}");
    }
}
