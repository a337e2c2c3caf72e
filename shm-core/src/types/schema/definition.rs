//! Prints the description of a type as a definition similar to Rust. Its names may come from an
//! untrusted source, so they are escaped.

use super::format::{Container, Format, Named, Tree, Variant};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Returns the definition of a type, followed by those of the types that it contains, in the order of
/// their first use.
pub fn of_tree(tree: &Tree) -> String {
    let (mut order, mut met) = (vec![], BTreeSet::new());
    names(&tree.root, &mut order, &mut met);
    let mut text = match &tree.root {
        Format::TypeName(_) => String::new(),
        root => format!("type Value = {};\n", of_format(root)),
    };
    let mut at = 0;
    while let Some(name) = order.get(at).copied() {
        if let Some(container) = tree.types.get(name) {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", of_container(name, container));
            container.parts().iter().for_each(|part| names(part, &mut order, &mut met));
        }
        at += 1;
    }
    text
}

/// Adds the names in a format that have not been added yet.
fn names<'t>(format: &'t Format, order: &mut Vec<&'t str>, met: &mut BTreeSet<&'t str>) {
    if let Format::TypeName(name) = format
        && met.insert(name)
    {
        order.push(name);
    }
    format.parts().iter().for_each(|part| names(part, order, met));
}

/// Returns a format as a type in Rust.
pub fn of_format(format: &Format) -> String {
    let plain = match format {
        Format::Unknown => "?",
        Format::Unit => "()",
        Format::Bool => "bool",
        Format::I8 => "i8",
        Format::I16 => "i16",
        Format::I32 => "i32",
        Format::I64 => "i64",
        Format::I128 => "i128",
        Format::U8 => "u8",
        Format::U16 => "u16",
        Format::U32 => "u32",
        Format::U64 => "u64",
        Format::U128 => "u128",
        Format::F32 => "f32",
        Format::F64 => "f64",
        Format::Char => "char",
        Format::Str => "String",
        Format::Bytes => "Bytes",
        Format::TypeName(name) => return escaped(name),
        Format::Option(inner) => return format!("Option<{}>", of_format(inner)),
        Format::Seq(inner) => return format!("Vec<{}>", of_format(inner)),
        Format::Map { key, value } => return format!("Map<{}, {}>", of_format(key), of_format(value)),
        Format::Tuple(parts) if parts.len() == 1 => return format!("({},)", of_format(&parts[0])),
        Format::Tuple(parts) => return format!("({})", list(parts)),
        Format::TupleArray { content, size } => return format!("[{}; {size}]", of_format(content)),
    };
    plain.to_owned()
}

/// Returns a struct or an enum, on several lines.
pub fn of_container(name: &str, container: &Container) -> String {
    let name = escaped(name);
    match container {
        Container::UnitStruct => format!("struct {name};"),
        Container::NewTypeStruct(inner) => format!("struct {name}({});", of_format(inner)),
        Container::TupleStruct(parts) => format!("struct {name}({});", list(parts)),
        Container::Struct(members) => {
            let members = members.iter().map(|member| format!("    {},\n", of_member(member)));
            format!("struct {name} {{\n{}}}", members.collect::<String>())
        }
        Container::Enum(variants) => {
            let variants = variants.values().map(|variant| format!("    {},\n", of_variant(variant)));
            format!("enum {name} {{\n{}}}", variants.collect::<String>())
        }
    }
}

/// Returns a variant as it is printed in the definition of its enum.
pub fn of_variant(variant: &Named<Variant>) -> String {
    let name = escaped(&variant.name);
    match &variant.value {
        Variant::Unit | Variant::Unknown => name,
        Variant::NewType(inner) => format!("{name}({})", of_format(inner)),
        Variant::Tuple(parts) => format!("{name}({})", list(parts)),
        Variant::Struct(members) => {
            let members: Vec<_> = members.iter().map(of_member).collect();
            format!("{name} {{ {} }}", members.join(", "))
        }
    }
}

fn of_member(member: &Named<Format>) -> String {
    format!("{}: {}", escaped(&member.name), of_format(&member.value))
}

fn list(parts: &[Format]) -> String {
    parts.iter().map(of_format).collect::<Vec<_>>().join(", ")
}

/// Returns a name without characters that would end a line or control a terminal.
pub fn escaped(name: &str) -> String {
    name.escape_debug().to_string()
}
