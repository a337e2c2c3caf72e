//! What reaches a terminal: harmless text on stdout, and on stderr as much talk as was asked for.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::AutoStream;
use clap::builder::styling::Style;

const BOLD: Style = Style::new().bold();
/// Begins a terminal's line anew: to its start, then erased.
const CLEARED: &str = "\r\x1b[2K";

/// The buffered standard output, whose errors say that it is the output that failed.
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
        io::ErrorKind::Interrupted => error, // to be tried again
        kind => io::Error::new(kind, format!("cannot write to stdout: {error}")),
    }
}

/// Bytes as text that a terminal shows and does not obey: control characters and what is not UTF-8 appear as escapes.
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

/// The text in bold, where stdout shows that.
pub fn bold(text: &str) -> String {
    match AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => text.to_owned(),
        _ => format!("{BOLD}{text}{BOLD:#}"),
    }
}

/// Whether a terminal only shows the character: newline and tab are, other control characters and marks that turn the
/// direction of writing are not.
pub fn is_harmless(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        _ => !character.is_control(),
    }
}

/// How much a program says on stderr about what it does.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Talk {
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say on stderr what is opened, made and done
    #[arg(short, long, global = true)]
    verbose: bool,
}

impl Talk {
    /// Something worth knowing.
    pub fn note(self, text: impl fmt::Display) {
        if !self.quiet {
            say(text);
        }
    }

    /// Something that matters only to a person who sits there and waits.
    pub fn hint(self, text: impl fmt::Display) {
        if self.verbose || !self.quiet && io::IsTerminal::is_terminal(&io::stderr()) {
            say(text);
        }
    }

    /// Where a long job is: on a terminal one line that the next one overwrites, else a line only for who wants to know
    /// every step.
    pub fn progress(self, text: impl fmt::Display) {
        match io::IsTerminal::is_terminal(&io::stderr()) {
            true if !self.quiet => print_over(&Escaped(text.to_string().as_bytes()).to_string()),
            true => {}
            false => self.detail(text),
        }
    }

    /// Takes the line of progress away.
    pub fn end_progress(self) {
        if !self.quiet && io::IsTerminal::is_terminal(&io::stderr()) {
            print_over("");
        }
    }

    /// Something for who wants to know every step.
    pub fn detail(self, text: impl fmt::Display) {
        if self.verbose {
            say(text);
        }
    }
}

fn say(text: impl fmt::Display) {
    print_line(&Escaped(text.to_string().as_bytes()).to_string());
}

/// A line on stderr, in one piece; when nobody can take it, so be it.
pub(crate) fn print_line(text: &str) {
    let _ = io::stderr().write_all(&as_line(text));
}

/// A line as stderr takes it: with colour only where that appears.
pub(crate) fn as_line(text: &str) -> Vec<u8> {
    let mut line = AutoStream::new(Vec::new(), AutoStream::choice(&io::stderr()));
    let _ = writeln!(line, "{text}"); // memory takes everything
    line.into_inner()
}

/// The terminal's present line of stderr; this is no decoration, so `NO_COLOR` does not matter.
fn print_over(text: &str) {
    let _ = io::stderr().write_all(format!("{CLEARED}{text}").as_bytes());
}

#[test]
fn control_characters_and_broken_utf8_are_shown_and_not_obeyed() {
    assert_eq!(Escaped(b"a\tb\n\x1b[2J\r\xff\xc2\x9b").to_string(), "a\tb\n\\x1b[2J\\r\\xff\\u{9b}");
}
