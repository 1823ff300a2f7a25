//! What the processor refused is found, understood, repaired and sent again with `jumun dlt`, over real topics; and
//! watched with `jumun tap`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Isolation, Message, Process, Record, wait_for};
use serde_json::{Value, json};

use crate::support::processor::{Setup, TIMEOUT, jumun, run_to_end};
use crate::support::topics::{
    DEAD_LETTERS, ORDERS, Outputs, REJECTED, create_inputs, ends, input_records, wait_consumed,
};

const REDRIVE: &str = "order.redrive.v1";
const EARLY: &str = "B261120000012R01";
const BROKEN: &str = "B261120000022R02";
const GAP: &str = "B261120000032R03";
const MIDDAY: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00

fn event(order_no: &str, actor: &str, action: &str, version: Value, info: &Value) -> String {
    json!({
        "id": format!("{order_no}-{action}"),
        "target": {"type": "order", "id": order_no, "orderNo": order_no, "version": version},
        "action": action,
        "actor": {"type": actor, "id": "someone"},
        "info": info,
        "time": {"occurredAt": "2026-11-20T12:00:00+09:00", "recordedAt": "2026-11-20T12:00:00+09:00"},
        "schema": {"name": action, "version": 1},
    })
    .to_string()
}

fn created(order_no: &str) -> String {
    let info = json!({
        "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
        "fulfilment": "BAEMIN_SINGLE", "amount": 10_000, "paymentMethod": "PAY_ON_DELIVERY_CASH",
    });
    event(order_no, "CUSTOMER", "order.created", json!(1), &info)
}

fn send(broker: &Broker, order_no: &str, event: &str) {
    let message = Message::new(ORDERS, order_no, event)
        .timestamp(MIDDAY)
        .header("traceparent", b"00-1-2-01");
    broker.produce([message]).unwrap();
}

/// The command as an operator types it.
struct Operator<'a>(&'a Broker);

impl Operator<'_> {
    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let (verb, rest) = arguments.split_first().unwrap();
        let mut command = jumun(verb);
        command
            .args(rest)
            .args(["--bootstrap-servers", self.0.bootstrap_servers()]);
        command
    }

    fn end(&self, arguments: &[&str]) -> (i32, String, String) {
        let (status, output, errors) = run_to_end(self.command(arguments)).unwrap();
        (status.unwrap(), output, errors)
    }

    /// What it prints; it must succeed.
    fn run(&self, arguments: &[&str]) -> String {
        let (status, output, errors) = self.end(arguments);
        assert_eq!(status, 0, "{arguments:?}: {errors}{output}");
        output
    }

    /// The JSON objects that it prints.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        output
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Its last word; it must fail with this status.
    fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let (found, output, errors) = self.end(arguments);
        assert_eq!(found, status, "{arguments:?}: {errors}{output}");
        errors.lines().last().unwrap_or_default().to_owned()
    }

    /// The id of the only entry of an order.
    fn id(&self, order_no: &str) -> String {
        let found = self.json(&["dlt", "list", "--order", order_no]);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]["id"].as_str().unwrap().to_owned()
    }
}

fn redriven(broker: &Broker) -> Vec<Record> {
    broker
        .consume_all(REDRIVE, Isolation::ReadCommitted)
        .unwrap()
}

fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let mut found = record.headers.iter().filter(|(known, _)| known == name);
    let value = found.next()?.1.as_deref().unwrap();
    assert!(found.next().is_none(), "{name} twice: {record:?}");
    Some(std::str::from_utf8(value).unwrap())
}

/// Three orders of which one event each is refused: a cancel before its create, a version that is no number, a version
/// after one that never came.
fn refuse_three(broker: &Broker) -> [String; 3] {
    let state = tempfile::tempdir().unwrap();
    create_inputs(broker, 4);
    let processor = Setup::new(broker, "refusing", state.path())
        .flag("--ordering", "strict")
        .start_ready();
    let cancel = event(
        EARLY,
        "CUSTOMER",
        "order.cancelled",
        json!(2),
        &json!({"reason": "CHANGED_MIND"}),
    );
    let poison = event(
        BROKEN,
        "SYSTEM",
        "order.relayed",
        json!("two"),
        &json!({"channel": "POS"}),
    );
    let gap = event(
        GAP,
        "STORE",
        "order.accepted",
        json!(3),
        &json!({"cookMinutes": 20}),
    );
    send(broker, EARLY, &cancel);
    send(broker, BROKEN, &created(BROKEN));
    send(broker, BROKEN, &poison);
    send(broker, GAP, &created(GAP));
    send(broker, GAP, &gap);
    wait_consumed(broker, "refusing", &ends(&input_records(broker)), TIMEOUT);
    processor.stop();
    [cancel, poison, gap]
}

fn partition_of(broker: &Broker, order_no: &str) -> i32 {
    let records = input_records(broker);
    let found = records
        .iter()
        .find(|record| record.key.as_deref() == Some(order_no.as_bytes()));
    found.unwrap().partition
}

#[test]
fn refused_events_are_found_shown_repaired_replayed_and_skipped() {
    let broker = Broker::start().unwrap();
    let [cancel, poison, gap] = refuse_three(&broker);
    let operator = Operator(&broker);

    // Found: all of them, by reason, by order, and counted.
    let mut all: Vec<String> = operator
        .json(&["dlt", "list"])
        .iter()
        .map(|entry| format!("{}", entry["reason"]))
        .collect();
    all.sort();
    assert_eq!(all, ["\"MALFORMED\"", "\"PREMATURE\"", "\"SEQ_GAP\""]);
    let early = operator.id(EARLY);
    let broken = operator.id(BROKEN);
    assert!(
        early.starts_with("r:") && broken.starts_with("d:"),
        "{early} {broken}"
    );
    let table = operator.run(&["dlt", "list", "--reason", "premature,SEQ_GAP"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[0].starts_with("ID ") && table.contains(&early),
        "{table}"
    );
    assert_eq!(
        operator.run(&["dlt", "list", "--action", "order.created"]),
        "nothing\n"
    );
    assert_eq!(
        operator
            .json(&["dlt", "list", "--until", "2026-11-20T12:00:00+09:00"])
            .len(),
        0
    );
    let counts = operator.json(&["dlt", "list", "--summary"]);
    assert_eq!(counts.len(), 3);
    assert_eq!(
        (&counts[0]["sourceTopic"], &counts[0]["count"]),
        (&json!(ORDERS), &json!(1))
    );

    // Understood.
    let shown = operator.run(&["dlt", "show", &early]);
    for text in [
        "PREMATURE",
        "order.cancelled v2",
        "NONE",
        "traceparent: 00-1-2-01",
        "\"CHANGED_MIND\"",
        "jumun dlt replay r:",
    ] {
        assert!(shown.contains(text), "{text} is not in:\n{shown}");
    }
    let shown = operator.json(&["dlt", "show", &broken]).remove(0);
    assert!(
        shown["message"]
            .as_str()
            .unwrap()
            .contains("target.version"),
        "{shown}"
    );
    assert_eq!(shown["value"], json!(poison));
    assert_eq!(operator.run(&["dlt", "show", &broken, "--value"]), poison);

    // Nothing is sent by a dry run, nor by anything that is refused.
    let planned = operator
        .json(&["dlt", "replay", "--all", "--dry-run"])
        .remove(0);
    assert_eq!(
        (&planned["dryRun"], &planned["sent"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(planned["events"].as_array().unwrap().len(), 3);
    let text = operator.run(&["dlt", "replay", &early, "--dry-run"]);
    assert!(
        text.contains("would be sent: r:") && text.contains("redrive 1"),
        "{text}"
    );
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("event.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "{}").unwrap();
    let refused = operator.fails(1, &["dlt", "replay", &broken, "--value", path]);
    assert!(
        refused.contains("dead letter again: MALFORMED"),
        "{refused}"
    );
    let unnamed = operator.fails(2, &["dlt", "replay"]);
    assert!(unnamed.contains("--all"), "{unnamed}");
    let absent = operator.fails(1, &["dlt", "replay", "r:0:999"]);
    assert!(absent.contains("there is no entry r:0:999"), "{absent}");
    let two = operator.fails(2, &["dlt", "replay", &early, &broken, "--key", "B1"]);
    assert!(two.contains("one entry"), "{two}");
    assert_eq!(redriven(&broker), []);

    // Replayed as it was.
    let sent = operator.json(&["dlt", "replay", &early]).remove(0);
    assert_eq!(
        (&sent["sent"], &sent["events"][0]["state"]),
        (&json!(1), &json!("sent"))
    );
    let record = redriven(&broker).remove(0);
    assert_eq!(record.partition, partition_of(&broker, EARLY));
    assert_eq!(record.key.as_deref(), Some(EARLY.as_bytes()));
    assert_eq!(record.value.as_deref(), Some(cancel.as_bytes()));
    assert_eq!(header(&record, "traceparent"), Some("00-1-2-01"));
    assert_eq!(header(&record, "x-redrive-count"), Some("1"));
    assert_eq!(header(&record, "x-replay"), Some("true"));
    assert_eq!(header(&record, "x-redrive-topic"), Some(ORDERS));
    assert_eq!(record.headers.len(), 4, "{record:?}");

    // Repaired by an editor, and replayed with force.
    std::fs::write(&file, poison.replace("\"two\"", "2")).unwrap();
    operator.run(&["dlt", "replay", &broken, "--value", path, "--force"]);
    let record = redriven(&broker)
        .into_iter()
        .find(|record| record.key.as_deref() == Some(BROKEN.as_bytes()))
        .unwrap();
    assert_eq!(record.partition, partition_of(&broker, BROKEN));
    assert_eq!(
        record.value.as_deref(),
        Some(poison.replace("\"two\"", "2").as_bytes())
    );
    assert_eq!(header(&record, "x-redrive-force"), Some("true"));
    let errors: Vec<&str> = record
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with("__streams.errors."))
        .collect();
    assert_eq!(errors, ["__streams.errors.first-seen"]);

    // Skipped: the version before the rejected one counts as the last.
    let id = operator.id(GAP);
    let why = ["--reason", "lost in the failover", "--actor", "kim"];
    let told = operator.run(&[&["dlt", "skip", &id, "--dry-run"], &why[..]].concat());
    assert!(
        told.contains("would be sent") && told.contains("after version 2"),
        "{told}"
    );
    assert_eq!(redriven(&broker).len(), 2);
    let told = operator
        .json(&[&["dlt", "skip", &id], &why[..]].concat())
        .remove(0);
    let records = redriven(&broker);
    let of_gap = |record: &&Record| record.key.as_deref() == Some(GAP.as_bytes());
    let reset = records.iter().find(of_gap).unwrap();
    assert_eq!(reset.partition, partition_of(&broker, GAP));
    let value: Value = serde_json::from_slice(reset.value.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&value["action"], &value["id"]),
        (&json!("aggregate.reset"), &told["eventId"])
    );
    assert_eq!(
        value["info"],
        json!({"version": 2, "reason": "lost in the failover"})
    );
    assert_eq!(value["actor"], json!({"type": "CS", "id": "kim"}));
    assert_eq!(
        value["target"],
        json!({"type": "order", "id": GAP, "orderNo": GAP})
    );
    let no_gap = operator.fails(1, &["dlt", "skip", &early, "--reason", "x"]);
    assert!(no_gap.contains("PREMATURE"), "{no_gap}");

    // By hand the partition is the same.
    let by_hand = [
        "dlt",
        "skip",
        GAP,
        "--version",
        "7",
        "--reason",
        "x",
        "--dry-run",
    ];
    let told = operator.json(&by_hand).remove(0);
    assert_eq!(
        (&told["version"], &told["partition"]),
        (&json!(7), &json!(reset.partition))
    );

    // All at once, no faster than asked: two events at five per second are a fifth of a second apart.
    let began = Instant::now();
    let sent = operator.json(&[
        "dlt",
        "replay",
        "--reason",
        "PREMATURE,SEQ_GAP",
        "--rate",
        "5/s",
        "--yes",
    ]);
    assert_eq!(sent[0]["sent"], json!(2));
    assert!(
        began.elapsed() >= Duration::from_millis(200),
        "{:?}",
        began.elapsed()
    );
    let values: Vec<_> = redriven(&broker)
        .into_iter()
        .filter_map(|record| record.value)
        .collect();
    assert_eq!(
        values
            .iter()
            .filter(|value| **value == gap.as_bytes())
            .count(),
        1
    );
    let limited = operator
        .json(&["dlt", "replay", "--all", "--limit", "1", "--dry-run"])
        .remove(0);
    assert_eq!(limited["events"].as_array().unwrap().len(), 1);
}

/// What an operator does by hand where the processor does not redrive by itself.
#[test]
fn what_is_replayed_and_skipped_is_judged_and_the_orders_end_as_they_should() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    create_inputs(&broker, 4);
    let mut processor = Setup::new(&broker, "judging", state.path())
        .flag("--ordering", "strict")
        .setting("redrive.automatic", "false")
        .start_ready();
    let cancel = json!({"reason": "CHANGED_MIND", "liability": "CUSTOMER"});
    let cancel = event(EARLY, "CUSTOMER", "order.cancelled", json!(2), &cancel);
    let channel = json!({"channel": "POS"});
    let poison = event(BROKEN, "SYSTEM", "order.relayed", json!("two"), &channel);
    let gap = event(GAP, "SYSTEM", "order.relayed", json!(3), &channel);
    for (order_no, event) in [
        (EARLY, cancel),
        (EARLY, created(EARLY)),
        (BROKEN, created(BROKEN)),
        (BROKEN, poison.clone()),
        (GAP, created(GAP)),
        (GAP, gap),
    ] {
        send(&broker, order_no, &event);
    }
    wait_consumed(&broker, "judging", &ends(&input_records(&broker)), TIMEOUT);
    let operator = Operator(&broker);
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("event.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, poison.replace("\"two\"", "2")).unwrap();
    let [early, broken, gap] = [EARLY, BROKEN, GAP].map(|order_no| operator.id(order_no));

    operator.run(&["dlt", "replay", &early]);
    operator.run(&["dlt", "replay", &broken, "--value", path]);
    operator.run(&["dlt", "skip", &gap, "--reason", "lost in the failover"]);
    operator.run(&["dlt", "replay", &gap]);
    // Once more by mistake.
    operator.run(&["dlt", "replay", &early]);
    let expected = [
        ("ANNOTATED", 3),
        ("APPLIED", 4),
        ("DLT/MALFORMED", 1),
        ("DUPLICATE", 1),
        ("REJECTED/PREMATURE", 1),
        ("REJECTED/SEQ_GAP", 1),
    ];
    let expected = expected.map(|(outcome, count)| (outcome.to_owned(), count));
    wait_for("all to be judged", TIMEOUT, || {
        (processor.outcomes() == expected.clone().into()).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", processor.outcomes()));
    let outputs = Outputs::read(&broker).whole();
    let last = |order_no: &str| outputs.transitions[order_no].last().unwrap().clone();
    let cancelled = last(EARLY);
    assert_eq!(
        (&cancelled["to"], &cancelled["hold"], &cancelled["replay"]),
        (&json!("CANCELLED"), &json!(false), &json!(true))
    );
    assert_eq!(outputs.states[EARLY]["status"], "CANCELLED");
    assert_eq!(outputs.states[BROKEN]["versions"]["order"], 2);
    assert_eq!(outputs.states[GAP]["versions"]["order"], 3);
    assert_eq!(outputs.states[GAP]["flags"], json!(["incomplete"]));
    processor.stop();
}

#[test]
fn the_sixth_redrive_of_an_event_is_refused_until_the_count_begins_anew() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, 4);
    broker.create_topic(DEAD_LETTERS, 2, &[]).unwrap();
    let letter = |count: &'static str, id: &'static str| {
        Message::new(DEAD_LETTERS, EARLY, "{}")
            .header("id", id)
            .header("x-redrive-count", count)
            .header("__streams.errors.topic", ORDERS)
            .header("__streams.errors.partition", "1")
            .header("__streams.errors.offset", "7")
            .header("__streams.errors.reason", "UNSUPPORTED_SCHEMA")
    };
    broker
        .produce([letter("5", "worn"), letter("4", "tried")])
        .unwrap();
    let operator = Operator(&broker);
    let worn = operator.json(&["dlt", "list"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let refused = operator.fails(1, &["dlt", "replay", &worn]);
    assert!(
        refused.contains(&worn) && refused.contains("--reset-count"),
        "{refused}"
    );
    // What a condition meets is sent without it.
    let sent = operator
        .json(&["dlt", "replay", "--reason", "UNSUPPORTED_SCHEMA"])
        .remove(0);
    assert_eq!(
        (&sent["sent"], &sent["refused"][0]["id"]),
        (&json!(1), &json!(worn))
    );
    operator.run(&["dlt", "replay", &worn, "--reset-count"]);
    let counts: Vec<_> = redriven(&broker)
        .iter()
        .map(|record| {
            let count = header(record, "x-redrive-count").unwrap();
            (record.partition, count.to_owned())
        })
        .collect();
    assert_eq!(counts, [(1, "5".to_owned()), (1, "1".to_owned())]);
}

#[test]
fn dead_letters_of_connect_and_spring_are_redriven_to_where_they_came_from() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, 4);
    broker.create_topic("others.dlq", 1, &[]).unwrap();
    let connect = Message::new("others.dlq", EARLY, "{\"a\":1}")
        .header("__connect.errors.topic", ORDERS)
        .header("__connect.errors.partition", "3")
        .header("__connect.errors.offset", "41")
        .header(
            "__connect.errors.exception.class.name",
            "org.apache.kafka.connect.errors.DataException",
        );
    let spring = Message::new("others.dlq", BROKEN, "{\"b\":1}")
        .header("kafka_dlt-original-topic", "payment.events.v1")
        .header("kafka_dlt-original-partition", &[0, 0, 0, 2])
        .header("kafka_dlt-original-offset", &[0, 0, 0, 0, 0, 0, 0, 9])
        .header(
            "kafka_dlt-exception-fqcn",
            "java.lang.IllegalStateException",
        );
    broker.produce([connect, spring]).unwrap();
    let operator = Operator(&broker);
    let from = ["--dlt-topic", "others.dlq"];
    let listed = operator.json(&[&["dlt", "list"], &from[..]].concat());
    let seen: Vec<_> = listed
        .iter()
        .map(|entry| {
            (
                entry["reason"].as_str().unwrap(),
                &entry["source"]["offset"],
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("DataException", &json!(41)),
            ("IllegalStateException", &json!(9))
        ]
    );
    let shown = operator.run(&[&["dlt", "show", "d:0:1"], &from[..]].concat());
    let proposed = "jumun dlt replay --dlt-topic others.dlq d:0:1";
    assert!(shown.contains(proposed), "{shown}");
    operator.run(&[&["dlt", "replay", "--all"], &from[..]].concat());
    let records = redriven(&broker);
    let places: Vec<_> = records
        .iter()
        .map(|record| {
            let topic = header(record, "x-redrive-topic").unwrap();
            (record.partition, topic)
        })
        .collect();
    assert_eq!(places, [(2, "payment.events.v1"), (3, ORDERS)]);
    assert!(
        records.iter().all(|record| record.headers.len() == 3),
        "{records:?}"
    );
    // Without that topic's name there is nothing to be found.
    let none = operator.fails(1, &["dlt", "list"]);
    assert!(
        none.contains(DEAD_LETTERS) && none.contains(REJECTED),
        "{none}"
    );
}

#[test]
fn a_topic_is_watched_filtered_and_left_in_order() {
    let broker = Broker::start().unwrap();
    refuse_three(&broker);
    let operator = Operator(&broker);
    let tap = |arguments: &[&'static str]| {
        operator.run(&[&["tap", ORDERS, "--no-follow"], arguments].concat())
    };
    let count = |arguments: &[&'static str]| tap(arguments).lines().count();

    assert_eq!(count(&[]), 5);
    let text = tap(&["--filter", "action=order.cancelled", "--headers"]);
    assert!(text.starts_with("2026-11-20T12:00:00.000+09:00 "), "{text}");
    let expected = format!(" {EARLY} action=order.cancelled");
    assert!(text.contains(&expected), "{text}");
    assert!(text.ends_with("\n    traceparent: 00-1-2-01\n"), "{text}");
    assert_eq!(count(&["--order", GAP]), 2);
    assert_eq!(count(&["--order", GAP, "--filter", "target.version=3"]), 1);
    assert_eq!(count(&["--limit", "2"]), 2);
    assert_eq!(count(&["--from", "end"]), 0);
    assert_eq!(count(&["--from", "2026-11-20T12:00:00.001+09:00"]), 0);
    assert_eq!(count(&["--from", "2026-11-20T12:00:00+09:00"]), 5);
    let raw = tap(&["--format", "raw", "--order", BROKEN, "--limit", "1"]);
    assert_eq!(raw, created(BROKEN) + "\n");
    let line: Value = serde_json::from_str(&tap(&["--format", "json", "--order", EARLY])).unwrap();
    assert_eq!(
        (&line["key"], &line["value"]["action"]),
        (&json!(EARLY), &json!("order.cancelled"))
    );
    let absent = operator.fails(1, &["tap", "no.such.topic", "--no-follow"]);
    assert!(absent.contains("no.such.topic"), "{absent}");

    // Followed until Ctrl-C.
    let follow = operator.command(&["tap", REJECTED, "--from", "beginning"]);
    let mut followed = Process::start(follow).unwrap();
    wait_for("two rejections", TIMEOUT, || {
        (followed.stdout().lines().count() == 2).then_some(())
    })
    .unwrap();
    followed.sigint().unwrap();
    let status = followed.wait_exit(TIMEOUT).unwrap();
    assert!(status.success(), "{status}: {}", followed.stderr());

    // Into a pipe that is closed at once.
    let mut command = operator.command(&["tap", ORDERS, "--from", "beginning"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = wait_for("the end of the command", TIMEOUT, || {
        child.try_wait().unwrap()
    });
    if ended.is_err() {
        child.kill().unwrap();
    }
    assert!(ended.unwrap().success());
}
