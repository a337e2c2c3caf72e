//! iceoryx2: one publish-subscribe service for each direction, with an event service if the
//! receiver sleeps, and a blackboard for the newest value.

use anyhow::{Context, Result, anyhow, ensure};
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
    FileName, LogLevel, Path as IceoryxPath, SemanticString, ServiceName, SignalHandlingMode, ipc, set_log_level,
};
use iceoryx2::sample::Sample;
use iceoryx2::service::port_factory::{PortFactory, event, publish_subscribe};
use shm_bench::{Board, Inlet, Link, Looker, Outlet, Payload, Prepared, Shape, WORD, Waiting, check, whole};
use std::hint::{black_box, spin_loop};
use std::path::Path;

type Service = ipc::Service;

/// Creates a node whose files are in the measurement's directory, or in `/dev/shm` with the
/// directory's name as a prefix.
fn node(path: &Path) -> Result<Node<Service>> {
    set_log_level(LogLevel::Error);
    let directory = path.parent().and_then(Path::to_str).context("SHM_DIR is not UTF-8")?;
    let prefix = format!("{}_", directory.rsplit('/').next().unwrap_or_default());
    let mut config = Config::default();
    let root = IceoryxPath::new(directory.as_bytes()).map_err(|error| anyhow!("{directory}: {error:?}"))?;
    config.global.set_root_path(&root);
    config.global.prefix = FileName::new(prefix.as_bytes()).map_err(|error| anyhow!("{prefix}: {error:?}"))?;
    Ok(NodeBuilder::new().config(&config).signal_handling_mode(SignalHandlingMode::Disabled).create()?)
}

fn service_name(path: &Path) -> Result<ServiceName> {
    Ok(ServiceName::new(path.file_name().and_then(|name| name.to_str()).context("a path without a name")?)?)
}

/// Returns the service at a path. For round trips it has a buffer of one payload, in which the
/// newest payload replaces an older one, as in iceoryx2's own benchmark. For streams the buffer has
/// as many payloads as the shape requires, and it never overflows.
fn service<const IS_STREAM: bool>(
    node: &Node<Service>,
    path: &Path,
    shape: Shape,
) -> Result<publish_subscribe::PortFactory<Service, [u8], ()>> {
    let builder = node.service_builder(&service_name(path)?).publish_subscribe::<[u8]>();
    let builder = builder.max_publishers(1).max_subscribers(1).max_nodes(2).history_size(0);
    let buffer = if IS_STREAM { shape.slots as usize } else { 1 };
    let builder = builder.subscriber_max_buffer_size(buffer).subscriber_max_borrowed_samples(1);
    Ok(builder.enable_safe_overflow(!IS_STREAM).open_or_create()?)
}

/// Returns the service that wakes a receiver.
fn bell(node: &Node<Service>, path: &Path) -> Result<event::PortFactory<Service>> {
    let builder = node.service_builder(&service_name(path)?).event();
    Ok(builder.max_notifiers(1).max_listeners(1).max_nodes(2).open_or_create()?)
}

/// A publisher, and the notifier that wakes a sleeping receiver.
struct Sender {
    // `None` after a subscriber has attached.
    service: Option<publish_subscribe::PortFactory<Service, [u8], ()>>,
    publisher: Publisher<Service, [u8], ()>,
    notifier: Option<Notifier<Service>>,
    // Dropped last.
    _node: Node<Service>,
}

impl Sender {
    fn create<const IS_STREAM: bool>(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        let node = node(path)?;
        let service = service::<IS_STREAM>(&node, path, shape)?;
        let publisher = service
            .publisher_builder()
            .initial_max_slice_len(shape.bytes)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        let notifier = match waiting {
            Waiting::Spinning => None,
            Waiting::Sleeping => Some(bell(&node, path)?.notifier_builder().create()?),
        };
        Ok(Self { service: Some(service), publisher, notifier, _node: node })
    }

    /// Waits for the subscriber. Payloads that are sent before it attaches would be lost.
    fn meet(&mut self) {
        if let Some(service) = self.service.take() {
            while service.dynamic_config().number_of_subscribers() == 0 {
                spin_loop();
            }
        }
    }

    fn ring(&self) -> Result<()> {
        if let Some(notifier) = &self.notifier {
            notifier.notify()?;
        }
        Ok(())
    }
}

/// A subscriber, and the listener that it sleeps on.
struct Receiver {
    subscriber: Subscriber<Service, [u8], ()>,
    listener: Option<Listener<Service>>,
    // Dropped last.
    _node: Node<Service>,
}

impl Receiver {
    fn open<const IS_STREAM: bool>(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        let node = node(path)?;
        let subscriber = service::<IS_STREAM>(&node, path, shape)?.subscriber_builder().create()?;
        let listener = match waiting {
            Waiting::Spinning => None,
            Waiting::Sleeping => Some(bell(&node, path)?.listener_builder().create()?),
        };
        Ok(Self { subscriber, listener, _node: node })
    }

    fn wait(&self) -> Result<Sample<Service, [u8], ()>> {
        loop {
            // Each payload has a notification, which arrives after the payload.
            match &self.listener {
                Some(listener) => drop(listener.blocking_wait(|_| {})?),
                None => spin_loop(),
            }
            if let Some(sample) = self.subscriber.receive()? {
                return Ok(sample);
            }
        }
    }
}

/// Payloads that are copied in and out.
pub struct Copied<const IS_STREAM: bool>;
pub struct CopiedOutlet<const IS_STREAM: bool>(Sender, Prepared);
pub struct CopiedInlet<const IS_STREAM: bool>(Receiver, Payload);

impl<const IS_STREAM: bool> Link for Copied<IS_STREAM> {
    const NAME: &'static str = if IS_STREAM { "iceoryx2 streams" } else { "iceoryx2" };
    type Outlet = CopiedOutlet<IS_STREAM>;
    type Inlet = CopiedInlet<IS_STREAM>;
    type Back = Self;
}

impl<const IS_STREAM: bool> Outlet for CopiedOutlet<IS_STREAM> {
    fn create(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self(Sender::create::<IS_STREAM>(path, shape, waiting)?, Prepared::new(shape)))
    }

    fn put(&mut self, number: u64) -> Result<()> {
        let Self(sender, prepared) = self;
        sender.meet();
        prepared.send(number, |payload| -> Result<()> {
            sender.publisher.loan_slice_uninit(payload.len())?.write_from_slice(payload).send()?;
            Ok(())
        })?;
        sender.ring()
    }
}

impl<const IS_STREAM: bool> Inlet for CopiedInlet<IS_STREAM> {
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self(Receiver::open::<IS_STREAM>(path, shape, waiting)?, Payload::new(shape)))
    }

    fn take(&mut self) -> Result<u64> {
        let sample = self.0.wait()?;
        ensure!(sample.payload().len() == self.1.0.len(), "a payload of another length");
        self.1.0.copy_from_slice(sample.payload());
        check(black_box(&self.1.0))
    }
}

/// Payloads that stay in place. Only the first and the last word are written and read.
pub struct InPlace;
pub struct InPlaceOutlet(Sender, usize);
pub struct InPlaceInlet(Receiver);

impl Link for InPlace {
    const NAME: &'static str = "iceoryx2 in place";
    type Outlet = InPlaceOutlet;
    type Inlet = InPlaceInlet;
    type Back = Self;
}

impl Outlet for InPlaceOutlet {
    fn create(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self(Sender::create::<false>(path, shape, waiting)?, shape.bytes))
    }

    fn put(&mut self, number: u64) -> Result<()> {
        self.0.meet();
        let sample = self.0.publisher.loan_slice_uninit(self.1)?;
        // SAFETY: the payload is in shared memory that was zero when it was created, and bytes have no invalid values.
        let mut sample = unsafe { sample.assume_init() };
        sample.payload_mut()[..WORD].copy_from_slice(&number.to_ne_bytes());
        sample.payload_mut()[self.1 - WORD..].copy_from_slice(&number.to_ne_bytes());
        sample.send()?;
        self.0.ring()
    }
}

impl Inlet for InPlaceInlet {
    fn open(path: &Path, shape: Shape, waiting: Waiting) -> Result<Self> {
        Ok(Self(Receiver::open::<false>(path, shape, waiting)?))
    }

    fn take(&mut self) -> Result<u64> {
        check(self.0.wait()?.payload())
    }
}

/// An entry of a blackboard that has this many words.
pub struct Blackboard<const WORDS: usize>;

pub struct Writer<const WORDS: usize> {
    entry: Option<EntryHandleMut<Service, u64, [u64; WORDS]>>,
    value: Box<[u64; WORDS]>,
    // Dropped last.
    _node: Node<Service>,
}

pub struct Reader<const WORDS: usize> {
    entry: EntryHandle<Service, u64, [u64; WORDS]>,
    // Dropped last.
    _node: Node<Service>,
}

const KEY: u64 = 0;

impl<const WORDS: usize> Board for Blackboard<WORDS> {
    const NAME: &'static str = if WORDS == 8 { "iceoryx2 blackboard of 8" } else { "iceoryx2 blackboard" };
    type Outlet = Writer<WORDS>;
    type Looker = Reader<WORDS>;
}

impl<const WORDS: usize> Outlet for Writer<WORDS> {
    fn create(path: &Path, _: Shape, _: Waiting) -> Result<Self> {
        let node = node(path)?;
        let builder = node.service_builder(&service_name(path)?).blackboard_creator::<u64>();
        let service = builder.max_readers(1).max_nodes(2).add(KEY, [0_u64; WORDS]).create()?;
        let entry = service.writer_builder().create()?.entry(&KEY)?;
        Ok(Self { entry: Some(entry), value: Box::new([0; WORDS]), _node: node })
    }

    fn put(&mut self, number: u64) -> Result<()> {
        let Self { entry, value, .. } = self;
        (value[0], value[WORDS - 1]) = (number, number);
        let mut loan = entry.take().context("no entry")?.loan_uninit();
        loan.value_mut().write(**value);
        // SAFETY: the line above has written the entry.
        *entry = Some(unsafe { loan.assume_init_and_update() });
        Ok(())
    }
}

impl<const WORDS: usize> Looker for Reader<WORDS> {
    fn open(path: &Path, _: Shape) -> Result<Self> {
        let node = node(path)?;
        let service = node.service_builder(&service_name(path)?).blackboard_opener::<u64>().open()?;
        let entry = service.reader_builder().create()?.entry(&KEY)?;
        Ok(Self { entry, _node: node })
    }

    fn look(&mut self) -> Result<Option<u64>> {
        let value = self.entry.get();
        let value = black_box(&value);
        whole(value[0], value[WORDS - 1]).map(Some)
    }
}
