//! The second process: the same program, started a second time. It receives orders on its stdin and
//! answers on its stdout.
//!
//! When its stdin ends, it removes the remaining files and ends. This also happens if the first
//! process is killed.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, os::unix::process::CommandExt, thread};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::link::{Board, Link, Shape, Waiting};
use crate::trips::Manner;
use crate::workplace::{self, Workplace};
use crate::{looks, machine, publishing, streams, trips};

const READY: &str = "ready";
const DONE: &str = "done ";
const FAILED: &str = "failed ";

/// Work for the second process, to be done until the first process declares the run over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Send everything back.
    Echo { link: String, shape: Shape, manner: Manner },
    /// Send as fast as the receiver can receive.
    Send { link: String, shape: Shape, waiting: Waiting },
    /// Send as fast as possible, through a link or to a board.
    Flood { name: String, shape: Shape },
    /// Read a region's newest value all the time.
    Look { region: String },
    /// Receive as fast as possible, in this number of threads.
    Follow { readers: usize },
    /// Sleep until a value arrives and then stop, in this number of threads.
    Doze { readers: usize },
}

/// The work that the second process can do with one link or board. A program has a list of these
/// parts.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    name: &'static str,
    echo: fn(&Workplace, Shape, Manner) -> Result<u64>,
    send: fn(&Workplace, Shape, Waiting) -> Result<u64>,
    flood: fn(&Workplace, Shape) -> Result<u64>,
}

impl Part {
    /// Returns the second process's part for a link.
    pub const fn link<L: Link>() -> Self {
        let (echo, send, flood) = (trips::echo::<L>, streams::send::<L::Outlet>, streams::flood::<L::Outlet>);
        Self { name: L::NAME, echo, send, flood }
    }

    /// Returns the second process's part for a board.
    pub const fn board<B: Board>() -> Self {
        Self { name: B::NAME, echo: no_link, send: no_link, flood: streams::flood::<B::Outlet> }
    }
}

fn no_link<T>(_: &Workplace, _: Shape, _: T) -> Result<u64> {
    bail!("a board carries no messages")
}

/// The first process's handle to the second process.
#[derive(Debug)]
pub(crate) struct Second {
    process: Arc<Process>,
    orders: ChildStdin,
    answers: Receiver<String>,
}

/// The second process, which is ended only once.
#[derive(Debug)]
struct Process {
    child: Mutex<Child>,
    directory: PathBuf,
    is_ending: AtomicBool,
}

/// Ends the second process and removes the directory. It can be called from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Ender(Arc<Process>);

impl Ender {
    pub(crate) fn end(&self) {
        self.0.is_ending.store(true, SeqCst);
        let mut child = self.0.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        workplace::remove(&self.0.directory);
    }

    /// Returns whether the end has begun. Errors after that are caused by the end itself.
    pub(crate) fn is_ending(&self) -> bool {
        self.0.is_ending.load(SeqCst)
    }
}

impl Second {
    /// Starts the second process, pinned to a processor.
    pub(crate) fn start(directory: &Path, cpu: Option<usize>) -> Result<Self> {
        let program = env::current_exe().context("cannot find this program's file to start the second process")?;
        let mut command = Command::new(program);
        command.arg("--second-process").arg(directory);
        cpu.map(|cpu| command.args(["--cpu", &cpu.to_string()]));
        // A Ctrl-C must reach only the first process, which then ends the second.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the second process")?;
        let orders = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let child = Mutex::new(child);
        let process = Arc::new(Process { child, directory: directory.to_owned(), is_ending: AtomicBool::new(false) });
        let (sender, answers) = mpsc::channel();
        let ender = Ender(process.clone());
        thread::spawn(move || {
            for line in stdout.lines().map_while(io::Result::ok) {
                match line.strip_prefix(FAILED) {
                    Some(reason) => give_up(&ender, &anyhow!("{reason} (in the second process)")),
                    None => drop(sender.send(line)),
                }
            }
            give_up(&ender, &anyhow!("the second process has ended"));
        });
        Ok(Self { process, orders, answers })
    }

    pub(crate) fn ender(&self) -> Ender {
        Ender(self.process.clone())
    }

    /// Sends an order and waits until the second process is ready to carry it out.
    pub(crate) fn order(&mut self, order: &Order) -> Result<()> {
        let line = serde_json::to_string(order)?;
        writeln!(self.orders, "{line}").context("cannot send an order to the second process")?;
        match self.answer()?.as_str() {
            READY => Ok(()),
            answer => bail!("the second process answers '{answer}'"),
        }
    }

    /// Waits until the order has been carried out and returns how much was done.
    pub(crate) fn done(&mut self) -> Result<u64> {
        let answer = self.answer()?;
        let count = answer.strip_prefix(DONE).and_then(|count| count.parse().ok());
        count.with_context(|| format!("the second process answers '{answer}'"))
    }

    fn answer(&self) -> Result<String> {
        self.answers.recv().context("the second process has ended")
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.ender().end();
    }
}

/// Ends the program, because the main thread might otherwise wait forever for the second process.
/// Does nothing if the program is already ending.
fn give_up(ender: &Ender, error: &anyhow::Error) {
    if ender.is_ending() {
        return;
    }
    ender.end();
    shm_cli::report(error);
    process::exit(1);
}

/// Runs as the second process and carries out orders.
pub(crate) fn serve(directory: &Path, cpu: Option<usize>, parts: &[Part]) -> Result<()> {
    let orders = read_orders(directory.to_owned());
    if let Some(cpu) = cpu {
        machine::pin(cpu)?;
    }
    // The directory is created after this process has started and before the first order.
    let mut workplace = None;
    for line in orders {
        let workplace = match &mut workplace {
            Some(workplace) => workplace,
            none => none.insert(Workplace::open(directory.to_owned())?),
        };
        match serde_json::from_str(&line).context("not an order").and_then(|order| carry_out(workplace, order, parts)) {
            Ok(count) => answer(&format!("{DONE}{count}"))?,
            Err(error) => answer(&format!("{FAILED}{error:#}"))?,
        }
    }
    Ok(())
}

/// Returns the lines of stdin, which a separate thread reads. When stdin ends, the process ends.
fn read_orders(directory: PathBuf) -> Receiver<String> {
    let (sender, orders) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(io::Result::ok) {
            let _ = sender.send(line);
        }
        workplace::remove(&directory);
        process::exit(0);
    });
    orders
}

fn carry_out(workplace: &Workplace, order: Order, parts: &[Part]) -> Result<u64> {
    let part = |name: &str| {
        let part = parts.iter().find(|part| part.name == name);
        part.with_context(|| format!("the second process does not support '{name}'"))
    };
    match order {
        Order::Echo { link, shape, manner } => (part(&link)?.echo)(workplace, shape, manner).context(link),
        Order::Send { link, shape, waiting } => (part(&link)?.send)(workplace, shape, waiting).context(link),
        Order::Flood { name, shape } => (part(&name)?.flood)(workplace, shape).context(name),
        Order::Look { region } => looks::look_along(workplace, &region),
        Order::Follow { readers } => publishing::follow(workplace, readers),
        Order::Doze { readers } => publishing::doze(workplace, readers),
    }
}

/// Reports to the first process that the order is now being carried out.
pub(crate) fn ready() -> Result<()> {
    answer(READY)
}

fn answer(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
