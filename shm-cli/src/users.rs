//! The names of users, as `/etc/passwd` has them.

use std::collections::HashMap;
use std::fs;

/// The users of this machine that are named in its file; those of a directory service stay numbers.
pub struct Users {
    names: HashMap<u32, String>,
}

impl Users {
    /// Reads the file. Where there is none, nobody has a name.
    pub fn read() -> Self {
        Self::parse(&String::from_utf8_lossy(&fs::read("/etc/passwd").unwrap_or_default()))
    }

    fn parse(text: &str) -> Self {
        // Of several names for one user, the first one counts, as for `ls`.
        Self { names: text.lines().rev().filter_map(entry).collect() }
    }

    /// The name of the user with this number.
    pub fn name(&self, number: u32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }
}

/// A line is `name:password:number:...`.
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
