//! What a check of a whole region finds. The checking itself is the library's.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use shm_cli::{Code, Escaped, Failure};
use shm_core::Finding;

use crate::json;

/// Prints what is wrong with a region, and where, or that it is sound.
pub fn verify(name: &str, is_json: bool, out: &mut dyn Write) -> Result<()> {
    let findings = shm_core::verify(name)?;
    match is_json {
        true => writeln!(out, "{}", report(name, &findings))?,
        false if findings.is_empty() => writeln!(out, "ok")?,
        false => print_findings(&findings, out)?,
    }
    if findings.is_empty() {
        return Ok(());
    }
    let what = format!("region '{name}' is damaged: {}", shm_cli::counted(findings.len() as u64, "finding"));
    Err(Failure::new(Code::Damaged, what, format!("remove it with: shm-writer rm {name}")).into())
}

fn print_findings(findings: &[Finding], out: &mut dyn Write) -> Result<()> {
    for Finding { place, problem, .. } in findings {
        writeln!(out, "{}", Escaped(format!("{place}: {problem}").as_bytes()))?;
    }
    Ok(())
}

fn report(name: &str, findings: &[Finding]) -> String {
    let findings: Value = findings
        .iter()
        .map(|finding| serde_json::json!({"place": finding.place, "problem": finding.problem}))
        .collect();
    let is_ok = findings.as_array().is_some_and(Vec::is_empty);
    json::object([("region", name.into()), ("ok", is_ok.into()), ("findings", findings)])
}
