//! Fuzz target for schemas: a line is parsed as a schema, and the bytes after it are decoded as a
//! payload by that schema.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use shm_core::Schema;
use shm_core_fuzz::{comes_back, mutate_schema};

fuzz_target!(|data: &[u8]| {
    let (json, payload) = split(data);
    let Some(schema) = str::from_utf8(json).ok().and_then(|json| Schema::parse(json).ok()) else { return };
    assert_eq!(Schema::parse(schema.as_json()).expect("its own document").as_json(), schema.as_json());
    assert!(!schema.to_string().is_empty());
    comes_back(&schema, payload);
    comes_back(&schema, &[]);
    comes_back(&schema, &[1; 300]);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let (json, payload) = split(&data[..size]);
    let mutated = str::from_utf8(json).ok().filter(|_| seed % 2 == 0).and_then(|json| mutate_schema(json, seed / 2));
    match mutated {
        Some(json) if json.len() + 1 + payload.len() <= max_size => {
            let bytes = [json.as_bytes(), b"\n", payload].concat();
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}
