//! Properties of the user.

use topology::ErrorClass;
use topology::io::kafka::{KafkaLog, KafkaProperties};

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
fn the_user_overrides_what_is_not_reserved() {
    let properties = KafkaProperties {
        producer: one("linger.ms", "1"),
        consumer: one("queued.min.messages", "5"),
        common: one("bootstrap.servers", "127.0.0.1:1"),
    };
    assert!(KafkaLog::new(properties).is_ok());
}
