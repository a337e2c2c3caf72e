//! iceoryx2: one publish-subscribe service for each direction, with an event service if the receiver sleeps; and a
//! blackboard for the newest value.

use crate::job::{Job, Waiting, Work};
use crate::link::{Board, Link, ends, numbers};
use crate::mate::Mate;
use anyhow::{Context, Result, anyhow, bail, ensure};
use iceoryx2::config::Config;
use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::port::backpressure_strategy::BackpressureStrategy;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::reader::EntryHandle;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::port::writer::EntryHandleMut;
use iceoryx2::prelude::{
    FileName, LogLevel, Path, SemanticString, ServiceName, SignalHandlingMode, ipc, set_log_level,
};
use iceoryx2::sample::Sample;
use std::hint::{black_box, spin_loop};

type Service = ipc::Service;

/// The names of the services, by who sends.
const DRIVER: &str = "driver";
const MATE: &str = "mate";

/// What iceoryx2's names begin with in `/dev/shm`.
pub fn prefix(directory: &std::path::Path) -> Result<String> {
    let name = directory.file_name().and_then(|name| name.to_str());
    Ok(format!("{}_", name.context("the directory has no name")?))
}

/// A node whose files are where nobody else's are.
fn node(job: &Job) -> Result<Node<Service>> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    let root = job.directory.display().to_string();
    config.global.set_root_path(&Path::new(root.as_bytes()).map_err(|error| anyhow!("{root}: {error:?}"))?);
    let prefix = prefix(&job.directory)?;
    config.global.prefix = FileName::new(prefix.as_bytes()).map_err(|error| anyhow!("{prefix}: {error:?}"))?;
    Ok(NodeBuilder::new().config(&config).signal_handling_mode(SignalHandlingMode::Disabled).create()?)
}

/// How many messages may be on their way. One, and the newest counts, for round trips, as in iceoryx2's own benchmark.
fn buffer(job: &Job) -> usize {
    match (job.work, job.message_bytes) {
        (Work::OneWay, 0..=4096) => 4096,
        (Work::OneWay, _) => 4,
        _ => 1,
    }
}

/// Both directions.
struct Ports {
    publisher: Publisher<Service, [u8], ()>,
    subscriber: Subscriber<Service, [u8], ()>,
    bell: Option<Bell>,
    // Dropped last.
    _node: Node<Service>,
}

/// What wakes a receiver that sleeps.
struct Bell {
    notifier: Notifier<Service>,
    listener: Listener<Service>,
}

impl Ports {
    fn open(job: &Job, outward: &str, inward: &str) -> Result<Self> {
        let node = node(job)?;
        let service = |name: &str| {
            let builder = node.service_builder(&ServiceName::new(name)?).publish_subscribe::<[u8]>();
            let builder = builder.max_publishers(1).max_subscribers(1).max_nodes(2).history_size(0);
            let builder = builder.subscriber_max_buffer_size(buffer(job)).subscriber_max_borrowed_samples(1);
            anyhow::Ok(builder.enable_safe_overflow(job.work != Work::OneWay).open_or_create()?)
        };
        let subscriber = service(inward)?.subscriber_builder().create()?;
        let publisher = service(outward)?
            .publisher_builder()
            .initial_max_slice_len(job.message_bytes)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        let bell = match job.waiting {
            Waiting::Spin => None,
            Waiting::Block => Some(Bell::open(&node, outward, inward)?),
        };
        Ok(Self { publisher, subscriber, bell, _node: node })
    }

    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let ports = Self::open(job, DRIVER, MATE)?;
        mate.start("")?;
        Ok(ports)
    }

    fn join(job: &Job) -> Result<Self> {
        Self::open(job, MATE, DRIVER)
    }

    fn ring(&self) -> Result<()> {
        if let Some(bell) = &self.bell {
            bell.notifier.notify()?;
        }
        Ok(())
    }

    fn wait(&self) -> Result<Sample<Service, [u8], ()>> {
        loop {
            // Each message has a notification, which comes after it.
            match &self.bell {
                Some(bell) => drop(bell.listener.blocking_wait(|_| {})?),
                None => spin_loop(),
            }
            if let Some(sample) = self.subscriber.receive()? {
                return Ok(sample);
            }
        }
    }
}

impl Bell {
    fn open(node: &Node<Service>, outward: &str, inward: &str) -> Result<Self> {
        let service = |name: &str| {
            let builder = node.service_builder(&ServiceName::new(name)?).event();
            anyhow::Ok(builder.max_notifiers(1).max_listeners(1).max_nodes(2).open_or_create()?)
        };
        let listener = service(inward)?.listener_builder().create()?;
        let notifier = service(outward)?.notifier_builder().create()?;
        Ok(Self { notifier, listener })
    }
}

/// Payloads copied in and out.
pub struct Copies(Ports);

impl Link for Copies {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        Ports::make(job, mate).map(Self)
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        Ports::join(job).map(Self)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let sample = self.0.publisher.loan_slice_uninit(message.len())?;
        sample.write_from_slice(message).send()?;
        self.0.ring()
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let sample = self.0.wait()?;
        ensure!(sample.payload().len() == message.len(), "a message of another length");
        message.copy_from_slice(sample.payload());
        Ok(())
    }
}

/// Payloads that stay where they are: only the first and the last word are written, and read.
pub struct InPlace(Ports);

impl Link for InPlace {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        Ports::make(job, mate).map(Self)
    }

    fn join(job: &Job, _: &str) -> Result<Self> {
        Ports::join(job).map(Self)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let sample = self.0.publisher.loan_slice_uninit(message.len())?;
        // SAFETY: the payload is in shared memory that was zero when it was made, and bytes have no invalid values.
        let mut sample = unsafe { sample.assume_init() };
        let [payload_first, payload_last] = ends(sample.payload_mut())?;
        let (first, last) = numbers(message);
        (*payload_first, *payload_last) = (first, last);
        sample.send()?;
        self.0.ring()
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        let sample = self.0.wait()?;
        ensure!(sample.payload().len() == message.len(), "a message of another length");
        let (first, last) = numbers(sample.payload());
        let [message_first, message_last] = ends(message)?;
        (*message_first, *message_last) = (first, last);
        Ok(())
    }
}

/// An entry of a blackboard, of so many words.
pub struct Blackboard<const WORDS: usize> {
    side: Side<WORDS>,
    // Dropped last.
    _node: Node<Service>,
}

enum Side<const WORDS: usize> {
    Reader(EntryHandle<Service, u64, [u64; WORDS]>),
    Writer(Option<EntryHandleMut<Service, u64, [u64; WORDS]>>, Box<[u64; WORDS]>),
}

const KEY: u64 = 0;

impl<const WORDS: usize> Board for Blackboard<WORDS> {
    fn make(job: &Job, mate: &mut Mate) -> Result<Self> {
        let node = node(job)?;
        let builder = node.service_builder(&ServiceName::new(MATE)?).blackboard_creator::<u64>();
        let service = builder.max_readers(1).max_nodes(2).add(KEY, [0_u64; WORDS]).create()?;
        let entry = service.reader_builder().create()?.entry(&KEY)?;
        mate.start("")?;
        Ok(Self { side: Side::Reader(entry), _node: node })
    }

    fn join(job: &Job) -> Result<Self> {
        let node = node(job)?;
        let service = node.service_builder(&ServiceName::new(MATE)?).blackboard_opener::<u64>().open()?;
        let entry = service.writer_builder().create()?.entry(&KEY)?;
        Ok(Self { side: Side::Writer(Some(entry), Box::new([0; WORDS])), _node: node })
    }

    fn write(&mut self, number: u64) -> Result<()> {
        let Side::Writer(entry, value) = &mut self.side else { bail!("this is the reader") };
        (value[0], value[WORDS - 1]) = (number, number);
        let mut loan = entry.take().context("no entry")?.loan_uninit();
        loan.value_mut().write(**value);
        // SAFETY: it was written in the line above.
        *entry = Some(unsafe { loan.assume_init_and_update() });
        Ok(())
    }

    fn read(&mut self) -> Result<Option<u64>> {
        let Side::Reader(entry) = &self.side else { bail!("this is the writer") };
        let value = entry.get();
        let value = black_box(&value);
        ensure!(value[0] == value[WORDS - 1], "a torn value");
        Ok((value[0] > 0).then_some(value[0]))
    }
}
