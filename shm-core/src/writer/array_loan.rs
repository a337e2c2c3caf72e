//! A loan of an array: the next slot of a region, filled in place with elements.
#![allow(unsafe_code)]

use super::Loan;
use crate::Sequence;
use crate::error::PublishError;
use crate::types::array::{Element, with_bytes};
use std::marker::PhantomData;

/// The next array of a region, to be filled in place. It is counted in elements; see [`Loan`] for the rest, and
/// [`ArrayWriter::loan`](crate::ArrayWriter::loan) for an example.
#[derive(Debug)]
pub struct ArrayLoan<'w, T> {
    loan: Loan<'w>,
    elements: PhantomData<fn(&[T])>,
}

impl<'w, T: Element> ArrayLoan<'w, T> {
    pub(super) fn of(loan: Loan<'w>) -> Self {
        Self { loan, elements: PhantomData }
    }

    /// How many elements the array has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.loan.len() / size_of::<T>()
    }

    /// Whether the array has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the array shorter, for a program that at first knows only how long it is at most. The rest must still fit the
    /// shape when it is published.
    ///
    /// # Panics
    ///
    /// If it would be longer.
    pub fn truncate(&mut self, elements: usize) {
        assert!(elements <= self.len(), "a loan of {} elements cannot be extended to {elements}", self.len());
        self.loan.truncate(elements * size_of::<T>());
    }

    /// Copies `elements` into the array, from index `start` on, in C order: the last index of the shape runs fastest.
    ///
    /// # Panics
    ///
    /// If they do not lie within the array.
    pub fn write_at(&mut self, start: usize, elements: &[T]) {
        let room = self.len().checked_sub(start);
        assert!(room.is_some_and(|room| elements.len() <= room), "beyond the end of a loan of {} elements", self.len());
        with_bytes(elements, |bytes| self.loan.write_at(start * size_of::<T>(), bytes));
    }

    /// The elements themselves.
    ///
    /// # Safety
    ///
    /// As for [`Loan::as_mut_slice`].
    #[cfg(target_endian = "little")]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: the caller's word is the one that `Loan` asks for.
        let bytes = unsafe { self.loan.as_mut_slice() };
        bytemuck::cast_slice_mut(bytes)
    }

    /// Publishes the array and returns its number.
    ///
    /// # Errors
    ///
    /// As for [`Loan::commit`].
    pub fn commit(self) -> Result<Sequence, PublishError> {
        self.loan.commit()
    }
}
