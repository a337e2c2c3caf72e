//! Which process something belongs to, so that a fork of that process is told apart without a system call; and its user.
#![allow(unsafe_code)]

use memmap2::{MmapMut, MmapOptions};
use rustix::mm::{Advice, madvise};
use std::process;

/// The number of the user in whose name this process acts.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What is in the page of the process itself. In that of a fork there is 0.
const PRESENT: u8 = 1;

/// The process that made this.
#[derive(Debug)]
pub struct Process {
    // A page of its own, which the kernel empties in every fork.
    page: MmapMut,
    id: u32,
}

impl Process {
    /// The present process.
    pub fn this() -> std::io::Result<Self> {
        let mut page = MmapOptions::new().len(1).map_anon()?;
        page[0] = PRESENT;
        let start = page.as_mut_ptr().cast();
        // Linux can do it since 4.14. Where it is not done, a fork is told apart by its number alone.
        // SAFETY: the page is private, without a file, and this mapping's own. It changes in a fork before any of the fork's
        // code runs, and a zero is as good a value as any. No load is kept over a fork: for the compiler that is a call
        // that may change any memory whose address was given away, as this one's was.
        let _ = unsafe { madvise(start, page.len(), Advice::LinuxWipeOnFork) };
        Ok(Self { page, id: process::id() })
    }

    /// Whether it is the present one. This is cheap enough to be asked for each value. Where the kernel empties no page (Linux
    /// before 4.14), a fork answers yes, too.
    #[inline]
    pub fn is_present(&self) -> bool {
        self.page[0] == PRESENT
    }

    /// The same, also where the kernel knows nothing of pages that a fork finds empty.
    pub fn is_surely_present(&self) -> bool {
        self.is_present() && self.id == process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Process {
        /// A process that the present one is a fork of, where the kernel empties no pages.
        pub fn another() -> Self {
            Self { id: process::id() + 1, ..Self::this().unwrap() }
        }
    }

    // Fault 43.
    #[test]
    fn another_process_is_told_by_an_emptied_page_or_by_its_number() {
        let this = Process::this().unwrap();
        assert!(this.is_present() && this.is_surely_present());

        let mut emptied = Process::this().unwrap();
        emptied.page[0] = 0;
        assert!(!emptied.is_present() && !emptied.is_surely_present());

        let numbered = Process::another();
        assert!(numbered.is_present() && !numbered.is_surely_present());
    }
}
