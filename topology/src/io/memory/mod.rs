//! A transactional log in this process, as strict as a broker: transactions with epochs and
//! markers, read_committed, consumer groups with generations and static members, compaction and
//! retention. The test driver, the simulation and the demo stand on it.
//!
//! | file | what it is |
//! |---|---|
//! | `cluster` | what all clients share, behind one lock; time-outs |
//! | `topics`, `partition`, `cleaning` | topics and settings; records; compaction and retention |
//! | `transactions` | the transaction coordinator |
//! | `group`, `offsets` | the group coordinator |
//! | `consumer`, `reader`, `input`, `producer`, `admin`, `murmur2` | the clients |
//! | `faults` | failures and lost answers a test asks for |
//! | `inspect` | what tests look at and turn by hand |
//!
//! What a real client does not learn, a client of this log does not learn either:
//!
//! - the end of a partition is told once for every place it has moved to;
//! - records sent are acknowledged by [`Producer::poll`] or a commit, not by `send`;
//! - a producer that has lost its epoch is fenced by the first call that reaches the coordinator or
//!   a partition (a record, offsets, the end of a transaction that wrote something), and by every
//!   call thereafter; beginning, and ending a transaction that wrote nothing, reach nobody;
//! - an empty list of offsets is not sent, and fences nobody;
//! - a replaced or expired member can still fetch; polling and committing tell it.

mod admin;
mod cleaning;
mod cluster;
mod consumer;
mod faults;
mod group;
mod input;
mod inspect;
mod offsets;
mod partition;
mod producer;
mod reader;
mod topics;
mod transactions;

use std::sync::Arc;

pub use faults::{Fault, FaultHook, Operation, OperationKind};
pub use inspect::OwnedRecord;
pub use transactions::OpenTransaction;

use super::{Admin, Consumer, ConsumerConfig, IoResult, Log, Producer, ProducerConfig, Reader};
use crate::time::Clock;
use cluster::Cluster;

/// A cluster in memory. All clients made by it share its topics, transactions and groups.
///
/// ```
/// use std::sync::Arc;
/// use topology::io::memory::MemoryLog;
/// use topology::io::Headers;
/// use topology::time::VirtualClock;
///
/// let log = MemoryLog::new(Arc::new(VirtualClock::at(0)));
/// log.create_topic("orders", 4)?;
/// let (partition, offset) = log.append("orders", None, Some(b"21"), Some(b"created"), 1_000, Headers::default())?;
/// assert_eq!((partition, offset), (0, 0));
/// assert_eq!(log.records("orders", partition, true)?[0].value.as_deref(), Some(&b"created"[..]));
/// # Ok::<(), topology::Error>(())
/// ```
pub struct MemoryLog {
    cluster: Arc<Cluster>,
}

impl MemoryLog {
    /// An empty cluster whose sessions and transactions time out by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            cluster: Arc::new(Cluster::new(clock)),
        })
    }

    /// Consults `hook` at every call of every client from now on; see [`Fault`]. The hook is called
    /// with no lock held, and may use the log.
    pub fn on_operation(&self, hook: Box<FaultHook>) {
        self.cluster.faults.set(Some(Arc::from(hook)));
    }

    /// No more faults.
    pub fn clear_faults(&self) {
        self.cluster.faults.set(None);
    }

    fn inject(
        &self,
        kind: OperationKind,
        client_id: &str,
        transactional_id: Option<&str>,
    ) -> IoResult<()> {
        let fault = self.cluster.faults.ask(&Operation {
            kind,
            client_id,
            transactional_id,
            partition: None,
        });
        fault.map_or(Ok(()), |fault| Err(fault.error(kind)))
    }
}

impl Log for MemoryLog {
    fn consumer(&self, config: &ConsumerConfig) -> IoResult<Box<dyn Consumer>> {
        self.inject(OperationKind::CreateConsumer, &config.client_id, None)?;
        if !config.read_committed {
            self.cluster.lock().0.read_uncommitted = true;
        }
        let cluster = Arc::clone(&self.cluster);
        Ok(Box::new(consumer::MemoryConsumer::new(cluster, config)))
    }

    fn producer(&self, config: &ProducerConfig) -> IoResult<Box<dyn Producer>> {
        let transactional_id = config.transactional_id.as_deref();
        self.inject(
            OperationKind::CreateProducer,
            &config.client_id,
            transactional_id,
        )?;
        let cluster = Arc::clone(&self.cluster);
        Ok(Box::new(producer::MemoryProducer::new(cluster, config)))
    }

    fn reader(&self, client_id: &str) -> IoResult<Box<dyn Reader>> {
        self.inject(OperationKind::CreateReader, client_id, None)?;
        let cluster = Arc::clone(&self.cluster);
        Ok(Box::new(reader::MemoryReader::new(cluster, client_id)))
    }

    fn admin(&self, client_id: &str) -> IoResult<Box<dyn Admin>> {
        self.inject(OperationKind::CreateAdmin, client_id, None)?;
        let cluster = Arc::clone(&self.cluster);
        Ok(Box::new(admin::MemoryAdmin::new(cluster, client_id)))
    }
}
