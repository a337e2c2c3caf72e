//! Tests that types which could be traced before the tracer offered several values keep their schemas.

use super::against_serde::{All, Level};
use super::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8, NonZeroU64, Wrapping};
use std::ops::{Bound, Range};
use std::time::{Duration, SystemTime};

/// A type whose parts depend on a number in it, which is neither 0 nor above 1.
#[expect(dead_code, reason = "only traced")]
struct Versioned(u8, Vec<Shape>);

impl<'de> Deserialize<'de> for Versioned {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let (version, shapes) = Deserialize::deserialize(deserializer)?;
        if version == 1 { Ok(Self(version, shapes)) } else { Err(serde::de::Error::custom("another version")) }
    }
}

#[derive(Serialize, Deserialize)]
enum NonZeros {
    One(NonZeroU8, Option<NonZeroI128>),
    Many { by_number: BTreeMap<NonZeroU8, Vec<NonZeroU64>>, folder: Option<Folder> },
    None,
}

macro_rules! schemas {
    ($($type:ty),* $(,)?) => {
        vec![$(Schema::of::<$type>().unwrap_or_else(|error| panic!("{error}")).as_json().to_owned()),*]
    };
}

#[test]
fn the_schemas_of_types_are_the_same_as_ever() {
    let schemas = schemas![
        (bool, char, String, i8, u128),
        (),
        [u16; 3],
        (u16,),
        Vec<Option<Option<f64>>>,
        HashMap<String, BTreeSet<i64>>,
        (Unit, NewType),
        Shape,
        Vec<(u8, Option<Shape>)>,
        Expression,
        Pile,
        Folder,
        Egg,
        Generics,
        (Vec<Colour>, other::Colour),
        (Duration, SystemTime, IpAddr, SocketAddr),
        (NonZeroU8, Range<u8>, std::result::Result<std::path::PathBuf, u8>),
        (Bound<u8>, Wrapping<i8>, Cow<'static, str>),
        All,
        Generic<(u8, Vec<Shape>, char, Vec<Option<f32>>)>,
        Versioned,
        Vec<(Versioned, NonZeroU8, bool)>,
        NonZeros,
        Generic<[Option<NonZeros>; 3]>,
        BTreeMap<(Level, char), serde_bytes::ByteBuf>,
        Option<Box<(Hen, Vec<Expression>, Generic<Folder>)>>,
    ];
    let expected: Vec<&str> = include_str!("unchanged.txt").lines().collect();
    assert_eq!(schemas, expected);
}
