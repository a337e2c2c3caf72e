//! The iterator over a region's values.

use super::sample::Sample;
use crate::error::ReceiveError;

/// Iterates over the values of a region in order, until its writer closes it cleanly.
///
/// The methods `iter` and `into_iter` of each reader create it. The iterator waits for each value. It
/// continues after an error of one value ([`ReceiveError::value`]) and ends after any other error. A reader
/// that was borrowed with `iter` can then be used again.
#[derive(Debug)]
pub struct Values<R> {
    reader: R,
    is_over: bool,
}

/// A reading handle whose values can be iterated over.
pub trait Receive {
    /// The type that a value is decoded to.
    type Value;

    /// Waits for the next value and returns it, or `None` after a clean close.
    ///
    /// # Errors
    ///
    /// As for [`Reader::recv`](crate::Reader::recv).
    fn receive_next(&mut self) -> Result<Option<Sample<Self::Value>>, ReceiveError>;
}

impl<R: Receive> Receive for &mut R {
    type Value = R::Value;

    fn receive_next(&mut self) -> Result<Option<Sample<R::Value>>, ReceiveError> {
        (**self).receive_next()
    }
}

impl<R> Values<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader, is_over: false }
    }
}

impl<R: Receive> Iterator for Values<R> {
    type Item = Result<Sample<R::Value>, ReceiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.reader.receive_next();
        self.is_over = match &next {
            Ok(Some(_)) => false,
            Ok(None) => true,
            Err(error) => error.value().is_none(),
        };
        next.transpose()
    }
}
