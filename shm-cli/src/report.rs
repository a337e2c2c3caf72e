//! Failures as people see them: the exit code, what went wrong, and what to do next. Nothing else decides an exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style};
use shm_core::{BlockError, OpenError, PublishError, ReceiveError};

use crate::cause::Cause;
use crate::terminal::{as_line, print_line};
use crate::{Escaped, remedy};

const RED: Style = AnsiColor::Red.on_default().bold();

/// The exit codes, the same in all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such region, or no value yet.
    Absent = 3,
    /// What was waited for did not come in time.
    TimedOut = 4,
    /// The region is damaged, or not a region that this version knows.
    Damaged = 5,
    /// Values were missed under `--strict`.
    Missed = 6,
    /// The region has another writer.
    WriterAlive = 7,
    /// The writer died under `--until-gone`.
    WriterDied = 8,
    /// The program that took the output has gone.
    ClosedPipe = 141,
}

/// The end of `--help`, the same in all programs.
pub const EXIT_CODES_AND_ENVIRONMENT: &str = "\
Exit codes:
  0    done
  1    any other error
  2    wrong usage
  3    no such region, or no value yet
  4    timed out
  5    damaged, or not a region
  6    values missed (shm-reader --strict)
  7    the region has a living writer
  8    the writer died (shm-reader --until-gone)
  130  ended by Ctrl-C (and 143 by SIGTERM); a writer closes its region first
  141  the program that took the output has gone

Environment:
  SHM_DIR         where regions are; /dev/shm if not set. A REGION with a / is a path to a file
  NO_COLOR        no colour, not even on a terminal
  CLICOLOR_FORCE  colour everywhere";

/// A failure of a program's own, beside those of the library.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    what: String,
    remedy: String,
}

impl Failure {
    /// What happened, and what to do next (which may be empty).
    pub fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Ends a program: writes out what is left of its output, reports a failure, and gives the exit code.
pub fn finish(result: anyhow::Result<()>, out: &mut dyn Write) -> ExitCode {
    let flushed = out.flush().map_err(anyhow::Error::from);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Says on stderr what went wrong and what to do, and gives the exit code. A closed pipe is not worth a word.
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

/// What `report` would say, as the bytes that stderr takes.
pub(crate) fn rendered(error: &anyhow::Error) -> Vec<u8> {
    as_line(&full_text(error))
}

fn full_text(error: &anyhow::Error) -> String {
    let remedy = remedy(error);
    let lines = if remedy.is_empty() { message(error) } else { format!("{}\n  {remedy}", message(error)) };
    format!("{RED}error:{RED:#} {}", Escaped(lines.as_bytes()))
}

/// What clap has to say: help and version on stdout, a wrong command line on stderr.
fn report_usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        _ if error.use_stderr() => ExitCode::from(Code::Usage as u8),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(Code::ClosedPipe as u8),
        _ => ExitCode::SUCCESS,
    }
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
        Some(Cause::Publish(PublishError::Damaged { .. }) | Cause::Receive(ReceiveError::Damaged { .. })) => {
            Code::Damaged
        }
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

/// The whole chain of causes, except that a message of the library already contains its cause.
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

/// The region whose name a mistyped `name` was most likely meant to be.
pub fn nearest_region(name: &str) -> Option<String> {
    let most = (name.chars().count() + 1) / 3;
    let regions = shm_core::regions().ok()?;
    let measured = regions.into_iter().map(|(region, _)| (strsim::osa_distance(name, &region), region));
    measured.filter(|(distance, _)| *distance <= most).min().map(|(_, region)| region)
}

#[test]
fn an_error_has_the_code_of_what_is_behind_it() {
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
    check(OpenError::BadOption { option: "slots", reason: "3 slots".into() }.into(), Code::Usage);
}

#[test]
fn a_cause_is_told_once() {
    let source = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = OpenError::Io { action: "open region", region: "demo".into(), source };
    assert_eq!(message(&error.into()), "cannot open region 'demo': permission denied");
}
