//! `inspect`: prints all properties of a region, as text or JSON. It does not read values.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use shm_cli::values::json;
use shm_cli::{Code, Escaped, Failure, Users, remedy, shortened};
use shm_core::{ArrayType, Info};

use crate::fields::fields;
use crate::words;

/// Prints all properties of a region.
pub fn inspect(name: &str, is_json: bool, out: &mut dyn Write) -> Result<()> {
    let info = shm_core::inspect(name)?;
    let fields = fields(&info, &Users::read());
    if is_json {
        writeln!(out, "{}", json::object(fields.into_iter().map(|field| (field.key, field.value))))?;
        return Ok(());
    }
    for field in fields.iter().filter(|field| !field.words.is_empty()) {
        writeln!(out, "{:18}{}", field.label(), field.words)?;
    }
    if let Some(schema) = &info.schema {
        let (schema, show) = (schema.to_string(), |part: &[u8]| Escaped(part).to_string());
        match io::stdout().is_terminal() {
            true => writeln!(out, "\n{}", shortened(schema.trim_end().as_bytes(), show, "--schema or a pipe"))?,
            false => write!(out, "\n{}", show(schema.as_bytes()))?,
        }
    }
    Ok(())
}

/// Prints only the schema.
pub fn schema(name: &str, out: &mut dyn Write) -> Result<()> {
    let info = shm_core::inspect(name)?;
    let json = document(&info).ok_or_else(|| {
        let what = format!("region '{name}' has no schema: its kind is {}", words::kind(&info));
        Failure::new(Code::Other, what, remedy::kinds_with_schema())
    })?;
    Ok(writeln!(out, "{}", json::for_terminal(&json))?)
}

/// Returns the schema as JSON, if there is one.
fn document(info: &Info) -> Option<String> {
    info.schema.as_ref().map(|schema| schema.as_json().to_owned()).or(info.array.as_ref().map(ArrayType::to_json))
}
