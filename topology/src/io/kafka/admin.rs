//! Topics and offsets, asked of the brokers.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::groups::{GroupInfo, GroupList};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::assignment;
use super::client::create;
use super::consumer::Membership;
use super::described_group;
use super::errors;
use super::events::Events;
use super::native;
use super::positions::{committed, ends, offsets_at};
use super::properties::KafkaProperties;
use crate::io::{
    Admin, GroupDescription, GroupMember, GroupMetadata, GroupProtocol, IoResult, TopicDescription,
    TopicId, TopicPartition, TopicSpec, Watermarks,
};
use crate::{Error, ErrorClass};

/// How often a new topic is looked for until all brokers know it.
const PROPAGATION_STEP: Duration = Duration::from_millis(10);
const DELETION_TIMEOUT: Duration = Duration::from_secs(10);
const CREATE: &str = "create admin client";
const DESCRIBE_GROUP: &str = "describe group";
const DESCRIBE_TOPIC: &str = "describe topic";
/// Of logs and errors, so many at most are served at a time.
const EVENTS: usize = 32;

pub(super) struct KafkaAdmin {
    client_id: String,
    properties: KafkaProperties,
    /// Asks for metadata and offsets, read_uncommitted.
    asking: BaseConsumer<Events>,
    admin: AdminClient<Events>,
    /// Under the name of the group that was asked about last: it asks and never joins.
    of_group: Option<(String, BaseConsumer<Events>)>,
    /// A request to delete records that was not answered yet.
    deletion: Option<Deletion>,
}

type Deletion = Pin<Box<dyn Future<Output = KafkaResult<TopicPartitionList>>>>;

impl KafkaAdmin {
    pub(super) fn new(properties: &KafkaProperties, client_id: &str) -> IoResult<Self> {
        Ok(Self {
            client_id: client_id.to_owned(),
            properties: properties.clone(),
            asking: create(&properties.asking(client_id), client_id, CREATE)?,
            admin: create(&properties.admin(client_id), client_id, CREATE)?,
            of_group: None,
            deletion: None,
        })
    }

    /// Serves logs and errors, for which nobody else polls these clients.
    fn serve(&self) {
        let of_group = self.of_group.iter().map(|(_, client)| client);
        for client in of_group.chain([&self.asking]) {
            // One call serves one event, and answers nothing for a line of the log too.
            for _ in 0..EVENTS {
                let _ = client.poll(Duration::ZERO);
            }
        }
    }

    /// A client under the name of a group, which it never joins.
    fn reader_of(&mut self, group: &str) -> IoResult<&BaseConsumer<Events>> {
        self.serve();
        let known = self.of_group.take().filter(|(known, _)| known == group);
        let kept = match known {
            Some(kept) => kept,
            None => {
                let config = self.properties.reader(&self.client_id, group, None);
                (group.to_owned(), create(&config, &self.client_id, CREATE)?)
            }
        };
        Ok(&self.of_group.insert(kept).1)
    }

    /// Says which brokers do not answer, where the error is of that kind. Brokers that refuse us are not waited for:
    /// nothing but other credentials or certificates will change their minds.
    fn unreachable(&self, error: Error) -> Error {
        self.serve();
        // Its errors are served by the binding's own thread, which does not hand them on.
        self.admin.inner().context().remind();
        if let Some(reason) = self.asking.context().refusal()
            && error.class() == ErrorClass::Retriable
        {
            let detail = format!(
                "{reason}; check security.protocol, ssl.* and sasl.* of the kafka properties against the brokers'"
            );
            return Error::fatal("connect to the brokers", detail);
        }
        let named = self
            .properties
            .common
            .iter()
            .find(|(name, _)| name == "bootstrap.servers");
        match named {
            Some((_, brokers)) if error.class() == ErrorClass::Retriable => {
                let detail = format!(
                    "no answer from {brokers} (bootstrap.servers): {}",
                    error.detail()
                );
                Error::new(error.class(), error.operation(), detail)
            }
            _ => error,
        }
    }

    /// Number of partitions, if the topic exists and every partition has a leader; `Some(None)` if it exists without.
    fn partitions(&self, topic: &str, timeout: Duration) -> IoResult<Option<Option<i32>>> {
        let metadata = self
            .asking
            .fetch_metadata(Some(topic), timeout)
            .map_err(|error| {
                self.unreachable(errors::error(DESCRIBE_TOPIC, &error))
                    .at(topic)
            })?;
        self.asking.context().clear_trouble();
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error().map(Code::from) {
            None => {}
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return Ok(None),
            Some(Code::LeaderNotAvailable) => return Ok(Some(None)),
            Some(code) => return Err(errors::coded(DESCRIBE_TOPIC, code, "").at(topic)),
        }
        if found
            .partitions()
            .iter()
            .any(|partition| partition.leader() < 0)
        {
            return Ok(Some(None));
        }
        Ok(Some(i32::try_from(found.partitions().len()).ok()))
    }

    /// `max.message.bytes` and `cleanup.policy` of topics that exist, in their order. The broker that is asked may be the
    /// last to hear of a topic, and answers without any value until then.
    fn configurations(&self, topics: &[&str], deadline: Instant) -> IoResult<Vec<(usize, String)>> {
        const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let specifiers = topics.iter().map(|&name| ResourceSpecifier::Topic(name));
        let specifiers: Vec<_> = specifiers.collect();
        loop {
            let options = AdminOptions::new().request_timeout(Some(remaining(deadline)));
            let resources = block_on(self.admin.describe_configs(&specifiers, &options))
                .map_err(|error| errors::error(DESCRIBE_TOPIC, &error))?;
            let mut found = Vec::with_capacity(topics.len());
            let mut unknown = None;
            // Answers come in the order of the questions.
            for (&topic, resource) in topics.iter().zip(resources) {
                let resource = match resource {
                    Ok(resource) => resource,
                    Err(Code::UnknownTopicOrPartition) => {
                        unknown = Some(topic);
                        break;
                    }
                    Err(code) => return Err(errors::coded(DESCRIBE_TOPIC, code, "").at(topic)),
                };
                let value = |key: &str| resource.get(key).and_then(|entry| entry.value.clone());
                let (Some(bytes), Some(policy)) =
                    (value(MAX_MESSAGE_BYTES), value("cleanup.policy"))
                else {
                    unknown = Some(topic);
                    break;
                };
                let bytes = bytes.parse().map_err(|_| {
                    Error::fatal(DESCRIBE_TOPIC, format!("{MAX_MESSAGE_BYTES} is {bytes:?}"))
                        .at(topic)
                })?;
                found.push((bytes, policy));
            }
            match unknown {
                None => return Ok(found),
                Some(_) if Instant::now() < deadline => std::thread::sleep(PROPAGATION_STEP),
                Some(topic) => {
                    let detail = "the broker tells nothing of the topic's configuration";
                    let error = Error::new(ErrorClass::Retriable, DESCRIBE_TOPIC, detail);
                    return Err(error.at(topic));
                }
            }
        }
    }

    /// What the brokers tell of a group of the classic protocol.
    fn listed(&mut self, group: &str, timeout: Duration) -> IoResult<GroupList> {
        self.serve();
        let list = self.asking.fetch_group_list(Some(group), timeout);
        list.map_err(|error| {
            self.unreachable(errors::error(DESCRIBE_GROUP, &error))
                .at(group)
        })
    }

    /// Of a group of the `consumer` protocol, in the order of [`Admin::group_members`].
    fn consumer_group(&self, group: &str, timeout: Duration) -> IoResult<GroupDescription> {
        let described = described_group::describe(self.admin.inner(), group, timeout);
        let (state, mut members) = described.map_err(|code| {
            self.unreachable(errors::coded(DESCRIBE_GROUP, code, ""))
                .at(group)
        })?;
        for member in &mut members {
            member.host = host(&member.host);
            member.partitions.sort_unstable();
        }
        members.sort_by(|one, other| one.client_id.cmp(&other.client_id));
        Ok(GroupDescription {
            state,
            protocol: GroupProtocol::Consumer,
            members,
        })
    }
}

/// The broker writes addresses as Java does: "/10.0.0.7".
fn host(written: &str) -> String {
    written.trim_start_matches('/').to_owned()
}

/// The members of a group of the classic protocol, in the order of [`Admin::group_members`]. `readable` decides about an
/// assignment that cannot be read, by the member's client id.
fn classic_members(
    group: &GroupInfo,
    readable: impl Fn(&str, Result<Vec<TopicPartition>, String>) -> IoResult<Vec<TopicPartition>>,
) -> IoResult<Vec<GroupMember>> {
    let members = group.members().iter().map(|member| {
        let client_id = member.client_id().to_owned();
        let assigned = assignment::partitions(member.assignment().unwrap_or_default());
        let mut partitions = readable(&client_id, assigned)?;
        partitions.sort_unstable();
        Ok(GroupMember {
            client_id,
            host: host(member.client_host()),
            partitions,
        })
    });
    let mut members = members.collect::<IoResult<Vec<_>>>()?;
    members.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    Ok(members)
}

impl Admin for KafkaAdmin {
    fn describe_topics(
        &mut self,
        names: &[&str],
        timeout: Duration,
    ) -> IoResult<Vec<Option<TopicDescription>>> {
        let deadline = Instant::now() + timeout;
        self.serve();
        let mut found = Vec::with_capacity(names.len());
        for &name in names {
            let partitions = loop {
                match self.partitions(name, remaining(deadline))? {
                    None => break None,
                    Some(Some(partitions)) => break Some(partitions),
                    Some(None) if Instant::now() < deadline => std::thread::sleep(PROPAGATION_STEP),
                    Some(None) => {
                        return Err(
                            errors::coded(DESCRIBE_TOPIC, Code::LeaderNotAvailable, "").at(name)
                        );
                    }
                }
            };
            found.push(partitions);
        }
        let existing: Vec<&str> = names
            .iter()
            .zip(&found)
            .filter(|(_, partitions)| partitions.is_some())
            .map(|(&name, _)| name)
            .collect();
        let mut configurations = self.configurations(&existing, deadline)?.into_iter();
        names
            .iter()
            .zip(found)
            .map(|(&name, partitions)| {
                let Some(partitions) = partitions else {
                    return Ok(None);
                };
                let Some((max_message_bytes, cleanup_policy)) = configurations.next() else {
                    return Err(Error::fatal(DESCRIBE_TOPIC, "no answer").at(name));
                };
                Ok(Some(TopicDescription {
                    name: name.to_owned(),
                    partitions,
                    max_message_bytes,
                    cleanup_policy,
                }))
            })
            .collect()
    }

    fn topic_ids(&mut self, names: &[&str], timeout: Duration) -> IoResult<Vec<Option<TopicId>>> {
        self.serve();
        native::topic_ids(self.admin.inner(), names, timeout)
            .map_err(|code| errors::coded("read topic ids", code, ""))
    }

    /// Returns when the brokers know the topics, so that clients made afterwards find them.
    fn create_topics(&mut self, topics: &[TopicSpec], timeout: Duration) -> IoResult<()> {
        const OPERATION: &str = "create topic";
        if topics.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + timeout;
        self.serve();
        let new: Vec<_> = topics
            .iter()
            .map(|topic| {
                let replication = TopicReplication::Fixed(i32::from(topic.replication_factor));
                let new = NewTopic::new(&topic.name, topic.partitions, replication);
                topic
                    .config
                    .iter()
                    .fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        let options = AdminOptions::new()
            .request_timeout(Some(timeout))
            .operation_timeout(Some(timeout));
        let results = block_on(self.admin.create_topics(&new, &options))
            .map_err(|error| errors::error(OPERATION, &error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(errors::coded(OPERATION, code, "").at(name)),
            }
        }
        for topic in topics {
            while self
                .partitions(&topic.name, remaining(deadline))?
                .flatten()
                .is_none()
            {
                if Instant::now() >= deadline {
                    return Err(
                        errors::coded(OPERATION, Code::LeaderNotAvailable, "").at(&topic.name)
                    );
                }
                std::thread::sleep(PROPAGATION_STEP);
            }
        }
        Ok(())
    }

    fn watermarks(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Watermarks>> {
        let deadline = Instant::now() + timeout;
        self.serve();
        let low = ends(
            &self.asking,
            partitions,
            Offset::Beginning,
            remaining(deadline),
        )?;
        let high = ends(&self.asking, partitions, Offset::End, remaining(deadline))?;
        Ok(low
            .into_iter()
            .zip(high)
            .map(|(low, high)| Watermarks { low, high })
            .collect())
    }

    fn offsets_at(
        &mut self,
        partitions: &[TopicPartition],
        timestamp_ms: i64,
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>> {
        self.serve();
        offsets_at(&self.asking, partitions, timestamp_ms, timeout)
    }

    fn delete_records(&mut self, below: &[(TopicPartition, i64)]) -> IoResult<()> {
        const OPERATION: &str = "delete records";
        self.serve();
        // One request at a time: brokers that do not answer are not asked for more.
        if let Some(deletion) = &mut self.deletion {
            let mut context = Context::from_waker(Waker::noop());
            match deletion.as_mut().poll(&mut context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => tracing::debug!(%error, "records were not deleted"),
            }
        }
        let mut asked = TopicPartitionList::with_capacity(below.len());
        for (partition, offset) in below {
            let (topic, number) = (&partition.topic, partition.partition);
            asked
                .add_partition_offset(topic, number, Offset::Offset(*offset))
                .map_err(|error| errors::error(OPERATION, &error).at(partition.to_string()))?;
        }
        let options = AdminOptions::new().request_timeout(Some(DELETION_TIMEOUT));
        self.deletion = Some(Box::pin(self.admin.delete_records(&asked, &options)));
        Ok(())
    }

    fn group_members(&mut self, group: &str, timeout: Duration) -> IoResult<Vec<GroupMember>> {
        let list = self.listed(group, timeout)?;
        let Some(found) = list.groups().iter().find(|found| found.name() == group) else {
            return Ok(Vec::new());
        };
        // Kafka's GroupState; in the states between, members have no assignment.
        match found.state() {
            "Stable" => {}
            // To this request, a group of the `consumer` protocol is a dead one.
            "Dead" | "" => return Ok(self.consumer_group(group, timeout)?.members),
            "Empty" => return Ok(Vec::new()),
            state => {
                let detail = format!("the group is in state {state}; ask again");
                return Err(Error::new(ErrorClass::Retriable, DESCRIBE_GROUP, detail).at(group));
            }
        }
        classic_members(found, |client_id, assigned| {
            assigned.map_err(|problem| {
                let detail = format!("the assignment of {client_id} cannot be read: {problem}");
                Error::fatal(DESCRIBE_GROUP, detail).at(group)
            })
        })
    }

    fn describe_group(&mut self, group: &str, timeout: Duration) -> IoResult<GroupDescription> {
        let list = self.listed(group, timeout)?;
        let found = list.groups().iter().find(|found| found.name() == group);
        let Some(found) = found.filter(|found| !matches!(found.state(), "Dead" | "")) else {
            return self.consumer_group(group, timeout);
        };
        Ok(GroupDescription {
            state: found.state().to_owned(),
            protocol: GroupProtocol::Classic,
            members: classic_members(found, |_, assigned| Ok(assigned.unwrap_or_default()))?,
        })
    }

    fn delete_topics(&mut self, names: &[&str], timeout: Duration) -> IoResult<()> {
        const OPERATION: &str = "delete topics";
        if names.is_empty() {
            return Ok(());
        }
        self.serve();
        let options = AdminOptions::new()
            .request_timeout(Some(timeout))
            .operation_timeout(Some(timeout));
        let results = block_on(self.admin.delete_topics(names, &options))
            .map_err(|error| errors::error(OPERATION, &error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition | Code::UnknownTopic)) => {}
                Err((name, code)) => return Err(errors::coded(OPERATION, code, "").at(name)),
            }
        }
        Ok(())
    }

    fn delete_group(&mut self, group: &str, timeout: Duration) -> IoResult<()> {
        const OPERATION: &str = "delete group";
        self.serve();
        let options = AdminOptions::new().request_timeout(Some(timeout));
        let results = block_on(self.admin.delete_groups(&[group], &options))
            .map_err(|error| errors::error(OPERATION, &error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, Code::GroupIdNotFound)) => {}
                Err((name, code)) => return Err(errors::coded(OPERATION, code, "").at(name)),
            }
        }
        Ok(())
    }

    fn no_member(&mut self, group: &str) -> IoResult<GroupMetadata> {
        // It never joins, so its generation is that of no member.
        let metadata = self
            .reader_of(group)?
            .group_metadata()
            .ok_or_else(|| Error::fatal("read group metadata", "the client has no group"))?;
        Ok(GroupMetadata(Box::new(Membership {
            metadata,
            protocol: GroupProtocol::Classic,
        })))
    }

    fn committed(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>> {
        // Its read_committed makes the broker wait for transactions.
        committed(self.reader_of(group)?, partitions, timeout)
    }
}

fn remaining(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread for an answer that the admin client's own thread brings; each request has its own timeout.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}
