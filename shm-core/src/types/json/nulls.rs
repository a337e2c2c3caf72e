//! Finds values that serde_json writes as `null` without an error, but cannot read back from `null`: NaN and
//! infinities, and `Some` of something that is itself `null`, which would arrive as `None`.

use serde::ser::{self, Serialize, Serializer};
use std::fmt;

/// Returns an error if a part of the value would be read back as another one.
pub fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), Refused> {
    look(value).map(drop)
}

fn look<T: Serialize + ?Sized>(value: &T) -> Found {
    value.serialize(Nulls)
}

/// Why a value is refused.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self(message.to_string())
    }
}

/// A serializer that looks at every part and writes nothing.
struct Nulls;

/// Whether a part is written as `null`.
type Found = Result<bool, Refused>;

fn number(number: f64) -> Found {
    if number.is_finite() { Ok(false) } else { Err(Refused(format!("it has no form for the number {number}"))) }
}

macro_rules! plain {
    ($is_null:literal $($method:ident($($type:ty),*))*) => {$(
        fn $method(self, $(_: $type),*) -> Found {
            Ok($is_null)
        }
    )*};
}

impl Serializer for Nulls {
    type Ok = bool;
    type Error = Refused;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! { false
        serialize_bool(bool) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_unit_variant(&'static str, u32, &'static str)
    }
    plain! { true
        serialize_none() serialize_unit() serialize_unit_struct(&'static str)
    }

    fn serialize_f32(self, value: f32) -> Found {
        number(value.into())
    }

    fn serialize_f64(self, value: f64) -> Found {
        number(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Found {
        match look(value)? {
            true => {
                Err(Refused("readers would take Some of nothing, such as Some(None) or Some(()), for None".to_owned()))
            }
            false => Ok(false),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Found {
        look(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Found {
        check(value).map(|()| false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }
}

/// The methods for the parts of lists, and of structs, whose fields have names.
macro_rules! compound {
    ($($interface:ident $method:ident($($name:ty)?);)*) => {$(
        impl ser::$interface for Nulls {
            type Ok = bool;
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Refused> {
                check(value)
            }

            fn end(self) -> Found {
                Ok(false)
            }
        }
    )*};
}

compound! {
    SerializeSeq serialize_element();
    SerializeTuple serialize_element();
    SerializeTupleStruct serialize_field();
    SerializeTupleVariant serialize_field();
    SerializeStruct serialize_field(&'static str);
    SerializeStructVariant serialize_field(&'static str);
}

impl ser::SerializeMap for Nulls {
    type Ok = bool;
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        check(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        check(value)
    }

    fn end(self) -> Found {
        Ok(false)
    }
}
