//! Everything that one region's header says, in words or as JSON. Its values are not read.

use std::io::Write;

use anyhow::Result;
use shm_cli::values::json;
use shm_cli::{Code, Escaped, Failure, Users};
use shm_core::{ArrayType, Info};

use crate::fields::fields;
use crate::words;

/// Prints every field of a region's header.
pub fn inspect(name: &str, is_json: bool, out: &mut dyn Write) -> Result<()> {
    let info = shm_core::inspect(name)?;
    let fields = fields(&info, &Users::read());
    if is_json {
        writeln!(out, "{}", json::object(fields.into_iter().map(|field| (field.key, field.value))))?;
        return Ok(());
    }
    for field in fields.iter().filter(|field| !field.words.is_empty()) {
        writeln!(out, "{:16}{}", field.label, field.words)?;
    }
    if let Some(schema) = &info.schema {
        write!(out, "\n{}", Escaped(schema.to_string().as_bytes()))?;
    }
    Ok(())
}

/// Prints the schema alone.
pub fn schema(name: &str, out: &mut dyn Write) -> Result<()> {
    let info = shm_core::inspect(name)?;
    let json = document(&info).ok_or_else(|| {
        let what = format!("region '{name}' has no schema: it holds {} values", words::kind(&info));
        Failure::new(Code::Other, what, "typed regions have one, and arrays")
    })?;
    Ok(writeln!(out, "{}", json::for_terminal(&json))?)
}

/// The schema as JSON, if there is one.
fn document(info: &Info) -> Option<String> {
    info.schema.as_ref().map(|schema| schema.as_json().to_owned()).or(info.array.as_ref().map(ArrayType::to_json))
}
