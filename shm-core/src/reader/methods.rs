//! The methods that all reading handles share, whatever the type of their values. Each handle has a
//! method `take`, which lets `RawReader` fill a buffer and then decodes a value from it.

/// Implements iterating, and the methods that receive a value of this type.
macro_rules! receiving_methods {
    ([$($generics:tt)*] $reader:ty, $value:ty, $errors:literal) => {
        impl<$($generics)*> $reader {
            /// Returns the newest value, even if it was received before, or `None` if there is no value yet.
            ///
            /// Receiving then continues after the returned value.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::latest_into`](crate::RawReader::latest_into)", $errors)]
            pub fn latest(&mut self) -> Result<Option<crate::reader::Sample<$value>>, crate::error::ReceiveError> {
                self.take(crate::reader::Ask::Newest)
            }

            /// Returns the next value in order, if it has already arrived.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::try_recv_into`](crate::RawReader::try_recv_into)", $errors)]
            pub fn try_recv(&mut self) -> Result<crate::reader::Received<$value>, crate::error::ReceiveError> {
                crate::reader::Received::of(self.take(crate::reader::Ask::Next), || self.is_ended())
            }

            /// Waits for the next value in order. Returns `None` if the writer closed the region cleanly and every
            /// value was read.
            ///
            /// If the writer dies, `recv` waits for the next writer. [`writer`](Self::writer) returns whether a
            /// writer is alive.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::recv_into`](crate::RawReader::recv_into)", $errors)]
            pub fn recv(&mut self) -> Result<Option<crate::reader::Sample<$value>>, crate::error::ReceiveError> {
                self.take(crate::reader::Ask::Await(None))
            }

            /// Waits at most `timeout` for the next value in order.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::recv_timeout_into`](crate::RawReader::recv_timeout_into)", $errors)]
            pub fn recv_timeout(
                &mut self,
                timeout: std::time::Duration,
            ) -> Result<crate::reader::Received<$value>, crate::error::ReceiveError> {
                crate::reader::Received::of(self.take(crate::reader::Ask::Await(Some(timeout))), || self.is_ended())
            }

            /// Waits at most `timeout` for the next value in order. Returns `None` if no value arrives in time.
            ///
            /// It continues to wait when the writer ends, and when the region is removed and created again. With
            /// [`Duration::MAX`](std::time::Duration::MAX) it waits forever.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::follow_into`](crate::RawReader::follow_into)", $errors)]
            pub fn follow(
                &mut self,
                timeout: std::time::Duration,
            ) -> Result<Option<crate::reader::Sample<$value>>, crate::error::ReceiveError> {
                self.take(crate::reader::Ask::Follow(timeout))
            }

            /// Iterates over the values in order, until the writer closes the region cleanly. The iterator
            /// continues after an error of one value, and ends after any other error.
            pub fn iter(&mut self) -> crate::reader::Values<&mut Self> {
                crate::reader::Values::of(self)
            }
        }

        impl<$($generics)*> crate::reader::Receive for $reader {
            type Value = $value;

            fn receive_next(&mut self) -> Result<Option<crate::reader::Sample<$value>>, crate::error::ReceiveError> {
                self.recv()
            }
        }

        impl<$($generics)*> IntoIterator for $reader {
            type Item = Result<crate::reader::Sample<$value>, crate::error::ReceiveError>;
            type IntoIter = crate::reader::Values<Self>;

            fn into_iter(self) -> Self::IntoIter {
                crate::reader::Values::of(self)
            }
        }

        impl<'r, $($generics)*> IntoIterator for &'r mut $reader {
            type Item = Result<crate::reader::Sample<$value>, crate::error::ReceiveError>;
            type IntoIter = crate::reader::Values<Self>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }
    };
}

/// Implements the methods that copy a payload into the caller's buffer, with the handle's method
/// `fill`.
macro_rules! copying_methods {
    ([$($generics:tt)*] $reader:ty, $buffer:ty, $errors:literal) => {
        impl<$($generics)*> $reader {
            /// Copies the newest value into the buffer, even if it was received before. Returns `None` if there is
            /// no value yet.
            ///
            /// Receiving then continues after this value.
            ///
            /// # Errors
            ///
            /// - [`ReceiveError::Gone`](crate::ReceiveError::Gone) if the region was removed. The reader notices
            ///   this within 50 ms. A caller that polls more than once per microsecond may need up to 32 more
            ///   calls.
            /// - [`ReceiveError::Busy`](crate::ReceiveError::Busy) if the writer overwrote the value each time
            ///   before it was copied.
            /// - [`ReceiveError::TooLarge`](crate::ReceiveError::TooLarge) if there is not enough memory for the
            ///   value.
            /// - [`ReceiveError::DamagedValue`](crate::ReceiveError::DamagedValue) if only this value is damaged.
            ///   The next call continues after it.
            /// - [`ReceiveError::Reopen`](crate::ReceiveError::Reopen) if the region was replaced and the new one
            ///   cannot be opened. It contains an error of [`ReaderOptions::open`](crate::ReaderOptions::open).
            #[doc = concat!(
                "- [`ReceiveError::Damaged`](crate::ReceiveError::Damaged) if the region's bytes contradict each other",
                $errors
            )]
            pub fn latest_into(
                &mut self,
                buffer: &mut $buffer,
            ) -> Result<Option<crate::reader::Sample<()>>, crate::error::ReceiveError> {
                self.fill(buffer, crate::reader::Ask::Newest)
            }

            /// Copies the next value in order into the buffer, if it has already arrived.
            ///
            /// # Errors
            ///
            /// As for [`latest_into`](Self::latest_into).
            pub fn try_recv_into(
                &mut self,
                buffer: &mut $buffer,
            ) -> Result<crate::reader::Received<()>, crate::error::ReceiveError> {
                crate::reader::Received::of(self.fill(buffer, crate::reader::Ask::Next), || self.is_ended())
            }

            /// Waits for the next value in order and copies it into the buffer. Returns `None` if the writer closed
            /// the region cleanly and every value was read.
            ///
            /// If the writer dies, `recv_into` waits for the next writer. [`writer`](Self::writer) returns whether
            /// a writer is alive.
            ///
            /// # Errors
            ///
            /// As for [`latest_into`](Self::latest_into), except [`ReceiveError::Busy`](crate::ReceiveError::Busy).
            pub fn recv_into(
                &mut self,
                buffer: &mut $buffer,
            ) -> Result<Option<crate::reader::Sample<()>>, crate::error::ReceiveError> {
                self.fill(buffer, crate::reader::Ask::Await(None))
            }

            /// Waits at most `timeout` for the next value in order and copies it into the buffer.
            ///
            /// # Errors
            ///
            /// As for [`recv_into`](Self::recv_into).
            pub fn recv_timeout_into(
                &mut self,
                buffer: &mut $buffer,
                timeout: std::time::Duration,
            ) -> Result<crate::reader::Received<()>, crate::error::ReceiveError> {
                crate::reader::Received::of(self.fill(buffer, crate::reader::Ask::Await(Some(timeout))), || self.is_ended())
            }

            /// Waits at most `timeout` for the next value in order and copies it into the buffer. Returns `None`
            /// if no value arrives in time.
            ///
            /// It continues to wait when the writer ends, and when the region is removed and created again. With
            /// [`Duration::MAX`](std::time::Duration::MAX) it waits forever.
            ///
            /// # Errors
            ///
            /// As for [`recv_into`](Self::recv_into), except [`ReceiveError::Gone`](crate::ReceiveError::Gone).
            pub fn follow_into(
                &mut self,
                buffer: &mut $buffer,
                timeout: std::time::Duration,
            ) -> Result<Option<crate::reader::Sample<()>>, crate::error::ReceiveError> {
                self.fill(buffer, crate::reader::Ask::Follow(timeout))
            }
        }
    };
}

/// Implements the methods of a handle with a `raw` reader that describe the region, and the reader's
/// position in it.
macro_rules! region_methods {
    ([$($generics:tt)*] $reader:ty) => {
        impl<$($generics)*> $reader {
            /// Returns options with none of them set.
            #[must_use]
            pub fn options() -> crate::reader::ReaderOptions {
                crate::reader::ReaderOptions::new()
            }

            /// Moves to another position in the region; see [`RawReader::seek`](crate::RawReader::seek).
            pub fn seek(&mut self, to: crate::reader::Position) {
                self.raw.seek(to);
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

            /// Returns whether the region has a writer now; see [`RawReader::writer`](crate::RawReader::writer).
            #[must_use]
            pub fn writer(&self) -> crate::region::tenure::WriterStatus {
                self.raw.writer()
            }

            /// Returns whether the writer closed the region cleanly and every value was read.
            #[must_use]
            pub fn is_ended(&self) -> bool {
                self.raw.is_ended()
            }
        }
    };
}

pub(super) use {copying_methods, receiving_methods, region_methods};
