//! Writes values as records: JSON objects from which `shm-writer --records` publishes the same values
//! again.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use shm_cli::values::{ValueFormat, json};
use shm_core::Sample;

/// The content of a record.
pub struct Record<'a> {
    pub region: &'a str,
    pub format: &'a ValueFormat,
    /// Whether the format differs from that of the record before; the record then contains the schema.
    pub is_first: bool,
    pub sample: &'a Sample<()>,
    pub payload: &'a [u8],
    /// The value as JSON; `None` for bytes.
    pub text: Option<String>,
}

impl Record<'_> {
    /// Writes the record on one line, and passes its JSON through `set`.
    pub fn write(&self, out: &mut dyn Write, set: impl Fn(&str) -> Cow<'_, str>) -> io::Result<()> {
        out.write_all(set(&self.head()).as_bytes())?;
        match &self.text {
            // Written piece by piece, because the value may be large.
            None => self.write_base64(out)?,
            Some(text) => {
                out.write_all(set(text).as_bytes())?;
                if !self.format.is_exact(text, self.payload) {
                    out.write_all(br#","raw":"#)?;
                    self.write_base64(out)?;
                }
            }
        }
        out.write_all(b"}")
    }

    fn head(&self) -> String {
        let document = self.format.document().filter(|_| self.is_first);
        let schema = document.map(|document| format!(r#","schema":{document}"#)).unwrap_or_default();
        format!(
            r#"{{"region":{},"seq":{},"time":"{}","len":{},"kind":"{}"{schema},"value":"#,
            json::string(self.region),
            self.sample.sequence,
            humantime::format_rfc3339_nanos(self.sample.time()),
            self.payload.len(),
            self.format.kind,
        )
    }

    fn write_base64(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "\"{}\"", Base64Display::new(self.payload, &STANDARD))
    }
}
