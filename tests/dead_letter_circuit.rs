//! E17: a stream of records that cannot be judged, as a bad deployment sends it. The task pauses, readiness says why, and
//! somebody with the token lets it go on; nothing is lost and nothing is judged twice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Message, wait_for};

use crate::support::processor::{Processor, Setup, TIMEOUT};
use crate::support::topics;
use crate::support::topics::{DEAD_LETTERS, ORDERS};

const TOKEN: &str = "the-token-of-this-test";

/// The whole answer to a POST with this token.
fn resume(address: SocketAddr, token: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = format!(
        "POST /dead-letters/resume HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn send(broker: &Broker, partition: i32, count: usize) {
    let messages =
        (0..count).map(|_| Message::new(ORDERS, "order-1", "{no json").partition(partition));
    broker.produce(messages).unwrap();
}

fn wait_dead_letters(broker: &Broker, processor: &Processor, count: usize) {
    let lies_there = || {
        let records = broker.consume_all(DEAD_LETTERS, Isolation::ReadCommitted);
        (records.ok()?.len() == count).then_some(())
    };
    wait_for(&format!("{count} dead letters"), TIMEOUT, lies_there)
        .unwrap_or_else(|error| panic!("{error}:\n{}", processor.process.stderr()));
}

fn wait_state(processor: &mut Processor, state: &str, status: u16) -> serde_json::Value {
    wait_for(state, TIMEOUT, || {
        let (found, body) = processor.readiness();
        (body["state"] == state && found == status).then_some(body)
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", processor.readiness()))
}

#[test]
fn e17_a_stream_of_poison_pauses_its_task_until_it_is_resumed() {
    let broker = Broker::start().unwrap();
    topics::create_inputs(&broker, 2);
    let state = tempfile::tempdir().unwrap();
    let mut processor = Setup::new(&broker, "poisoned", state.path())
        .env("JUMUN__HTTP__TOKEN", TOKEN)
        .start_ready();
    let address = processor.address();
    assert!(resume(address, TOKEN).ends_with("{\"resumed\":[]}\n"));

    send(&broker, 0, 25);
    let body = wait_state(&mut processor, "PAUSED", 503);
    let detail = body["detail"].as_str().unwrap();
    for text in [
        "task 0_0 is paused: 10 of the last 10 records were dead-lettered",
        "__streams.errors.reason and .message in order.dlt.v1",
        "POST /dead-letters/resume",
    ] {
        assert!(detail.contains(text), "{text}: {detail}");
    }
    let paused: Vec<_> = body["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| task["state"] == "PAUSED")
        .collect();
    assert_eq!(paused.len(), 1, "{body}");
    assert_eq!(paused[0]["id"], "0_0");
    let series = processor.metrics("topology_task_paused{");
    let of = |task: &str| {
        let label = format!("task=\"{task}\"");
        let found = series.iter().find(|(name, _)| name.contains(&label));
        found.unwrap().1
    };
    assert_eq!((of("0_0"), of("0_1")), (1.0, 0.0));
    let lines = processor.log_lines();
    let is_told = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && message.starts_with("paused: 10 of")
    };
    assert_eq!(lines.iter().filter(|line| is_told(line)).count(), 1);

    // The other partition goes on; fewer than ten do not pause it.
    wait_dead_letters(&broker, &processor, 10);
    send(&broker, 1, 5);
    wait_dead_letters(&broker, &processor, 15);

    assert!(resume(address, "wrong").starts_with("HTTP/1.1 401"));
    std::thread::sleep(Duration::from_millis(500));
    wait_dead_letters(&broker, &processor, 15);
    for expected in [25, 30] {
        let answer = resume(address, TOKEN);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("{\"resumed\":[\"0_0\"]}\n"), "{answer}");
        wait_dead_letters(&broker, &processor, expected);
        if expected == 25 {
            wait_state(&mut processor, "PAUSED", 503);
        }
    }
    wait_state(&mut processor, "RUNNING", 200);
    processor.wait_logged("resumed: takes records again");
    assert_eq!(processor.outcomes().values().sum::<u64>(), 30);
    assert!(!processor.process.stderr().contains(TOKEN));
    processor.stop();
}
