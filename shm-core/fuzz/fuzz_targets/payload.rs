//! Fuzz target for payloads: any bytes, decoded as one of several types and by its schema. The first
//! byte chooses the type.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use shm_core_fuzz::Compared;
use std::cell::RefCell;
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
enum Colour {
    Red,
    Green,
}

/// An enum that is used as a key.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Level {
    Low,
    High,
}

#[derive(Serialize, Deserialize)]
enum Shape {
    Unit,
    New(f32),
    Pair(u8, String),
    Fields { x: i32, y: Option<Box<Shape>>, colour: Colour },
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Number(u16);

#[derive(Default, Serialize, Deserialize)]
struct Everything {
    integers: (i8, i16, i32, i64, u8, u16, u32, u64),
    floats: (f32, f64),
    text: String,
    letter: char,
    flag: bool,
    unit: (),
    maybe: Option<Shape>,
    shapes: Vec<Shape>,
    by_text: BTreeMap<String, u8>,
    by_number: BTreeMap<Number, Shape>,
    by_flag: BTreeMap<bool, u8>,
    by_letter: BTreeMap<char, ()>,
    by_level: BTreeMap<Level, i8>,
    array: [u16; 3],
}

#[derive(Default, Serialize, Deserialize)]
struct Odd {
    wide: (i128, u128),
    by_pair: BTreeMap<(u8, String), Vec<Option<()>>>,
    #[serde(with = "serde_bytes")]
    blob: Vec<u8>,
    nested: Option<Option<Box<Odd>>>,
}

#[derive(Default, Serialize, Deserialize)]
struct Folder {
    folders: Vec<Folder>,
    by_name: BTreeMap<String, Folder>,
    parent: Option<Box<Folder>>,
}

#[derive(Serialize, Deserialize)]
enum Expression {
    Number(f64),
    Negated(Box<Expression>),
    Sum(Box<Expression>, Box<Expression>),
}

thread_local! {
    static EVERYTHING: RefCell<Compared<Everything>> = RefCell::new(Compared::new(&Everything::default(), true));
    static ODD: RefCell<Compared<Odd>> = RefCell::new(Compared::new(&Odd::default(), false));
    static FOLDER: RefCell<Compared<Folder>> = RefCell::new(Compared::new(&Folder::default(), true));
    static EXPRESSION: RefCell<Compared<Expression>> = RefCell::new(Compared::new(&Expression::Number(1.0), true));
    static UNITS: RefCell<Compared<Vec<((), [(); 3])>>> = RefCell::new(Compared::new(&vec![], true));
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, payload)) = data.split_first() else { return };
    match choice % 5 {
        0 => EVERYTHING.with_borrow_mut(|compared| compared.check(payload)),
        1 => ODD.with_borrow_mut(|compared| compared.check(payload)),
        2 => FOLDER.with_borrow_mut(|compared| compared.check(payload)),
        3 => EXPRESSION.with_borrow_mut(|compared| compared.check(payload)),
        _ => UNITS.with_borrow_mut(|compared| compared.check(payload)),
    }
});
