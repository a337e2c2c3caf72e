//! The writing handle for arrays of numbers. It publishes their bytes unchanged.

use super::{ArrayLoan, RawWriter, WriterOptions, region_methods};
use crate::Sequence;
use crate::error::{OpenError, PublishError};
use crate::types::array::{ArrayType, Element, with_bytes};
use std::marker::PhantomData;
use std::path::Path;

/// Publishes arrays of numbers, which readers in any language receive with their element type and
/// shape.
///
/// Publishing copies an array once, into the region. [`Writer`](crate::Writer) describes what all
/// writers have in common.
///
/// ```
/// # fn main() -> shm_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let name = format!("{}/camera", directory.path().display());
/// # let name = name.as_str();
/// use shm_core::{ArrayReader, ArrayWriter};
/// let mut camera = ArrayWriter::<u8>::open(name, &[2, 4, 3])?;
/// camera.publish(&[7; 24])?;
/// assert!(camera.publish(&[7; 25]).is_err());
///
/// let mut frames = ArrayReader::<u8>::open(name)?;
/// assert_eq!(frames.array().shape(), [2, 4, 3]);
/// assert_eq!(frames.latest()?.unwrap().value, [7; 24]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ArrayWriter<T> {
    raw: RawWriter,
    elements: PhantomData<fn(&[T])>,
}

impl<T: Element> ArrayWriter<T> {
    pub(super) fn from_raw(raw: RawWriter) -> Self {
        Self { raw, elements: PhantomData }
    }

    /// Opens a region for arrays of this shape, and creates it if it does not exist.
    ///
    /// An existing region keeps all other options. A new region gets the defaults. If the first length of
    /// the shape is 0, it can differ from value to value.
    ///
    /// # Errors
    ///
    /// As for [`WriterOptions::open_array`].
    pub fn open(name: impl AsRef<Path>, shape: &[u64]) -> Result<Self, OpenError> {
        WriterOptions::new().open_array(name, shape)
    }

    /// Returns the element type and shape of the arrays.
    #[must_use]
    pub fn array(&self) -> &ArrayType {
        self.raw.array().expect("it was opened with one")
    }

    /// Publishes an array and returns its sequence number.
    ///
    /// The elements are in C order: the last index changes fastest.
    ///
    /// # Errors
    ///
    /// [`PublishError::BadValue`] if the number of elements does not fit the shape; otherwise as for
    /// [`RawWriter::publish`].
    pub fn publish(&mut self, elements: &[T]) -> Result<Sequence, PublishError> {
        self.array().check_bytes(size_of_val(elements)).map_err(|error| self.raw.bad_value(error))?;
        with_bytes(elements, |bytes| self.raw.publish_checked(bytes))
    }

    /// Lends the next slot, to be filled in place with an array of `elements` elements. See
    /// [`RawWriter::loan`].
    ///
    /// # Errors
    ///
    /// [`PublishError::BadValue`] if the number of elements does not fit the shape; otherwise as for
    /// [`RawWriter::publish`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> shm_core::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let name = format!("{}/camera", directory.path().display());
    /// let mut camera = shm_core::ArrayWriter::<u16>::open(&name, &[2, 4])?;
    /// let mut frame = camera.loan(8)?;
    /// frame.write_at(0, &[256]);
    /// frame.write_at(4, &[3, 3, 3, 512]);
    /// frame.commit()?;
    /// assert!(camera.loan(9).is_err());
    ///
    /// let mut frames = shm_core::ArrayReader::<u16>::open(&name)?;
    /// let frame = frames.view()?.expect("a frame");
    /// let mut last = [0; 1];
    /// frame.copy_to(frame.len() - 1, &mut last);
    /// assert!(frame.is_whole(), "the writer was faster; take the next one");
    /// assert_eq!(last, [512]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn loan(&mut self, elements: usize) -> Result<ArrayLoan<'_, T>, PublishError> {
        Ok(ArrayLoan::of(self.raw.loan(elements.saturating_mul(size_of::<T>()))?))
    }
}

region_methods!([T] ArrayWriter<T>);
