//! A group member on librdkafka, of either group protocol: static membership, range assignor.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientConfig, TopicPartitionList};

use super::client::create;
use super::errors;
use super::events::Events;
use super::inputs::{Inputs, answers};
use super::native::{GroupQueue, Waker, is_member};
use super::positions;
use super::rebalance::settle;
use super::replaced::Replacements;
use crate::io::{
    Consumer, ConsumerConfig, Fetched, GroupEvent, GroupMetadata, GroupProtocol, InputId, IoResult,
    Position, RecordBatch, TopicPartition, Watermarks,
};
use crate::{Error, ErrorClass};

/// A seek waits this long for a partition whose assignment is still under way.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
/// Beginnings and ends of partitions are waited for this long.
const POSITION_TIMEOUT: Duration = Duration::from_secs(10);
/// Brokers in trouble are asked at most this often whether they are back.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct KafkaConsumer {
    // Queues before the client; they hold it, and the order makes the last drop happen here.
    inputs: Inputs,
    group_queue: Option<GroupQueue>,
    client: Arc<BaseConsumer<Events>>,
    waker: Arc<Waker>,
    topics: Vec<String>,
    protocol: GroupProtocol,
    probed: Option<Instant>,
    group_id: String,
    group_instance_id: String,
    replacements: Replacements,
    /// What became of the membership, once it was replaced.
    replaced: OnceCell<Error>,
}

/// A membership, and by which rules it is fenced.
pub(super) struct Membership {
    pub(super) metadata: ConsumerGroupMetadata,
    pub(super) protocol: GroupProtocol,
}

impl KafkaConsumer {
    pub(super) fn new(
        config: &ClientConfig,
        member: &ConsumerConfig,
        replacements: Replacements,
        batch_bytes: Option<usize>,
    ) -> IoResult<Self> {
        let client: BaseConsumer<Events> = create(config, &member.client_id, "create consumer")?;
        let client = Arc::new(client);
        let waker = Arc::new(Waker::default());
        Ok(Self {
            inputs: Inputs::new(batch_bytes),
            group_queue: GroupQueue::new(&client, &waker),
            client,
            waker,
            topics: Vec::new(),
            protocol: member.group_protocol,
            probed: None,
            group_id: member.group_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            replacements,
            replaced: OnceCell::new(),
        })
    }

    fn next_event(&self) -> Option<GroupEvent> {
        self.client.context().group.lock().pop_front()
    }

    /// A fatal error of the client outlives the call that met it.
    fn fatal(&self, operation: &'static str) -> Option<Error> {
        let (code, reason) = self.client.client().fatal_error()?;
        let error = errors::fatal_client(operation, code, &reason);
        if code != Code::FencedInstanceId {
            return Some(error);
        }
        let (group, instance) = (&self.group_id, &self.group_instance_id);
        let judge = || {
            self.replacements
                .judge(&self.client, group, instance, error)
        };
        Some(self.replaced.get_or_init(judge).clone())
    }

    fn polled(&self, error: &KafkaError) -> IoResult<()> {
        if let Some(fatal) = self.fatal("poll group") {
            return Err(fatal);
        }
        let events = self.client.context();
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let reason = events.last_reason();
        match code {
            Code::UnknownTopicOrPartition
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed => Err(Error::fatal("poll group", reason)),
            Code::PollExceeded => {
                // The revocation follows as an event of its own.
                events.set_trouble(reason);
                Ok(())
            }
            // Everything else librdkafka mends by itself, or is trouble of one broker among several.
            _ => {
                tracing::debug!(client_id = events.client_id, ?code, "{reason}");
                Ok(())
            }
        }
    }

    fn seek_all(&self, positions: &[(TopicPartition, i64)]) -> IoResult<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + SEEK_TIMEOUT;
        loop {
            let list = positions::offset_list("seek", positions)?;
            let sought = self.client.seek_partitions(list, SEEK_TIMEOUT);
            let failed = match sought {
                Ok(list) => {
                    let mut elements = list.elements().into_iter();
                    elements.find_map(|element| {
                        let place = format!("{}-{}", element.topic(), element.partition());
                        element.error().err().map(|error| (error, place))
                    })
                }
                Err(error) => Some((error, "all".to_owned())),
            };
            match failed {
                None => return Ok(()),
                // The assignment is taken over by a thread of the client; until then there is nothing to seek in.
                Some((error, _))
                    if matches!(
                        error.rdkafka_error_code(),
                        Some(Code::State | Code::PreviousInProgress)
                    ) && Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Some((error, place)) => return Err(errors::error("seek", &error).at(place)),
            }
        }
    }

    /// Opens a queue for each partition, before anything can come: the list to be assigned, and the ids.
    fn open(
        &mut self,
        partitions: &[(TopicPartition, Position)],
    ) -> IoResult<(TopicPartitionList, Vec<InputId>)> {
        let positions = positions::resolve(&self.client, partitions, POSITION_TIMEOUT)?;
        let mut ids = Vec::with_capacity(positions.len());
        for (partition, offset) in &positions {
            ids.push(
                self.inputs
                    .open(&self.client, partition, *offset, Some(&self.waker))?,
            );
        }
        Ok((positions::offset_list("assign", &positions)?, ids))
    }

    fn give_up_partitions(&mut self) -> IoResult<()> {
        self.client
            .unassign()
            .map_err(|error| errors::error("unassign", &error))?;
        settle(&self.client)?;
        self.inputs.close_all();
        Ok(())
    }

    /// From now on nobody completes group events, so the callback does.
    fn stop(&mut self) -> IoResult<()> {
        self.client.context().closing.store(true, Ordering::Release);
        self.client.context().group.lock().clear();
        if self.protocol == GroupProtocol::Classic {
            return self.give_up_partitions();
        }
        // A plain unassign, whatever the group waits for, is taken only by a client that is closing; and one that has
        // ended meanwhile takes nothing any more, which is as good.
        let _ = self.client.close_queue();
        let _ = self.client.unassign();
        let _ = settle(&self.client);
        self.inputs.close_all();
        Ok(())
    }
}

impl Consumer for KafkaConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> IoResult<()> {
        self.topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        self.client
            .subscribe(topics)
            .map_err(|error| errors::error("subscribe", &error))
    }

    fn poll(&mut self, timeout: Duration) -> IoResult<Option<GroupEvent>> {
        if let Some(event) = self.next_event() {
            return Ok(Some(event));
        }
        match self.client.poll(timeout) {
            None => {}
            Some(Err(error)) => self.polled(&error)?,
            Some(Ok(message)) => {
                use rdkafka::Message as _;
                return Err(Error::fatal(
                    "poll group",
                    "a record came outside its partition's queue and would be lost",
                )
                .at(format!(
                    "{}-{} offset {}",
                    message.topic(),
                    message.partition(),
                    message.offset()
                )));
            }
        }
        Ok(self.next_event())
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>> {
        positions::committed(&self.client, partitions, timeout)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Position)]) -> IoResult<Vec<InputId>> {
        self.inputs.close_all();
        let (list, ids) = self.open(partitions)?;
        self.client
            .assign(&list)
            .map_err(|error| errors::error("assign", &error))?;
        settle(&self.client)?;
        Ok(ids)
    }

    fn unassign(&mut self) -> IoResult<()> {
        if self.protocol == GroupProtocol::Classic {
            return self.give_up_partitions();
        }
        let held = self
            .client
            .assignment()
            .map_err(|error| errors::error("unassign", &error))?;
        self.client
            .incremental_unassign(&held)
            .map_err(|error| errors::error("unassign", &error))?;
        settle(&self.client)?;
        self.inputs.close_all();
        Ok(())
    }

    fn incremental_assign(
        &mut self,
        partitions: &[(TopicPartition, Position)],
    ) -> IoResult<Vec<InputId>> {
        let (list, ids) = self.open(partitions)?;
        self.client
            .incremental_assign(&list)
            .map_err(|error| errors::error("assign", &error))?;
        settle(&self.client)?;
        Ok(ids)
    }

    fn incremental_unassign(&mut self, partitions: &[TopicPartition]) -> IoResult<()> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&partition.topic, partition.partition);
        }
        self.client
            .incremental_unassign(&list)
            .map_err(|error| errors::error("unassign", &error))?;
        settle(&self.client)?;
        self.inputs.close_partitions(partitions);
        Ok(())
    }

    fn fetch(&mut self, input: InputId, max: usize, batch: &mut RecordBatch) -> IoResult<Fetched> {
        let (fetched, full) = self
            .inputs
            .fetch(input, max, batch, self.client.context())?;
        if full {
            // The queue did not become empty, so nothing would wake us for what is left.
            self.waker.wake();
        }
        Ok(fetched)
    }

    fn seek(&mut self, input: InputId, offset: i64) -> IoResult<()> {
        let partition = self.inputs.partition(input)?.clone();
        self.seek_all(&[(partition, offset)])?;
        self.inputs.sought(input, offset);
        Ok(())
    }

    fn wait(&mut self, timeout: Duration) {
        if self.client.context().group.lock().is_empty() {
            self.waker.wait(timeout);
        }
    }

    fn group_metadata(&mut self) -> IoResult<GroupMetadata> {
        let metadata = self
            .client
            .group_metadata()
            .ok_or_else(|| Error::fatal("read group metadata", "the consumer has no group"))?;
        Ok(GroupMetadata(Box::new(Membership {
            metadata,
            protocol: self.protocol,
        })))
    }

    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> IoResult<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let list = positions::offset_list("commit offsets", offsets)?;
        self.client
            .commit(&list, CommitMode::Sync)
            .map_err(|error| {
                self.fatal("commit offsets")
                    .unwrap_or_else(|| errors::error("commit offsets", &error))
            })
    }

    fn cached_watermarks(&mut self, input: InputId) -> Option<Watermarks> {
        self.inputs.cached_watermarks(input)
    }

    fn broker_trouble(&mut self) -> Option<String> {
        let events = self.client.context();
        let trouble = events.trouble()?;
        // librdkafka tells when the last broker is lost, and not when one is back: ask.
        if self
            .probed
            .is_none_or(|probed| probed.elapsed() >= PROBE_INTERVAL)
        {
            let topic = self.inputs.any().map(|partition| &partition.topic);
            if let Some(topic) = topic.or(self.topics.first())
                && answers(&self.client, topic)
            {
                events.clear_trouble();
                return None;
            }
            self.probed = Some(Instant::now());
        }
        Some(trouble)
    }

    /// On closing, librdkafka keeps a static membership (KIP-345). Under the classic protocol it does send `LeaveGroup`
    /// when a running consumer unsubscribes, so giving it up means: unsubscribe, wait until the request is out, close.
    fn close(mut self: Box<Self>, leave: bool, timeout: Duration) -> IoResult<()> {
        let deadline = Instant::now() + timeout;
        self.stop()?;
        let mut left = true;
        if leave
            && self.protocol == GroupProtocol::Classic
            && let Some(topic) = self.topics.first()
        {
            // Without a coordinator librdkafka takes the request for answered. A busy broker may need more than one look.
            let ask_until = Instant::now() + timeout / 2;
            left = answers(&self.client, topic);
            while !left && Instant::now() < ask_until {
                let _ = self.client.poll(Duration::from_millis(5));
                left = answers(&self.client, topic);
            }
            self.client.unsubscribe();
            while is_member(&self.client) && Instant::now() < deadline {
                // Also completes the revocation that unsubscribing brings.
                let _ = self.client.poll(Duration::from_millis(5));
            }
            left &= !is_member(&self.client);
        }
        if self.protocol == GroupProtocol::Classic {
            self.client
                .close_queue()
                .map_err(|error| errors::error("close consumer", &error))?;
        }
        while !self.client.closed() && Instant::now() < deadline {
            let _ = self.client.poll(Duration::from_millis(5));
        }
        if left {
            return Ok(());
        }
        Err(Error::new(
            ErrorClass::Retriable,
            "leave group",
            "the brokers do not answer; the partitions stay dark until the session ends",
        ))
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            let client_id = self.client.context().client_id.as_str();
            tracing::debug!(client_id, %error, "give up partitions on drop");
        }
        self.group_queue = None;
    }
}
