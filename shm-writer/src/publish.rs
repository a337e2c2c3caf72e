//! The default job: values go from their source into the region. How they are cut out of stdin, and what becomes of the
//! writer when a signal comes, is elsewhere.

use std::ffi::OsStr;
use std::slice;

use anyhow::Result;
use shm_cli::{Code, Failure, Talk, remedy};
use shm_core::PublishError;

use crate::args::{Layout, Publish};
use crate::records;
use crate::shared_writer::SharedWriter;
use crate::source::Source;
use crate::target::Target;

/// Publishes what the arguments say. Whatever can be found wrong before the region is touched, is.
pub fn publish(args: &Publish, layout: &Layout, talk: Talk) -> Result<()> {
    refuse_leftovers(args)?;
    if args.records {
        return records::publish(args, layout, talk);
    }
    let target = Target::for_values(args, layout)?;
    let mut source = Source::open(args, target.frames(), talk)?;
    if !check_first_value(&mut source, &target)? {
        return Ok(());
    }
    let writer = SharedWriter::new(args.rm)?;
    writer.open(|| {
        let writer = target.options.open_raw(target.name)?;
        target.report_opened(&writer, talk);
        Ok(writer)
    })?;
    match publish_all(&mut source, &target, &writer, talk) {
        Ok(()) => writer.end(),
        Err(error) => {
            // A region that was created for nothing would keep its kind from the next try. The error that matters is the
            // one before.
            let _ = if target.is_new() && writer.head() == 0 { writer.remove() } else { writer.end() };
            Err(error)
        }
    }
}

fn refuse_leftovers(args: &Publish) -> Result<(), Failure> {
    let repeats = args.count.is_some() || args.every.is_some();
    if repeats && args.value.is_none() && args.file.is_none() && !args.whole {
        let what = "--every and --count repeat one value, and stdin has many".to_owned();
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

/// Checks the first value, if it is at hand, or if opening the region is going to cost the values in it. False: there
/// is no value for which to pay that.
fn check_first_value(source: &mut Source, target: &Target) -> Result<bool> {
    if !source.is_at_hand() && !target.discards_values() {
        return Ok(true);
    }
    match source.peek()? {
        Some(first) => target.check(&first, &source.place()).map(|()| true),
        None => Ok(false),
    }
}

/// Publishes every value, and says how many there were, also where one could not be published.
fn publish_all(source: &mut Source, target: &Target, writer: &SharedWriter, talk: Talk) -> Result<()> {
    let mut count = 0;
    let result = publish_each(source, target, writer, &mut count);
    let published = shm_cli::counted(count, "value");
    match &result {
        Ok(()) => talk.detail(format_args!("published {published}; the newest has number {}", writer.head())),
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

/// Says which value was refused, where that is the reason.
fn explain(error: PublishError, value: &[u8], source: &Source, target: &Target) -> Result<u64> {
    if let PublishError::BadValue { .. } = error {
        target.check(value, &source.place())?;
    }
    Err(error.into())
}
