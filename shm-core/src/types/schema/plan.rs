//! Converts a schema to the form that the encoder follows.

use super::definition;
use super::format::{Container, Format, Named, Tree, Variant};
use crate::types::payload::plan::{self, Content, Field, Form, Plan};
use std::collections::BTreeMap;

/// Returns the plan of a type.
pub fn of_tree(tree: &Tree) -> Plan {
    let index: BTreeMap<&str, usize> = tree.types.keys().map(String::as_str).zip(0..).collect();
    let types = tree.types.iter().map(|(name, container)| (name.clone(), of_container(&index, container))).collect();
    Plan { title: definition::of_format(&tree.root), root: form(&index, &tree.root), types }
}

fn of_container(index: &BTreeMap<&str, usize>, container: &Container) -> Content {
    match container {
        Container::UnitStruct => Content::Unit,
        Container::NewTypeStruct(inner) => Content::NewType(form(index, inner)),
        Container::TupleStruct(parts) => Content::Tuple(forms(index, parts)),
        Container::Struct(all) => Content::Struct(fields(index, all)),
        Container::Enum(variants) => {
            let variant = |(number, variant): (&u32, &Named<Variant>)| plan::Variant {
                number: *number,
                name: variant.name.as_str().into(),
                content: of_variant(index, &variant.value),
            };
            Content::Enum(variants.iter().map(variant).collect())
        }
    }
}

fn of_variant(index: &BTreeMap<&str, usize>, variant: &Variant) -> Content {
    match variant {
        Variant::Unknown | Variant::Unit => Content::Unit,
        Variant::NewType(inner) => Content::NewType(form(index, inner)),
        Variant::Tuple(parts) => Content::Tuple(forms(index, parts)),
        Variant::Struct(all) => Content::Struct(fields(index, all)),
    }
}

fn fields(index: &BTreeMap<&str, usize>, fields: &[Named<Format>]) -> Box<[Field]> {
    fields.iter().map(|field| Field { name: field.name.as_str().into(), form: form(index, &field.value) }).collect()
}

fn forms(index: &BTreeMap<&str, usize>, parts: &[Format]) -> Box<[Form]> {
    parts.iter().map(|part| form(index, part)).collect()
}

fn form(index: &BTreeMap<&str, usize>, format: &Format) -> Form {
    match format {
        Format::Unknown => Form::Any,
        Format::Unit => Form::Unit,
        Format::Bool => Form::Bool,
        Format::I8 => Form::I8,
        Format::I16 => Form::I16,
        Format::I32 => Form::I32,
        Format::I64 => Form::I64,
        Format::I128 => Form::I128,
        Format::U8 => Form::U8,
        Format::U16 => Form::U16,
        Format::U32 => Form::U32,
        Format::U64 => Form::U64,
        Format::U128 => Form::U128,
        Format::F32 => Form::F32,
        Format::F64 => Form::F64,
        Format::Char => Form::Char,
        Format::Str => Form::Str,
        Format::Bytes => Form::Bytes,
        Format::TypeName(name) => Form::Named(index[name.as_str()]),
        Format::Option(inner) => Form::Option(Box::new(form(index, inner))),
        Format::Seq(inner) => Form::Seq(Box::new(form(index, inner))),
        Format::Map { key, value } => Form::Map(Box::new((form(index, key), form(index, value)))),
        Format::Tuple(parts) => Form::Tuple(forms(index, parts)),
        Format::TupleArray { content, size } => Form::Array(Box::new(form(index, content)), *size),
    }
}
