//! Reports failures to the user: the exit code, what went wrong, and what to do next. All exit codes
//! are decided here.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style};
use shm_core::{BlockError, OpenError, PublishError, ReceiveError};

use crate::cause::Cause;
use crate::streams::{stdout, write_stderr};
use crate::terminal::{as_line, print_line, shortened, styled};
use crate::{Escaped, remedy};

const RED: Style = AnsiColor::Red.on_default().bold();

/// The exit codes, which are the same in all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Any other error.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The region does not exist, or has no value yet.
    Absent = 3,
    /// A wait timed out.
    TimedOut = 4,
    /// The region is damaged, or the file is not a region that this version supports.
    Damaged = 5,
    /// Values were missed under `--strict`.
    Missed = 6,
    /// The region has another writer.
    WriterAlive = 7,
    /// The writer died under `--until-gone`.
    WriterDied = 8,
    /// The program that read the output has ended.
    ClosedPipe = 141,
}

/// The end of `--help`, the same in all programs.
pub const EXIT_CODES_AND_ENVIRONMENT: &str = "\
Exit codes:
  0    success
  1    any other error
  2    wrong usage
  3    the region does not exist, or has no value yet
  4    timed out
  5    the region is damaged, or the file is not a region
  6    values were missed (shm-reader --strict)
  7    the region has a living writer
  8    the writer died (shm-reader --until-gone)
  130  ended by Ctrl-C (143: by SIGTERM); shm-writer closes its region first
  141  the program that read the output has ended

Environment:
  SHM_DIR         the directory of the regions, by default /dev/shm; not used for a REGION with a /,
                  which is the path of a file
  NO_COLOR        no colour, even on a terminal
  CLICOLOR_FORCE  colour, even if the output is not a terminal";

/// A failure that a program detects itself. The library's errors are reported separately.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    what: String,
    remedy: String,
}

impl Failure {
    /// Creates a failure from the code, the message, and what to do next (which may be empty).
    pub fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, what: what.into(), remedy: remedy.into() }
    }
}

/// Returns the same error for a place in the input, for example `line 3`.
pub fn at_place(place: &str, error: &anyhow::Error) -> Failure {
    Failure { code: code(error), what: format!("{place}: {}", message(error)), remedy: remedy(error) }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Ends a program: flushes its output, reports a failure, and returns the exit code.
pub fn finish(result: anyhow::Result<()>, out: &mut dyn Write) -> ExitCode {
    let flushed = out.flush().map_err(anyhow::Error::from);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Prints on stderr what went wrong and what to do, and returns the exit code. A closed pipe is not
/// reported.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        return report_usage(error);
    }
    let code = code(error);
    if code != Code::ClosedPipe {
        print_line(&full_text(error));
    }
    ExitCode::from(code as u8)
}

/// Returns the text that `report` would print, as bytes for stderr.
pub(crate) fn rendered(error: &anyhow::Error) -> Vec<u8> {
    as_line(&full_text(error))
}

fn full_text(error: &anyhow::Error) -> String {
    let remedy = remedy(error);
    let message = message(error);
    // A message can contain a part of the input, such as a name.
    let message = match io::stderr().is_terminal() {
        true => shortened(message.as_bytes(), |part| Escaped(part).to_string(), "a pipe"),
        false => Escaped(message.as_bytes()).to_string(),
    };
    let remedy = if remedy.is_empty() { remedy } else { format!("\n  {}", Escaped(remedy.as_bytes())) };
    format!("{RED}error:{RED:#} {message}{remedy}")
}

/// Prints clap's message: help and version on stdout, a usage error on stderr.
fn report_usage(error: &clap::Error) -> ExitCode {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        write_stderr(&styled(&text, &io::stderr()));
        return ExitCode::from(Code::Usage as u8);
    }
    let mut out = stdout();
    let printed = out.write_all(&styled(&text, &io::stdout()));
    printed.and_then(|()| out.flush()).map_or_else(|error| report(&error.into()), |()| ExitCode::SUCCESS)
}

fn code(error: &anyhow::Error) -> Code {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.code;
    }
    match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => return Code::ClosedPipe,
        _ => {}
    }
    match Cause::of(error) {
        Some(Cause::Open(error)) => code_of_open(error),
        Some(Cause::Publish(PublishError::Gone { .. }) | Cause::Receive(ReceiveError::Gone { .. })) => Code::Absent,
        Some(
            Cause::Publish(PublishError::Damaged { .. })
            | Cause::Receive(ReceiveError::Damaged { .. } | ReceiveError::DamagedValue { .. }),
        ) => Code::Damaged,
        Some(Cause::Block(BlockError::BadName { .. })) => Code::Usage,
        Some(Cause::Block(BlockError::NoBlock { .. })) => Code::Absent,
        _ => Code::Other,
    }
}

fn code_of_open(error: &OpenError) -> Code {
    match error {
        OpenError::BadName { .. } | OpenError::BadOption { .. } | OpenError::ArrayType(_) => Code::Usage,
        OpenError::NotFound { .. } | OpenError::Gone { .. } => Code::Absent,
        OpenError::Damaged { .. }
        | OpenError::NotARegion { .. }
        | OpenError::Version { .. }
        | OpenError::Features { .. }
        | OpenError::UnknownKind { .. } => Code::Damaged,
        OpenError::WriterAlive { .. } => Code::WriterAlive,
        _ => Code::Other,
    }
}

/// Returns the message with all its causes. A message of the library already contains its cause.
fn message(error: &anyhow::Error) -> String {
    match Cause::of(error) {
        Some(_) => error.to_string(),
        None => format!("{error:#}"),
    }
}

fn remedy(error: &anyhow::Error) -> String {
    match (error.downcast_ref(), Cause::of(error)) {
        (Some(Failure { remedy, .. }), _) => remedy.clone(),
        (_, Some(cause)) => remedy::of(cause),
        _ => String::new(),
    }
}

/// Returns the existing region whose name is most similar to `name`, if one is similar enough to be a
/// typing error.
pub fn nearest_region(name: &str) -> Option<String> {
    let most = (name.chars().count() + 1) / 3;
    let regions = shm_core::regions().ok()?;
    let measured = regions.into_iter().map(|(region, _)| (strsim::osa_distance(name, &region), region));
    measured.filter(|(distance, _)| *distance <= most).min().map(|(_, region)| region)
}

#[test]
fn an_error_has_the_code_of_its_cause() {
    let region = || "demo".to_owned();
    let open = || OpenError::WriterAlive { region: region(), pid: None };
    let check = |error: anyhow::Error, expected: Code| assert_eq!(code(&error), expected, "{error}");
    check(open().into(), Code::WriterAlive);
    check(shm_core::Error::from(open()).into(), Code::WriterAlive);
    check(PublishError::Grow(open()).into(), Code::WriterAlive);
    check(ReceiveError::Reopen(OpenError::UnknownKind { region: region(), code: 9 }).into(), Code::Damaged);
    check(shm_core::Error::from(ReceiveError::Gone { region: region() }).into(), Code::Absent);
    check(PublishError::Damaged { region: region(), reason: "it ends".into() }.into(), Code::Damaged);
    check(BlockError::NoBlock { block: region() }.into(), Code::Absent);
    check(BlockError::IsRegion { block: region() }.into(), Code::Other);
    check(OpenError::BadOption { region: region(), option: "slots", reason: "3 slots".into() }.into(), Code::Usage);
}

#[test]
fn a_cause_is_printed_once() {
    let source = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = OpenError::Io { action: "open region", region: "demo".into(), source };
    assert_eq!(message(&error.into()), "cannot open region 'demo': permission denied");
}
