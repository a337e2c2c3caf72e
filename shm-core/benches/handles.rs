//! Benchmarks of the public handles, in one process without other readers and writers: bytes of several
//! lengths, a small typed value, and values in place. For comparison, the typed value is also encoded
//! and decoded with bincode alone.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use shm_core::{Kind, RawReader, RawWriter, Reader, Writer};
use std::hint::black_box;
use std::time::Duration;
use tempfile::TempDir;

const SIZES: [usize; 4] = [8, 64, 1 << 10, 64 << 10];
const BINCODE: bincode::config::Configuration<bincode::config::LittleEndian, bincode::config::Fixint> =
    bincode::config::legacy();

/// A small value that needs no allocation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reading {
    room: u32,
    celsius: f64,
    position: [f32; 3],
    is_open: bool,
}

/// A later version of the same value.
#[cfg(feature = "schema")]
#[derive(Clone, Copy, Debug, Deserialize)]
#[expect(dead_code, reason = "only decoded")]
struct Reordered {
    is_open: bool,
    position: [f64; 3],
    celsius: f64,
    room: u64,
    humidity: Option<u8>,
}

const READING: Reading = Reading { room: 7, celsius: 21.5, position: [1.0, 2.0, 3.0], is_open: true };

/// A directory in memory, which is removed after the benchmark.
fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let name = format!("{}/region", directory.path().display());
    (directory, name)
}

/// A writer and a reader of a region whose slots hold `bytes`, and the first value.
fn ends(name: &str, bytes: usize) -> (RawWriter, RawReader, Vec<u8>) {
    let payload = vec![1; bytes];
    let mut options = RawWriter::options();
    let mut writer = options.kind(Kind::Bytes).capacity(bytes as u64).open_raw(name).expect("a new region");
    writer.publish(&payload).expect("room for a value");
    let reader = RawReader::open(name).expect("a region");
    (writer, reader, payload)
}

fn bytes(criterion: &mut Criterion) {
    for (name, run) in [("latest", bench_latest as Bench), ("publish", bench_publish), ("both", bench_both)] {
        let mut group = criterion.benchmark_group(name);
        for bytes in SIZES {
            group.throughput(Throughput::Bytes(bytes as u64));
            run(&mut group, bytes);
        }
    }
}

type Bench = fn(&mut BenchmarkGroup<'_, WallTime>, usize);

fn bench_latest(group: &mut BenchmarkGroup<'_, WallTime>, bytes: usize) {
    let (_directory, name) = directory();
    let (_writer, mut reader, mut buffer) = ends(&name, bytes);
    group.bench_function(BenchmarkId::from_parameter(bytes), |b| {
        b.iter(|| reader.latest_into(black_box(&mut buffer)).unwrap().unwrap().sequence);
    });
}

fn bench_publish(group: &mut BenchmarkGroup<'_, WallTime>, bytes: usize) {
    let (_directory, name) = directory();
    let (mut writer, _reader, payload) = ends(&name, bytes);
    group.bench_function(BenchmarkId::from_parameter(bytes), |b| {
        b.iter(|| writer.publish(black_box(&payload)).unwrap());
    });
}

fn bench_both(group: &mut BenchmarkGroup<'_, WallTime>, bytes: usize) {
    let (_directory, name) = directory();
    let (mut writer, mut reader, payload) = ends(&name, bytes);
    let mut buffer = Vec::new();
    reader.latest_into(&mut buffer).unwrap();
    group.bench_function(BenchmarkId::from_parameter(bytes), |b| {
        b.iter(|| {
            writer.publish(black_box(&payload)).unwrap();
            reader.try_recv_into(black_box(&mut buffer)).unwrap().value().unwrap().sequence
        });
    });
}

fn typed(criterion: &mut Criterion) {
    let (_directory, name) = directory();
    let mut writer = Writer::<Reading>::open(&name).unwrap();
    let mut reader = Reader::<Reading>::open(&name).unwrap();
    writer.publish(&READING).unwrap();
    let mut encoded = Vec::new();

    let mut group = criterion.benchmark_group("typed");
    group.bench_function("publish", |b| b.iter(|| writer.publish(black_box(&READING)).unwrap()));
    let (mut raw, ..) = ends(&format!("{name}-raw"), 64);
    group.bench_function("publish what bincode encodes", |b| {
        b.iter(|| {
            encode(black_box(&READING), &mut encoded);
            raw.publish(&encoded).unwrap()
        });
    });
    let numbers: Vec<f64> = (0..10_000).map(f64::from).collect();
    let mut many = Writer::<Vec<f64>>::open(format!("{name}-many")).unwrap();
    group.bench_function("publish 10000 numbers", |b| b.iter(|| many.publish(black_box(&numbers)).unwrap()));
    let (mut raw, ..) = ends(&format!("{name}-many-raw"), 80_008);
    group.bench_function("publish 10000 numbers that bincode encodes", |b| {
        b.iter(|| {
            encode(black_box(&numbers), &mut encoded);
            raw.publish(&encoded).unwrap()
        });
    });
    #[cfg(feature = "schema")]
    {
        let mut by_name = shm_core::ReaderOptions::new().by_name(true).open::<Reordered>(&name).unwrap();
        group.bench_function("latest by name", |b| b.iter(|| by_name.latest().unwrap().unwrap().value));
    }
    group.bench_function("latest", |b| b.iter(|| reader.latest().unwrap().unwrap().value));
    group.bench_function("both", |b| {
        b.iter(|| {
            writer.publish(black_box(&READING)).unwrap();
            reader.try_recv().unwrap().value().unwrap().value
        });
    });
    group.bench_function("encode", |b| b.iter(|| encode(black_box(&READING), &mut encoded)));
    group.bench_function("decode", |b| b.iter(|| decode(black_box(&encoded))));
    group.bench_function("encode and decode", |b| {
        b.iter(|| {
            encode(black_box(&READING), &mut encoded);
            decode(black_box(&encoded))
        });
    });
}

/// Encodes with bincode alone.
fn encode<T: Serialize>(value: &T, encoded: &mut Vec<u8>) {
    encoded.clear();
    bincode::serde::encode_into_std_write(value, encoded, BINCODE).unwrap();
}

/// Decodes with bincode alone, without limits.
fn decode(encoded: &[u8]) -> Reading {
    bincode::serde::decode_from_slice(encoded, BINCODE).unwrap().0
}

fn in_place(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("in place");
    for bytes in SIZES {
        let (_directory, name) = directory();
        let (mut writer, mut reader, _) = ends(&name, bytes);
        group.bench_function(BenchmarkId::new("loan", bytes), |b| {
            b.iter(|| {
                let mut loan = writer.loan(bytes).unwrap();
                loan.write_at(0, black_box(&[1; 8]));
                loan.commit().unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("view", bytes), |b| {
            b.iter(|| {
                let view = reader.view().unwrap().unwrap();
                let first = view.words().next();
                assert!(view.is_whole());
                first
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = bytes, typed, in_place
}
criterion_main!(benches);
