//! Membership: rebalance, restart, fencing, closing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jumun_harness::Broker;
use topology::ErrorClass;
use topology::io::{
    Consumer, GroupEvent, InputId, Log, Position, ProducerConfig, RecordBatch, TopicPartition,
};

use crate::kafka_log::{
    PATIENCE, consumer, fill, join, log, log_at, member, next_event, producer, record, settle,
    spec, topic, unique,
};

/// Partitions of a member, with their inputs.
type Held = Vec<(TopicPartition, InputId)>;

/// Within this time what does not wait for anything is done.
const PROMPT: Duration = Duration::from_secs(5);

fn partitions(assigned: &[TopicPartition], topic: &str) -> BTreeSet<i32> {
    assigned
        .iter()
        .filter(|partition| partition.topic == topic)
        .map(|partition| partition.partition)
        .collect()
}

#[test]
fn two_members_share_three_topics_by_range_and_close_promptly() {
    let topics = [topic("range", 4), topic("range", 4), topic("range", 4)];
    let names: Vec<_> = topics.iter().map(String::as_str).collect();
    fill(&topics[0], 100);
    let group = unique("group");
    let mut first = consumer(&group, "a");
    assert_eq!(join(&mut *first, &names).len(), 12);
    let mut second = consumer(&group, "b");
    second.subscribe(&names).unwrap();
    let assigned = settle(&mut [&mut *first, &mut *second]);
    for topic in &names {
        assert_eq!(partitions(&assigned[0], topic), BTreeSet::from([0, 1]));
        assert_eq!(partitions(&assigned[1], topic), BTreeSet::from([2, 3]));
    }
    let started = Instant::now();
    first.close(false, PATIENCE).unwrap();
    second.close(true, PATIENCE).unwrap();
    assert!(
        started.elapsed() < PROMPT,
        "closing took {:?}",
        started.elapsed()
    );
}

#[test]
fn a_static_member_comes_back_to_its_partitions_without_a_rebalance() {
    let topic = topic("static", 4);
    let group = unique("group");
    let mut first = consumer(&group, "a");
    let mut second = consumer(&group, "b");
    first.subscribe(&[&topic]).unwrap();
    second.subscribe(&[&topic]).unwrap();
    let assigned = loop {
        let assigned = settle(&mut [&mut *first, &mut *second]);
        if assigned[0].len() == 2 && assigned[1].len() == 2 {
            break assigned;
        }
    };
    second.close(false, PATIENCE).unwrap();
    let mut second = consumer(&group, "b");
    second.subscribe(&[&topic]).unwrap();
    let again = settle(&mut [&mut *second]);
    assert_eq!(again[0], assigned[1]);
    assert_eq!(first.poll(Duration::from_secs(1)).unwrap(), None);
}

#[test]
fn leaving_gives_the_partitions_to_the_others_at_once() {
    let topic = topic("leave", 4);
    let group = unique("group");
    let mut first = consumer(&group, "a");
    let mut second = consumer(&group, "b");
    first.subscribe(&[&topic]).unwrap();
    second.subscribe(&[&topic]).unwrap();
    while settle(&mut [&mut *first, &mut *second])[1].len() != 2 {}
    let started = Instant::now();
    second.close(true, PATIENCE).unwrap();
    let assigned = settle(&mut [&mut *first]);
    assert_eq!(assigned[0].len(), 4);
    // The session would have lasted 10 s.
    assert!(
        started.elapsed() < PROMPT,
        "it took {:?}",
        started.elapsed()
    );
}

#[test]
fn a_second_process_with_the_same_instance_id_stops_the_first_with_the_reason() {
    let topic = topic("instance", 1);
    let group = unique("group");
    let mut first = consumer(&group, "a");
    join(&mut *first, &[&topic]);
    let mut second = consumer(&group, "a");
    join(&mut *second, &[&topic]);
    let started = Instant::now();
    let error = loop {
        assert!(started.elapsed() < PATIENCE, "the first member is not told");
        match first.poll(Duration::from_millis(50)) {
            Ok(Some(GroupEvent::Assigned(_))) => panic!("assigned to both"),
            Ok(Some(_)) => first.unassign().unwrap(),
            Ok(None) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(
        error.to_string().contains("application.instance_id"),
        "{error}"
    );
    let started = Instant::now();
    drop(first);
    drop(second);
    assert!(
        started.elapsed() < PROMPT,
        "dropping took {:?}",
        started.elapsed()
    );
}

#[test]
fn dropping_never_hangs_whatever_was_left_undone() {
    let topic = topic("drop", 2);
    fill(&topic, 1_000);
    let timed = |what: &str, consumer: Box<dyn Consumer>| {
        let started = Instant::now();
        drop(consumer);
        assert!(
            started.elapsed() < PROMPT,
            "{what}: dropping took {:?}",
            started.elapsed()
        );
    };
    timed("never subscribed", consumer(&unique("group"), "a"));

    let mut joining = consumer(&unique("group"), "a");
    joining.subscribe(&[&topic]).unwrap();
    timed("while joining", joining);

    let mut waiting = consumer(&unique("group"), "a");
    waiting.subscribe(&[&topic]).unwrap();
    assert!(matches!(next_event(&mut *waiting), GroupEvent::Assigned(_)));
    timed("assignment not completed", waiting);

    let mut reading = consumer(&unique("group"), "a");
    join(&mut *reading, &[&topic]);
    timed("with prefetched records", reading);

    let group = unique("group");
    let mut revoked = consumer(&group, "a");
    join(&mut *revoked, &[&topic]);
    let mut other = consumer(&group, "b");
    other.subscribe(&[&topic]).unwrap();
    assert!(matches!(next_event(&mut *revoked), GroupEvent::Revoked(_)));
    timed("revocation not completed", revoked);
    timed("the other", other);

    let mut sending = producer(Some(&unique("tx")));
    let output = sending.register(&topic).unwrap();
    sending.begin_transaction().unwrap();
    for _ in 0..1_000 {
        sending.send(record(output, 0, b"key", b"value")).unwrap();
    }
    let started = Instant::now();
    drop(sending);
    assert!(
        started.elapsed() < PROMPT,
        "producer: dropping took {:?}",
        started.elapsed()
    );
}

#[test]
fn without_brokers_trouble_is_told_and_nothing_hangs() {
    // Nothing listens on port 1.
    let log = log_at("127.0.0.1:1");
    let mut consumer = log.consumer(&member("nobody", "a")).unwrap();
    consumer.subscribe(&["nothing"]).unwrap();
    let started = Instant::now();
    while consumer.broker_trouble().is_none() {
        assert!(started.elapsed() < PATIENCE, "no trouble told");
        consumer.poll(Duration::from_millis(50)).unwrap();
    }
    let partition = [TopicPartition::new("nothing", 0)];
    let error = consumer
        .committed(&partition, Duration::from_millis(200))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retriable, "{error}");
    let started = Instant::now();
    drop(consumer);
    let mut admin = log.admin("nobody").unwrap();
    let error = admin
        .describe_topics(&["nothing"], Duration::from_millis(200))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retriable, "{error}");
    drop(admin);
    assert!(
        started.elapsed() < PROMPT,
        "it took {:?}",
        started.elapsed()
    );
}

#[test]
fn a_member_that_did_not_poll_in_time_is_told_that_its_partitions_are_lost() {
    let topic = topic("lost", 2);
    let group = unique("group");
    let settings = topology::io::ConsumerConfig {
        session_timeout: Duration::from_secs(1),
        max_poll_interval: Duration::from_secs(1),
        ..member(&group, "a")
    };
    let mut consumer = log().consumer(&settings).unwrap();
    join(&mut *consumer, &[&topic]);
    // The time itself is what is tested; `wait` does not count as polling.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        consumer.wait(Duration::from_millis(500));
    }
    let GroupEvent::Lost(partitions) = next_event(&mut *consumer) else {
        panic!("not told");
    };
    assert_eq!(partitions.len(), 2);
    consumer.unassign().unwrap();
    // It comes back by itself.
    assert!(matches!(
        next_event(&mut *consumer),
        GroupEvent::Assigned(_)
    ));
}

#[test]
fn a_dead_broker_keeps_nobody_from_stopping() {
    let mut broker = Broker::start().unwrap();
    let log = log_at(broker.bootstrap_servers());
    let topic = unique("dead");
    log.admin("admin")
        .unwrap()
        .create_topics(&[spec(&topic, 1)], PATIENCE)
        .unwrap();
    let mut consumer = log.consumer(&member("group", "a")).unwrap();
    let inputs = join(&mut *consumer, &[&topic]);
    crate::kafka_log::read_to_end(&mut *consumer, inputs[0].1, &mut RecordBatch::default());
    let mut closed = log.consumer(&member("other", "a")).unwrap();
    join(&mut *closed, &[&topic]);
    let mut reader = log.reader("reader").unwrap();
    reader
        .add(&TopicPartition::new(&topic, 0), Position::Beginning)
        .unwrap();
    let mut producer = log
        .producer(&ProducerConfig {
            client_id: "producer".into(),
            transactional_id: Some("dead".into()),
            transaction_timeout: Duration::from_secs(10),
            max_batch_bytes: None,
        })
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let output = producer.register(&topic).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(output, 0, b"key", b"value")).unwrap();
    crate::kafka_log::drain(&mut *producer);
    broker.kill9().unwrap();
    producer.send(record(output, 0, b"key", b"value")).unwrap();

    let error = producer
        .commit_transaction(Duration::from_millis(300))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retriable, "{error}");
    let started = Instant::now();
    assert!(
        producer
            .abort_transaction(Duration::from_millis(300))
            .is_err()
    );
    assert!(
        started.elapsed() < PROMPT,
        "aborting took {:?}",
        started.elapsed()
    );
    let started = Instant::now();
    while consumer.broker_trouble().is_none() {
        assert!(started.elapsed() < PATIENCE, "no trouble told");
        assert_eq!(consumer.poll(Duration::from_millis(50)).unwrap(), None);
    }
    let timed = |what: &str, stop: &mut dyn FnMut()| {
        let started = Instant::now();
        stop();
        println!("{what}: {:?}", started.elapsed());
        assert!(
            started.elapsed() < PROMPT,
            "{what} took {:?}",
            started.elapsed()
        );
    };
    let mut closed = Some(closed);
    timed("close", &mut || {
        // Leaving cannot be told to anyone, which is an error; hanging would be worse.
        let closed = closed.take().unwrap();
        let error = closed.close(true, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Retriable, "{error}");
    });
    let mut consumer = Some(consumer);
    timed("drop consumer", &mut || drop(consumer.take()));
    let mut reader = Some(reader);
    timed("drop reader", &mut || drop(reader.take()));
    let mut producer = Some(producer);
    timed("drop producer", &mut || drop(producer.take()));
}

/// Completes whatever the members are told, until `done`.
fn serve(members: &mut [(&mut dyn Consumer, &mut Held)], mut done: impl FnMut(&[usize]) -> bool) {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "the group does not settle");
        for (member, held) in &mut *members {
            match member.poll(Duration::from_millis(10)).unwrap() {
                Some(GroupEvent::Added(partitions)) => {
                    let starts: Vec<_> = partitions
                        .iter()
                        .map(|partition| (partition.clone(), Position::Beginning))
                        .collect();
                    let ids = member.incremental_assign(&starts).unwrap();
                    held.extend(partitions.into_iter().zip(ids));
                }
                Some(GroupEvent::Removed(partitions)) => {
                    member.incremental_unassign(&partitions).unwrap();
                    held.retain(|(partition, _)| !partitions.contains(partition));
                }
                Some(other) => panic!("{other:?} under the consumer protocol"),
                None => {}
            }
        }
        let counts: Vec<usize> = members.iter().map(|(_, held)| held.len()).collect();
        if done(&counts) {
            return;
        }
    }
}

/// Partition 0 stays with the first member, which has read it to its end: librdkafka would go on one record too far.
#[test]
fn a_partition_that_stays_loses_no_record_while_others_move_under_the_consumer_protocol() {
    let topic = topic("incremental", 4);
    let group = unique("group");
    let settings = |instance: &str| topology::io::ConsumerConfig {
        group_protocol: topology::io::GroupProtocol::Consumer,
        ..member(&group, instance)
    };
    let mut first = log().consumer(&settings("a")).unwrap();
    let mut second = log().consumer(&settings("b")).unwrap();
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    first.subscribe(&[&topic]).unwrap();
    serve(&mut [(&mut *first, &mut of_first)], |held| held == [4]);
    fill(&topic, 10);
    let (_, staying) = of_first
        .iter()
        .find(|(partition, _)| partition.partition == 0)
        .cloned()
        .unwrap();
    let mut batch = RecordBatch::default();
    // The end that was there before the records may be told first.
    while crate::kafka_log::read_to_end(&mut *first, staying, &mut batch) < 10 {}
    assert_eq!(batch.iter().count(), 10);

    second.subscribe(&[&topic]).unwrap();
    serve(
        &mut [(&mut *first, &mut of_first), (&mut *second, &mut of_second)],
        |held| held == [2, 2],
    );
    assert!(
        of_first.iter().any(|(_, id)| *id == staying),
        "its id stays"
    );
    fill(&topic, 10);
    let started = Instant::now();
    while batch.iter().count() < 20 {
        assert!(
            started.elapsed() < PATIENCE,
            "only {} of 20 records",
            batch.iter().count()
        );
        first.poll(Duration::ZERO).unwrap();
        first.fetch(staying, 100, &mut batch).unwrap();
        first.wait(Duration::from_millis(20));
    }
    let started = Instant::now();
    first.close(false, PATIENCE).unwrap();
    second.close(false, PATIENCE).unwrap();
    assert!(
        started.elapsed() < PROMPT,
        "closing took {:?}",
        started.elapsed()
    );
}
