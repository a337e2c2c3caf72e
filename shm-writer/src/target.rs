//! The region to write: its state before it is opened, the kind and type of its values, and how they
//! are encoded.

use std::borrow::Cow;
use std::fs;

use anyhow::Result;
use bytesize::ByteSize;
use serde_json::value::RawValue;
use shm_cli::values::{invalid_utf8, json};
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::{ArrayType, Info, Kind, OpenError, RawWriter, Schema, WriterOptions};

use crate::args::{Description, Layout, Publish};
use crate::source::{Frames, unreadable};

/// The size of a value for which a new region gets slots of just this size. Smaller values may be followed
/// by some that are a little larger.
const LARGE_BYTES: u64 = 1 << 20;

/// A region as it was found, and as it should become.
pub struct Target<'a> {
    pub name: &'a str,
    pub options: WriterOptions,
    kind: Option<Kind>,
    found: Option<Info>,
}

impl<'a> Target<'a> {
    /// Returns the target for values. Without `--as`, the kind is that of the existing region; for a new
    /// region, it follows from the way the values are given.
    pub fn for_values(args: &'a Publish, layout: &Layout) -> Result<Self> {
        let are_bytes = args.file.is_some() || args.whole || args.chunk.is_some();
        let found = look(&args.region)?;
        if let (None, Some(info)) = (layout.kind, &found) {
            require_type(&args.region, info)?;
        }
        Ok(Self::new(&args.region, layout, are_bytes.then_some(Kind::Bytes), found))
    }

    /// Returns the target for `create`, which accepts an existing region of any kind.
    pub fn for_nothing(name: &'a str, layout: &Layout, description: &Description) -> Result<Self> {
        let found = look(name)?;
        let mut options = layout.options();
        let kind = describe(&mut options, description)?;
        if kind.is_some() {
            return Ok(Self { name, options, kind, found });
        }
        Ok(Self::new(name, layout, None, found))
    }

    /// `implied` is the kind of a new region if `--as` is not given.
    fn new(name: &'a str, layout: &Layout, implied: Option<Kind>, found: Option<Info>) -> Self {
        let as_found = found.as_ref().map_or(implied.or(Some(Kind::Text)), |info| info.kind);
        let kind = layout.kind.map(Kind::from).or(as_found);
        let mut options = layout.options();
        kind.filter(is_plain).map(|kind| options.kind(kind));
        Self { name, options, kind, found }
    }

    /// Makes the slots of a new region large enough for its first value, unless `--capacity` says how large
    /// they are.
    pub fn make_room(&mut self, layout: &Layout, bytes: u64) {
        if self.is_new() && layout.capacity.is_none() && bytes > LARGE_BYTES {
            self.options.capacity(bytes);
        }
    }

    /// Reports whether values are published as they are given, without a check.
    pub fn takes_bytes(&self) -> bool {
        self.kind == Some(Kind::Bytes)
    }

    /// Reports whether the region did not exist.
    pub fn is_new(&self) -> bool {
        self.found.is_none()
    }

    /// Reports whether opening the region discards values, because they have another kind.
    pub fn discards_values(&self) -> bool {
        self.found.as_ref().is_some_and(|info| info.kind != self.kind && info.retained > 0)
    }

    /// Returns how to cut stdin, if the values are arrays.
    pub fn frames(&self) -> Option<Frames> {
        self.found_array().map(|array| match array.shape().first() {
            Some(0) => Frames::Whole,
            _ => Frames::Every(array.bytes()),
        })
    }

    /// Returns the payload for a value: in a region with a schema, the encoding of the JSON. `place` is
    /// where the value was found.
    pub fn payload<'v>(&self, value: &'v [u8], place: &str) -> Result<Cow<'v, [u8]>> {
        let Some(schema) = self.found_schema() else { return Ok(Cow::Borrowed(value)) };
        let value_json = serde_json::from_slice::<&RawValue>(value)
            .map_err(|error| format!("{place} is not JSON: {}", json::why_not_json(value, &error)));
        let encode = |value: &RawValue| {
            let encoded = schema.encode_json(value.get());
            encoded.map_err(|error| {
                format!("{place} does not fit the region's type: {}", json::on_that_line(&error.to_string()))
            })
        };
        match value_json.and_then(encode) {
            Ok(payload) => Ok(Cow::Owned(payload)),
            Err(reason) => {
                let name = self.name;
                Err(Failure::new(
                    Code::Other,
                    format!("cannot publish to region '{name}': {reason}"),
                    remedy::show_type(name),
                )
                .into())
            }
        }
    }

    /// Returns the schema by which values are encoded.
    fn found_schema(&self) -> Option<&Schema> {
        let kept = self.found.as_ref().filter(|_| self.kind == Some(Kind::Bincode));
        kept.and_then(|info| info.schema.as_ref())
    }

    fn found_array(&self) -> Option<&ArrayType> {
        let kept = self.found.as_ref().filter(|_| self.kind == Some(Kind::Array));
        kept.and_then(|info| info.array.as_ref())
    }

    /// Refuses a value that does not fit the region's kind or type. `place` is where the value was found.
    pub fn check(&self, value: &[u8], place: &str) -> Result<()> {
        self.payload(value, place)?;
        let array = self.found_array().map(|array| array.shape_of(value.len()));
        if let Some(Err(reason)) = array {
            let what =
                format!("cannot publish to region '{}': {place} does not fit the region's type: {reason}", self.name);
            return Err(Failure::new(Code::Other, what, remedy::whole_arrays()).into());
        }
        let wrong = match self.kind {
            Some(Kind::Text) => str::from_utf8(value).err().map(|error| ("UTF-8", invalid_utf8(error))),
            Some(Kind::Json) => serde_json::from_slice::<&RawValue>(value)
                .err()
                .map(|error| ("JSON", json::why_not_json(value, &error))),
            _ => None,
        };
        let Some((format, reason)) = wrong else {
            return self.check_json(value, place);
        };
        let name = self.name;
        let remedy = match (&self.found, self.kind) {
            (Some(_), _) => remedy::publish_in(format),
            (None, Some(Kind::Json)) => remedy::publish_as("text"),
            (None, _) => remedy::publish_as("bytes"),
        };
        let what = format!("cannot publish to region '{name}': {place} is not {format}: {reason}");
        Err(Failure::new(Code::Other, what, remedy).into())
    }

    /// Refuses JSON that programs would read differently.
    fn check_json(&self, value: &[u8], place: &str) -> Result<()> {
        match Kind::Json.check(value) {
            Err(error) if self.kind == Some(Kind::Json) => {
                let reason = json::on_that_line(&error.to_string());
                let what = format!("cannot publish {place} to region '{}': {reason}", self.name);
                Err(Failure::new(Code::Other, what, remedy::publish_as("text")).into())
            }
            _ => Ok(()),
        }
    }

    /// Reports how the region was opened.
    pub fn report_opened(&self, writer: &RawWriter, talk: Talk) {
        let (name, newest) = (self.name, writer.head());
        let holds = format!("{}, {} slots of {}", writer.kind(), writer.slots(), ByteSize(writer.capacity()));
        match &self.found {
            None => talk.detail(format_args!("created region '{name}': {holds}")),
            Some(info) if info.kind != Some(writer.kind()) || !has_type_of(info, writer) => {
                let discarded = shm_cli::counted(writer.discarded(), "value");
                talk.note(format_args!("replaced region '{name}' and discarded {discarded}; it now has {holds}"));
            }
            Some(info) if (info.slots, info.capacity) != (writer.slots(), writer.capacity()) => {
                talk.detail(format_args!("replaced region '{name}', keeping its values: {holds}"));
            }
            Some(_) => talk.detail(format_args!("opened region '{name}': {holds}, newest value {newest}")),
        }
    }
}

/// Sets the type that the options of `create` describe. Returns the kind of region for it, or `None` if
/// there is no type.
fn describe(options: &mut WriterOptions, description: &Description) -> Result<Option<Kind>> {
    if let Some(array) = &description.array {
        options.array(array.clone());
        return Ok(Some(Kind::Array));
    }
    let Some(file) = &description.schema else { return Ok(None) };
    let json = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    if let Ok(array) = ArrayType::from_json(json.as_bytes()) {
        options.array(array);
        return Ok(Some(Kind::Array));
    }
    let schema = Schema::parse(&json).map_err(|error| {
        let what = format!("cannot use file '{}' as a schema: {error}", file.display());
        Failure::new(Code::Other, what, remedy::print_schema())
    })?;
    options.schema(schema);
    Ok(Some(Kind::Bincode))
}

fn look(name: &str) -> Result<Option<Info>> {
    match shm_core::inspect(name) {
        Ok(info) => Ok(Some(info)),
        Err(OpenError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reports whether values of this kind can be given as they are on a command line.
fn is_plain(kind: &Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Json | Kind::Bytes)
}

fn has_type_of(info: &Info, writer: &RawWriter) -> bool {
    (info.schema.as_ref(), info.array.as_ref()) == (writer.schema(), writer.array())
}

/// Refuses a region whose values shm-writer cannot encode, because it has no schema that describes
/// them.
fn require_type(name: &str, info: &Info) -> Result<(), Failure> {
    let has_schema = info.schema.as_ref().is_some_and(Schema::is_complete);
    if has_schema || info.array.is_some() || info.kind.is_some_and(|kind| is_plain(&kind)) {
        return Ok(());
    }
    let kind = info.kind.map_or("unknown".to_owned(), |kind| kind.to_string());
    Err(Failure::new(
        Code::Other,
        format!("cannot publish to region '{name}': its kind is {kind}, and it has no schema for encoding values"),
        remedy::other_writer(),
    ))
}
