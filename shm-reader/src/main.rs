//! shm-reader: prints the values of regions, and information about them. It changes nothing, so it is
//! safe to run at any time.

mod args;
mod fields;
mod inspect;
mod list;
mod map;
mod print;
mod read;
mod record;
mod verify;
mod words;

use std::io::Write;
use std::process::ExitCode;

use args::{Args, SHORT_HELP, Verb};

fn main() -> ExitCode {
    let mut out = shm_cli::stdout();
    let result = shm_cli::parse(SHORT_HELP).and_then(|args| run(&args, &mut out));
    shm_cli::finish(result, &mut out)
}

fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    shm_cli::catch_bus_errors(args.mapped())?;
    match (&args.verb, &args.read) {
        (None, Some(read)) => read::read(read, args.talk, out),
        (Some(Verb::List { json }), _) => list::list(*json, args.talk, out),
        (Some(Verb::Inspect { region, schema: true, .. }), _) => inspect::schema(region, out),
        (Some(Verb::Inspect { region, json, .. }), _) => inspect::inspect(region, *json, out),
        (Some(Verb::Verify { region, json }), _) => verify::verify(region, *json, out),
        (Some(Verb::Map { name, at, len, hex, force }), _) => {
            map::print(name, at.unwrap_or(0), *len, *hex, *force, out)
        }
        (Some(Verb::Completions { shell }), _) => Ok(shm_cli::completions::<Args>(*shell, out)?),
        (None, None) => unreachable!("clap asks for a region or a verb"),
    }
}
