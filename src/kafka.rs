//! Configuration to the engine's Kafka properties.

use topology::io::kafka::KafkaProperties;

use crate::config;

/// The `[kafka]` table with its scopes.
pub fn properties(kafka: &config::KafkaProperties) -> KafkaProperties {
    let pairs = |properties: &config::Properties| {
        properties
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    KafkaProperties {
        common: pairs(&kafka.common),
        consumer: pairs(&kafka.consumer),
        producer: pairs(&kafka.producer),
    }
}
