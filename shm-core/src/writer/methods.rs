//! The methods that every handle over a `raw` writer has, whatever its values are.

/// Implements what a handle says of its region, and its ends.
macro_rules! region_methods {
    ([$($generics:tt)*] $writer:ty) => {
        impl<$($generics)*> $writer {
            /// Options, none of which is set yet.
            #[must_use]
            pub fn options() -> crate::writer::WriterOptions {
                crate::writer::WriterOptions::new()
            }

            /// The number of the newest value; 0 if there is none yet.
            #[must_use]
            pub fn head(&self) -> crate::Sequence {
                self.raw.head()
            }

            /// What the payloads are.
            #[must_use]
            pub fn kind(&self) -> crate::types::kind::Kind {
                self.raw.kind()
            }

            /// How many values the region has room for.
            #[must_use]
            pub fn slots(&self) -> u64 {
                self.raw.slots()
            }

            /// How many bytes a slot holds at present.
            #[must_use]
            pub fn capacity(&self) -> u64 {
                self.raw.capacity()
            }

            /// How many retained values were discarded because this writer replaced a region of another kind or type; see
            /// [`WriterOptions::replace`](crate::WriterOptions::replace).
            #[must_use]
            pub fn discarded(&self) -> u64 {
                self.raw.discarded()
            }

            /// How often this writer called the kernel after a publication to wake sleeping readers.
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
