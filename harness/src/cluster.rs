//! A cluster of three Kafka nodes, each broker and controller at once, of which single ones can be stopped and killed.

use std::ops::Deref;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::broker::with_free_ports;
use crate::error::{Doing, Error, Result};
use crate::kafka::{DEADLINE, Kafka};
use crate::node::{BrokerOptions, Node};
use crate::wait::wait_for;

/// Nodes of a cluster; also how often every topic is kept.
const NODES: usize = 3;
/// As small as three JVMs beside the program under test have to be.
const HEAP_MIB: u32 = 288;
/// Where the coordinators keep transactions; `transaction.state.log.num.partitions` of it.
const TRANSACTIONS: &str = "__transaction_state";

/// Three running nodes; [`Kafka`] of all of them is reached by dereferencing. Topics are kept three times and want two
/// of the copies (`min.insync.replicas`), so one node may be missing. Nodes are counted from 0.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    kafka: Kafka,
}

impl Cluster {
    /// Starts the three nodes and waits until they know each other; takes some ten seconds.
    ///
    /// # Errors
    /// When a node does not come up, with the end of its log.
    pub fn start() -> Result<Self> {
        let properties = [
            ("default.replication.factor", "3"),
            ("min.insync.replicas", "2"),
            ("offsets.topic.replication.factor", "3"),
            ("transaction.state.log.replication.factor", "3"),
            ("transaction.state.log.min.isr", "2"),
            ("share.coordinator.state.topic.replication.factor", "3"),
            ("share.coordinator.state.topic.min.isr", "2"),
            // A dead follower leaves the in-sync replicas in seconds.
            ("replica.lag.time.max.ms", "3000"),
            ("controller.quorum.election.timeout.ms", "500"),
            ("controller.quorum.fetch.timeout.ms", "1000"),
            ("log.cleaner.enable", "false"),
        ];
        let options = BrokerOptions {
            heap_mib: HEAP_MIB,
            properties: properties
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            secured: None,
        };
        with_free_ports(NODES, |ports| {
            let mut nodes = Vec::new();
            for index in 0..NODES {
                nodes.push(Node::start(index, ports, &options)?);
            }
            let addresses: Vec<&str> = nodes.iter().map(Node::address).collect();
            let kafka = Kafka::new(addresses.join(","));
            let mut cluster = Self { nodes, kafka };
            cluster.wait_ready()?;
            Ok(cluster)
        })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes; there always are.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Kills a node (SIGKILL).
    ///
    /// # Errors
    /// When there is no such node or no signal can be sent, as with all calls that name a node.
    pub fn kill9(&mut self, node: usize) -> Result<()> {
        self.node(node)?.kill9()
    }

    /// Stops a node in order (SIGTERM).
    pub fn stop(&mut self, node: usize) -> Result<()> {
        self.node(node)?.stop()
    }

    /// Freezes a node (SIGSTOP): connections stay open, nothing is answered.
    pub fn pause(&mut self, node: usize) -> Result<()> {
        self.node(node)?.pause()
    }

    /// Lets a frozen node go on (SIGCONT).
    pub fn resume(&mut self, node: usize) -> Result<()> {
        self.node(node)?.resume()
    }

    /// Starts a stopped or killed node on its old data and ports, without waiting for it: where two are down, one alone
    /// never gets ready.
    pub fn start_again(&mut self, node: usize) -> Result<()> {
        self.node(node)?.start_again()
    }

    /// Process id of a node's JVM.
    pub fn id(&mut self, node: usize) -> Result<u32> {
        Ok(self.node(node)?.id())
    }

    /// Waits until every node tells of all nodes, and every partition has all its copies in sync.
    ///
    /// # Errors
    /// When that does not come, with the end of a node's log.
    pub fn wait_ready(&mut self) -> Result<()> {
        let count = self.nodes.len();
        for node in &mut self.nodes {
            node.wait_ready(count)?;
        }
        let consumer: BaseConsumer = self
            .kafka
            .client_config()
            .create()
            .doing(|| "creating a client".to_owned())?;
        wait_for("every copy in sync", DEADLINE, || {
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(5)).ok()?;
            let mut partitions = metadata
                .topics()
                .iter()
                .flat_map(|topic| topic.partitions());
            partitions
                .all(|partition| {
                    partition.leader() >= 0 && partition.isr().len() == partition.replicas().len()
                })
                .then_some(())
        })
    }

    /// The node that coordinates the transactions of an id: the leader of the partition that
    /// `abs(hashCode(id)) % partitions` names (Kafka's `TransactionStateManager.partitionFor`).
    ///
    /// # Errors
    /// When the cluster does not tell of one.
    pub fn transaction_coordinator(&self, transactional_id: &str) -> Result<usize> {
        let what = || format!("finding the coordinator of {transactional_id}");
        let consumer: BaseConsumer = self.kafka.client_config().create().doing(what)?;
        let metadata = consumer
            .fetch_metadata(Some(TRANSACTIONS), DEADLINE)
            .doing(what)?;
        let partitions = metadata.topics().first().map(|topic| topic.partitions());
        let partitions = partitions.unwrap_or_default();
        let count = i32::try_from(partitions.len()).unwrap_or(0);
        let wanted = (java_hash(transactional_id) & i32::MAX)
            .checked_rem(count)
            .unwrap_or(-1);
        partitions
            .iter()
            .find(|partition| partition.id() == wanted)
            .and_then(|partition| usize::try_from(partition.leader() - 1).ok())
            .ok_or_else(|| Error::Failed(format!("{}: no leader", what())))
    }

    fn node(&mut self, node: usize) -> Result<&mut Node> {
        let count = self.nodes.len();
        self.nodes
            .get_mut(node)
            .ok_or_else(|| Error::Failed(format!("node {node} of {count} nodes")))
    }
}

impl Deref for Cluster {
    type Target = Kafka;

    fn deref(&self) -> &Kafka {
        &self.kafka
    }
}

/// `String.hashCode` of Java.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::java_hash;

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }
}
