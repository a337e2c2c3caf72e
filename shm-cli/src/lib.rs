//! The code that the programs share: command lines, error reports with exit codes, signals, units, the
//! terminal, and values as JSON. It does not read or write values of regions.

mod bus_error;
mod cause;
mod command;
pub mod remedy;
mod report;
mod signals;
mod streams;
mod terminal;
mod units;
mod users;
pub mod values;
mod verbs;

pub use bus_error::{Mapped, catch_bus_errors};
pub use command::{completions, parse, shell_line};
pub use report::{Code, EXIT_CODES_AND_ENVIRONMENT, Failure, at_place, finish, nearest_region, report};
pub use signals::before_end;
pub use streams::{refuse_closed_stdout, stdin, stdout};
pub use terminal::{Escaped, SHOWN_BYTES, Talk, bold, is_harmless, left_out, shortened};
pub use units::{counted, duration, size};
pub use users::Users;
