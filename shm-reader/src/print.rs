//! Prints a value: as a line, as JSON, as raw bytes, or as a hex dump.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use shm_cli::values::{ValueFormat, array, json};
use shm_cli::{Escaped, SHOWN_BYTES, left_out, shortened};
use shm_core::{Kind, RawReader, ReceiveError, Sample};

use crate::args::Read;
use crate::record::Record;

/// The number of bytes in a line of a hex dump.
const ROW_BYTES: usize = 16;
/// How to get all of a value of which a terminal shows only the first part.
const IN_FULL: &str = "--raw, --json or a pipe";

/// Prints the values of one region in one style.
pub struct Printer<'a> {
    region: &'a str,
    style: Style,
    end: char,
    is_terminal: bool,
    /// The format of the values; `None` before the first value.
    format: Option<ValueFormat>,
}

#[derive(Clone, Copy)]
enum Style {
    Line,
    Json,
    Raw,
    Hex,
}

impl<'a> Printer<'a> {
    pub fn new(args: &'a Read) -> Self {
        let style = match (args.json, args.raw, args.hex) {
            (true, _, _) => Style::Json,
            (_, true, _) => Style::Raw,
            (_, _, true) => Style::Hex,
            _ => Style::Line,
        };
        let end = if args.null { '\0' } else { '\n' };
        Self { region: &args.region, style, end, is_terminal: io::stdout().is_terminal(), format: None }
    }

    /// Prints a value that the reader has just received.
    pub fn value(&mut self, out: &mut dyn Write, reader: &RawReader, sample: &Sample<()>, value: &[u8]) -> Result<()> {
        match self.style {
            Style::Raw => return Ok(out.write_all(value)?),
            Style::Hex if self.is_terminal && value.len() > SHOWN_BYTES => dump_first(out, value)?,
            Style::Hex => dump(out, value)?,
            Style::Json => self.json(out, reader, sample, value)?,
            Style::Line => self.line(out, reader, sample, value)?,
        }
        Ok(write!(out, "{}", self.end)?)
    }

    /// Prints, as JSON, a restart and missed values directly before this value.
    pub fn events(&self, out: &mut dyn Write, sample: &Sample<()>) -> Result<()> {
        if sample.restarted {
            write!(out, r#"{{"restarted":true}}{}"#, self.end)?;
        }
        if sample.lost > 0 {
            write!(out, r#"{{"missed":{},"before":{}}}{}"#, sample.lost, sample.sequence, self.end)?;
        }
        Ok(())
    }

    fn line(&mut self, out: &mut dyn Write, reader: &RawReader, sample: &Sample<()>, value: &[u8]) -> Result<()> {
        if let Kind::Text | Kind::Json | Kind::Bytes = reader.kind() {
            match self.is_terminal {
                true => write!(out, "{}", shortened(value, |part| Escaped(part).to_string(), IN_FULL))?,
                false => out.write_all(value)?,
            }
            return Ok(());
        }
        let (format, _) = self.format(reader);
        let text = match &format.array {
            Some(array) => array::line(array, value).map(Some),
            None => format.json(value),
        };
        match text.map_err(|reason| self.damaged(reader.kind(), sample, &reason))? {
            Some(text) if self.is_terminal => {
                write!(
                    out,
                    "{}",
                    shortened(text.as_bytes(), |part| self.set(&String::from_utf8_lossy(part)).into_owned(), IN_FULL)
                )?;
            }
            Some(text) => out.write_all(text.as_bytes())?,
            None => {
                write!(out, "{}: ", shm_cli::counted(value.len() as u64, "byte"))?;
                match self.is_terminal {
                    true => write!(out, "{}", shortened(value, hex, IN_FULL))?,
                    false => write!(out, "{}", hex(value))?,
                }
            }
        }
        Ok(())
    }

    fn json(&mut self, out: &mut dyn Write, reader: &RawReader, sample: &Sample<()>, payload: &[u8]) -> Result<()> {
        let (format, is_first) = self.format(reader);
        let text = format.json(payload).map_err(|reason| self.damaged(reader.kind(), sample, &reason))?;
        let record = Record { region: self.region, format: &format, is_first, sample, payload, text };
        Ok(record.write(out, |json| self.set(json))?)
    }

    /// Returns the format of the reader's values, and whether it has changed.
    fn format(&mut self, reader: &RawReader) -> (ValueFormat, bool) {
        match &self.format {
            Some(format) if format.is_of(reader) => (format.clone(), false),
            _ => {
                let format = ValueFormat::of_reader(reader);
                self.format = Some(format.clone());
                (format, true)
            }
        }
    }

    /// Returns the JSON to print: on a terminal with control characters escaped.
    fn set<'t>(&self, json: &'t str) -> Cow<'t, str> {
        if self.is_terminal { json::for_terminal(json).into() } else { json.into() }
    }

    /// The error for a value that its writer should have refused.
    fn damaged(&self, kind: Kind, sample: &Sample<()>, reason: &str) -> ReceiveError {
        let reason = format!("it is not of kind {kind}: {reason}");
        ReceiveError::DamagedValue { region: self.region.to_owned(), sequence: sample.sequence, reason }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Prints the offset, the bytes, and the same bytes as ASCII, line by line, and the length at the end.
fn dump(out: &mut dyn Write, value: &[u8]) -> io::Result<()> {
    dump_rows(out, 0, value)?;
    write!(out, "{:08x}", value.len())
}

/// The same for the first bytes only.
fn dump_first(out: &mut dyn Write, value: &[u8]) -> io::Result<()> {
    dump_rows(out, 0, &value[..SHOWN_BYTES])?;
    write!(out, "{}", left_out((value.len() - SHOWN_BYTES) as u64, IN_FULL))
}

/// The same for bytes that start at an offset, without the line for the length.
pub fn dump_rows(out: &mut dyn Write, start: u64, bytes: &[u8]) -> io::Result<()> {
    for (offset, row) in (start..).step_by(ROW_BYTES).zip(bytes.chunks(ROW_BYTES)) {
        let bytes: String = row.iter().map(|byte| format!(" {byte:02x}")).collect();
        let ascii = row.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' });
        writeln!(out, "{offset:08x} {bytes:48}  |{}|", ascii.collect::<String>())?;
    }
    Ok(())
}

#[test]
fn a_dump_ends_with_the_length() {
    let mut out = Vec::new();
    dump(&mut out, b"0123456789abcdef\n").unwrap();
    let expected = "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n\
                    00000010  0a                                               |.|\n\
                    00000011";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
