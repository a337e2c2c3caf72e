//! Output for a terminal: text without control characters, and messages on stderr as verbose as the
//! user asked for.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::AutoStream;
use clap::builder::styling::Style;

const BOLD: Style = Style::new().bold();
/// Moves to the start of the terminal's line and erases it.
const CLEARED: &str = "\r\x1b[2K";

/// Returns the buffered standard output. Its errors say that writing to stdout failed.
pub fn stdout() -> impl Write {
    BufWriter::with_capacity(64 * 1024, Stdout(io::stdout().lock()))
}

struct Stdout(StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error, // the caller tries again
        kind => io::Error::new(kind, format!("cannot write to stdout: {error}")),
    }
}

/// Bytes as text that is safe on a terminal: control characters and invalid UTF-8 are shown as escapes.
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    harmless if is_harmless(harmless) => f.write_char(harmless)?,
                    '\r' => f.write_str("\\r")?,
                    ascii if ascii.is_ascii() => write!(f, "\\x{:02x}", u32::from(ascii))?,
                    other => write!(f, "{}", other.escape_unicode())?,
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// Returns the text in bold if stdout supports it.
pub fn bold(text: &str) -> String {
    match AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => text.to_owned(),
        _ => format!("{BOLD}{text}{BOLD:#}"),
    }
}

/// Reports whether the character is safe on a terminal. Newline and tab are; other control characters,
/// and marks that change the direction of text, are not.
pub fn is_harmless(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        _ => !character.is_control(),
    }
}

/// How much a program reports on stderr about its work.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Talk {
    /// Print only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Report on stderr what is opened, created and done
    #[arg(short, long, global = true)]
    verbose: bool,
}

impl Talk {
    /// Prints a message, unless the user asked for quiet.
    pub fn note(self, text: impl fmt::Display) {
        if !self.quiet {
            say(text);
        }
    }

    /// Prints a message that is useful only to a person at a terminal.
    pub fn hint(self, text: impl fmt::Display) {
        if self.verbose || !self.quiet && io::IsTerminal::is_terminal(&io::stderr()) {
            say(text);
        }
    }

    /// Reports the progress of a long job: on a terminal as a line that the next report overwrites,
    /// elsewhere only if the user asked for details.
    pub fn progress(self, text: impl fmt::Display) {
        match io::IsTerminal::is_terminal(&io::stderr()) {
            true if !self.quiet => print_over(&Escaped(text.to_string().as_bytes()).to_string()),
            true => {}
            false => self.detail(text),
        }
    }

    /// Erases the progress line.
    pub fn end_progress(self) {
        if !self.quiet && io::IsTerminal::is_terminal(&io::stderr()) {
            print_over("");
        }
    }

    /// Prints a message if the user asked for details.
    pub fn detail(self, text: impl fmt::Display) {
        if self.verbose {
            say(text);
        }
    }
}

fn say(text: impl fmt::Display) {
    print_line(&Escaped(text.to_string().as_bytes()).to_string());
}

/// Writes a line to stderr in one piece. Errors are ignored, because they could not be reported either.
pub(crate) fn print_line(text: &str) {
    let _ = io::stderr().write_all(&as_line(text));
}

/// Returns a line as bytes for stderr, with colour only if stderr supports it.
pub(crate) fn as_line(text: &str) -> Vec<u8> {
    let mut line = AutoStream::new(Vec::new(), AutoStream::choice(&io::stderr()));
    let _ = writeln!(line, "{text}"); // a write to memory cannot fail
    line.into_inner()
}

/// Overwrites the current line of the terminal. This is not decoration, so `NO_COLOR` does not apply.
fn print_over(text: &str) {
    let _ = io::stderr().write_all(format!("{CLEARED}{text}").as_bytes());
}

#[test]
fn control_characters_and_broken_utf8_are_shown_and_not_obeyed() {
    assert_eq!(Escaped(b"a\tb\n\x1b[2J\r\xff\xc2\x9b").to_string(), "a\tb\n\\x1b[2J\\r\\xff\\u{9b}");
}
