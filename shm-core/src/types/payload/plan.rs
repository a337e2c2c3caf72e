//! The parts that `Deserialize` of a type reads, in a form that an encoder can follow quickly. A schema
//! is converted to it once, when a writer is opened.

use std::fmt;

/// The parts of a type in the order in which `Deserialize` reads them.
#[derive(Debug, Default)]
pub struct Plan {
    /// How errors call the value.
    pub title: String,
    /// The value itself.
    pub root: Form,
    /// The named types that the forms refer to.
    pub types: Vec<(String, Content)>,
}

/// The form of one place of a value.
#[derive(Debug, Default)]
pub enum Form {
    /// Unknown: anything may be written there.
    #[default]
    Any,
    Unit,
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    /// An index in `Plan::types`.
    Named(usize),
    Option(Box<Form>),
    Seq(Box<Form>),
    Map(Box<(Form, Form)>),
    Tuple(Box<[Form]>),
    Array(Box<Form>, u64),
}

/// The contents of a named type or of a variant.
#[derive(Debug)]
pub enum Content {
    Any,
    /// Not a named type.
    Nothing,
    Unit,
    NewType(Form),
    Tuple(Box<[Form]>),
    Struct(Box<[Field]>),
    Enum(Box<[Variant]>),
}

#[derive(Debug)]
pub struct Field {
    pub name: Box<str>,
    pub form: Form,
}

#[derive(Debug)]
pub struct Variant {
    pub number: u32,
    pub name: Box<str>,
    pub content: Content,
}

/// A value of which nothing is known.
pub static ANYTHING: Plan = Plan { title: String::new(), root: Form::Any, types: Vec::new() };

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "anything",
            Self::Unit => "()",
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Str => "text",
            Self::Bytes => "bytes",
            Self::Named(_) => "a named type",
            Self::Option(_) => "an option",
            Self::Seq(_) => "a sequence",
            Self::Map(_) => "a map",
            Self::Tuple(parts) => return write!(f, "a tuple of {}", parts.len()),
            Self::Array(_, size) => return write!(f, "a tuple of {size}"),
        })
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any | Self::Nothing => "anything",
            Self::Unit => "a unit",
            Self::NewType(_) => "a newtype",
            Self::Tuple(parts) => return write!(f, "a tuple of {}", parts.len()),
            Self::Struct(_) => "named fields",
            Self::Enum(_) => "an enum",
        })
    }
}
