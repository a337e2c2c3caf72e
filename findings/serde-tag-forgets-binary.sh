#!/usr/bin/env bash
# MessagePack and CBOR cannot read back what they wrote themselves when an IP address is in a type with `#[serde(tag)]`: serde buffers
# such a value, and the buffer answers "human readable" for every format, so the address expects text where it was written as bytes.
# The buffer has no room for 128-bit integers either, so even the number 1 is refused in JSON if its field is a u128.
# Met by: users of `tag`, `untagged` and `flatten` with types that have a text and a binary form (addresses, bitflags), or with u128.
# Seen on: serde 1.0.229, rmp-serde 1.3.1, ciborium 0.2.2, serde_json 1.0.154.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
serde = { version = "=1.0.229", features = ["derive"] }
rmp-serde = "=1.3.1"
ciborium = "=0.2.2"
serde_json = "=1.0.154"
TOML
cat > src/main.rs <<'RUST'
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use std::net::Ipv4Addr;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Peer { address: Ipv4Addr },
    Id { number: u128 },
}

#[derive(Serialize, Deserialize)]
enum Plain {
    Peer { address: Ipv4Addr },
    Id { number: u128 },
}

fn round_trips<T: Serialize + DeserializeOwned>(value: T) -> String {
    let mut cbor = Vec::new();
    ciborium::into_writer(&value, &mut cbor).unwrap();
    let works = [
        rmp_serde::from_slice::<T>(&rmp_serde::to_vec_named(&value).unwrap()).is_ok(),
        ciborium::from_reader::<T, _>(&cbor[..]).is_ok(),
        serde_json::from_str::<T>(&serde_json::to_string(&value).unwrap()).is_ok(),
    ];
    works.map(|ok| if ok { "yes" } else { "no" }).join(" ")
}

fn main() {
    let address = Ipv4Addr::LOCALHOST;
    println!("address {}, tagged {}; u128 {}, tagged {}",
        round_trips(Plain::Peer { address }), round_trips(Tagged::Peer { address }),
        round_trips(Plain::Id { number: 1 }), round_trips(Tagged::Id { number: 1 }));
}
RUST
seen=$(cargo run -q 2>/dev/null)
surprise="address yes yes yes, tagged no no yes; u128 yes yes yes, tagged no no no"
echo "version:  serde 1.0.229, rmp-serde 1.3.1, ciborium 0.2.2, serde_json 1.0.154"
echo "expected: (can MessagePack, CBOR, JSON read back what they wrote?) yes everywhere"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
