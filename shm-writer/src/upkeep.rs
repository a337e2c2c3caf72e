//! The verbs that create, remove and clean up regions.

use std::io::Write;
use std::mem;

use anyhow::Result;
use bytesize::ByteSize;
use shm_cli::{Code, Escaped, Failure, Talk, remedy};
use shm_core::{OpenError, RawWriter};

use crate::args::{Description, Layout};
use crate::target::Target;

/// Creates a region, or applies the options to an existing one.
pub fn create(name: &str, layout: &Layout, description: &Description, talk: Talk) -> Result<()> {
    let target = Target::for_nothing(name, layout, description)?;
    let writer = target.options.open_raw(name)?;
    target.report_opened(&writer, talk);
    report_larger(&writer, layout, name, talk);
    Ok(writer.close()?)
}

/// Reports that a region is larger than the options ask for.
fn report_larger(writer: &RawWriter, layout: &Layout, name: &str, talk: Talk) {
    let is_larger = layout.slots.is_some_and(|slots| slots < writer.slots())
        || layout.capacity.is_some_and(|bytes| bytes.next_multiple_of(8) < writer.capacity());
    if is_larger {
        let (slots, capacity) = (writer.slots(), ByteSize(writer.capacity()));
        talk.note(format_args!(
            "region '{name}' keeps its {slots} slots of {capacity}: --slots and --capacity only make a region larger"
        ));
    }
}

/// Removes each region that can be removed. The exit code is that of the last region that cannot.
pub fn remove(names: &[String], force: bool, talk: Talk) -> Result<()> {
    let mut result = Ok(());
    for name in names {
        match shm_core::remove(name, force) {
            Ok(()) => talk.detail(format_args!("removed region '{name}'")),
            Err(error) => {
                if let Err(earlier) = mem::replace(&mut result, Err(with_force_named(error))) {
                    shm_cli::report(&earlier);
                }
            }
        }
    }
    result
}

fn with_force_named(error: OpenError) -> anyhow::Error {
    let OpenError::WriterAlive { region, pid } = error else { return error.into() };
    let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    let what = format!("cannot remove region '{region}': it has a writer{process}");
    Failure::new(Code::WriterAlive, what, remedy::stop_writer()).into()
}

/// Removes the files that killed writers left over, and lists them.
pub fn clean(dry_run: bool, talk: Talk, out: &mut dyn Write) -> Result<()> {
    let leftovers = shm_core::clean(dry_run)?;
    for file in &leftovers {
        writeln!(out, "{}", Escaped(file.as_bytes()))?;
    }
    let done = if dry_run { "would remove" } else { "removed" };
    talk.detail(format_args!("{done} {}", shm_cli::counted(leftovers.len() as u64, "file")));
    Ok(())
}
