//! The free part of the configuration: properties that go to librdkafka as they are, but for those the engine's
//! guarantees stand on.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// What a masked value looks like.
pub(super) const MASK: &str = "********";

/// Properties that are refused, each with the reason. Aliases of librdkafka stand beside the name they mean.
const RESERVED: [(&str, &str); 20] = [
    (
        "isolation.level",
        "inputs are always read committed, or aborted records would be processed",
    ),
    (
        "acks",
        "a commit is complete only when all replicas have its records, so it is always \"all\"",
    ),
    (
        "request.required.acks",
        "it is acks by another name, which is always \"all\"",
    ),
    (
        "enable.idempotence",
        "transactions need it, so it is always on",
    ),
    (
        "partitioner",
        "keys must go to the partitions every JVM producer chooses, so it is always murmur2_random",
    ),
    (
        "enable.auto.commit",
        "offsets are committed only in the transaction that holds what they caused",
    ),
    (
        "auto.commit.enable",
        "offsets are committed only in the transaction that holds what they caused",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed only in the transaction that holds what they caused",
    ),
    (
        "transactional.id",
        "it follows from application.id and application.instance_id, so that a zombie is fenced",
    ),
    ("group.id", "it is application.id; set that"),
    (
        "group.instance.id",
        "it follows from application.instance_id; set that",
    ),
    (
        "partition.assignment.strategy",
        "co-partitioned inputs need range; others break joins without a word",
    ),
    (
        "auto.offset.reset",
        "it holds only for a group that never committed; set application.auto_offset_reset",
    ),
    (
        "enable.partition.eof",
        "the engine learns from it that an input is caught up, so it is always on",
    ),
    (
        "delivery.report.only.error",
        "delivery reports carry the changelog's offsets, so all are needed",
    ),
    (
        "transaction.timeout.ms",
        "set application.transaction_timeout_ms",
    ),
    ("group.protocol", "set application.group_protocol"),
    (
        "group.remote.assignor",
        "co-partitioned inputs need the range assignor",
    ),
    ("session.timeout.ms", "set application.session_timeout_ms"),
    (
        "metadata.broker.list",
        "it is bootstrap.servers by another name; set that",
    ),
];

/// Why `property` may not be set, if it may not.
pub(super) fn reserved(property: &str) -> Option<&'static str> {
    RESERVED
        .iter()
        .find(|(name, _)| *name == property)
        .map(|(_, reason)| *reason)
}

/// Whether a property's value must not be shown. Rather one too many than one too few.
pub fn is_secret(property: &str) -> bool {
    const MARKS: [&str; 9] = [
        "password",
        "passphrase",
        "secret",
        "token",
        "credential",
        "jaas.config",
        "oauthbearer.config",
        "key.pem",
        "private.key",
    ];
    let property = property.to_lowercase();
    MARKS.iter().any(|mark| property.contains(mark))
}

/// Properties by name. `Debug` masks secrets, so that they do not get into a log by accident.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Sets a property.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values, sorted by name; secrets in clear.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Names and values, sorted by name; secrets masked.
    pub fn masked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .map(|(name, value)| (name, if is_secret(name) { MASK } else { value }))
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.masked()).finish()
    }
}

/// Serialised, secrets are masked too.
impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.masked())
    }
}

/// The `[kafka]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KafkaProperties {
    /// For all clients.
    #[serde(flatten)]
    pub common: Properties,
    /// For consumers only.
    pub consumer: Properties,
    /// For producers only.
    pub producer: Properties,
}

impl KafkaProperties {
    /// `host:port` of the brokers, separated by commas.
    pub fn bootstrap_servers(&self) -> &str {
        self.common.get("bootstrap.servers").unwrap_or_default()
    }

    /// What a consumer is created with: the common properties, replaced by the consumers' own.
    pub fn for_consumer(&self) -> Properties {
        self.with(&self.consumer)
    }

    /// What a producer is created with: the common properties, replaced by the producers' own.
    pub fn for_producer(&self) -> Properties {
        self.with(&self.producer)
    }

    fn with(&self, own: &Properties) -> Properties {
        let mut all = self.common.clone();
        all.0.extend(own.0.clone());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "sasl.jaas.config",
            "ssl.key.pem",
            "SASL.PASSWORD",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "my.token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "bootstrap.servers",
            "sasl.username",
            "sasl.mechanism",
            "ssl.ca.location",
            "ssl.key.location",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug_or_json() {
        let mut kafka = KafkaProperties::default();
        kafka.common.set("sasl.password", "hunter2");
        kafka.producer.set("ssl.key.pem", "hunter2");
        let json = serde_json::to_string(&kafka).unwrap();
        assert_eq!(
            json,
            r#"{"sasl.password":"********","consumer":{},"producer":{"ssl.key.pem":"********"}}"#
        );
        assert!(!format!("{kafka:?}").contains("hunter2"));
        assert_eq!(kafka.for_producer().get("sasl.password"), Some("hunter2"));
    }

    #[test]
    fn a_scopes_property_replaces_the_common_one_for_its_client_only() {
        let mut kafka = KafkaProperties::default();
        kafka.common.set("client.id", "both");
        kafka.consumer.set("client.id", "reader");
        assert_eq!(kafka.for_consumer().get("client.id"), Some("reader"));
        assert_eq!(kafka.for_producer().get("client.id"), Some("both"));
    }
}
