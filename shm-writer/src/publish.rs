//! The default job: publishes the values from VALUE, a file or stdin.

use std::ffi::OsStr;
use std::slice;

use anyhow::Result;
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::PublishError;

use crate::args::{Layout, Publish};
use crate::large_file::LargeFile;
use crate::records;
use crate::shared_writer::SharedWriter;
use crate::source::Source;
use crate::target::Target;

/// Publishes the values that the arguments give. Checks as much as possible before it opens the region.
pub fn publish(args: &Publish, layout: &Layout, talk: Talk) -> Result<()> {
    refuse_leftovers(args)?;
    if args.records {
        return records::publish(args, layout, talk);
    }
    let mut target = Target::for_values(args, layout)?;
    if let Some(file) = LargeFile::of(args, &target)? {
        target.make_room(layout, file.bytes());
        return publish_file(file, args, &target, talk);
    }
    let mut source = Source::open(args, target.frames(), talk)?;
    if !check_first_value(&mut source, &target)? {
        return Ok(());
    }
    target.make_room(layout, source.first_bytes().unwrap_or(0));
    let writer = open(args, &target, talk)?;
    end(&target, &writer, publish_all(&mut source, &target, &writer, talk))
}

/// Publishes a large file without a copy of it in this process's memory.
fn publish_file(file: LargeFile, args: &Publish, target: &Target, talk: Talk) -> Result<()> {
    let writer = open(args, target, talk)?;
    let published = writer.publish_with(|writer| file.publish(writer, talk));
    if published.is_ok() {
        talk.detail(format_args!("published 1 value; the newest is value {}", writer.head()));
    }
    end(target, &writer, published)
}

fn open(args: &Publish, target: &Target, talk: Talk) -> Result<SharedWriter> {
    let writer = SharedWriter::new(args.rm)?;
    writer.open(|| {
        let writer = target.options.open_raw(target.name)?;
        target.report_opened(&writer, talk);
        Ok(writer)
    })?;
    Ok(writer)
}

/// Closes the region, or removes it, after publishing has ended.
fn end(target: &Target, writer: &SharedWriter, published: Result<()>) -> Result<()> {
    match published {
        Ok(()) => writer.end(),
        Err(error) => {
            // A new region without a value is removed, because its kind would remain for the next attempt. An
            // error of this cleanup is ignored in favour of the first error.
            let _ = if target.is_new() && writer.head() == 0 { writer.remove() } else { writer.end() };
            Err(error)
        }
    }
}

fn refuse_leftovers(args: &Publish) -> Result<(), Failure> {
    let repeats = args.count.is_some() || args.every.is_some();
    if repeats && args.value.is_none() && args.file.is_none() && !args.whole {
        let what = "--every and --count repeat one value, but stdin can have several".to_owned();
        return Err(Failure::new(Code::Usage, what, remedy::see_help("shm-writer")));
    }
    let (Some(value), Some(extra)) = (&args.value, args.rest.first()) else {
        return Ok(());
    };
    let joined = [slice::from_ref(value), &args.rest].concat().join(OsStr::new(" "));
    Err(Failure::new(
        Code::Usage,
        format!("unexpected argument '{}': at most one VALUE is allowed", extra.display()),
        remedy::quote_value(&args.region, &joined.to_string_lossy()),
    ))
}

/// Checks the first value before the region is opened, if the value is available without waiting, or if
/// opening the region discards the values in it. Returns false if there is no value, in which case
/// nothing should be discarded.
fn check_first_value(source: &mut Source, target: &Target) -> Result<bool> {
    if !source.is_at_hand() && !target.discards_values() {
        return Ok(true);
    }
    match source.peek()? {
        Some(first) => target.check(&first, &source.place()).map(|()| true),
        None => Ok(false),
    }
}

/// Publishes every value, and reports how many were published, even if one could not be.
fn publish_all(source: &mut Source, target: &Target, writer: &SharedWriter, talk: Talk) -> Result<()> {
    let mut count = 0;
    let result = publish_each(source, target, writer, &mut count);
    let published = shm_cli::counted(count, "value");
    match &result {
        Ok(()) => talk.detail(format_args!("published {published}; the newest is value {}", writer.head())),
        Err(_) if count > 0 => talk.note(format_args!("published {published} before the error")),
        Err(_) => {}
    }
    result
}

fn publish_each(source: &mut Source, target: &Target, writer: &SharedWriter, count: &mut u64) -> Result<()> {
    let mut value = Vec::new();
    while source.next(writer.head() + 1, &mut value)? {
        let payload = target.payload(&value, &source.place())?;
        writer.publish(&payload).or_else(|error| explain(error, &value, source, target))?;
        *count += 1;
    }
    Ok(())
}

/// Returns the error with the place of the value, if the region refused the value.
fn explain(error: PublishError, value: &[u8], source: &Source, target: &Target) -> Result<u64> {
    if let PublishError::BadValue { .. } = error {
        target.check(value, &source.place())?;
    }
    Err(error.into())
}
