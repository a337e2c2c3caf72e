//! The methods that reading handles share, whatever their values are. Each handle brings `take`, which has `RawReader` fill
//! a buffer and makes a value of its contents.

/// Implements the methods that receive a value of this type, and iterating.
macro_rules! receiving_methods {
    ([$($generics:tt)*] $reader:ty, $value:ty, $errors:literal) => {
        impl<$($generics)*> $reader {
            /// The newest value, even if it was received before; receiving goes on after it. `None`: there is no value yet.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::latest_into`](crate::RawReader::latest_into)", $errors)]
            pub fn latest(&mut self) -> Result<Option<crate::reader::Sample<$value>>, crate::error::ReceiveError> {
                self.take(crate::reader::Ask::Newest)
            }

            /// The next value in order, if it is there already.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`RawReader::try_recv_into`](crate::RawReader::try_recv_into)", $errors)]
            pub fn try_recv(&mut self) -> Result<crate::reader::Received<$value>, crate::error::ReceiveError> {
                let sample = self.take(crate::reader::Ask::Next)?;
                Ok(crate::reader::Received::of(sample, || self.is_ended()))
            }

            /// Waits for the next value in order. `None`: the writer closed the region cleanly, and every value was read.
            ///
            /// If the writer dies, `recv` waits for the next writer; [`writer`](Self::writer) says whether one is alive.
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
                let sample = self.take(crate::reader::Ask::Await(Some(timeout)))?;
                Ok(crate::reader::Received::of(sample, || self.is_ended()))
            }

            /// Waits at most `timeout` for the next value in order, across writers that end and regions that are removed and
            /// created again. `None`: the time passed. With [`Duration::MAX`](std::time::Duration::MAX) it waits for ever.
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

            /// The values in order, until the writer closes the region cleanly. After an error the iterator ends.
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

/// Implements the methods that copy a payload into a buffer of the caller, by a method `fill`.
macro_rules! copying_methods {
    ([$($generics:tt)*] $reader:ty, $buffer:ty, $errors:literal) => {
        impl<$($generics)*> $reader {
            /// Copies the newest value into the buffer, even if it was received before; receiving goes on after it.
            /// `None`: there is no value yet.
            ///
            /// # Errors
            ///
            /// [`ReceiveError::Gone`](crate::ReceiveError::Gone) if the region was removed, noticed within 50 ms, or 32
            /// calls later if each call comes within a microsecond of the one before;
            /// [`ReceiveError::Busy`](crate::ReceiveError::Busy) if the writer overwrote the value each time;
            /// [`ReceiveError::Damaged`](crate::ReceiveError::Damaged);
            /// [`ReceiveError::TooLarge`](crate::ReceiveError::TooLarge) if there is not enough memory for the value; and
            /// [`ReceiveError::Reopen`](crate::ReceiveError::Reopen) if the region was replaced, with an error as of
            #[doc = concat!("[`ReaderOptions::open`](crate::ReaderOptions::open)", $errors)]
            pub fn latest_into(
                &mut self,
                buffer: &mut $buffer,
            ) -> Result<Option<crate::reader::Sample<()>>, crate::error::ReceiveError> {
                self.fill(buffer, crate::reader::Ask::Newest)
            }

            /// Copies the next value in order into the buffer, if it is there already.
            ///
            /// # Errors
            ///
            /// As for [`latest_into`](Self::latest_into).
            pub fn try_recv_into(
                &mut self,
                buffer: &mut $buffer,
            ) -> Result<crate::reader::Received<()>, crate::error::ReceiveError> {
                let sample = self.fill(buffer, crate::reader::Ask::Next)?;
                Ok(crate::reader::Received::of(sample, || self.is_ended()))
            }

            /// Waits for the next value in order and copies it into the buffer. `None`: the writer closed the region
            /// cleanly, and every value was read.
            ///
            /// If the writer dies, `recv_into` waits for the next writer; [`writer`](Self::writer) says whether one is alive.
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
                let sample = self.fill(buffer, crate::reader::Ask::Await(Some(timeout)))?;
                Ok(crate::reader::Received::of(sample, || self.is_ended()))
            }

            /// Waits at most `timeout` for the next value in order and copies it into the buffer, across writers that end
            /// and regions that are removed and created again. `None`: the time passed. With
            /// [`Duration::MAX`](std::time::Duration::MAX) it waits for ever.
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

/// Implements what every handle over a `raw` reader says of its region and of its place in it.
macro_rules! region_methods {
    ([$($generics:tt)*] $reader:ty) => {
        impl<$($generics)*> $reader {
            /// Options, none of which is set yet.
            #[must_use]
            pub fn options() -> crate::reader::ReaderOptions {
                crate::reader::ReaderOptions::new()
            }

            /// Moves to another position in the region; see [`RawReader::seek`](crate::RawReader::seek).
            pub fn seek(&mut self, to: crate::reader::Position) {
                self.raw.seek(to);
            }

            /// The number of the newest value; 0 if there was none yet.
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

            /// Whether the region has a writer now; see [`RawReader::writer`](crate::RawReader::writer).
            #[must_use]
            pub fn writer(&self) -> crate::region::tenure::WriterStatus {
                self.raw.writer()
            }

            /// Whether the writer closed the region cleanly, and every value was read.
            #[must_use]
            pub fn is_ended(&self) -> bool {
                self.raw.is_ended()
            }
        }
    };
}

pub(super) use {copying_methods, receiving_methods, region_methods};
