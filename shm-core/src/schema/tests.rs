//! Tracing.
#![allow(dead_code, missing_docs)]
use super::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::*;

fn show<T: DeserializeOwned>() -> String {
    match trace::<T>() {
        Ok(tree) => serde_json::to_string(&tree).unwrap(),
        Err(e) => format!("ERR {e}"),
    }
}
#[derive(Serialize, Deserialize)]
enum Shape {
    Unit,
    New(f32),
    Tup(u8, u8),
    Str { x: i32, y: Option<Color> },
}
#[derive(Serialize, Deserialize)]
enum Color {
    Red,
    Green,
    Rgb(u8, u8, u8),
}
#[derive(Serialize, Deserialize)]
struct Deep {
    a: Vec<Shape>,
    b: HashMap<String, Color>,
    c: Option<Box<Deep>>,
    d: (u8, String),
    e: [f32; 3],
    f: u128,
    g: char,
    h: (),
    i: Option<Color>,
}
#[derive(Serialize, Deserialize)]
enum Expr {
    Neg(Box<Expr>),
    Num(f64),
    Add(Box<Expr>, Box<Expr>),
}
#[derive(Serialize, Deserialize)]
enum Tree2 {
    Node(Box<Tree2>, Box<Tree2>),
    Leaf,
}
#[derive(Serialize, Deserialize)]
struct Gen<T> {
    v: T,
}
#[derive(Serialize, Deserialize)]
struct TwoGen {
    a: Gen<u8>,
    b: Gen<String>,
    c: Gen<u8>,
}
mod a {
    use super::*;
    #[derive(Serialize, Deserialize)]
    pub enum K {
        A,
        B,
    }
    #[derive(Serialize, Deserialize)]
    pub struct P {
        pub x: u8,
    }
}
mod c {
    use super::*;
    #[derive(Serialize, Deserialize)]
    pub enum K {
        B,
        A,
        C,
    }
    #[derive(Serialize, Deserialize)]
    pub struct P {
        pub y: u8,
    }
}
#[derive(Serialize, Deserialize)]
struct TwoK {
    a: Vec<a::K>,
    b: c::K,
    p: a::P,
    q: c::P,
}
#[derive(Serialize, Deserialize)]
struct Rec {
    m: HashMap<String, Rec>,
    o: Option<Box<Rec>>,
    v: Vec<Rec>,
}
#[derive(Serialize, Deserialize)]
struct Endless {
    m: Box<Endless>,
}
#[derive(Serialize, Deserialize)]
enum Endless2 {
    A(Box<Endless2>),
    B(u8, Box<Endless2>),
}
#[derive(Serialize, Deserialize)]
enum MutA {
    X(Box<MutB>),
    W,
}
#[derive(Serialize, Deserialize)]
enum MutB {
    Y(Box<MutA>),
}
#[derive(Serialize, Deserialize)]
struct NT(u8);
#[derive(Serialize, Deserialize)]
struct US;
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Un {
    A(u8),
    B(String),
}
#[derive(Serialize, Deserialize)]
#[serde(tag = "t")]
enum Tag {
    A { x: u8 },
    B { y: String },
}
#[derive(Serialize, Deserialize)]
struct Fl {
    #[serde(flatten)]
    p: a::P,
}
#[derive(Serialize, Deserialize)]
struct Al {
    #[serde(alias = "q")]
    p: u8,
    r: u8,
}
#[derive(Serialize, Deserialize)]
enum Void {}
#[derive(Serialize, Deserialize)]
struct Std {
    a: std::time::Duration,
    b: std::net::IpAddr,
    c: std::path::PathBuf,
    d: std::time::SystemTime,
    e: std::num::NonZeroU8,
    r: std::ops::Range<u8>,
    s: BTreeSet<String>,
    res: std::result::Result<u8, String>,
    bo: std::ops::Bound<u8>,
    w: std::num::Wrapping<u8>,
    cow: std::borrow::Cow<'static, str>,
    addr: std::net::SocketAddr,
}
#[test]
fn all() {
    macro_rules! s { ($($t:ty),*) => { $(println!("{}: {}", stringify!($t), show::<$t>());)* } }
    s!(
        Shape,
        Deep,
        Expr,
        Tree2,
        TwoGen,
        TwoK,
        Rec,
        Endless,
        Endless2,
        MutA,
        MutB,
        (u8, NT, US),
        Un,
        Tag,
        Fl,
        Al,
        Void,
        Std,
        u8,
        Vec<Vec<Option<Option<u8>>>>,
        (u8,),
        ()
    );
}
