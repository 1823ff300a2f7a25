//! Topics, watermarks and committed offsets.

use topology::ErrorClass;
use topology::io::{TopicDescription, TopicPartition, TopicSpec};

use crate::kafka_log::{PATIENCE, admin, consumer, fill, join, topic, unique};

#[test]
fn topics_are_created_once_and_described_and_never_by_asking() {
    let mut admin = admin();
    let (name, missing) = (unique("described"), unique("missing"));
    let spec = TopicSpec {
        name: name.clone(),
        partitions: 3,
        replication_factor: 1,
        config: vec![
            ("cleanup.policy".into(), "compact".into()),
            ("max.message.bytes".into(), "5000".into()),
        ],
    };
    for _ in 0..2 {
        admin
            .create_topics(std::slice::from_ref(&spec), PATIENCE)
            .unwrap();
    }
    for _ in 0..2 {
        let found = admin.describe_topics(&[&missing, &name], PATIENCE).unwrap();
        let expected = TopicDescription {
            name: name.clone(),
            partitions: 3,
            max_message_bytes: 5_000,
            cleanup_policy: "compact".into(),
        };
        assert_eq!(found, [None, Some(expected)]);
    }
}

#[test]
fn an_impossible_topic_is_refused_by_name() {
    let spec = TopicSpec {
        name: unique("impossible"),
        partitions: 1,
        replication_factor: 3,
        config: Vec::new(),
    };
    let error = admin()
        .create_topics(std::slice::from_ref(&spec), PATIENCE)
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(error.to_string().contains(&spec.name), "{error}");
}

#[test]
fn watermarks_are_asked_for_all_partitions_at_once() {
    let (first, second) = (topic("marks", 2), topic("marks", 1));
    fill(&first, 4);
    let partitions = [
        TopicPartition::new(&second, 0),
        TopicPartition::new(&first, 1),
        TopicPartition::new(&first, 0),
    ];
    let found = admin().watermarks(&partitions, PATIENCE).unwrap();
    let high: Vec<_> = found.iter().map(|marks| (marks.low, marks.high)).collect();
    assert_eq!(high, [(0, 0), (0, 0), (0, 4)]);
}

#[test]
fn offsets_committed_outside_transactions_are_read_back() {
    let topic = topic("plain-offsets", 2);
    let group = unique("group");
    let mut consumer = consumer(&group, "a");
    join(&mut *consumer, &[&topic]);
    let partitions = [
        TopicPartition::new(&topic, 0),
        TopicPartition::new(&topic, 1),
    ];
    consumer.commit(&[(partitions[1].clone(), 12)]).unwrap();
    assert_eq!(
        consumer.committed(&partitions, PATIENCE).unwrap(),
        [None, Some(12)]
    );
    consumer.close(true, PATIENCE).unwrap();
    assert_eq!(
        admin().committed(&group, &partitions, PATIENCE).unwrap(),
        [None, Some(12)]
    );
}
