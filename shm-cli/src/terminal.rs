//! Output for a terminal: text without control characters, and messages on stderr as verbose as the
//! user asked for.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstream::stream::RawStream;
use clap::builder::styling::Style;

use crate::counted;
use crate::streams::write_stderr;

const BOLD: Style = Style::new().bold();
/// Moves to the start of the terminal's line and erases it.
const CLEARED: &str = "\r\x1b[2K";

/// How many bytes of a value, a block or a message a terminal shows, unless the user asked for all of it.
pub const SHOWN_BYTES: usize = 4096;

/// Returns a value for a person: shown by `show`, and only its first part if it would fill the screen many
/// times. `how` says how to get all of it.
pub fn shortened(value: &[u8], show: impl Fn(&[u8]) -> String, how: &str) -> String {
    if value.len() <= SHOWN_BYTES {
        return show(value);
    }
    let is_start = |byte: u8| byte & 0xc0 != 0x80;
    let end = (SHOWN_BYTES - 3..=SHOWN_BYTES).rev().find(|at| is_start(value[*at])).unwrap_or(SHOWN_BYTES);
    format!("{} {}", show(&value[..end]), left_out((value.len() - end) as u64, how))
}

/// Says how many bytes are not shown, and how to get all of them.
pub fn left_out(bytes: u64, how: &str) -> String {
    format!("... and {} more (all of it: {how})", counted(bytes, "byte"))
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
        if self.verbose || !self.quiet && io::stderr().is_terminal() {
            say(text);
        }
    }

    /// Reports the progress of a long job: on a terminal as a line that the next report overwrites,
    /// elsewhere only if the user asked for details.
    pub fn progress(self, text: impl fmt::Display) {
        match can_print_over() {
            true if !self.quiet => print_over(&Escaped(text.to_string().as_bytes()).to_string()),
            true => {}
            false => self.detail(text),
        }
    }

    /// Erases the progress line.
    pub fn end_progress(self) {
        if !self.quiet && can_print_over() {
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

/// Writes a line to stderr in one piece.
pub(crate) fn print_line(text: &str) {
    write_stderr(&as_line(text));
}

/// Returns a line as bytes for stderr, with colour only if stderr supports it.
pub(crate) fn as_line(text: &str) -> Vec<u8> {
    styled(&format!("{text}\n"), &io::stderr())
}

/// Returns a text as bytes for a stream, with colour only if the stream supports it.
pub(crate) fn styled(text: &str, stream: &impl RawStream) -> Vec<u8> {
    let mut styled = AutoStream::new(Vec::new(), AutoStream::choice(stream));
    let _ = styled.write_all(text.as_bytes()); // a write to memory cannot fail
    styled.into_inner()
}

/// Reports whether stderr is a terminal that obeys escape codes. `TERM=dumb` means one that does not, such as
/// a shell in an editor.
fn can_print_over() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Overwrites the current line of the terminal. This is not decoration, so `NO_COLOR` does not apply.
fn print_over(text: &str) {
    write_stderr(format!("{CLEARED}{text}").as_bytes());
}

#[test]
fn control_characters_and_broken_utf8_are_shown_and_not_obeyed() {
    assert_eq!(Escaped(b"a\tb\n\x1b[2J\r\xff\xc2\x9b").to_string(), "a\tb\n\\x1b[2J\\r\\xff\\u{9b}");
}
