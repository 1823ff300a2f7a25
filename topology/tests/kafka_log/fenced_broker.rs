//! A broker whose heartbeat is late is fenced by its controller until the next, as after a freeze, and names no broker at all
//! when it is asked. librdkafka (2.12) then forgets all brokers for ever (its issue 5301).

use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, BrokerOptions};
use topology::io::{
    ConsumerConfig, GroupEvent, IoResult, Log, Position, ProducerConfig, RecordBatch,
};
use topology::{Error, ErrorClass};

use crate::kafka_log::{PATIENCE, log_at, member, record, spec, unique};

/// Clients are lost in one of some hundred; `JUMUN_FENCED_ROUNDS` asks for more.
const ROUNDS: usize = 3;

#[test]
fn clients_find_a_broker_again_that_named_no_broker_for_a_moment() {
    let rounds = std::env::var("JUMUN_FENCED_ROUNDS")
        .ok()
        .and_then(|given| given.parse().ok())
        .unwrap_or(ROUNDS);
    let options = BrokerOptions {
        properties: vec![
            ("broker.session.timeout.ms".into(), "1000".into()),
            ("broker.heartbeat.interval.ms".into(), "2000".into()),
        ],
        ..BrokerOptions::default()
    };
    let broker = Broker::start_with(options).unwrap();
    let log = log_at(broker.bootstrap_servers());
    let topic = unique("fenced");
    let mut admin = log.admin("admin").unwrap();
    insist(|| admin.create_topics(&[spec(&topic, 1)], PATIENCE));
    let config = ProducerConfig {
        client_id: "producer".into(),
        transactional_id: None,
        transaction_timeout: Duration::from_secs(10),
        max_batch_bytes: None,
    };
    let mut producer = log.producer(&config).unwrap();
    let output = producer.register(&topic).unwrap();
    let dynamic = ConsumerConfig {
        is_static: false,
        ..member(&unique("group"), "a")
    };
    let mut consumer = log.consumer(&dynamic).unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    let assigned = insist(|| match consumer.poll(Duration::from_millis(20))? {
        Some(GroupEvent::Assigned(partitions)) => Ok(partitions),
        _ => Err(Error::new(ErrorClass::Retriable, "join", "not yet")),
    });
    // Positions as numbers: the ends of a partition without a leader cannot be asked for.
    let input = consumer
        .assign(&[(assigned[0].clone(), Position::Offset(0))])
        .unwrap()[0];
    let mut reader = log.reader("reader").unwrap();
    let read = insist(|| reader.add(&assigned[0], Position::Offset(0)));

    let mut consumed = RecordBatch::default();
    let mut restored = RecordBatch::default();
    for round in 1..=rounds {
        let since = Instant::now();
        let mut refused = 0;
        loop {
            match admin.describe_topics(&[&topic], Duration::from_millis(100)) {
                Ok(found) if refused > 0 => break assert!(found[0].is_some()),
                Ok(_) => thread::sleep(Duration::from_millis(20)),
                Err(error) => {
                    refused += 1;
                    assert!(since.elapsed() < PATIENCE, "round {round}: {error}");
                }
            }
        }
        println!("round {round}: {refused} refusals, {:?}", since.elapsed());

        producer.send(record(output, 0, b"key", b"value")).unwrap();
        while producer.in_flight() > 0 || consumed.len() < round || restored.len() < round {
            assert!(
                since.elapsed() < 2 * PATIENCE,
                "round {round}: {} in flight, {} consumed, {} restored",
                producer.in_flight(),
                consumed.len(),
                restored.len()
            );
            producer.poll(Duration::from_millis(5)).unwrap();
            let _ = consumer.poll(Duration::ZERO).unwrap();
            reader.poll().unwrap();
            consumer.fetch(input, 10, &mut consumed).unwrap();
            reader.fetch(read, 10, &mut restored).unwrap();
        }
    }
}

/// Calls until it works: every other moment no partition has a leader.
fn insist<T>(mut call: impl FnMut() -> IoResult<T>) -> T {
    let since = Instant::now();
    loop {
        match call() {
            Ok(done) => return done,
            Err(error) => assert!(
                error.class() == ErrorClass::Retriable && since.elapsed() < PATIENCE,
                "{error}"
            ),
        }
    }
}
