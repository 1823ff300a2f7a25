//! The clients of one stream thread, made and dropped on that thread only (invariant 11).

use std::time::Duration;

use super::client_id::ClientId;
use super::outputs::Outputs;
use super::retry::retry;
use super::{ProcessingGuarantee, StreamsConfig};
use crate::Error;
use crate::graph::BuiltTopology;
use crate::io::{
    Admin, Consumer, ConsumerConfig, GroupMetadata, Log, Producer, ProducerConfig, Reader,
};
use crate::time::Clock;

pub(super) struct Clients {
    pub(super) consumer: Box<dyn Consumer>,
    pub(super) producer: Box<dyn Producer>,
    pub(super) reader: Box<dyn Reader>,
    pub(super) admin: Box<dyn Admin>,
    pub(super) outputs: Outputs,
    /// Membership under which the present tasks were assigned.
    pub(super) group: Option<GroupMetadata>,
    pub(super) in_transaction: bool,
}

impl Clients {
    /// Makes the clients, fences a predecessor of the same name, and joins the group.
    pub(super) fn open(
        log: &dyn Log,
        clock: &dyn Clock,
        config: &StreamsConfig,
        topology: &BuiltTopology,
        thread: &str,
        index: usize,
    ) -> Result<Self, Error> {
        let exactly_once = config.processing_guarantee == ProcessingGuarantee::ExactlyOnceV2;
        let client_id = ClientId {
            instance_id: config.instance_id.clone(),
            thread: index,
            application_server: config.application_server.clone(),
        };
        let member = client_id.group_instance_id();
        let mut producer = log.producer(&ProducerConfig {
            client_id: format!("{thread}-producer"),
            // Stable: a new one per run would leave hanging transactions behind.
            transactional_id: exactly_once.then(|| format!("{}-{member}", config.application_id)),
            transaction_timeout: config.transaction_timeout,
        })?;
        if exactly_once {
            // Ahead of need, because the first contact with the coordinator is slow; and before
            // joining, so that what a predecessor left open is resolved before offsets are read.
            retry(clock, config.task_timeout, || {
                producer.init_transactions(Duration::from_secs(10))
            })?;
        }
        let outputs = Outputs::register(producer.as_mut(), topology, &config.application_id)?;
        let reader = log.reader(&format!("{thread}-restore-consumer"))?;
        let admin = log.admin(&format!("{thread}-admin"))?;
        let mut consumer = log.consumer(&ConsumerConfig {
            group_id: config.application_id.clone(),
            group_instance_id: member,
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
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self {
            consumer,
            producer,
            reader,
            admin,
            outputs,
            group: None,
            in_transaction: false,
        })
    }
}
