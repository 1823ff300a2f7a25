//! Which instance holds the state of a key now, asked of the brokers alone: any process may ask that reaches them.

use std::time::Duration;

use super::ClientId;
use crate::Error;
use crate::io::murmur2::partition_of;
use crate::io::{Admin, TopicPartition};

/// Where a key's state is; Kafka Streams' `KeyQueryMetadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQueryMetadata {
    /// Partition of the key in the topics of its sub-topology.
    pub partition: i32,
    /// The member that is assigned the partition; `None` while nobody is.
    pub active_host: Option<ActiveHost>,
}

/// The member of the group that runs a key's task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveHost {
    /// Its client id, if it is an instance of this engine.
    pub client_id: Option<ClientId>,
    /// The address it connects to the brokers from.
    pub host: String,
}

impl ActiveHost {
    /// `host:port` where its queries are answered, if it told.
    pub fn application_server(&self) -> Option<&str> {
        self.client_id.as_ref()?.application_server.as_deref()
    }
}

/// Finds the partition of `key` and the instance that runs its task. `topic` is a source or repartition topic of the
/// sub-topology whose stores hold the key's state; `key` is as it stands in that topic, and was sent there by the
/// partitioner of Kafka's JVM clients, as by this engine.
///
/// # Errors
/// Retriable while the brokers do not answer or the group rebalances; fatal when there is no such topic.
pub fn query_metadata_for_key(
    admin: &mut dyn Admin,
    application_id: &str,
    topic: &str,
    key: &[u8],
    timeout: Duration,
) -> Result<KeyQueryMetadata, Error> {
    let described = admin.describe_topics(&[topic], timeout)?;
    let Some(found) = described.into_iter().flatten().next() else {
        let detail =
            format!("topic {topic} does not exist; correct its name or the brokers' address");
        return Err(Error::fatal("find the owner of a key", detail));
    };
    let partition = partition_of(key, found.partitions);
    let wanted = TopicPartition::new(topic, partition);
    let members = admin.group_members(application_id, timeout)?;
    let mut owners = members.into_iter();
    let owner = owners.find(|member| member.partitions.contains(&wanted));
    Ok(KeyQueryMetadata {
        partition,
        active_host: owner.map(|member| ActiveHost {
            client_id: ClientId::parse(&member.client_id),
            host: member.host,
        }),
    })
}
