//! A view of an array: its elements in the region.
#![allow(unsafe_code)]

use super::{Sample, View};
use crate::types::array::{Element, from_bytes};
use std::marker::PhantomData;

/// An array in the region. It is counted in elements; see [`View`] for the rest: the writer may overwrite it at any time,
/// so what was taken from it counts only if [`is_whole`](Self::is_whole) says so afterwards.
#[derive(Debug)]
pub struct ArrayView<'r, T> {
    view: View<'r>,
    elements: PhantomData<fn() -> T>,
}

impl<'r, T: Element> ArrayView<'r, T> {
    pub(super) fn of(view: View<'r>) -> Self {
        Self { view, elements: PhantomData }
    }

    /// What the region says about the array.
    #[must_use]
    pub fn sample(&self) -> &Sample<()> {
        self.view.sample()
    }

    /// How many elements the array has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view.len() / size_of::<T>()
    }

    /// Whether the array has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether everything that was taken from the view so far is of this array. Once it is not, it never is again.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.view.is_whole()
    }

    /// Copies a part of the array out, from index `start` on, in C order: the last index of the shape runs fastest.
    ///
    /// # Panics
    ///
    /// If it does not lie within the array.
    pub fn copy_to(&self, start: usize, elements: &mut [T]) {
        let room = self.len().checked_sub(start);
        assert!(room.is_some_and(|room| elements.len() <= room), "beyond the end of a view of {} elements", self.len());
        from_bytes(elements, |bytes| self.view.copy_to(start * size_of::<T>(), bytes));
    }

    /// The elements themselves.
    ///
    /// # Safety
    ///
    /// As for [`View::as_slice`].
    #[cfg(target_endian = "little")]
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[T] {
        // SAFETY: the caller's word is the one that `View` asks for.
        let bytes = unsafe { self.view.as_slice() };
        bytemuck::cast_slice(bytes)
    }
}
