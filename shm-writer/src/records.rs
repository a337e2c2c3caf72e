//! `--records`: reads the records that `shm-reader --json` prints, and publishes the same values in a region of the same kind
//! and type.

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::Result;
use bytesize::ByteSize;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shm_cli::values::{self, ValueFormat, json};
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::{Kind, OpenError, PublishError, RawWriter};

use crate::args::{Layout, Publish};
use crate::shared_writer::SharedWriter;
use crate::source::Source;

/// Publishes the value of each record on stdin.
pub fn publish(args: &Publish, layout: &Layout, talk: Talk) -> Result<()> {
    let mut source = Source::open(args, None, talk)?;
    let writer = SharedWriter::new(args.rm)?;
    let mut copier = Copier { name: &args.region, layout, talk, writer, formats: HashMap::new(), format: None };
    let published = copier.all(&mut source);
    published.and(copier.writer.end())
}

/// A line of stdin. Other members of the object are ignored.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    region: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "also_null")]
    schema: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "also_null")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    raw: Option<Cow<'a, str>>,
    len: Option<u64>,
    missed: Option<IgnoredAny>,
    restarted: Option<IgnoredAny>,
}

/// Deserializes a member that is present; `null` counts as a value.
fn also_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Publishes records in a region.
struct Copier<'a> {
    name: &'a str,
    layout: &'a Layout,
    talk: Talk,
    writer: SharedWriter,
    /// The last format with a type, for each region in the stream.
    formats: HashMap<String, ValueFormat>,
    /// The format that the writer was opened with.
    format: Option<ValueFormat>,
}

impl Copier<'_> {
    fn all(&mut self, source: &mut Source) -> Result<()> {
        let mut count = 0;
        let result = self.each(source, &mut count);
        let published = shm_cli::counted(count, "value");
        match &result {
            Ok(()) => self.talk.detail(format_args!("published {published}")),
            Err(_) if count > 0 => self.talk.note(format_args!("published {published} before the error")),
            Err(_) => {}
        }
        result
    }

    fn each(&mut self, source: &mut Source, count: &mut u64) -> Result<()> {
        let mut line = Vec::new();
        while source.next(0, &mut line)? {
            let place = source.place();
            if let Some(payload) = self.payload(&line, &place)? {
                self.writer.publish(&payload).map_err(|error| self.refused(error, &place))?;
                *count += 1;
            }
        }
        Ok(())
    }

    /// Returns the value of a line, after opening the writer for its format. Returns `None` for a line that
    /// reports missed values or a restart.
    fn payload(&mut self, line: &[u8], place: &str) -> Result<Option<Vec<u8>>> {
        let bad = |reason: String| self.bad_line(place, &reason);
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| bad(json::why_not_json(line, &error)))?;
        let Some(kind) = &line.kind else {
            let is_event = line.missed.is_some() || line.restarted.is_some();
            return if is_event { Ok(None) } else { Err(bad("it has no member 'kind'".to_owned()).into()) };
        };
        let kind = values::kind_named(kind).ok_or_else(|| bad(format!("its kind '{kind}' is unknown")))?;
        if line.value.is_none() && line.raw.is_none() {
            return Err(bad("it has no member 'value'".to_owned()).into());
        }
        let format = self.format_of(kind, &line, place)?;
        let payload = match (&line.raw, line.value) {
            (Some(raw), _) => values::from_base64(raw),
            (None, value) => format.payload(value.map_or("null", RawValue::get)),
        };
        let payload = payload.map_err(|reason| self.bad_value(place, &reason))?;
        let bytes = payload.len() as u64;
        if let Some(len) = line.len.filter(|len| *len != bytes) {
            let reason = format!("its 'len' is {len}, but it has {}", shm_cli::counted(bytes, "byte"));
            return Err(self.bad_value(place, &reason).into());
        }
        self.open(format).map_err(|error| shm_cli::at_place(place, &error))?;
        Ok(Some(payload))
    }

    /// Returns the format of a line's value: from its kind, its schema, or the last schema of the same
    /// region.
    fn format_of(&mut self, kind: Kind, line: &Line<'_>, place: &str) -> Result<ValueFormat> {
        let region = line.region.as_deref().unwrap_or_default();
        if let Some(document) = line.schema {
            let format = ValueFormat::from_document(kind, document.get());
            let format = format.map_err(|reason| self.bad_line(place, &reason))?;
            self.formats.insert(region.to_owned(), format.clone());
            return Ok(format);
        }
        if !values::needs_type(kind) {
            return Ok(ValueFormat::of_kind(kind));
        }
        match self.formats.get(region) {
            Some(format) if format.kind == kind => Ok(format.clone()),
            _ => {
                let format = self.found_format(kind, place)?;
                self.formats.insert(region.to_owned(), format.clone());
                Ok(format)
            }
        }
    }

    /// Returns the format of the existing region, for a stream that begins after the record with the
    /// schema.
    fn found_format(&self, kind: Kind, place: &str) -> Result<ValueFormat> {
        match shm_core::inspect(self.name) {
            Ok(info) if info.kind == Some(kind) => Ok(ValueFormat { kind, schema: info.schema, array: info.array }),
            Ok(_) | Err(OpenError::NotFound { .. }) => {
                let what = format!("cannot publish to region '{}': {place} has kind {kind}, but no schema", self.name);
                Err(Failure::new(Code::Other, what, remedy::create_first(self.name)).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the region, or opens it again if the format of the values has changed.
    fn open(&mut self, format: ValueFormat) -> Result<()> {
        if self.format.as_ref() == Some(&format) {
            return Ok(());
        }
        let mut options = self.layout.options();
        options.kind(format.kind);
        format.schema.clone().map(|schema| options.schema(schema));
        format.array.clone().map(|array| options.array(array));
        self.format = Some(format);
        self.writer.open(|| {
            let writer = options.open_raw(self.name)?;
            self.report_opened(&writer);
            Ok(writer)
        })
    }

    /// Reports how the region was opened.
    fn report_opened(&self, writer: &RawWriter) {
        let (name, slots, capacity) = (self.name, writer.slots(), ByteSize(writer.capacity()));
        self.talk.detail(format_args!("opened region '{name}': {}, {slots} slots of {capacity}", writer.kind()));
        if writer.discarded() > 0 {
            let discarded = shm_cli::counted(writer.discarded(), "value");
            self.talk.note(format_args!("replaced region '{name}' and discarded {discarded}"));
        }
    }

    fn bad_line(&self, place: &str, reason: &str) -> Failure {
        let what = format!("cannot publish to region '{}': {place} is not a record: {reason}", self.name);
        Failure::new(Code::Other, what, remedy::print_records(self.name))
    }

    fn bad_value(&self, place: &str, reason: &str) -> Failure {
        let what = format!("cannot publish to region '{}': the value in {place} is not valid: {reason}", self.name);
        Failure::new(Code::Other, what, remedy::print_records(self.name))
    }

    /// Returns the error with the place of the value, if the region refused the value.
    fn refused(&self, error: PublishError, place: &str) -> anyhow::Error {
        match error {
            PublishError::BadValue { source, .. } => self.bad_value(place, &source.to_string()).into(),
            other => shm_cli::at_place(place, &other.into()).into(),
        }
    }
}
