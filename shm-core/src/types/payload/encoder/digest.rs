//! Digests: encodings that are only made for comparing two values.

use super::{ANY_FORM, Failed, Output, Place};
use crate::types::payload::plan::{ANYTHING, Plan};
use serde::Serialize;

/// Returns an encoding for comparing two values. It does not depend on the order within sequences and
/// maps, which is random for a `HashMap`, nor on how numbers with a fraction were rounded. It
/// contains the names of fields and the lengths of tuples, so fields that are left out make a difference.
pub fn digest<T: Serialize>(value: &T) -> Result<Vec<u8>, Failed> {
    digest_until(value, usize::MAX)
}

/// Returns the path of the part of a value that contains this byte of its digest.
pub fn path_at<T: Serialize>(value: &T, byte: usize, plan: &Plan) -> String {
    match digest_until(value, byte) {
        Err(failed) => failed.titled(plan).path(),
        Ok(_) => plan.title.clone(),
    }
}

fn digest_until<T: Serialize>(value: &T, end: usize) -> Result<Vec<u8>, Failed> {
    let mut output = Output { bytes: Vec::new(), plan: &ANYTHING, empty_parts: 0, starts: Vec::new(), end };
    let place = Place::<'_, '_, true> { output: &mut output, form: &ANY_FORM, depth: 0 };
    value.serialize(place)?;
    Ok(output.bytes)
}

impl Output<'_> {
    /// Sorts the elements from `first` on, and removes their starts.
    pub fn sort(&mut self, first: usize) {
        let starts = self.starts.split_off(first);
        let Some(begin) = starts.first().copied() else { return };
        let ends = starts[1..].iter().copied().chain([self.bytes.len()]);
        let mut elements: Vec<_> = starts.iter().zip(ends).map(|(from, to)| self.bytes[*from..to].to_vec()).collect();
        elements.sort_unstable();
        self.bytes.truncate(begin);
        elements.iter().for_each(|element| self.bytes.extend_from_slice(element));
    }
}
