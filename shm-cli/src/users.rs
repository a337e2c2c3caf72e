//! The names of users, from `/etc/passwd`.

use std::collections::HashMap;
use std::fs;

/// The names of the users in `/etc/passwd`. Users of a directory service have no name here.
pub struct Users {
    names: HashMap<u32, String>,
}

impl Users {
    /// Reads the file. Without the file, no user has a name.
    pub fn read() -> Self {
        Self::parse(&String::from_utf8_lossy(&fs::read("/etc/passwd").unwrap_or_default()))
    }

    fn parse(text: &str) -> Self {
        // If a user has several names, the first one counts, as in `ls`.
        Self { names: text.lines().rev().filter_map(entry).collect() }
    }

    /// Returns the name of the user with this number.
    pub fn name(&self, number: u32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }
}

/// Parses a line of the form `name:password:number:...`.
fn entry(line: &str) -> Option<(u32, String)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let number = fields.nth(1)?.parse().ok()?;
    Some((number, name.to_owned()))
}

#[test]
fn the_first_name_of_a_number_counts_and_other_lines_do_not() {
    let users = Users::parse("root:x:0:0::/root:/bin/sh\ntoor:x:0:0:::\n# no:entry\n:x:5:5\nann:*:1000:100:Ann\n");
    assert_eq!([0, 5, 1000].map(|number| users.name(number)), [Some("root"), None, Some("ann")]);
}
