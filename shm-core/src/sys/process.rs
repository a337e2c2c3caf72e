//! The identity of the current process, which detects a fork without a system call; and the process's
//! user.
#![allow(unsafe_code)]

use memmap2::{MmapMut, MmapOptions};
use rustix::mm::{Advice, madvise};
use std::process;

/// Returns the effective user id of this process.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The first byte of the page in the process that created it. In a fork, the byte is 0.
const PRESENT: u8 = 1;

/// The identity of the process that created this value.
#[derive(Debug)]
pub struct Process {
    // A separate page, which the kernel clears in every fork.
    page: MmapMut,
    id: u32,
}

impl Process {
    /// Returns the identity of the current process.
    pub fn this() -> std::io::Result<Self> {
        let mut page = MmapOptions::new().len(1).map_anon()?;
        page[0] = PRESENT;
        let start = page.as_mut_ptr().cast();
        // Linux supports this since 4.14. Without it, only the process id identifies a fork.
        // SAFETY: the page is private, has no file, and belongs to this mapping alone. It changes in a fork
        // before any of the fork's code runs, and a zero is a valid value. No load is kept across a fork: to
        // the compiler, `fork` is a call that may change any memory whose address has escaped, and the address
        // of this page has escaped.
        let _ = unsafe { madvise(start, page.len(), Advice::LinuxWipeOnFork) };
        Ok(Self { page, id: process::id() })
    }

    /// Returns whether this is the current process. The check is cheap enough to make for every value. If
    /// the kernel does not clear the page (Linux before 4.14), it also returns `true` in a fork.
    #[inline]
    pub fn is_present(&self) -> bool {
        self.page[0] == PRESENT
    }

    /// Returns whether this is the current process. Unlike [`is_present`](Self::is_present), this also
    /// detects a fork if the kernel does not clear the page.
    pub fn is_surely_present(&self) -> bool {
        self.is_present() && self.id == process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Process {
        /// Returns the identity of a parent process, as a fork sees it if the kernel does not clear the page.
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
