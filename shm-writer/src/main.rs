//! shm-writer: publishes values, and does everything else that changes a region.

mod args;
mod large_file;
mod map;
mod publish;
mod records;
mod shared_writer;
mod source;
mod target;
mod upkeep;

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
    match (&args.verb, &args.publish) {
        (None, Some(publish)) => publish::publish(publish, &args.layout, args.talk),
        (Some(Verb::Create { region, layout, description }), _) => {
            upkeep::create(region, layout, description, args.talk)
        }
        (Some(Verb::Rm { force, regions }), _) => upkeep::remove(regions, *force, args.talk),
        (Some(Verb::Map { name, value, at, size, force }), _) => {
            map::store(name, value.as_deref(), at.unwrap_or(0), *size, *force, args.talk)
        }
        (Some(Verb::Clean { dry_run }), _) => upkeep::clean(*dry_run, args.talk, out),
        (Some(Verb::Completions { shell }), _) => Ok(shm_cli::completions::<Args>(*shell, out)?),
        (None, None) => unreachable!("clap asks for a region or a verb"),
    }
}
