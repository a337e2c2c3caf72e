//! Publishes frames of 480 x 640 pixels with 3 bytes each into the region `camera`, 60 frames per
//! second. All bytes of a frame are equal, so that a reader can check whether a frame is whole. Usage:
//! `camera [FRAMES]`

use shm_core::ArrayWriter;
use std::thread;
use std::time::{Duration, Instant};

fn main() -> anyhow::Result<()> {
    let frames = std::env::args().nth(1).map_or(Ok(300), |frames| frames.parse::<u32>())?;
    let mut camera = ArrayWriter::<u8>::open("camera", &[480, 640, 3])?;
    let mut frame = vec![0; 480 * 640 * 3];
    let start = Instant::now();
    for number in 0..frames {
        frame.fill((number % 251) as u8);
        camera.publish(&frame)?;
        let due = start + Duration::from_secs(1) / 60 * (number + 1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}
