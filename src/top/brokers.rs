//! What the brokers alone tell of an application: its group, and of partitions that nobody answers for, how far behind they
//! are. Blocks, and makes clients: not for async code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use topology::Error;
use topology::graph::BuiltTopology;
use topology::io::{Admin, GroupDescription, GroupProtocol, Log, TopicPartition};
use topology::runtime::ClientId;
use topology::task::TaskId;

/// Longest wait for each call.
const CALL: Duration = Duration::from_secs(3);
/// How long the partition counts of the inputs are good.
const LAYOUT: Duration = Duration::from_secs(30);

/// A member of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Id of the instance; the client id of a member that is none of ours.
    pub instance: String,
    /// Index of its stream thread, from 0.
    pub thread: Option<usize>,
    /// `host:port` where it answers, if it told.
    pub address: Option<String>,
    /// The address it connects to the brokers from.
    pub host: String,
    /// What it is assigned.
    pub partitions: Vec<TopicPartition>,
}

/// The group at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Kafka's name of its state.
    pub state: String,
    /// `classic` or `consumer`.
    pub protocol: &'static str,
    /// Its members.
    pub members: Vec<Member>,
}

/// Which tasks there are, by the topology and the partitions of its inputs.
pub type Layout = BTreeMap<TaskId, Vec<TopicPartition>>;
/// Records behind, by committed offset and end; markers of transactions count as records.
pub type Behind = BTreeMap<TopicPartition, i64>;

/// Asks the brokers.
pub struct Brokers {
    admin: Box<dyn Admin>,
    group: String,
    topology: BuiltTopology,
    layout: Option<(Instant, Arc<Layout>)>,
}

impl Brokers {
    /// # Errors
    /// When there can be no client.
    pub fn new(
        log: &dyn Log,
        client_id: &str,
        group: &str,
        topology: BuiltTopology,
    ) -> Result<Self, Error> {
        Ok(Self {
            admin: log.admin(client_id)?,
            group: group.to_owned(),
            topology,
            layout: None,
        })
    }

    /// The group now.
    ///
    /// # Errors
    /// Retriable while the brokers do not answer.
    pub fn group(&mut self) -> Result<Group, Error> {
        let described = self.admin.describe_group(&self.group, CALL)?;
        Ok(group(&self.group, described))
    }

    /// The tasks; those whose topics do not exist are not there.
    ///
    /// # Errors
    /// Retriable while the brokers do not answer.
    pub fn layout(&mut self) -> Result<Arc<Layout>, Error> {
        if let Some((since, layout)) = &self.layout
            && since.elapsed() < LAYOUT
        {
            return Ok(Arc::clone(layout));
        }
        let inputs = self.topology.subtopologies().iter().flat_map(|part| {
            let topics = part.inputs(&self.group).into_iter();
            topics.map(move |input| (part.index(), input.topic))
        });
        let inputs: BTreeSet<(u32, String)> = inputs.collect();
        let names: BTreeSet<&str> = inputs.iter().map(|(_, topic)| topic.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let described = self.admin.describe_topics(&names, CALL)?;
        let counts = described.into_iter().flatten();
        let counts: BTreeMap<String, i32> =
            counts.map(|topic| (topic.name, topic.partitions)).collect();
        let mut layout = Layout::new();
        for (subtopology, topic) in &inputs {
            for partition in 0..counts.get(topic).copied().unwrap_or(0) {
                let id = TaskId {
                    subtopology: *subtopology,
                    partition,
                };
                let partitions = layout.entry(id).or_default();
                partitions.push(TopicPartition::new(topic, partition));
            }
        }
        let layout = Arc::new(layout);
        // Topics that are missing are looked for again at once.
        let is_whole = counts.len() == names.len();
        self.layout = is_whole.then(|| (Instant::now(), Arc::clone(&layout)));
        Ok(layout)
    }

    /// How far these partitions are behind; one that was never committed is so from its beginning.
    ///
    /// # Errors
    /// Retriable while the brokers do not answer, or a transaction holds the offsets.
    pub fn behind(&mut self, partitions: &BTreeSet<TopicPartition>) -> Result<Behind, Error> {
        if partitions.is_empty() {
            return Ok(Behind::new());
        }
        let partitions: Vec<TopicPartition> = partitions.iter().cloned().collect();
        let marks = self.admin.watermarks(&partitions, CALL)?;
        let committed = self.admin.committed(&self.group, &partitions, CALL)?;
        let behind = partitions.into_iter().zip(marks).zip(committed);
        let behind = behind.map(|((partition, marks), committed)| {
            let from = committed.unwrap_or(marks.low).max(marks.low);
            (partition, (marks.high - from).max(0))
        });
        Ok(behind.collect())
    }
}

fn group(id: &str, described: GroupDescription) -> Group {
    let members = described.members.into_iter().map(|member| {
        let known = ClientId::parse(&member.client_id);
        Member {
            instance: match &known {
                Some(id) => id.instance_id.clone(),
                None => member.client_id,
            },
            thread: known.as_ref().map(|id| id.thread),
            address: known.and_then(|id| id.application_server),
            host: member.host,
            partitions: member.partitions,
        }
    });
    Group {
        id: id.to_owned(),
        state: described.state,
        protocol: match described.protocol {
            GroupProtocol::Classic => "classic",
            GroupProtocol::Consumer => "consumer",
        },
        members: members.collect(),
    }
}
