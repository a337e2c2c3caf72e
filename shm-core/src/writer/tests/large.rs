//! Tests that a type of many bytes needs no more stack than decoding it does.

use crate::tests::test_region::TestRegion;
use crate::{Reader, Received, Writer};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use std::fmt;
use std::time::Duration;

/// The largest array, rounded, that bincode alone decodes without optimization in a thread with a stack of 2 MiB.
const LENGTH: usize = 49_152;

/// An array, as crates for large arrays encode it.
struct Large([f32; LENGTH]);

impl Serialize for Large {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_tuple(LENGTH)?;
        self.0.iter().try_for_each(|element| elements.serialize_element(element))?;
        elements.end()
    }
}

impl<'de> Deserialize<'de> for Large {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'de> Visitor<'de> for Elements {
            type Value = Large;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Large, A::Error> {
                let mut array = [0.0; LENGTH];
                for element in &mut array {
                    *element = list.next_element()?.unwrap();
                }
                Ok(Large(array))
            }
        }

        deserializer.deserialize_tuple(LENGTH, Elements)
    }
}

type Receive = fn(&mut Reader<Large>) -> Option<f32>;

/// The ways to receive a value. None of them makes another copy of it.
const RECEIVE: [Receive; 7] = [
    |reader| Some(reader.latest().as_ref().unwrap().as_ref()?.value.0[7]),
    |reader| Some(reader.recv().as_ref().unwrap().as_ref()?.value.0[7]),
    |reader| received(&reader.try_recv().unwrap()),
    |reader| received(&reader.recv_timeout(Duration::ZERO).unwrap()),
    |reader| Some(reader.follow(Duration::ZERO).as_ref().unwrap().as_ref()?.value.0[7]),
    |reader| Some(reader.iter().next().as_ref()?.as_ref().unwrap().value.0[7]),
    |reader| Some(reader.view().unwrap()?.decode::<Large>().as_ref().unwrap().0[7]),
];

fn received(received: &Received<Large>) -> Option<f32> {
    if let Received::Value(sample) = received { Some(sample.value.0[7]) } else { None }
}

// Reported 18.
#[test]
fn a_large_type_is_written_and_read_in_a_thread_with_a_small_stack() {
    fn publish(name: &str) {
        Writer::<Large>::open(name).unwrap().publish(&Large([1.5; LENGTH])).unwrap();
    }
    let test_region = TestRegion::new();
    let name = test_region.name.clone();
    let run = move || {
        publish(&name);
        for receive in RECEIVE {
            assert_eq!(receive(&mut Reader::<Large>::open(&name).unwrap()), Some(1.5));
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}
