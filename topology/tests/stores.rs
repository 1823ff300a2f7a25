//! Stores as processors see them, and sinks that hold the latest state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use topology::ErrorClass;
use topology::codec::{I64, Nullable, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::HeaderBuffer;
use topology::io::memory::{Fault, OperationKind, OwnedRecord};
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record, SinkMode,
};
use topology::testing::{TestDriver, TestDriverConfig};

/// Adds the value to what is stored; `delete` forgets the key; `fail` fails after writing.
#[derive(Default)]
struct Append {
    texts: Option<KeyValueStore<String, Option<String>>>,
}

impl Processor for Append {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = Option<String>;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        let store = KeyValueStore::open(context, "texts", Utf8, Nullable(Utf8))?;
        self.texts = Some(store);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, Option<String>>,
    ) -> Result<(), ProcessError> {
        let texts = self.texts.as_mut().unwrap();
        let mut text = None;
        let known = texts.get(context, record.key, &mut text)?;
        assert_eq!(known, text.is_some());
        let text = match record.value.as_str() {
            "delete" => {
                texts.delete(context, record.key)?;
                None
            }
            "null" => None,
            value => Some(text.unwrap_or_default() + value),
        };
        texts.put(context, record.key, &text)?;
        context.forward(record.with_value(&text))?;
        match record.value.as_str() {
            "fail" => Err(ProcessError::record("NO_GOOD", "as told")),
            _ => Ok(()),
        }
    }
}

fn topology(store: StoreBuilder) -> Topology {
    let mut topology = Topology::new();
    topology.add_source("in", &["texts"], || Utf8, || Utf8);
    topology.add_processor("append", Append::default, &["in"]);
    topology.add_store(store, &["append"]);
    topology.add_sink("every", "every", || Utf8, || Nullable(Utf8), &["append"]);
    topology.add_sink_with(
        "latest",
        "latest",
        SinkMode::LatestPerCommit,
        || Utf8,
        || Nullable(Utf8),
        &["append"],
    );
    topology.dead_letter_topic("dead");
    topology
}

fn driver(store: StoreBuilder, config: TestDriverConfig) -> TestDriver {
    TestDriver::new(topology(store).build().unwrap(), config).unwrap()
}

fn append(driver: &TestDriver, key: &str, value: &str, timestamp: i64) {
    let mut headers = HeaderBuffer::default();
    headers.push("event-id", Some(timestamp.to_string().as_bytes()));
    let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
    driver
        .log()
        .append("texts", None, key, value, timestamp, headers.view())
        .unwrap();
}

fn records(driver: &TestDriver, topic: &str) -> Vec<OwnedRecord> {
    driver.log().records(topic, 0, true).unwrap()
}

/// As `key=value`, null as `-`.
fn texts(records: &[OwnedRecord]) -> Vec<String> {
    let text = |bytes: &Option<Vec<u8>>| {
        let bytes = bytes.clone().unwrap_or_else(|| b"-".to_vec());
        String::from_utf8(bytes).unwrap()
    };
    records
        .iter()
        .map(|record| format!("{}={}", text(&record.key), text(&record.value)))
        .collect()
}

#[test]
fn a_typed_store_gets_puts_and_deletes_and_a_null_put_removes() {
    let config = TestDriverConfig::new("app");
    let mut driver = driver(StoreBuilder::persistent("texts"), config);
    for value in ["a", "b", "delete", "c", "d", "null", "e"] {
        append(&driver, "k", value, 1);
    }
    driver.commit().unwrap();
    assert_eq!(
        texts(&records(&driver, "every")),
        ["k=a", "k=ab", "k=-", "k=c", "k=cd", "k=-", "k=e"]
    );
}

#[test]
fn a_store_that_is_not_connected_is_refused_at_the_start_with_the_fix() {
    let mut topology = topology(StoreBuilder::persistent("texts"));
    topology.add_processor("stranger", Append::default, &["in"]);
    let config = TestDriverConfig::new("app");
    let refused = TestDriver::new(topology.build().unwrap(), config).err();
    assert_eq!(
        refused.unwrap().to_string(),
        "resolve a store: processor stranger is not connected to a store texts; name it in add_store \
         (task 0_0, node stranger)"
    );
}

/// What a store holds after a stop or a crash, with the directory kept or lost.
fn after(store: StoreBuilder, crash: bool, lose_directory: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let config = TestDriverConfig::new("app").state_dir(dir.path());
    let mut driver = driver(store, config);
    append(&driver, "k", "before", 1);
    driver.commit().unwrap();
    if crash {
        driver.crash();
    } else {
        driver.close().unwrap();
    }
    if lose_directory {
        std::fs::remove_dir_all(dir.path().join("app")).unwrap();
    }
    driver.start().unwrap();
    append(&driver, "k", "+after", 2);
    driver.commit().unwrap();
    texts(&records(&driver, "every")).pop().unwrap()
}

#[test]
fn stores_with_a_changelog_survive_everything_on_disk_and_in_memory() {
    for store in [
        StoreBuilder::persistent("texts"),
        StoreBuilder::in_memory("texts"),
        StoreBuilder::persistent("texts").keyed_by_record(),
    ] {
        for crash in [false, true] {
            for lose_directory in [false, true] {
                let text = after(store.clone(), crash, lose_directory);
                assert_eq!(text, "k=before+after", "{crash} {lose_directory}");
            }
        }
    }
}

#[test]
fn a_store_without_changelog_survives_a_stop_but_not_the_loss_of_its_directory() {
    let store = StoreBuilder::persistent("texts").without_changelog();
    assert_eq!(after(store.clone(), false, false), "k=before+after");
    assert_eq!(after(store, false, true), "k=+after");
    let store = StoreBuilder::in_memory("texts").without_changelog();
    assert_eq!(after(store, false, false), "k=+after");
}

#[test]
fn a_store_without_changelog_has_no_changelog_topic() {
    let config = TestDriverConfig::new("app");
    let driver = driver(
        StoreBuilder::persistent("texts").without_changelog(),
        config,
    );
    assert_eq!(driver.log().topics(), ["dead", "every", "latest", "texts"]);
}

#[test]
fn a_sink_of_the_latest_sends_one_record_per_key_and_commit_as_the_last_event_left_it() {
    let config = TestDriverConfig::new("app");
    let mut driver = driver(StoreBuilder::persistent("texts"), config);
    append(&driver, "a", "1", 10);
    append(&driver, "b", "1", 11);
    append(&driver, "a", "2", 12);
    driver.commit().unwrap();
    append(&driver, "a", "delete", 13);
    driver.commit().unwrap();
    let latest = records(&driver, "latest");
    assert_eq!(texts(&latest), ["a=12", "b=1", "a=-"]);
    let timestamps: Vec<i64> = latest.iter().map(|record| record.timestamp).collect();
    assert_eq!(timestamps, [12, 11, 13]);
    let header = |id: &str| vec![("event-id".to_owned(), Some(id.as_bytes().to_vec()))];
    assert_eq!(latest[0].headers, header("12"), "the last event's headers");
    // Those of every record pass through as they are.
    let every = records(&driver, "every");
    let headers: Vec<_> = every.iter().map(|record| record.headers.clone()).collect();
    assert_eq!(
        headers,
        [header("10"), header("11"), header("12"), header("13")]
    );
}

#[test]
fn a_failed_record_is_not_the_latest() {
    let config = TestDriverConfig::new("app");
    let mut driver = driver(StoreBuilder::persistent("texts"), config);
    append(&driver, "a", "1", 10);
    append(&driver, "a", "fail", 11);
    append(&driver, "b", "fail", 12);
    driver.commit().unwrap();
    assert_eq!(texts(&records(&driver, "latest")), ["a=1"]);
    assert_eq!(records(&driver, "dead").len(), 2);
    append(&driver, "a", "2", 13);
    driver.commit().unwrap();
    assert_eq!(
        texts(&records(&driver, "latest")),
        ["a=1", "a=12"],
        "nor in the store"
    );
}

#[test]
fn after_an_aborted_transaction_everything_is_as_if_it_had_never_begun() {
    let config = TestDriverConfig::new("app");
    let mut driver = driver(StoreBuilder::persistent("texts"), config);
    append(&driver, "a", "1", 10);
    driver.commit().unwrap();
    let aborted = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&aborted);
    driver.log().on_operation(Box::new(move |operation| {
        let now =
            operation.kind == OperationKind::SendOffsets && !done.swap(true, Ordering::SeqCst);
        now.then_some(Fault::Fail(ErrorClass::Abortable))
    }));
    append(&driver, "a", "2", 11);
    append(&driver, "b", "1", 12);
    driver.commit().unwrap();
    driver.commit().unwrap();
    assert!(aborted.load(Ordering::SeqCst));
    assert_eq!(texts(&records(&driver, "latest")), ["a=1", "a=12", "b=1"]);
    assert_eq!(texts(&records(&driver, "every")), ["a=1", "a=12", "b=1"]);
    let attempts = driver.log().records("every", 0, false).unwrap();
    assert_eq!(
        attempts.len(),
        5,
        "two were aborted, and read_committed does not see them"
    );
}

#[test]
fn each_partition_has_a_state_of_its_own() {
    let config = TestDriverConfig::new("app").partitions(3);
    let mut driver = driver(StoreBuilder::persistent("texts"), config);
    for partition in 0..3 {
        for _ in 0..=partition {
            // The same key in every partition, as no hash would put it.
            let log = driver.log();
            log.append(
                "texts",
                Some(partition),
                Some(b"k"),
                Some(b"x"),
                1,
                Default::default(),
            )
            .unwrap();
        }
    }
    driver.commit().unwrap();
    let mut held = BTreeMap::new();
    for partition in 0..3 {
        let changelog = driver.log().records("app-texts-changelog", partition, true);
        let of_key = |record: &OwnedRecord| record.key.as_deref() == Some(b"k");
        let last = changelog.unwrap().into_iter().rfind(of_key).unwrap();
        held.insert(partition, last.value.unwrap());
    }
    let expected = BTreeMap::from([
        (0, b"x".to_vec()),
        (1, b"xx".to_vec()),
        (2, b"xxx".to_vec()),
    ]);
    assert_eq!(held, expected);
}

/// Forwards a type that the sink does not take.
struct Mistyped;

impl Processor for Mistyped {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = f64;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, f64>,
    ) -> Result<(), ProcessError> {
        context.forward(record.with_value(&1.5_f64))
    }
}

#[test]
fn a_record_of_other_types_than_the_child_takes_ends_the_task_and_names_the_child() {
    let mut topology = Topology::new();
    topology.add_source("in", &["texts"], || Utf8, || Utf8);
    topology.add_processor("mistyped", || Mistyped, &["in"]);
    topology.add_sink("out", "out", || Utf8, || I64, &["mistyped"]);
    let config = TestDriverConfig::new("app");
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    append(&driver, "k", "v", 1);
    let error = driver.commit().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    let error = error.to_string();
    assert!(
        error.contains("takes a key alloc::string::String and a value i64"),
        "{error}"
    );
    assert!(error.contains("node out"), "{error}");
}
