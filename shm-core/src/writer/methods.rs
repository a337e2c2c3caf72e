//! The methods that all handles with a `raw` writer have, whatever the type of their values.

/// Implements the methods that describe the region, and those that close or remove it.
macro_rules! region_methods {
    ([$($generics:tt)*] $writer:ty) => {
        impl<$($generics)*> $writer {
            /// Returns options with none of them set.
            #[must_use]
            pub fn options() -> crate::writer::WriterOptions {
                crate::writer::WriterOptions::new()
            }

            /// Returns the sequence number of the newest value, or 0 if there is no value yet.
            #[must_use]
            pub fn head(&self) -> crate::Sequence {
                self.raw.head()
            }

            /// Returns the kind of the values.
            #[must_use]
            pub fn kind(&self) -> crate::types::kind::Kind {
                self.raw.kind()
            }

            /// Returns how many values the region has space for.
            #[must_use]
            pub fn slots(&self) -> u64 {
                self.raw.slots()
            }

            /// Returns how many bytes a slot can currently hold.
            #[must_use]
            pub fn capacity(&self) -> u64 {
                self.raw.capacity()
            }

            /// Returns how many retained values were discarded because this writer replaced a region of another
            /// kind or type; see [`WriterOptions::replace`](crate::WriterOptions::replace).
            #[must_use]
            pub fn discarded(&self) -> u64 {
                self.raw.discarded()
            }

            /// Returns how many times this writer called the kernel after a publication to wake sleeping readers.
            #[must_use]
            pub fn wakes(&self) -> u64 {
                self.raw.wakes()
            }

            /// Closes the region cleanly; see [`RawWriter::close`](crate::RawWriter::close).
            ///
            /// # Errors
            ///
            /// As for [`RawWriter::close`](crate::RawWriter::close).
            pub fn close(self) -> Result<(), crate::error::PublishError> {
                self.raw.close()
            }

            /// Closes the region cleanly and removes it; see [`RawWriter::remove`](crate::RawWriter::remove).
            ///
            /// # Errors
            ///
            /// As for [`RawWriter::remove`](crate::RawWriter::remove).
            pub fn remove(self) -> Result<(), crate::error::PublishError> {
                self.raw.remove()
            }
        }
    };
}

pub(super) use region_methods;
