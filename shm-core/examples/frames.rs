//! Receives the frames of the region `camera` until its writer closes it, and counts the frames that
//! were lost or torn. The writer can be in any language. All bytes of a whole frame are equal.

use shm_core::{ArrayReader, Position, ReaderOptions};
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    let mut options = ReaderOptions::new();
    options.open_timeout(Duration::MAX).start(Position::At(1));
    let mut camera: ArrayReader<u8> = options.open_array("camera")?;
    let (mut received, mut lost, mut torn) = (0, 0, 0);
    let mut frame = Vec::new();
    while let Some(sample) = camera.recv_into(&mut frame)? {
        received += 1;
        lost += sample.lost;
        torn += usize::from(frame.iter().any(|byte| *byte != frame[0]));
    }
    println!("{received} frames of {:?}, {lost} lost, {torn} torn", camera.array().shape());
    Ok(())
}
