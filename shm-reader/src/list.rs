//! `list`: prints a table of all regions.

use std::io::Write;

use anyhow::Result;
use bytesize::ByteSize;
use serde_json::Value;
use shm_cli::values::json;
use shm_cli::{Escaped, Talk, Users, remedy};
use shm_core::{Info, OpenError, WriterStatus};

use crate::fields::fields;
use crate::words;

/// The names of the columns, and whether they are aligned to the right, as numbers are.
const COLUMNS: [(&str, bool); 11] = [
    ("REGION", false),
    ("KIND", false),
    ("SIZE", true),
    ("SLOTS", true),
    ("HEAD", true),
    ("RETAINED", true),
    ("AGE", true),
    ("WRITER", false),
    ("PID", true),
    ("OWNER", false),
    ("MODE", true),
];

/// The fields of each region in JSON: a part of those of `inspect`.
const KEYS: [&str; 12] = [
    "region",
    "kind",
    "region_bytes",
    "mode",
    "owner",
    "head",
    "retained",
    "newest_time",
    "writer",
    "pid",
    "slots",
    "capacity",
];

type Listed = (String, std::result::Result<Info, OpenError>);

/// Lists every region.
pub fn list(is_json: bool, talk: Talk, out: &mut dyn Write) -> Result<()> {
    let regions = shm_core::regions()?;
    let users = Users::read();
    if is_json {
        return print_json(&regions, &users, out);
    }
    if regions.is_empty() {
        talk.hint(format_args!("there are no regions; {}", remedy::create_region()));
        return Ok(());
    }
    print_table(&regions, &users, out)
}

fn print_json(regions: &[Listed], users: &Users, out: &mut dyn Write) -> Result<()> {
    for (name, region) in regions {
        let object = match region {
            Ok(info) => json::object(listed_fields(info, users)),
            Err(error) => json::object([("region", name.as_str().into()), ("error", error.to_string().into())]),
        };
        writeln!(out, "{object}")?;
    }
    Ok(())
}

fn listed_fields(info: &Info, users: &Users) -> impl Iterator<Item = (&'static str, Value)> {
    let fields = fields(info, users).into_iter().map(|field| (field.key, field.value));
    fields.filter(|(key, _)| KEYS.contains(key))
}

fn print_table(regions: &[Listed], users: &Users, out: &mut dyn Write) -> Result<()> {
    let rows: Vec<_> = regions.iter().map(|listed| row(listed, users)).collect();
    let widths: Vec<_> = (0..COLUMNS.len()).map(|column| width(&rows, column)).collect();
    let heading = line(&COLUMNS.map(|(name, _)| name.to_owned()), &widths);
    writeln!(out, "{}", shm_cli::bold(&heading))?;
    for row in &rows {
        writeln!(out, "{}", line(row, &widths))?;
    }
    Ok(())
}

/// Returns the cells of a region's row. A region that cannot be read has only its name and the error.
fn row((name, region): &Listed, users: &Users) -> Vec<String> {
    let info = match region {
        Ok(info) => info,
        Err(error) => return vec![name.clone(), Escaped(error.to_string().as_bytes()).to_string()],
    };
    vec![
        name.clone(),
        words::kind(info),
        ByteSize(info.region_bytes).to_string(),
        info.slots.to_string(),
        info.head.to_string(),
        info.retained.to_string(),
        info.newest_time.map_or("-".to_owned(), |time| words::age(words::since(time))),
        info.writer.to_string(),
        process(info),
        owner(info, users),
        format!("{:03o}", info.mode),
    ]
}

/// Returns the writer's process id. If the writer is gone, the id may belong to another program by now.
fn process(info: &Info) -> String {
    match info.writer {
        WriterStatus::Gone => "-".to_owned(),
        _ => info.pid.to_string(),
    }
}

fn owner(info: &Info, users: &Users) -> String {
    users.name(info.owner).map_or(info.owner.to_string(), |name| Escaped(name.as_bytes()).to_string())
}

fn width(rows: &[Vec<String>], column: usize) -> usize {
    let is_measured = |row: &&Vec<String>| column == 0 || row.len() == COLUMNS.len();
    let cells = rows.iter().filter(is_measured).map(|row| row[column].chars().count());
    cells.max().unwrap_or(0).max(COLUMNS[column].0.len())
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let is_whole = cells.len() == COLUMNS.len();
    let set = |((cell, width), (_, is_number)): ((&String, &usize), (&str, bool))| match is_number && is_whole {
        true => format!("{cell:>width$}"),
        false => format!("{cell:<width$}"),
    };
    let cells: Vec<_> = cells.iter().zip(widths).zip(COLUMNS).map(set).collect();
    cells.join("  ").trim_end().to_owned()
}
