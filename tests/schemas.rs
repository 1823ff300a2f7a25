//! `asyncapi.yaml` and the schemas it refers to, against what the program writes: topics, keys, headers and values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use jumun::config::{Sources, load};
use jumun::job::topics as written_topics;
use jumun_harness::{Broker, Isolation, Kafka, wait_for};
use serde_json::{Value, json};

use crate::support::aggregated::{AGGREGATES, LATE, expected_of_inputs};
use crate::support::clocks;
use crate::support::contract::{Contract, Schema, headers, root};
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::recordings::{FAULTY, data_path, send_damaged_day, send_incident};
use crate::support::topics::{
    DEAD_LETTERS, DETECTOR, RECONCILE, REDRIVE, REJECTED, SLA, STATE, TRANSITIONS, wait_settled,
};

const DERIVED: [&str; 9] = [
    TRANSITIONS,
    STATE,
    REJECTED,
    RECONCILE,
    SLA,
    DETECTOR,
    AGGREGATES,
    LATE,
    DEAD_LETTERS,
];
const PARTITIONS: i32 = 4;
const MINUTE: i64 = 60_000;

/// Members that only come when an event says so, or that come by luck; all others that a schema describes must be seen.
const RARE: [&str; 2] = ["/versions/claim", "/parkedMs"];

fn schema_files() -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(root().join("schemas")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

fn example(schema: &std::path::Path) -> Value {
    let name = schema.file_name().unwrap().to_str().unwrap();
    let name = name.replace(".schema.json", ".json");
    let path = root().join("schemas/examples").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_contract_names_the_topics_of_the_program_and_how_long_they_are_kept() {
    let configuration = load(&Sources::default()).unwrap().configuration;
    let mut expected = BTreeMap::new();
    let mut specs = written_topics::inputs(&configuration.topics);
    specs.extend(written_topics::written(&configuration));
    for spec in specs {
        let setting = |name: &str| {
            let found = spec.config.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let retention = setting("retention.ms").map(|text| text.parse::<u64>().unwrap());
        let promise = (setting("cleanup.policy").unwrap_or_default(), retention);
        expected.insert(spec.name.clone(), promise);
    }
    let told = Contract::read()
        .channels
        .into_iter()
        .map(|(name, channel)| (name, (channel.cleanup_policy, channel.retention_ms)));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), expected);
    assert!(expected.len() == 13 && DERIVED.iter().all(|name| expected.contains_key(*name)));
}

#[test]
fn the_contract_refers_to_what_is_there_and_to_every_schema() {
    assert_eq!(Contract::read().files, schema_files());
    let text = fs::read_to_string(root().join("asyncapi.yaml")).unwrap();
    for (there, not_there) in [
        (
            "./schemas/order.state.v1.schema.json",
            "./schemas/order.state.v2.schema.json",
        ),
        ("'#/channels/state'", "'#/channels/states'"),
    ] {
        assert!(text.contains(there));
        let error = Contract::of(&text.replace(there, not_there)).err();
        assert!(
            error.is_some_and(|error| error.contains("which is not there")),
            "{not_there}"
        );
    }
}

#[test]
fn what_schemas_share_is_the_same_in_all_of_them() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for path in schema_files() {
        let schema = Schema::of_file(&path).json;
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            let first = known
                .entry(name.clone())
                .or_insert_with(|| definition.clone());
            assert_eq!(first, definition, "{name} in {path:?}");
        }
    }
    assert!(known.contains_key("regions"));
}

/// Replaces what is at the path by what `change` makes of it; `None` removes it.
fn changed(value: &Value, path: &[String], change: &dyn Fn(&Value) -> Option<Value>) -> Value {
    let [name, rest @ ..] = path else {
        return change(value).unwrap_or_default();
    };
    let mut object = value.as_object().unwrap().clone();
    match rest {
        [] => match change(&object[name]) {
            Some(new) => object.insert(name.clone(), new),
            None => object.remove(name),
        },
        rest => {
            let inner = changed(&object[name], rest, change);
            object.insert(name.clone(), inner)
        }
    };
    Value::Object(object)
}

fn paths(value: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (name, inner) in value.as_object().into_iter().flatten() {
        found.push(vec![name.clone()]);
        for mut path in paths(inner) {
            path.insert(0, name.clone());
            found.push(path);
        }
    }
    found
}

/// What the schema says of the member at this path, with all that it refers to.
fn is_described(schema: &Schema, path: &[String]) -> bool {
    schema.described().contains(&format!("/{}", path.join("/")))
}

#[test]
fn an_example_passes_and_none_does_that_lacks_a_member_or_has_it_with_another_type() {
    let mut broken = 0;
    for file in schema_files() {
        let schema = Schema::of_file(&file);
        let example = example(&file);
        assert_eq!(schema.mistakes(&example), Vec::<String>::new(), "{file:?}");

        let with_more = changed(&example, &[], &|value| {
            let mut value = value.clone();
            value
                .as_object_mut()?
                .insert("later".to_owned(), json!([1]));
            Some(value)
        });
        assert!(
            schema.mistakes(&with_more).is_empty(),
            "readers ignore what they do not know"
        );

        for required in schema.json["required"].as_array().unwrap() {
            let path = [required.as_str().unwrap().to_owned()];
            let lacking = changed(&example, &path, &|_| None);
            assert!(
                !schema.mistakes(&lacking).is_empty(),
                "{file:?} without {required}"
            );
            broken += 1;
        }
        for path in paths(&example)
            .iter()
            .filter(|path| is_described(&schema, path))
        {
            let wrong = changed(&example, path, &|value| match value {
                Value::Array(_) => Some(json!("text")),
                _ => Some(json!([["other"]])),
            });
            assert!(!schema.mistakes(&wrong).is_empty(), "{file:?}: {path:?}");
            broken += 1;
        }
    }
    tell(format!("{broken} broken examples were refused"));
    assert!(broken > 150);
}

fn count(kafka: &Kafka, topic: &str) -> usize {
    kafka
        .consume_all(topic, Isolation::ReadCommitted)
        .unwrap()
        .len()
}

#[test]
fn every_record_of_a_damaged_day_is_as_the_contract_says() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    send_incident(&broker, "ghost", "300", -1);
    send_damaged_day(&broker, "2000");
    send_incident(&broker, "paid-no-order", "100", 24);
    let processor = Setup::new(&broker, "contract", state.path())
        .setting("parking.wait_ms", "500")
        .setting("parking.payment_wait_ms", "1000")
        .setting("detectors.paid_no_order_ms", "1000")
        .prompt()
        .start_ready();
    let day = expected_of_inputs(&broker, PARTITIONS);
    wait_settled(&broker, "contract", &day.ends, TIMEOUT);
    clocks::advance(&broker, &day.orders, day.last_timestamp + 10 * MINUTE);
    clocks::send_belated_orders(
        &broker,
        "L",
        day.last_timestamp - 300 * MINUTE,
        day.last_timestamp + 20 * MINUTE,
    );
    clocks::advance(&broker, &day.orders, day.last_timestamp + 60 * MINUTE);
    let told_late = || (count(&broker, LATE) > 0).then_some(());
    wait_for("late deltas", TIMEOUT, told_late).unwrap();
    let found = |topic: &str, what: &str| {
        let records = broker.consume_all(topic, Isolation::ReadCommitted);
        let values = records.unwrap().into_iter().filter_map(|it| it.value);
        let mut values = values.map(|value| String::from_utf8(value).unwrap());
        values.any(|value| value.contains(what)).then_some(())
    };
    let without_order = || found(DETECTOR, "paid_no_order");
    wait_for("a payment without an order", TIMEOUT, without_order).unwrap();
    // A minute of the day is looked at when its turn comes.
    let share_of_a_minute = || found(DETECTOR, "\"total\"");
    wait_for("a finding of minutes", TIMEOUT, share_of_a_minute).unwrap();
    let overdue = || found(AGGREGATES, "oldestSince");
    wait_for("something overdue", TIMEOUT, overdue).unwrap();
    processor.stop();

    let contract = Contract::read();
    let mut missing = Vec::new();
    for topic in DERIVED.into_iter().chain([REDRIVE]) {
        let channel = &contract.channels[topic];
        let records = broker.consume_all(topic, Isolation::ReadCommitted).unwrap();
        let (mut seen, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for record in &records {
            let mistakes = channel.mistakes(record);
            let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
            assert!(
                mistakes.is_empty(),
                "{topic}: {mistakes:?}\n{record:?}\n{value}"
            );
            channel
                .headers
                .compare(&headers(record), &mut seen, &mut BTreeSet::new());
            if channel.is_json {
                let value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
                channel.payload.compare(&value, &mut seen, &mut unknown);
            }
        }
        tell(format!(
            "{topic}: {} records, {} members",
            records.len(),
            seen.len()
        ));
        assert!(!records.is_empty(), "{topic}");
        // What came in goes out again as it is, with members that nobody knows.
        unknown.retain(|path| !path.starts_with("/event/") && !path.starts_with("/facts/"));
        assert_eq!(
            unknown,
            BTreeSet::new(),
            "{topic} has members that its schema does not describe"
        );
        let described = channel.payload.described();
        // What comes late is for luck to say.
        let absent = described.difference(&seen).filter(|path| {
            !RARE.contains(&path.as_str())
                && !(topic == LATE && (path.starts_with("/delta/") || *path == "/dims/age"))
        });
        missing.extend(absent.map(|path| format!("{topic}: {path}")));

        // The same records must not pass as anything else: one member's type is changed, one header is left out.
        let mut record = records[0].clone();
        if channel.is_json && topic != REDRIVE {
            let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            let name = channel.payload.json["required"][0]
                .as_str()
                .unwrap()
                .to_owned();
            let wrong = changed(&value, &[name], &|_| Some(json!(7)));
            record.value = Some(wrong.to_string().into_bytes());
            assert!(!channel.mistakes(&record).is_empty(), "{topic}");
        }
        record = records[0].clone();
        record.headers.clear();
        let needs = |word: &str| channel.headers.json[word].is_array();
        let needs_headers = needs("required") || needs("anyOf");
        assert_eq!(
            !channel.mistakes(&record).is_empty(),
            needs_headers,
            "{topic}"
        );
    }
    // A generated day need not have everything.
    tell(format!("never seen: {missing:?}"));
    assert!(missing.is_empty() || !data_path(FAULTY).exists());
}
