//! Tests that a type of many bytes needs no more stack than decoding it does.

use crate::tests::test_region::TestRegion;
use crate::{Reader, Writer};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use std::fmt;

const LENGTH: usize = 32_768;

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

// Reported 18.
#[test]
fn a_reader_of_a_large_type_opens_and_decodes_in_a_thread_with_a_small_stack() {
    let test_region = TestRegion::new();
    let name = test_region.name.clone();
    let on_a_stack_of = |bytes: usize, run: fn(&str)| {
        let name = name.clone();
        std::thread::Builder::new().stack_size(bytes).spawn(move || run(&name)).unwrap().join().unwrap();
    };
    on_a_stack_of(16 << 20, |name| {
        Writer::<Large>::open(name).unwrap().publish(&Large([1.5; LENGTH])).unwrap();
    });
    on_a_stack_of(2 << 20, |name| drop(Reader::<Large>::open(name).unwrap()));
    on_a_stack_of(2 << 20, |name| drop(Writer::<Large>::open(name).unwrap()));
    // Without optimization, decoding takes more.
    on_a_stack_of(16 << 20, |name| {
        let mut reader = Reader::<Large>::open(name).unwrap();
        assert_eq!(reader.latest().unwrap().unwrap().value.0[7], 1.5);
    });
}
