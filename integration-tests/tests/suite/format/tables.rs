//! Parses the tables of docs/FORMAT.md, so that tests can read and change regions by them.

use std::fs;
use std::ops::Range;

use crate::harness::workspace;

/// The tables of docs/FORMAT.md that tests use.
pub struct Format {
    pub header: Layout,
    pub slot: Layout,
    pub kinds: Vec<(u64, String)>,
    pub states: Vec<(u64, String)>,
}

/// A table of fields.
pub struct Layout {
    pub fields: Vec<Field>,
}

#[derive(Clone)]
pub struct Field {
    pub offset: usize,
    pub size: usize,
    pub name: String,
}

impl Format {
    pub fn read() -> Self {
        let path = workspace().join("docs/FORMAT.md");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tables = tables(&text);
        let layout = |field: &str| {
            let layouts = tables.iter().filter_map(|table| layout(table));
            let found = layouts.into_iter().find(|layout| layout.fields.iter().any(|f| f.name == field));
            found.unwrap_or_else(|| panic!("docs/FORMAT.md has no table `offset | size | field` with {field}"))
        };
        let names = |name: &str| {
            let found =
                tables.iter().filter_map(|table| names(table)).find(|names| names.iter().any(|(_, n)| n == name));
            found.unwrap_or_else(|| panic!("docs/FORMAT.md has no table `value | name` with {name}"))
        };
        Self { header: layout("magic"), slot: layout("stamp"), kinds: names("bincode"), states: names("closed") }
    }

    /// Stores the right CRC in the header, after a test has changed a field.
    pub fn seal(&self, bytes: &mut [u8]) {
        let crc = self.header.field("crc");
        let sum = crc32fast::hash(&bytes[..crc.offset]);
        crc.put(bytes, sum.into());
    }

    /// Returns where the slot of value `sequence` starts in the file.
    pub fn slot_offset(&self, bytes: &[u8], sequence: u64) -> usize {
        let number = |field: &str| self.header.number(bytes, field);
        let slots_start = (number("header_bytes") + number("descriptor_bytes")).next_multiple_of(128);
        usize::try_from(slots_start + sequence % number("slots") * number("stride")).expect("within a file")
    }

    pub fn name_of(names: &[(u64, String)], value: u64) -> &str {
        names.iter().find(|(number, _)| *number == value).map_or("?", |(_, name)| name)
    }
}

impl Layout {
    #[track_caller]
    pub fn field(&self, name: &str) -> &Field {
        let found = self.fields.iter().find(|field| field.name == name);
        let names: Vec<_> = self.fields.iter().map(|field| &field.name).collect();
        found.unwrap_or_else(|| panic!("docs/FORMAT.md has no field {name}, only {names:?}"))
    }

    #[track_caller]
    pub fn number(&self, bytes: &[u8], name: &str) -> u64 {
        u64::try_from(self.field(name).get(bytes)).expect("a field of at most 8 bytes")
    }
}

impl Field {
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.size
    }

    pub fn get(&self, bytes: &[u8]) -> u128 {
        bytes[self.range()].iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    pub fn put(&self, bytes: &mut [u8], value: u128) {
        bytes[self.range()].copy_from_slice(&value.to_le_bytes()[..self.size]);
    }
}

/// Returns the Markdown tables of a text, as rows of cells without their markup. The first row is the
/// heading.
fn tables(text: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables = vec![vec![]];
    for line in text.lines().map(str::trim) {
        let Some(row) = line.strip_prefix('|') else {
            tables.push(vec![]);
            continue;
        };
        let cells: Vec<String> = row.trim_end_matches('|').split('|').map(plain).collect();
        if !cells.iter().all(|cell| cell.chars().all(|c| "-:".contains(c))) {
            tables.last_mut().expect("there is always one").push(cells);
        }
    }
    tables.retain(|table| table.len() > 1);
    tables
}

fn plain(cell: &str) -> String {
    cell.trim().trim_matches('`').to_lowercase()
}

fn layout(table: &[Vec<String>]) -> Option<Layout> {
    let (heading, rows) = table.split_first()?;
    let column = |name: &str| heading.iter().position(|cell| cell == name);
    let (offset, size, name) = (column("offset")?, column("size")?, column("field")?);
    let field = |row: &Vec<String>| {
        let (offset, size) = (row.get(offset)?.parse().ok()?, row.get(size)?.parse().ok()?);
        Some(Field { offset, size, name: row.get(name)?.replace([' ', '-'], "_") })
    };
    Some(Layout { fields: rows.iter().filter_map(field).collect() })
}

fn names(table: &[Vec<String>]) -> Option<Vec<(u64, String)>> {
    let (heading, rows) = table.split_first()?;
    let column = |name: &str| heading.iter().position(|cell| cell == name);
    let (value, name) = (column("value")?, column("name")?);
    rows.iter().map(|row| Some((row.get(value)?.parse().ok()?, row.get(name)?.clone()))).collect()
}
