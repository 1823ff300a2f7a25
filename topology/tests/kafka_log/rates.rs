//! What sending and fetching cost; run with `--ignored --nocapture`.

use std::time::{Duration, Instant};

use topology::io::{Log, Position, RecordBatch, TopicPartition};

use crate::kafka_log::{PATIENCE, log, producer, record, topic, unique};

fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

fn process_cpu() -> Duration {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat =
            std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
        total += stat
            .split_whitespace()
            .next()
            .map_or(0, |nanos| nanos.parse::<u64>().unwrap_or(0));
    }
    Duration::from_nanos(total)
}

#[test]
#[ignore = "measures, asserts no rate"]
fn rates_of_sending_and_fetching() {
    const COUNT: usize = 2_000_000;
    let topic = topic("rates", 4);
    let mut producer = producer(Some(&unique("tx")));
    let output = producer.register(&topic).unwrap();
    let value = [b'v'; 350];
    let (started, thread, process) = (Instant::now(), thread_cpu(), process_cpu());
    for chunk in 0..COUNT / 20_000 {
        producer.begin_transaction().unwrap();
        for index in 0..20_000_usize {
            let key = (chunk * 20_000 + index).to_le_bytes();
            producer
                .send(record(output, (index % 4) as i32, &key, &value))
                .unwrap();
            if index % 256 == 0 {
                producer.poll(Duration::ZERO).unwrap();
            }
        }
        producer.commit_transaction(PATIENCE).unwrap();
    }
    report("send", COUNT, started, thread, process);

    let mut reader = log().reader("rates").unwrap();
    let inputs: Vec<_> = (0..4)
        .map(|partition| {
            reader
                .add(&TopicPartition::new(&topic, partition), Position::Beginning)
                .unwrap()
        })
        .collect();
    let (started, thread, process) = (Instant::now(), thread_cpu(), process_cpu());
    let mut batch = RecordBatch::default();
    let mut read = 0;
    while read < COUNT {
        assert!(started.elapsed() < PATIENCE * 4);
        reader.poll().unwrap();
        let before = read;
        for &input in &inputs {
            batch.clear();
            read += reader.fetch(input, 1_000, &mut batch).unwrap().records;
        }
        if before == read {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    report("fetch", COUNT, started, thread, process);
}

#[test]
#[ignore = "measures, asserts no rate"]
fn latency_of_small_transactions() {
    let topic = topic("latency", 4);
    let mut consumer = crate::kafka_log::consumer(&unique("group"), "a");
    crate::kafka_log::join(&mut *consumer, &[&topic]);
    let group = consumer.group_metadata().unwrap();
    let mut producer = producer(Some(&unique("tx")));
    let output = producer.register(&topic).unwrap();
    // Right after a commit, the coordinator is still writing markers; a transaction begun then waits for them.
    for pause in [Duration::ZERO, Duration::from_millis(30)] {
        let mut phases = [const { Vec::new() }; 3];
        for round in 0..100_i64 {
            std::thread::sleep(pause);
            producer.begin_transaction().unwrap();
            for index in 0..10 {
                producer
                    .send(record(output, index % 4, b"key", b"value"))
                    .unwrap();
            }
            let started = Instant::now();
            crate::kafka_log::drain(&mut *producer);
            phases[0].push(started.elapsed());
            let started = Instant::now();
            producer
                .send_offsets(&[(TopicPartition::new(&topic, 0), round)], &group, PATIENCE)
                .unwrap();
            phases[1].push(started.elapsed());
            let started = Instant::now();
            producer.commit_transaction(PATIENCE).unwrap();
            phases[2].push(started.elapsed());
        }
        for (name, phase) in ["drain", "offsets", "commit"].iter().zip(&mut phases) {
            phase.sort();
            println!(
                "pause {pause:?}, {name}: median {:?}, 98 % {:?}",
                phase[50], phase[98]
            );
        }
    }
}

fn report(what: &str, count: usize, started: Instant, thread: Duration, process: Duration) {
    let rate = |elapsed: Duration| count as f64 / elapsed.as_secs_f64();
    println!(
        "{what}: {:.0}/s, {:.0} per CPU-second of the calling thread, {:.0} per CPU-second of the process",
        rate(started.elapsed()),
        rate(thread_cpu().saturating_sub(thread)),
        rate(process_cpu().saturating_sub(process))
    );
}
