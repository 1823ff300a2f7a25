//! The seam on librdkafka. The only place that names rdkafka.
//!
//! | file | what it is |
//! |---|---|
//! | `properties`, `bounds` | our defaults, the bounds of memory, the user's properties on top, reserved ones refused |
//! | `consumer`, `rebalance`, `replaced` | a group member; decisions of the group as events, completed by the owner; whose membership it is |
//! | `inputs` | fetching from one split queue per partition |
//! | `positions` | lists of partitions with offsets; beginnings, ends and committed offsets |
//! | `reader` | hand-picked partitions, for restore |
//! | `producer` | records, acknowledgements, transactions |
//! | `admin`, `assignment`, `described_group` | topics and offsets; members of a group, of either protocol |
//! | `client`, `events`, `errors` | how clients are made; what they tell on their own; codes to classes |
//! | `native` | the calls that the binding lacks; with `described_group` the only `unsafe` |

mod admin;
mod assignment;
mod bounds;
mod client;
mod consumer;
mod described_group;
mod errors;
mod events;
mod inputs;
mod native;
mod positions;
mod producer;
mod properties;
mod reader;
mod rebalance;
mod replaced;

use std::sync::Arc;

pub use properties::KafkaProperties;

use self::replaced::Replacements;
use super::{
    Admin, BoundedLog, Consumer, ConsumerConfig, IoResult, Log, Producer, ProducerConfig, Reader,
};
use crate::memory::ClientMemory;

/// A Kafka cluster.
#[derive(Clone, Debug)]
pub struct KafkaLog {
    properties: KafkaProperties,
    memory: Option<ClientMemory>,
    replacements: Replacements,
}

impl KafkaLog {
    /// A cluster to be reached with these properties. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// Fatal if a property is reserved for the engine (with the reason), or if librdkafka does not know it or its value
    /// (with its message).
    pub fn new(properties: KafkaProperties) -> IoResult<Self> {
        properties.validate()?;
        Ok(Self {
            properties,
            memory: None,
            replacements: Replacements::default(),
        })
    }

    /// The same cluster, whose clients keep to these bounds, unless the properties say otherwise.
    #[must_use]
    pub fn bounded(mut self, memory: ClientMemory) -> Self {
        self.memory = Some(memory);
        self
    }
}

impl Log for KafkaLog {
    fn consumer(&self, config: &ConsumerConfig) -> IoResult<Box<dyn Consumer>> {
        let properties = self.properties.member(config, self.memory.as_ref());
        let replacements = self.replacements.clone();
        let batch_bytes = self.memory.map(|memory| memory.input.batch_bytes);
        let consumer =
            consumer::KafkaConsumer::new(&properties, config, replacements, batch_bytes)?;
        Ok(Box::new(consumer))
    }

    fn producer(&self, config: &ProducerConfig) -> IoResult<Box<dyn Producer>> {
        let properties = self.properties.sender(config, self.memory.as_ref());
        let timeout = config
            .transactional_id
            .as_ref()
            .map(|_| config.transaction_timeout);
        let producer = producer::KafkaProducer::new(&properties, &config.client_id, timeout)?;
        Ok(Box::new(producer))
    }

    fn reader(&self, client_id: &str) -> IoResult<Box<dyn Reader>> {
        let memory = self.memory.as_ref();
        let properties = self.properties.reader(client_id, client_id, memory);
        let batch_bytes = memory.map(|memory| memory.reader.batch_bytes);
        let reader = reader::KafkaReader::new(&properties, client_id, batch_bytes)?;
        Ok(Box::new(reader))
    }

    fn admin(&self, client_id: &str) -> IoResult<Box<dyn Admin>> {
        Ok(Box::new(admin::KafkaAdmin::new(
            &self.properties,
            client_id,
        )?))
    }

    fn within(&self, memory: &ClientMemory) -> Option<BoundedLog> {
        Some(BoundedLog {
            log: Arc::new(self.clone().bounded(*memory)),
            exceeded: self.properties.beyond(memory),
        })
    }
}
