//! The clients of one stream thread, made and dropped on that thread only (invariant 11).

use std::time::Duration;

use super::client_id::ClientId;
use super::outputs::Outputs;
use super::retry::{Patience, retry};
use super::{ProcessingGuarantee, StreamsConfig};
use crate::graph::{BuiltTopology, SubTopology};
use crate::io::{
    Admin, Consumer, ConsumerConfig, GroupEvent, GroupMetadata, GroupProtocol, Log, Producer,
    ProducerConfig, Reader,
};
use crate::task::KnownTopics;
use crate::{Error, ErrorClass};

pub(super) struct Clients {
    pub(super) consumer: Box<dyn Consumer>,
    pub(super) producer: Box<dyn Producer>,
    pub(super) reader: Box<dyn Reader>,
    pub(super) admin: Box<dyn Admin>,
    pub(super) outputs: Outputs,
    /// Membership under which the present tasks were assigned.
    pub(super) group: Option<GroupMetadata>,
    pub(super) in_transaction: bool,
    /// Came while the membership was looked for.
    pub(super) first_event: Option<GroupEvent>,
}

/// How long a start waits to hear that the membership is still another's.
const MEMBERSHIP: Duration = Duration::from_secs(1);

impl Clients {
    /// Makes the clients, joins the group, and fences a predecessor of the same name.
    pub(super) fn open(
        log: &dyn Log,
        config: &StreamsConfig,
        topology: &BuiltTopology,
        known_topics: &KnownTopics,
        thread: &str,
        index: usize,
        patience: Patience,
    ) -> Result<Self, Error> {
        let exactly_once = config.processing_guarantee == ProcessingGuarantee::ExactlyOnceV2;
        let client_id = ClientId {
            instance_id: config.instance_id.clone(),
            thread: index,
            application_server: config.application_server.clone(),
        };
        let member = client_id.group_instance_id();
        let mut consumer = log.consumer(&ConsumerConfig {
            group_id: config.application_id.clone(),
            group_protocol: config.group_protocol,
            group_instance_id: member.clone(),
            is_static: config.group_protocol == GroupProtocol::Classic || !config.leave_on_stop,
            client_id: client_id.to_string(),
            session_timeout: config.session_timeout,
            max_poll_interval: config.max_poll_interval,
            read_committed: true,
        })?;
        let topics: Vec<String> = topology
            .subtopologies()
            .iter()
            .flat_map(|part| part.inputs(&config.application_id))
            .map(|input| input.topic)
            .collect();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        // Joining goes on in the client's own thread while the producer is made ready; partitions are taken, and offsets
        // read, only once we poll.
        consumer.subscribe(&topics)?;
        let mut first_event = None;
        if config.group_protocol == GroupProtocol::Consumer {
            // The older of two members of one name stays, and must not be fenced by our producer.
            first_event = consumer
                .poll(MEMBERSHIP)
                .map_err(|error| match error.class() {
                    ErrorClass::Fenced => error.of_class(ErrorClass::Retriable),
                    _ => error,
                })?;
        }
        let mut producer = log.producer(&ProducerConfig {
            client_id: format!("{thread}-producer"),
            // Stable: a new one per run would leave hanging transactions behind.
            transactional_id: exactly_once.then(|| format!("{}-{member}", config.application_id)),
            transaction_timeout: config.transaction_timeout,
            max_batch_bytes: smallest_limit(topology, &config.application_id, known_topics),
        })?;
        if exactly_once {
            // Ahead of need, because the first contact with the coordinator is slow; and so that what a
            // predecessor left open is resolved before offsets are read.
            retry(patience, |timeout| producer.init_transactions(timeout))?;
        }
        let outputs = Outputs::register(producer.as_mut(), topology, &config.application_id)?;
        let reader = log.reader(&format!("{thread}-restore-consumer"))?;
        let admin = log.admin(&format!("{thread}-admin"))?;
        Ok(Self {
            consumer,
            producer,
            reader,
            admin,
            outputs,
            group: None,
            in_transaction: false,
            first_event,
        })
    }
}

/// The smallest `max.message.bytes` of the topics that are written to.
fn smallest_limit(
    topology: &BuiltTopology,
    application_id: &str,
    known_topics: &KnownTopics,
) -> Option<usize> {
    let parts = topology.subtopologies().iter();
    let written = parts.flat_map(|part| {
        let outputs = part.outputs(application_id).into_iter();
        let changelogs = part.stores().iter().filter(|store| store.changelog);
        outputs.map(|output| output.topic).chain(
            changelogs.map(|store| SubTopology::changelog_topic(application_id, &store.name)),
        )
    });
    let written = written.chain(topology.dead_letter_topic().map(str::to_owned));
    let limits = written.filter_map(|topic| Some(known_topics.get(&topic)?.max_message_bytes));
    limits.min()
}
