//! The table of all regions. All that one region's header says is told by `inspect`.

use std::io::Write;

use anyhow::Result;
use bytesize::ByteSize;
use serde_json::Value;
use shm_cli::{Escaped, Talk};
use shm_core::{Info, OpenError};

use crate::{json, words};

const COLUMNS: [&str; 7] = ["NAME", "KIND", "SIZE", "SLOTS", "VALUES", "AGE", "WRITER"];

/// Which columns stand to the right: the numbers.
const IS_NUMBER: [bool; 7] = [false, false, true, true, true, true, false];

type Listed = (String, std::result::Result<Info, OpenError>);

/// Lists every region.
pub fn list(is_json: bool, talk: Talk, out: &mut dyn Write) -> Result<()> {
    let regions = shm_core::regions()?;
    if is_json {
        return print_json(&regions, out);
    }
    if regions.is_empty() {
        talk.hint("there are no regions; make one: shm-writer demo hello");
        return Ok(());
    }
    print_table(&regions, out)
}

fn print_json(regions: &[Listed], out: &mut dyn Write) -> Result<()> {
    for (name, region) in regions {
        let object = match region {
            Ok(info) => json::object(fields(name, info)),
            Err(error) => json::object([("region", name.as_str().into()), ("error", error.to_string().into())]),
        };
        writeln!(out, "{object}")?;
    }
    Ok(())
}

fn fields<'a>(name: &str, info: &Info) -> [(&'a str, Value); 7] {
    [
        ("region", name.into()),
        ("kind", words::kind(info).into()),
        ("size", info.region_bytes.into()),
        ("slots", info.slots.into()),
        ("values", info.head.into()),
        ("age", info.newest.map(|newest| words::since(newest).as_secs_f64()).into()),
        ("writer", info.writer.to_string().into()),
    ]
}

fn print_table(regions: &[Listed], out: &mut dyn Write) -> Result<()> {
    let rows: Vec<_> = regions.iter().map(row).collect();
    let widths: Vec<_> = (0..COLUMNS.len()).map(|column| width(&rows, column)).collect();
    let heading = line(&COLUMNS.map(str::to_owned), &widths);
    writeln!(out, "{}", shm_cli::bold(&heading))?;
    for row in &rows {
        writeln!(out, "{}", line(row, &widths))?;
    }
    Ok(())
}

/// The cells of a region's row. One that cannot be read has, behind its name, only the reason.
fn row((name, region): &Listed) -> Vec<String> {
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
        info.newest.map_or("-".to_owned(), |newest| words::age(words::since(newest))),
        info.writer.to_string(),
    ]
}

fn width(rows: &[Vec<String>], column: usize) -> usize {
    let is_measured = |row: &&Vec<String>| column == 0 || row.len() == COLUMNS.len();
    let cells = rows.iter().filter(is_measured).map(|row| row[column].len());
    cells.max().unwrap_or(0).max(COLUMNS[column].len())
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let set = |((cell, width), is_number): ((&String, &usize), bool)| match is_number && cells.len() > 2 {
        true => format!("{cell:>width$}"),
        false => format!("{cell:<width$}"),
    };
    let cells: Vec<_> = cells.iter().zip(widths).zip(IS_NUMBER).map(set).collect();
    cells.join("  ").trim_end().to_owned()
}
