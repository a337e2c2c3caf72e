//! How a value is printed: as a line, as JSON, as it is, or as a hex dump. Which values are, is decided elsewhere.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use shm_cli::Escaped;
use shm_core::{Kind, RawReader, ReceiveError, Sample, Schema};

use crate::args::Read;
use crate::{array, json};

/// How many bytes stand in a line of a hex dump.
const ROW_BYTES: usize = 16;

/// Prints the values of one region in one way.
pub struct Printer<'a> {
    region: &'a str,
    format: Format,
    end: char,
    is_terminal: bool,
}

#[derive(Clone, Copy)]
enum Format {
    Line,
    Json,
    Raw,
    Hex,
}

impl<'a> Printer<'a> {
    pub fn new(args: &'a Read) -> Self {
        let format = match (args.json, args.raw, args.hex) {
            (true, _, _) => Format::Json,
            (_, true, _) => Format::Raw,
            (_, _, true) => Format::Hex,
            _ => Format::Line,
        };
        let end = if args.null { '\0' } else { '\n' };
        Self { region: &args.region, format, end, is_terminal: io::stdout().is_terminal() }
    }

    /// Prints a value that the reader has just read.
    pub fn value(&self, out: &mut dyn Write, reader: &RawReader, sample: &Sample<()>, value: &[u8]) -> Result<()> {
        match self.format {
            Format::Raw => return Ok(out.write_all(value)?),
            Format::Hex => dump(out, value)?,
            Format::Json => self.json(out, reader, sample, value)?,
            Format::Line => self.line(out, reader, sample, value)?,
        }
        Ok(write!(out, "{}", self.end)?)
    }

    /// Prints as JSON what happened directly before a value.
    pub fn events(&self, out: &mut dyn Write, sample: &Sample<()>) -> Result<()> {
        if sample.restarted {
            write!(out, r#"{{"restarted":true}}{}"#, self.end)?;
        }
        if sample.lost > 0 {
            write!(out, r#"{{"missed":{},"before":{}}}{}"#, sample.lost, sample.sequence, self.end)?;
        }
        Ok(())
    }

    fn line(&self, out: &mut dyn Write, reader: &RawReader, sample: &Sample<()>, value: &[u8]) -> Result<()> {
        match (reader.kind(), typed(reader), reader.array()) {
            (Kind::Text | Kind::Json | Kind::Bytes, ..) if self.is_terminal => write!(out, "{}", Escaped(value))?,
            (Kind::Text | Kind::Json | Kind::Bytes, ..) => out.write_all(value)?,
            (_, Some(schema), _) => self.write_json(out, &self.decoded(schema, reader, sample, value)?)?,
            (_, _, Some(array)) => out.write_all(array::line(array, value).as_bytes())?,
            _ => write!(out, "{} bytes: {}", value.len(), hex(value))?,
        }
        Ok(())
    }

    fn json(&self, out: &mut dyn Write, reader: &RawReader, sample: &Sample<()>, value: &[u8]) -> Result<()> {
        let kind = reader.kind();
        let value_json = match (kind, typed(reader), reader.array()) {
            (Kind::Text, ..) => {
                json::string(str::from_utf8(value).map_err(|error| self.damaged(kind, sample, &error))?)
            }
            (Kind::Json, ..) => {
                let checked = serde_json::from_slice::<&RawValue>(value);
                json::on_one_line(checked.map_err(|error| self.damaged(kind, sample, &error))?.get())
            }
            (_, Some(schema), _) => self.decoded(schema, reader, sample, value)?,
            (_, _, Some(array)) => array::json(array, value),
            // Written as it is made: bytes may be many.
            _ => String::new(),
        };
        let line = format!(
            r#"{{"region":{},"seq":{},"time":"{}","len":{},"kind":"{kind}","value":{value_json}"#,
            json::string(self.region),
            sample.sequence,
            humantime::format_rfc3339_nanos(sample.time()),
            value.len(),
        );
        self.write_json(out, &line)?;
        if value_json.is_empty() {
            write!(out, "\"{}\"", Base64Display::new(value, &STANDARD))?;
        }
        Ok(out.write_all(b"}")?)
    }

    /// A value as JSON by the region's schema.
    fn decoded(&self, schema: &Schema, reader: &RawReader, sample: &Sample<()>, value: &[u8]) -> Result<String> {
        let mut json = Vec::new();
        schema.decode_json(value, &mut json).map_err(|error| self.damaged(reader.kind(), sample, &error))?;
        Ok(String::from_utf8(json)?)
    }

    fn write_json(&self, out: &mut dyn Write, json: &str) -> io::Result<()> {
        match self.is_terminal {
            true => out.write_all(json::for_terminal(json).as_bytes()),
            false => out.write_all(json.as_bytes()),
        }
    }

    /// A value that its writer should have refused.
    fn damaged(&self, kind: Kind, sample: &Sample<()>, reason: &dyn Display) -> ReceiveError {
        let reason = format!("value {} is not {kind}: {reason}", sample.sequence);
        ReceiveError::Damaged { region: self.region.to_owned(), reason }
    }
}

/// The schema of a region that says how its values are encoded.
fn typed(reader: &RawReader) -> Option<&Schema> {
    reader.schema().filter(|schema| schema.is_complete())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Offset, bytes, and the same bytes as ASCII, line by line; at the end the length.
fn dump(out: &mut dyn Write, value: &[u8]) -> io::Result<()> {
    dump_rows(out, 0, value)?;
    write!(out, "{:08x}", value.len())
}

/// The same for bytes that begin at an offset, without a last line.
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
