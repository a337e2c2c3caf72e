//! Benchmarks of copying payload bytes into and out of shared words: the kernels, the portable
//! words and `memcpy`, side by side.
//!
//! The shared bytes start 24 bytes into a cache line, like the payload of a slot. The private bytes
//! start at an arbitrary offset. The `memcpy` copies between private buffers, where no race is
//! possible; it serves only as the reference.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shm_ring::copy::{self, portable};
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

const SIZES: [usize; 16] =
    [8, 13, 16, 24, 40, 64, 128, 192, 256, 512, 1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20];
/// The offset within a cache line at which a slot's payload starts.
const PAYLOAD_AT: usize = 24;
/// An odd offset that also differs from the position of the shared bytes within a page.
const PRIVATE_AT: usize = 1029;
const LINE: usize = 64;

fn payload_start(address: usize) -> usize {
    address.next_multiple_of(LINE) - address + PAYLOAD_AT
}

fn copies(criterion: &mut Criterion) {
    for (direction, run) in [("in", bench_in as fn(&mut Criterion, &str, usize)), ("out", bench_out)] {
        for bytes in SIZES {
            run(criterion, direction, bytes);
        }
    }
}

fn bench_in(criterion: &mut Criterion, direction: &str, bytes: usize) {
    let words: Vec<AtomicU64> = (0..bytes / 8 + 2 * LINE).map(|_| AtomicU64::new(1)).collect();
    let words = &words[payload_start(words.as_ptr().addr()) / 8..][..bytes.div_ceil(8)];
    let private = vec![1_u8; PRIVATE_AT + bytes];
    let private = &private[PRIVATE_AT..];
    let mut other = vec![1_u8; bytes + 2 * LINE];
    let start = payload_start(other.as_ptr().addr());
    let other = &mut other[start..][..bytes];

    let mut group = criterion.benchmark_group(direction);
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(BenchmarkId::new("kernel", bytes), |b| {
        b.iter(|| copy::copy_in(black_box(words), black_box(private)));
    });
    if bytes.is_multiple_of(8) {
        group.bench_function(BenchmarkId::new("portable", bytes), |b| {
            b.iter(|| portable::words_in(black_box(words), black_box(private).as_chunks().0));
        });
    }
    group.bench_function(BenchmarkId::new("memcpy", bytes), |b| {
        b.iter(|| black_box(&mut *other).copy_from_slice(black_box(private)));
    });
}

fn bench_out(criterion: &mut Criterion, direction: &str, bytes: usize) {
    let words: Vec<AtomicU64> = (0..bytes / 8 + 2 * LINE).map(|_| AtomicU64::new(1)).collect();
    let words = &words[payload_start(words.as_ptr().addr()) / 8..][..bytes.div_ceil(8)];
    let mut private = vec![1_u8; PRIVATE_AT + bytes];
    let private = &mut private[PRIVATE_AT..];
    let other = vec![1_u8; bytes + 2 * LINE];
    let other = &other[payload_start(other.as_ptr().addr())..][..bytes];

    let mut group = criterion.benchmark_group(direction);
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(BenchmarkId::new("kernel", bytes), |b| {
        b.iter(|| copy::copy_out(black_box(words), black_box(&mut *private)));
    });
    if bytes.is_multiple_of(8) {
        group.bench_function(BenchmarkId::new("portable", bytes), |b| {
            b.iter(|| portable::words_out(black_box(words), black_box(&mut *private).as_chunks_mut().0));
        });
    }
    group.bench_function(BenchmarkId::new("memcpy", bytes), |b| {
        b.iter(|| black_box(&mut *private).copy_from_slice(black_box(other)));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = copies
}
criterion_main!(benches);
