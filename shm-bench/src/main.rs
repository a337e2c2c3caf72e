//! Measures how fast shm is on this machine, and compares each figure with a limit of the machine.

mod args;

use std::io::Write;
use std::process::ExitCode;

use args::{Args, SHORT_HELP};
use shm_bench::{PARTS, Report, Session, rows};

fn main() -> ExitCode {
    let mut out = shm_cli::stdout();
    let result = shm_cli::parse(SHORT_HELP).and_then(|args| run(&args, &mut out));
    shm_cli::finish(result, &mut out)
}

fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    shm_cli::catch_bus_errors(shm_cli::Mapped::Several)?;
    if let Some(served) = args.measuring.serve(PARTS) {
        return served;
    }
    let rows = rows();
    args.measuring.check(rows.iter().map(|row| row.name()))?;
    let mut session = Session::start(&args.measuring)?;
    let mut report = Report::new(out, args.json, args.goals);
    report.head(&session)?;
    for row in rows.iter().filter(|row| args.measuring.wants(row.name())) {
        let measured = row.measure(&mut session)?;
        report.row(row, &measured)?;
    }
    Ok(())
}
