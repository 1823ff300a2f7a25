//! What goes wrong around the program, and what it says: it waits, or it ends with one message that names the thing and
//! the fix.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Message, free_port, wait_for};

use crate::support::processor::{Processor, Setup, TIMEOUT, jumun, run_to_end};
use crate::support::topics;
use crate::support::topics::{DELIVERIES, ORDERS, PAYMENTS};

/// Fails unless the program ended with the status and its last word is one line that contains all of the texts.
fn check_end(processor: Processor, status: i32, texts: &[&str]) {
    let (found, errors) = processor.wait_end();
    check_last_word((found, &errors), status, texts);
}

fn check_last_word((found, errors): (Option<i32>, &str), status: i32, texts: &[&str]) {
    assert_eq!(found, Some(status), "{errors}");
    let words: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("jumun: "))
        .collect();
    assert_eq!(words.len(), 1, "one message, not {words:?} in:\n{errors}");
    assert_eq!(errors.lines().last(), words.last().copied(), "{errors}");
    for text in texts {
        assert!(words[0].contains(text), "{text:?} is not in {}", words[0]);
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn an_absent_broker_is_waited_for_and_a_stop_is_obeyed_at_once() {
    let state = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let mut processor = Setup::at(&address, "lonely", state.path()).start();
    wait_for("readiness that names the broker", TIMEOUT, || {
        let (status, body) = processor.readiness();
        assert_eq!(status, 503, "{body}");
        let detail = body["detail"].as_str()?;
        (body["state"] == "CREATED"
            && detail.contains("waiting for the brokers")
            && detail.contains(&address))
        .then_some(())
    })
    .unwrap_or_else(|error| {
        panic!(
            "{error}: {:?}\n{}",
            processor.readiness(),
            processor.process.stderr()
        )
    });
    let began = Instant::now();
    processor.stop();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "stopped after {:?}",
        began.elapsed()
    );
}

#[test]
fn unequal_partition_counts_of_inputs_end_the_start_with_both_names() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    broker.create_topic(ORDERS, 4, &[]).unwrap();
    broker.create_topic(PAYMENTS, 3, &[]).unwrap();
    broker.create_topic(DELIVERIES, 4, &[]).unwrap();
    let processor = Setup::new(&broker, "uneven", state.path()).start();
    check_end(
        processor,
        1,
        &[
            &format!("{ORDERS} has 4 partitions"),
            &format!("{PAYMENTS} has 3"),
            "same count",
        ],
    );
}

#[test]
fn keys_of_inputs_encoded_differently_end_the_start_with_both_topics_and_an_example_of_each() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    topics::create_inputs(&broker, 4);
    let orders = (0..20).map(|number| format!("B{number}"));
    for order_no in orders {
        let quoted = format!("\"{order_no}\"");
        broker
            .produce([
                Message::new(ORDERS, &order_no, "{}"),
                Message::new(PAYMENTS, &quoted, "{}"),
            ])
            .unwrap();
    }
    let processor = Setup::new(&broker, "keys", state.path()).start();
    check_end(
        processor,
        1,
        &[
            "keys of order.events.v1 are bare text (such as B",
            "keys of payment.events.v1 are a JSON string (such as \"B",
            "use the same key converter",
        ],
    );
}

#[test]
fn a_missing_input_topic_is_waited_for_and_then_named() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    broker.create_topic(ORDERS, 4, &[]).unwrap();
    broker.create_topic(DELIVERIES, 4, &[]).unwrap();
    let setup = Setup::new(&broker, "incomplete", state.path());

    // One process waits in vain.
    let mut processor = setup.start();
    wait_for("readiness that names the topic", TIMEOUT, || {
        let (_, body) = processor.readiness();
        body["detail"].as_str()?.contains(PAYMENTS).then_some(())
    })
    .unwrap();
    check_end(
        processor,
        1,
        &[
            &format!("input topic {PAYMENTS} does not exist"),
            "create it",
        ],
    );

    // The other one does not.
    let mut processor = setup.start();
    processor.wait_logged(PAYMENTS);
    broker.create_topic(PAYMENTS, 4, &[]).unwrap();
    processor.wait_ready();
    processor.stop();
}

#[test]
fn a_state_directory_that_cannot_be_written_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    // Below a file, so that it cannot be written by root either.
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    let directory = file.join("state");
    let processor = Setup::at("127.0.0.1:1", "homeless", &directory).start();
    check_end(
        processor,
        1,
        &[&directory.display().to_string(), "state_dir"],
    );
}

#[test]
fn a_port_in_use_is_named() {
    let state = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let processor = Setup::at("127.0.0.1:1", "crowded", state.path())
        .flag("--listen", &address)
        .start();
    check_end(processor, 1, &["http.listen", &address, "already in use"]);
    assert!(
        !state.path().join("crowded").exists(),
        "the state directory was touched"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("jumun.toml");
    fs::write(&file, "[application]\ntreads = 2\n").unwrap();
    let processor = Setup::at("127.0.0.1:1", "mistyped", state.path())
        .flag("--config", &file.display().to_string())
        .start();
    check_end(
        processor,
        2,
        &[
            "jumun.toml",
            "unknown key application.treads",
            "application.threads",
        ],
    );
}

#[test]
fn a_reserved_kafka_property_is_refused_with_its_reason() {
    let state = tempfile::tempdir().unwrap();
    let processor = Setup::at("127.0.0.1:1", "overreaching", state.path())
        .setting("kafka.isolation.level", "read_uncommitted")
        .start();
    check_end(processor, 2, &["isolation.level", "cannot be set"]);
}

#[test]
fn a_file_to_be_replayed_that_is_absent_is_named() {
    let mut command = jumun("replay");
    command.args(["absent.ndjson", "--bootstrap-servers", "127.0.0.1:1"]);
    let (status, _, errors) = run_to_end(command).unwrap();
    check_last_word((status, &errors), 1, &["absent.ndjson"]);
}

#[test]
fn a_second_process_on_the_same_state_directory_is_sent_away_and_the_first_goes_on() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    topics::create_inputs(&broker, 4);
    let setup = Setup::new(&broker, "twins", state.path());
    let mut first = setup.start_ready();
    check_end(
        setup.start(),
        1,
        &[
            &setup.store_dir().display().to_string(),
            "in use by another process",
        ],
    );
    assert_eq!(first.readiness().0, 200, "{}", first.process.stderr());
    first.stop();
}

/// On another machine there is no common directory; the broker gives the membership to the newcomer, as it must after
/// a crash, and the one that was there is told so. If it hears first that its transaction is fenced, which may also be
/// a zombie's doing, it joins anew, and the newcomer is told.
#[test]
fn of_two_processes_with_one_instance_id_one_ends_with_a_message_and_the_other_goes_on() {
    let broker = Broker::start().unwrap();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    topics::create_inputs(&broker, 4);
    let twin = |state: &tempfile::TempDir| {
        Setup::new(&broker, "twins", state.path()).flag("--instance-id", "twin")
    };
    let mut first = twin(&here).start_ready();
    let mut second = twin(&there).start();
    let first_ends = wait_for("the end of one of the two", TIMEOUT, || {
        let ended = |twin: &mut Processor| twin.process.exit_status().unwrap().is_some();
        match (ended(&mut first), ended(&mut second)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            (true, true) => panic!("both ended:\n{}", first.process.stderr()),
            (false, false) => None,
        }
    });
    let (ends, mut goes_on) = match first_ends.unwrap() {
        true => (first, second),
        false => (second, first),
    };
    check_end(
        ends,
        1,
        &["same application.instance_id", "stop the other process"],
    );
    goes_on.wait_ready();
    goes_on.stop();
}
