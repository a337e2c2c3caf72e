//! `verify`: prints what the library finds when it checks a whole region.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde_json::{Value, json};
use shm_cli::values::json;
use shm_cli::{Code, Escaped, Failure, remedy, shortened};
use shm_core::OpenError;

/// Prints what is wrong with a region, and where, or `ok`.
pub fn verify(name: &str, is_json: bool, out: &mut dyn Write) -> Result<()> {
    let findings = findings(name)?;
    match is_json {
        true => writeln!(out, "{}", report(name, &findings))?,
        false if findings.is_empty() => writeln!(out, "ok")?,
        false => print_findings(&findings, out)?,
    }
    if findings.is_empty() {
        return Ok(());
    }
    let what = format!("region '{name}' is damaged: {}", shm_cli::counted(findings.len() as u64, "finding"));
    Err(Failure::new(Code::Damaged, what, remedy::keep_copy(findings.iter().any(|(part, _)| part == "header"))).into())
}

/// Returns the place and the problem of each finding. A region that is too damaged to open has one
/// finding.
fn findings(name: &str) -> Result<Vec<(String, String)>> {
    match shm_core::verify(name) {
        Ok(findings) => Ok(findings.into_iter().map(|finding| (finding.part, finding.problem)).collect()),
        Err(OpenError::Damaged { reason, .. }) => Ok(vec![("header".to_owned(), reason)]),
        Err(error) => Err(error.into()),
    }
}

fn print_findings(findings: &[(String, String)], out: &mut dyn Write) -> Result<()> {
    let lines: Vec<_> = findings.iter().map(|(part, problem)| format!("{part}: {problem}")).collect();
    let (lines, show) = (lines.join("\n"), |part: &[u8]| Escaped(part).to_string());
    match io::stdout().is_terminal() {
        true => writeln!(out, "{}", shortened(lines.as_bytes(), show, "--json or a pipe"))?,
        false => writeln!(out, "{}", show(lines.as_bytes()))?,
    }
    Ok(())
}

fn report(name: &str, findings: &[(String, String)]) -> String {
    let list: Value = findings.iter().map(|(part, problem)| json!({"part": part, "problem": problem})).collect();
    json::object([("region", name.into()), ("ok", findings.is_empty().into()), ("findings", list)])
}
