//! What becomes of a record that cannot be processed, and of an operator that panics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::Registry;
use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::memory::{MemoryLog, OwnedRecord};
use topology::io::{HeaderBuffer, Log, TopicPartition, TopicSpec};
use topology::metrics::EngineMetrics;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{State, Streams, StreamsConfig};
use topology::store::{StateConfig, TimerClock};
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::time::SystemClock;
use topology::{Error, ErrorClass};

const NOW: i64 = 1_577_836_800_000;
const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 0,
};

/// Counts per key, with a timer and a committed count, and then does what the value says.
#[derive(Default)]
struct Count {
    counts: Option<KeyValueStore<String, i64>>,
    panic_before_commit: bool,
}

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let counts = self.counts.as_mut().unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        count += 1;
        counts.put(context, record.key, &count)?;
        context.count(0, 1);
        let far = NOW + 1_000_000 + count;
        context.set_timer(TimerClock::WallClock, far, 1, record.key.as_bytes())?;
        context.forward(record.with_value(&format!("{}={count}", record.key)))?;
        match record.value.as_str() {
            "fail" => Err(ProcessError::record("NO_GOOD", "the operator gave it up")),
            "keep" => context.dead_letter("KEPT", "for somebody to look at"),
            "large" => context.forward(record.with_value(&"x".repeat(10_000))),
            "state" => {
                counts.put(context, &"y".repeat(10_000), &count)?;
                Ok(())
            }
            "panic" => panic!("the operator lost its head"),
            "later" => {
                self.panic_before_commit = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn before_commit(
        &mut self,
        _context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        assert!(!self.panic_before_commit, "not while committing");
        Ok(())
    }
}

fn topology(dead_letter_topic: Option<&str>) -> Topology {
    let mut topology = Topology::new();
    topology.add_source("lines", &["lines"], || Utf8, || Utf8);
    topology.add_processor("count", Count::default, &["lines"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.add_sink("counted", "counted", || Utf8, || Utf8, &["count"]);
    topology.counters(["records".to_owned()]);
    if let Some(topic) = dead_letter_topic {
        topology.dead_letter_topic(topic);
    }
    topology
}

fn limited(topic: &str, max_message_bytes: &str) -> TopicSpec {
    TopicSpec {
        name: topic.to_owned(),
        partitions: 1,
        replication_factor: 1,
        config: vec![("max.message.bytes".to_owned(), max_message_bytes.to_owned())],
    }
}

fn driver(dead_letter_topic: Option<&str>) -> TestDriver {
    let config = TestDriverConfig::new("app");
    TestDriver::new(topology(dead_letter_topic).build().unwrap(), config).unwrap()
}

fn pipe(driver: &TestDriver, key: &str, value: &[u8]) {
    let mut headers = HeaderBuffer::default();
    headers.push("traceparent", Some(b"00-1-2-01"));
    headers.push("empty", None);
    let key = Some(key.as_bytes());
    driver
        .log()
        .append("lines", None, key, Some(value), 1_000, headers.view())
        .unwrap();
}

fn outputs(driver: &TestDriver, topic: &str) -> Vec<OwnedRecord> {
    driver.log().records(topic, 0, true).unwrap()
}

fn values(driver: &TestDriver) -> Vec<String> {
    let outputs = outputs(driver, "counted").into_iter();
    outputs
        .map(|record| String::from_utf8(record.value.unwrap()).unwrap())
        .collect()
}

fn header(record: &OwnedRecord, name: &str) -> String {
    let found: Vec<_> = record.headers.iter().filter(|(n, _)| n == name).collect();
    assert_eq!(found.len(), 1, "{name}: {:?}", record.headers);
    String::from_utf8(found[0].1.clone().unwrap()).unwrap()
}

/// A good record, a bad one of the same batch, a good one: only the bad one's effects are missing.
fn only_the_bad_one_is_undone(driver: &mut TestDriver, bad: &[u8], reason: &str) -> OwnedRecord {
    pipe(driver, "a", b"x");
    pipe(driver, "bad", bad);
    pipe(driver, "a", b"x");
    driver.commit().unwrap();
    assert_eq!(values(driver), ["a=1", "a=2"], "outputs");
    assert_eq!(driver.counters(), [2], "counts");
    for (family, key, _) in driver.dump(TASK).unwrap() {
        let of_bad = key.windows(3).any(|bytes| bytes == b"bad");
        assert!(!of_bad, "{family} holds {key:?} of the undone record");
    }
    let offsets = driver.log().commit_offsets_of("app");
    assert_eq!(offsets[&TopicPartition::new("lines", 0)], 3, "offset");
    let letters = outputs(driver, "dead");
    assert_eq!(letters.len(), 1);
    let letter = letters[0].clone();
    assert_eq!(letter.key.as_deref(), Some(&b"bad"[..]));
    assert_eq!(letter.value.as_deref(), Some(bad));
    assert_eq!(letter.timestamp, 1_000);
    assert_eq!(
        letter.headers[..2],
        [
            ("traceparent".to_owned(), Some(b"00-1-2-01".to_vec())),
            ("empty".to_owned(), None)
        ],
        "the record's own headers"
    );
    assert_eq!(header(&letter, "__streams.errors.reason"), reason);
    letter
}

#[test]
fn a_record_given_up_by_an_operator_is_undone_and_dead_lettered_with_all_headers() {
    let mut driver = driver(Some("dead"));
    let letter = only_the_bad_one_is_undone(&mut driver, b"fail", "NO_GOOD");
    let text = |name: &str| header(&letter, &format!("__streams.errors.{name}"));
    assert_eq!(text("topic"), "lines");
    assert_eq!(text("partition"), "0");
    assert_eq!(text("offset"), "1");
    assert_eq!(text("exception"), "NO_GOOD");
    assert_eq!(text("message"), "the operator gave it up");
    assert_eq!(text("class"), "user");
    assert_eq!(text("processor"), "count");
    assert_eq!(text("task"), "0_0");
    assert_eq!(text("application"), "app");
    let at: i64 = text("timestamp").parse().unwrap();
    assert!((NOW..NOW + 10_000).contains(&at), "{at}");
    assert_eq!(text("first-seen"), at.to_string());
    assert_eq!(letter.headers.len(), 2 + 12);
}

#[test]
fn an_undecodable_record_is_dead_lettered_at_its_source() {
    let mut driver = driver(Some("dead"));
    let letter = only_the_bad_one_is_undone(&mut driver, b"\xff\xfe", "MALFORMED");
    assert_eq!(header(&letter, "__streams.errors.processor"), "lines");
    let message = header(&letter, "__streams.errors.message");
    assert!(message.starts_with("text is not utf-8"), "{message}");
}

#[test]
fn row_17_an_output_larger_than_its_topic_takes_is_the_fault_of_its_record() {
    let mut config = TestDriverConfig::new("app");
    config.streams.topics = vec![limited("counted", "5000")];
    let topology = topology(Some("dead")).build().unwrap();
    let mut driver = TestDriver::new(topology, config).unwrap();
    let letter = only_the_bad_one_is_undone(&mut driver, b"large", "OUTPUT_TOO_LARGE");
    assert_eq!(header(&letter, "__streams.errors.processor"), "counted");
    let message = header(&letter, "__streams.errors.message");
    assert!(message.contains("topic counted takes 5000"), "{message}");
}

#[test]
fn the_headers_count_when_an_output_is_too_large() {
    let mut config = TestDriverConfig::new("app");
    config.streams.topics = vec![limited("counted", "5000")];
    let topology = topology(Some("dead")).build().unwrap();
    let mut driver = TestDriver::new(topology, config).unwrap();
    let mut headers = HeaderBuffer::default();
    headers.push("baggage", Some(&[b'x'; 6_000]));
    let log = driver.log();
    log.append("lines", None, Some(b"a"), Some(b"x"), 1_000, headers.view())
        .unwrap();
    driver.commit().unwrap();
    let letters = outputs(&driver, "dead");
    assert_eq!(letters.len(), 1);
    assert_eq!(
        header(&letters[0], "__streams.errors.reason"),
        "OUTPUT_TOO_LARGE"
    );
}

#[test]
fn row_17_a_state_larger_than_its_changelog_takes_is_the_fault_of_its_record() {
    let mut config = TestDriverConfig::new("app");
    let mut changelog = limited("app-counts-changelog", "5000");
    let compact = ("cleanup.policy".to_owned(), "compact".to_owned());
    changelog.config.push(compact);
    config.streams.topics = vec![changelog];
    let topology = topology(Some("dead")).build().unwrap();
    let mut driver = TestDriver::new(topology, config).unwrap();
    let letter = only_the_bad_one_is_undone(&mut driver, b"state", "STATE_TOO_LARGE");
    assert_eq!(header(&letter, "__streams.errors.processor"), "count");
    let message = header(&letter, "__streams.errors.message");
    assert!(message.contains("store counts"), "{message}");
}

#[test]
fn a_dead_letter_that_was_one_before_keeps_the_time_it_was_first_seen() {
    let mut driver = driver(Some("dead"));
    let mut headers = HeaderBuffer::default();
    headers.push("__streams.errors.first-seen", Some(b"1234"));
    let log = driver.log();
    log.append(
        "lines",
        None,
        Some(b"a"),
        Some(b"fail"),
        1_000,
        headers.view(),
    )
    .unwrap();
    driver.commit().unwrap();
    let letters = outputs(&driver, "dead");
    assert_eq!(header(&letters[0], "__streams.errors.first-seen"), "1234");
}

#[test]
fn a_processor_may_dead_letter_a_record_and_keep_what_it_did() {
    let mut driver = driver(Some("dead"));
    pipe(&driver, "a", b"keep");
    driver.commit().unwrap();
    assert_eq!(values(&driver), ["a=1"]);
    assert_eq!(driver.counters(), [1]);
    let letters = outputs(&driver, "dead");
    assert_eq!(letters.len(), 1);
    assert_eq!(header(&letters[0], "__streams.errors.reason"), "KEPT");
    assert_eq!(letters[0].value.as_deref(), Some(&b"keep"[..]));
}

fn failure(driver: &mut TestDriver) -> Error {
    let error = driver.commit().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal, "{error}");
    error
}

#[test]
fn without_a_dead_letter_topic_a_bad_record_ends_the_thread_and_is_not_skipped() {
    let mut driver = driver(None);
    pipe(&driver, "a", b"x");
    pipe(&driver, "bad", b"fail");
    assert_eq!(
        failure(&mut driver).to_string(),
        "process a record: NO_GOOD: the operator gave it up; there is no dead-letter topic to keep it \
         (task 0_0, node count, lines-0 offset 1)"
    );
    driver.crash();
    let offsets = driver.log().commit_offsets_of("app");
    let committed = offsets.get(&TopicPartition::new("lines", 0)).copied();
    assert!(committed.unwrap_or(0) < 2, "{committed:?}");
    // It fails again after every start, until it is dealt with.
    let error = driver.start().unwrap_err();
    assert!(error.to_string().contains("lines-0 offset 1"), "{error}");
}

#[test]
fn row_20_a_dead_letter_larger_than_its_topic_takes_ends_the_thread_and_names_the_fix() {
    let mut config = TestDriverConfig::new("app");
    config.streams.topics = vec![limited("dead", "5000")];
    let topology = topology(Some("dead")).build().unwrap();
    let mut driver = TestDriver::new(topology, config).unwrap();
    pipe(&driver, "bad", &[0xff; 6_000]);
    let error = failure(&mut driver).to_string();
    assert!(error.contains("raise its max.message.bytes"), "{error}");
    assert!(
        error.ends_with("(task 0_0, node lines, lines-0 offset 0)"),
        "{error}"
    );
}

/// What the thread says when its record is refused for what became of a topic meanwhile; mended, everything is processed
/// exactly once.
fn ends_until_mended(topic: &str, bad: &[u8], spoil: impl Fn(&TestDriver)) -> String {
    let mut driver = driver(Some("dead"));
    pipe(&driver, "a", b"x");
    driver.commit().unwrap();
    spoil(&driver);
    pipe(&driver, "a", b"x");
    pipe(&driver, "bad", bad);
    let error = failure(&mut driver).to_string();
    let offsets = driver.log().commit_offsets_of("app");
    assert_eq!(offsets[&TopicPartition::new("lines", 0)], 1, "skipped");
    driver.crash();
    driver.log().delete_topic(topic);
    driver.log().create_topic(topic, 1).unwrap();
    driver.start().unwrap();
    driver.commit().unwrap();
    assert_eq!(driver.counters(), [2]);
    assert_eq!(outputs(&driver, "dead").len(), 1);
    let expected: &[&str] = match topic {
        "counted" => &["a=2"],
        _ => &["a=1", "a=2"],
    };
    assert_eq!(values(&driver), expected);
    error
}

fn made_anew(topic: &'static str, max_message_bytes: &'static str) -> impl Fn(&TestDriver) {
    move |driver| {
        driver.log().delete_topic(topic);
        driver
            .log()
            .create(&limited(topic, max_message_bytes))
            .unwrap();
    }
}

/// Neither tried again for ever nor skipped.
#[test]
fn row_20_a_topic_that_begins_to_refuse_ends_the_thread_and_is_named() {
    for topic in ["dead", "counted"] {
        let told = ends_until_mended(topic, b"fail", made_anew(topic, "70"));
        assert!(told.contains("MESSAGE_TOO_LARGE"), "{told}");
        assert!(told.ends_with(&format!("({topic})")), "{told}");
    }
}

#[test]
fn row_20_a_topic_that_is_deleted_under_the_thread_ends_it_and_is_named() {
    for topic in ["dead", "counted"] {
        let delete = |driver: &TestDriver| driver.log().delete_topic(topic);
        let told = ends_until_mended(topic, b"fail", delete);
        assert!(told.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{told}");
        assert!(told.contains(topic), "{told}");
    }
}

/// Whoever reads its outputs would wait for the transaction to time out.
#[test]
fn a_thread_that_ends_leaves_no_transaction_open() {
    const TIMEOUT: Duration = Duration::from_secs(20);
    let log = MemoryLog::new(Arc::new(SystemClock::new()));
    for topic in ["lines", "counted", "dead"] {
        log.create_topic(topic, 1).unwrap();
    }
    let state = tempfile::tempdir().unwrap();
    let mut config = StreamsConfig::new("app", "one");
    config.transaction_timeout = 10 * TIMEOUT;
    let streams = Streams::start(
        topology(Some("dead")).build().unwrap(),
        config,
        state.path(),
        StateConfig::default(),
        Arc::clone(&log) as Arc<dyn Log>,
        Arc::new(EngineMetrics::register(&Registry::new()).unwrap()),
    )
    .unwrap();
    let began = Instant::now();
    while streams.status().state != State::Running {
        assert!(began.elapsed() < TIMEOUT, "{:?}", streams.status());
        std::thread::sleep(Duration::from_millis(5));
    }
    log.delete_topic("dead");
    for value in ["x", "fail"] {
        let (key, value) = (Some(&b"a"[..]), Some(value.as_bytes()));
        log.append("lines", None, key, value, 1_000, Default::default())
            .unwrap();
    }
    while !streams.is_finished() {
        assert!(began.elapsed() < TIMEOUT, "{:?}", streams.status());
        std::thread::sleep(Duration::from_millis(5));
    }
    let told = streams.failure().unwrap().to_string();
    assert!(told.contains("dead"), "{told}");
    let written = log.records("counted", 0, false).unwrap();
    assert!(
        !written.is_empty(),
        "nothing was written that could be left open"
    );
    assert_eq!(log.open_transactions().len(), 0);
}

#[test]
fn a_panic_of_an_operator_is_contained_and_named() {
    let mut driver = driver(Some("dead"));
    pipe(&driver, "bad", b"panic");
    assert_eq!(
        failure(&mut driver).to_string(),
        "process a record: an operator panicked: the operator lost its head (task 0_0, node count)"
    );
}

#[test]
fn a_panic_before_a_commit_is_contained_and_named() {
    let mut driver = driver(Some("dead"));
    pipe(&driver, "bad", b"later");
    assert_eq!(
        failure(&mut driver).to_string(),
        "prepare a commit: an operator panicked: not while committing (task 0_0, node count)"
    );
}

/// Cannot even start.
struct StillBorn;

impl Processor for StillBorn {
    type Key = String;
    type Value = String;
    type OutKey = ();
    type OutValue = ();

    fn init(&mut self, _context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        panic!("not ready for this world");
    }

    fn process(
        &mut self,
        _record: Record<'_, String, String>,
        _context: &mut ProcessorContext<'_, '_, (), ()>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }
}

#[test]
fn a_panic_of_an_operator_that_starts_is_contained_and_named() {
    let mut topology = Topology::new();
    topology.add_source("lines", &["lines"], || Utf8, || Utf8);
    topology.add_processor("unborn", || StillBorn, &["lines"]);
    let driver = TestDriver::new(topology.build().unwrap(), TestDriverConfig::new("app"));
    assert_eq!(
        driver.err().unwrap().to_string(),
        "start a processor: an operator panicked: not ready for this world (task 0_0, node unborn)"
    );
}

#[test]
fn an_error_on_a_repartition_topic_is_fatal_whether_there_is_a_dead_letter_topic_or_not() {
    let mut topology = Topology::new();
    topology.add_source("lines", &["lines"], || Utf8, || Utf8);
    topology.add_repartition("by-word", || Utf8, || Utf8, &["lines"]);
    topology.add_sink("out", "out", || Utf8, || Utf8, &["by-word"]);
    topology.dead_letter_topic("dead");
    let config = TestDriverConfig::new("app");
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    let (topic, bytes) = ("app-by-word-repartition", [0xff]);
    let log = driver.log();
    log.append(
        topic,
        None,
        Some(b"a"),
        Some(&bytes),
        1_000,
        Default::default(),
    )
    .unwrap();
    let error = failure(&mut driver).to_string();
    assert!(
        error.starts_with("process a repartition record: MALFORMED: "),
        "{error}"
    );
    assert!(
        error.ends_with("(task 1_0, node by-word, app-by-word-repartition-0 offset 0)"),
        "{error}"
    );
    assert_eq!(outputs(&driver, "dead"), []);
}
