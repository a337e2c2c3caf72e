//! What a peer must be able to do to be measured, and the messages that it carries. No peer is named here.

use crate::job::Job;
use crate::mate::Mate;
use anyhow::{Context, Result, ensure};

/// The number of the message that ends a measurement.
pub const END: u64 = u64::MAX;

/// One end of a connection between two processes, for messages of the job's length in both directions.
pub trait Link: Sized {
    /// Whether messages are lost when the receiver is slow.
    const LOSES: bool = false;

    /// Makes the connection and starts the other process, which joins it.
    fn make(job: &Job, mate: &mut Mate) -> Result<Self>;

    /// The other end, in the process that was started with this word.
    fn join(job: &Job, word: &str) -> Result<Self>;

    fn send(&mut self, message: &[u8]) -> Result<()>;

    /// Waits for the next message and copies it.
    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()>;

    /// Waits for at least one message, and hands over as many as the peer gives out at once.
    fn receive_all(&mut self, message: &mut Vec<u8>, each: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.receive(message)?;
        each(message)
    }
}

/// A value that one process writes, and whose newest state another one reads.
pub trait Board: Sized {
    /// The reader, which starts the writer.
    fn make(job: &Job, mate: &mut Mate) -> Result<Self>;

    /// The writer.
    fn join(job: &Job) -> Result<Self>;

    /// Copies in a value with this number.
    fn write(&mut self, number: u64) -> Result<()>;

    /// Copies out the newest value, checks that it is whole, and gives its number. `None`: there is none yet.
    fn read(&mut self) -> Result<Option<u64>>;
}

/// A message without a number.
pub fn blank(job: &Job) -> Vec<u8> {
    vec![0; job.message_bytes]
}

/// Writes the number into the first and the last word.
pub fn stamp(message: &mut [u8], number: u64) {
    let last = message.len() - 8;
    message[..8].copy_from_slice(&number.to_le_bytes());
    message[last..].copy_from_slice(&number.to_le_bytes());
}

/// The first and the last word.
///
/// # Panics
///
/// If there is none.
pub fn numbers(message: &[u8]) -> ([u8; 8], [u8; 8]) {
    (*message.first_chunk().expect("a first word"), *message.last_chunk().expect("a last word"))
}

/// The first and the last word, to be written.
pub fn ends(message: &mut [u8]) -> Result<[&mut [u8; 8]; 2]> {
    let (first, rest) = message.split_first_chunk_mut().context("a short message")?;
    Ok([first, rest.last_chunk_mut().context("a short message")?])
}

/// The number in the first and the last word, if they are the same.
pub fn number(message: &[u8]) -> Option<u64> {
    let (first, last) = numbers(message);
    (first == last).then(|| u64::from_le_bytes(first))
}

/// Fails if the message is not the expected one.
pub fn check(job: &Job, message: &[u8], expected: u64) -> Result<()> {
    let found = number(message);
    ensure!(message.len() == job.message_bytes, "{} bytes came instead of {}", message.len(), job.message_bytes);
    ensure!(found == Some(expected), "message {found:?} came instead of {expected}");
    Ok(())
}
