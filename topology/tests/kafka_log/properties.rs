//! Properties of the user.

use topology::ErrorClass;
use topology::io::Log;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::memory::ClientMemory;

fn refusal(properties: KafkaProperties) -> String {
    let error = KafkaLog::new(properties).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    error.to_string()
}

fn one(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.into(), value.into())]
}

#[test]
fn reserved_properties_are_refused_in_every_scope_with_the_reason() {
    for name in [
        "isolation.level",
        "acks",
        "enable.idempotence",
        "partitioner",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "transactional.id",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "group.remote.assignor",
        "partition.assignment.strategy",
        "auto.offset.reset",
        "enable.partition.eof",
    ] {
        let text = refusal(KafkaProperties {
            common: one(name, "x"),
            ..KafkaProperties::default()
        });
        assert!(
            text.contains(name) && text.contains("(common) is reserved: "),
            "{text}"
        );
        let text = refusal(KafkaProperties {
            consumer: one(name, "x"),
            ..KafkaProperties::default()
        });
        assert!(text.contains("(consumer)"), "{text}");
        let text = refusal(KafkaProperties {
            producer: one(name, "x"),
            ..KafkaProperties::default()
        });
        assert!(text.contains("(producer)"), "{text}");
    }
}

#[test]
fn unknown_names_and_bad_values_are_refused_by_name() {
    let text = refusal(KafkaProperties {
        common: one("bootstrap.server", "x"),
        ..KafkaProperties::default()
    });
    assert!(text.contains("bootstrap.server"), "{text}");
    let text = refusal(KafkaProperties {
        producer: one("linger.ms", "soon"),
        ..KafkaProperties::default()
    });
    assert!(text.contains("linger.ms"), "{text}");
}

#[test]
fn properties_that_break_the_bounds_of_memory_are_named() {
    let memory = ClientMemory::small();
    let exceeded = |properties: KafkaProperties| {
        let log = KafkaLog::new(properties).unwrap();
        log.within(&memory).unwrap().exceeded
    };
    assert_eq!(exceeded(KafkaProperties::default()), [""; 0]);
    let raised = exceeded(KafkaProperties {
        common: one("fetch.message.max.bytes", "50000000"),
        consumer: one("queued.max.messages.kbytes", "65536"),
        producer: one("queue.buffering.max.kbytes", "1"),
    });
    assert_eq!(
        raised,
        [
            "fetch.message.max.bytes = 50000000 (within the budget: 98304)",
            "queued.max.messages.kbytes = 65536 (within the budget: 192)"
        ]
    );
    // The producer's own limit must not make the consumer impossible: librdkafka wants a fetch to be larger.
    let log = KafkaLog::new(KafkaProperties {
        common: one("message.max.bytes", "16777216"),
        ..KafkaProperties::default()
    });
    let bounded = log.unwrap().within(&memory).unwrap().log;
    assert!(bounded.reader("large").is_ok());
}

#[test]
fn the_user_overrides_what_is_not_reserved() {
    let properties = KafkaProperties {
        producer: one("linger.ms", "1"),
        consumer: one("queued.min.messages", "5"),
        common: one("bootstrap.servers", "127.0.0.1:1"),
    };
    assert!(KafkaLog::new(properties).is_ok());
}
