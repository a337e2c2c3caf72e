//! A view of an array: its elements, which a reader reads in place.
#![allow(unsafe_code)]

use super::{Sample, View};
use crate::types::array::{Element, from_bytes};
use std::marker::PhantomData;

/// An array that is read in place.
///
/// Lengths and positions are in elements. While you read, the writer may overwrite the array at any
/// time. When you are done, call [`is_whole`](Self::is_whole). The elements that you read are valid
/// only if it returns `true`. [`View`] describes what all views have in common.
#[derive(Debug)]
pub struct ArrayView<'r, T> {
    view: View<'r>,
    elements: PhantomData<fn() -> T>,
}

impl<'r, T: Element> ArrayView<'r, T> {
    pub(super) fn of(view: View<'r>) -> Self {
        Self { view, elements: PhantomData }
    }

    /// Returns the array's sequence number, how many values were lost before it, and when it was published.
    #[must_use]
    pub fn sample(&self) -> &Sample<()> {
        self.view.sample()
    }

    /// Returns the number of elements in the array.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view.len() / size_of::<T>()
    }

    /// Returns whether the array has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether everything that was read from the view so far belongs to this array.
    ///
    /// Once this is `false`, it stays `false`.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.view.is_whole()
    }

    /// Copies a part of the array into `elements`, starting at index `start` in C order: the last index of
    /// the shape changes fastest.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the array.
    pub fn copy_to(&self, start: usize, elements: &mut [T]) {
        let room = self.len().checked_sub(start);
        assert!(room.is_some_and(|room| elements.len() <= room), "beyond the end of a view of {} elements", self.len());
        from_bytes(elements, |bytes| self.view.copy_to(start * size_of::<T>(), bytes));
    }

    /// Returns the elements in place.
    ///
    /// # Safety
    ///
    /// As for [`View::as_slice`].
    #[cfg(target_endian = "little")]
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[T] {
        // SAFETY: the caller guarantees what `View::as_slice` requires.
        let bytes = unsafe { self.view.as_slice() };
        bytemuck::cast_slice(bytes)
    }
}
