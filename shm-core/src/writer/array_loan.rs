//! A loan of an array: the next slot of a region, which the writer fills in place with elements.
#![allow(unsafe_code)]

use super::Loan;
use crate::Sequence;
use crate::error::PublishError;
use crate::types::array::{Element, with_bytes};
use std::marker::PhantomData;

/// The next array of a region, to be filled in place.
///
/// Lengths and positions are in elements. [`Loan`] describes what all loans have in common, and
/// [`ArrayWriter::loan`](crate::ArrayWriter::loan) has an example.
#[derive(Debug)]
pub struct ArrayLoan<'w, T> {
    loan: Loan<'w>,
    elements: PhantomData<fn(&[T])>,
}

impl<'w, T: Element> ArrayLoan<'w, T> {
    pub(super) fn of(loan: Loan<'w>) -> Self {
        Self { loan, elements: PhantomData }
    }

    /// Returns the number of elements in the array.
    #[must_use]
    pub fn len(&self) -> usize {
        self.loan.len() / size_of::<T>()
    }

    /// Returns whether the array has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shortens the array. Use it when you only know an upper bound of the length in advance.
    ///
    /// When you commit the array, its elements must still fit the shape.
    ///
    /// # Panics
    ///
    /// If `elements` is greater than the current number of elements.
    pub fn truncate(&mut self, elements: usize) {
        assert!(elements <= self.len(), "a loan of {} elements cannot be extended to {elements}", self.len());
        self.loan.truncate(elements * size_of::<T>());
    }

    /// Copies `elements` into the array, starting at index `start` in C order: the last index of the shape
    /// changes fastest.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the array.
    pub fn write_at(&mut self, start: usize, elements: &[T]) {
        let room = self.len().checked_sub(start);
        assert!(room.is_some_and(|room| elements.len() <= room), "beyond the end of a loan of {} elements", self.len());
        with_bytes(elements, |bytes| self.loan.write_at(start * size_of::<T>(), bytes));
    }

    /// Returns the elements for writing in place.
    ///
    /// # Safety
    ///
    /// As for [`Loan::as_mut_slice`].
    #[cfg(target_endian = "little")]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: the caller guarantees what `Loan::as_mut_slice` requires.
        let bytes = unsafe { self.loan.as_mut_slice() };
        bytemuck::cast_slice_mut(bytes)
    }

    /// Publishes the array and returns its sequence number.
    ///
    /// # Errors
    ///
    /// As for [`Loan::commit`].
    pub fn commit(self) -> Result<Sequence, PublishError> {
        self.loan.commit()
    }
}
