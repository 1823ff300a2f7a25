//! The job with its aggregates, on a log in memory: records of inputs in, records of windows out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use topology::codec::Utf8;
use topology::io::Headers;
use topology::testing::{TestDriver, TestDriverConfig, TestOutputTopic};

use super::{JobOptions, WatchOptions, counters, topics};
use crate::config::{Aggregates, Emit, Topics};
use crate::domain::aggregates::BusinessAggregate;
use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;
use crate::domain::judge::JudgingPolicy;
use crate::domain::tests::fixture::{CREATED_INFO, Ev, NOON, ev};
use crate::domain::tests::market_days::lines;
use crate::domain::watching::WatchSet;

struct Job {
    driver: TestDriver,
    updates: TestOutputTopic<String, String>,
    late: TestOutputTopic<String, String>,
    event: OrderEvent,
}

/// The job, on a day after that of the events: every deadline is over, so nothing is watched.
fn job(settings: &Aggregates, partitions: i32) -> Job {
    start(JobOptions {
        watching: unwatched(),
        ..options(settings, partitions)
    })
}

fn options(settings: &Aggregates, partitions: i32) -> JobOptions {
    JobOptions {
        judging: JudgingPolicy::strict(),
        aggregates: settings.clone(),
        merging_tasks: partitions,
        ..JobOptions::default()
    }
}

fn unwatched() -> WatchOptions {
    WatchOptions {
        watches: WatchSet::EMPTY,
        ..WatchOptions::default()
    }
}

fn start(options: JobOptions) -> Job {
    let partitions = options.merging_tasks;
    let topology = super::topology(&options);
    let mut config = TestDriverConfig::new("jumun").partitions(partitions);
    config.initial_wall_clock_ms = NOON + 2 * 86_400_000;
    config.streams.topics = topics::aggregates(&Topics {
        partitions,
        output_partitions: partitions,
        replication_factor: 1,
    });
    let driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    Job {
        updates: driver.create_output_topic(topics::AGGREGATES, Utf8, Utf8),
        late: driver.create_output_topic(topics::LATE_AGGREGATES, Utf8, Utf8),
        driver,
        event: OrderEvent::default(),
    }
}

impl Job {
    /// Appends the record of an event to its topic.
    fn append(&mut self, payload: &[u8]) {
        // What is broken is sent nowhere: it would be dead-lettered, and count nowhere.
        if decode(Some(payload), &mut self.event).is_err() {
            return;
        }
        let topic = match self.event.aggregate().name() {
            "payment" => topics::PAYMENT_EVENTS,
            "delivery" => topics::DELIVERY_EVENTS,
            _ => topics::ORDER_EVENTS,
        };
        let key = Some(self.event.order_no().as_bytes());
        let timestamp = self.event.recorded_at();
        self.driver
            .log()
            .append(
                topic,
                None,
                key,
                Some(payload),
                timestamp,
                Headers::default(),
            )
            .unwrap();
    }

    /// An event of an order, taken and committed.
    fn pipe(&mut self, order_no: &str, event: &Ev) {
        let payload = event.json().replace("B1", order_no);
        self.append(payload.as_bytes());
        self.driver.commit().unwrap();
    }

    /// Lets so many seconds pass in which nothing comes.
    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.driver
                .advance_wall_clock_time(Duration::from_secs(1))
                .unwrap();
        }
    }

    /// Records of windows that were not read yet, as `key value`; without pairs of orders.
    fn updates(&mut self) -> Vec<String> {
        let updates = self.all_updates();
        let others = updates.into_iter().filter(|it| !it.starts_with(PAIRS));
        others.collect()
    }

    fn all_updates(&mut self) -> Vec<String> {
        let records = self.updates.read_records_to_list(&mut self.driver).unwrap();
        let text = |key: String, value: String| format!("{key} {value}");
        records
            .into_iter()
            .map(|record| text(record.key, record.value))
            .collect()
    }

    /// What is told of pairs of orders: minutes and pairs.
    fn pairs(&mut self) -> Vec<(String, i64)> {
        let updates = self.all_updates();
        let pairs = updates.iter().filter_map(|it| it.strip_prefix(PAIRS));
        pairs
            .map(|it| {
                let (minute, value) = it.split_once(' ').unwrap();
                let value: Value = serde_json::from_str(value).unwrap();
                assert_eq!((&value["final"], &value["rev"]), (&true.into(), &1.into()));
                assert_eq!(value["n"], value["value"]);
                (minute.to_owned(), value["value"].as_i64().unwrap())
            })
            .collect()
    }

    /// Late deltas of pairs that were not read yet: minutes and changes.
    fn late_pairs(&mut self) -> Vec<(String, i64)> {
        let late = self.late.read_records_to_list(&mut self.driver).unwrap();
        let pairs = late.iter().filter(|it| it.key.starts_with(PAIRS));
        pairs
            .map(|it| {
                let value: Value = serde_json::from_str(&it.value).unwrap();
                let minute = it.key.split('|').nth(1).unwrap();
                (minute.to_owned(), value["delta"].as_i64().unwrap())
            })
            .collect()
    }
}

const PAIRS: &str = "dup_order_suspect|";

fn only_final() -> Aggregates {
    Aggregates {
        emit: Emit::Final,
        ..Aggregates::default()
    }
}

#[test]
fn turned_off_nothing_is_aggregated() {
    let describe = |enabled| {
        let settings = Aggregates {
            enabled,
            ..Aggregates::default()
        };
        let options = JobOptions {
            aggregates: settings,
            ..JobOptions::default()
        };
        super::topology(&options).build().unwrap().describe()
    };
    let (with, without) = (describe(true), describe(false));
    assert!(with.contains("Sub-topology: 1") && with.contains(topics::AGGREGATES));
    assert!(!without.contains("Sub-topology: 1") && !without.contains("aggregates"));
}

#[test]
fn a_window_is_told_once_more_when_it_is_closed() {
    let mut job = job(&Aggregates::default(), 1);
    job.pipe("B1", &ev("order.created", "CUSTOMER", 1).at(250.0));
    job.wait(11);
    let updates = job.updates();
    let record = |key: &str, start: &str, dims: &str, rev: u64, is_final: bool| {
        format!(
            r#"{key}|2026-11-20T03:04Z {{"agg":"{}","dims":{{{dims}}},"windowStart":"2026-11-20T12:{start}:00.000+09:00","windowEnd":"2026-11-20T12:05:00.000+09:00","value":1,"n":1,"rev":{rev},"final":{is_final}}}"#,
            key.split('|').next().unwrap()
        )
    };
    let dims = r#""sido":"서울","category":"치킨""#;
    let first = record("orders_created|서울|치킨", "04", dims, 1, false);
    assert!(updates.contains(&first), "{updates:#?}");
    // What is created, where it is, and how it got there; once each.
    assert_eq!(updates.len(), 5, "{updates:#?}");
    job.wait(300);
    let updates = job.updates();
    let last = record("orders_created|서울|치킨", "04", dims, 2, true);
    assert!(updates.contains(&last), "{updates:#?}");
    let dims = r#""sido":"서울","from":"NONE","to":"PAYMENT_WAIT","actor":"CUSTOMER""#;
    let last = record(
        "transitions|서울|NONE|PAYMENT_WAIT|CUSTOMER",
        "04",
        dims,
        2,
        true,
    );
    assert!(updates.contains(&last), "{updates:#?}");
    assert_eq!(updates.len(), 5, "{updates:#?}");
    assert!(job.late.is_empty(&mut job.driver).unwrap());
}

#[test]
fn what_comes_after_its_window_was_closed_is_told_apart_and_counted() {
    let mut job = job(&only_final(), 1);
    job.pipe("B1", &ev("order.created", "CUSTOMER", 1).at(1.0));
    job.wait(300);
    assert_eq!(job.updates().len(), 5);
    let approved = ev("payment.approved", "PG", 1).id("approved").at(2.0);
    job.pipe("B1", &approved.recorded(400.0));
    let late = job.late.read_records_to_list(&mut job.driver).unwrap();
    let find = |key: &str| {
        late.iter()
            .find(|record| record.key.starts_with(key))
            .unwrap()
    };
    let paid = find("orders_paid|서울|치킨|2026-11-20T03:00Z|0|");
    assert_eq!(
        paid.value,
        concat!(
            r#"{"agg":"orders_paid","dims":{"sido":"서울","category":"치킨"},"#,
            r#""windowStart":"2026-11-20T12:00:00.000+09:00","windowEnd":"2026-11-20T12:01:00.000+09:00","#,
            r#""delta":1,"occurredAt":"2026-11-20T12:00:02.000+09:00","eventId":"approved"}"#
        )
    );
    let event_id = Some(b"approved".to_vec());
    assert_eq!(paid.headers, [("event-id".to_owned(), event_id)]);
    let left: Value =
        serde_json::from_str(&find("in_flight|서울|PAYMENT_WAIT|2026-11-20T03:00Z|0|").value)
            .unwrap();
    assert_eq!(left["delta"], -1);
    assert!(left["closedBefore"].is_string(), "{left}");
    let numbers = late.iter().filter(|record| {
        let value: Value = serde_json::from_str(&record.value).unwrap();
        value["delta"].is_i64()
    });
    assert_eq!(
        numbers.count(),
        6,
        "A2 three times, A3, A4 twice: {late:#?}"
    );
    // The window of the cohort is open for an hour.
    assert!(!late.iter().any(|record| record.key.contains("cohort")));
    let paid: Value = serde_json::from_str(&find("gmv|서울|").value).unwrap();
    assert_eq!(paid["delta"]["orders"], 1);
    let counts = job.driver.counters();
    let count = |aggregate| counts[counters::late(aggregate)];
    assert_eq!(count(BusinessAggregate::OrdersPaid), 1);
    assert_eq!(count(BusinessAggregate::InFlight), 2);
    assert_eq!(count(BusinessAggregate::OrdersCreated), 0);
}

#[test]
fn a_rejected_event_moves_the_clock_but_no_aggregate() {
    let mut job = job(&only_final(), 1);
    job.pipe("B1", &ev("order.created", "CUSTOMER", 1).at(1.0));
    assert_eq!(job.updates(), [""; 0]);
    // No such order.
    job.pipe("B2", &ev("order.accepted", "STORE", 2).id("x").at(1_000.0));
    job.wait(2);
    let updates = job.updates();
    assert_eq!(updates.len(), 5, "{updates:#?}");
    assert!(
        updates
            .iter()
            .all(|update| update.contains("2026-11-20T03:00Z"))
    );
}

fn minute(minute: u32) -> String {
    format!("2026-11-20T{:02}:{:02}Z", 3 + minute / 60, minute % 60)
}

#[test]
fn orders_sent_twice_are_counted_wherever_they_are() {
    let mut job = job(&only_final(), 3);
    let created = |at: f64| ev("order.created", "CUSTOMER", 1).at(at);
    for (number, at) in [(1, 250.0), (2, 299.0), (3, 300.0), (4, 549.0), (5, 550.001)] {
        let order_no = format!("B{number}");
        job.pipe(&order_no, &created(at).id(&order_no));
    }
    let other = CREATED_INFO.replace("20000", "20001");
    job.pipe("B6", &created(301.0).id("B6").info(&other));
    assert_eq!(job.pairs(), []);
    job.wait(600);
    // The fourth with three; of the fifth the first is too long ago.
    let pairs = [(minute(4), 1), (minute(5), 2), (minute(9), 3 + 3)];
    assert_eq!(job.pairs(), pairs);
    assert_eq!(job.late_pairs(), []);
}

#[test]
fn an_order_that_ended_before_the_next_one_is_no_part_of_a_pair() {
    let mut job = job(&only_final(), 1);
    let created = |at: f64| ev("order.created", "CUSTOMER", 1).at(at);
    job.pipe("B1", &created(1.0).id("B1"));
    let cancelled = ev("order.cancelled", "CUSTOMER", 2).at(70.0);
    job.pipe("B1", &cancelled);
    job.pipe("B2", &created(130.0).id("B2"));
    job.wait(300);
    assert_eq!(job.pairs(), [(minute(0), 0), (minute(2), 0)]);
}

#[test]
fn what_comes_late_changes_pairs_of_minutes_that_were_told() {
    let mut job = job(&only_final(), 1);
    let created = |at: f64| ev("order.created", "CUSTOMER", 1).at(at);
    job.pipe("B1", &created(1.0).id("B1"));
    job.pipe("B3", &created(130.0).id("B3"));
    job.wait(300);
    assert_eq!(job.pairs(), [(minute(0), 0), (minute(2), 1)]);
    job.pipe("B2", &created(2.0).id("B2").recorded(400.0));
    assert_eq!(job.late_pairs(), [(minute(0), 1), (minute(2), 1)]);
    let cancelled = ev("order.cancelled", "CUSTOMER", 2).at(1.5);
    job.pipe("B1", &cancelled.recorded(410.0));
    assert_eq!(job.late_pairs(), [(minute(0), -1), (minute(2), -1)]);
    // More than an hour late its neighbours are not known any more.
    job.pipe("B4", &created(4_500.0).id("B4"));
    job.wait(300);
    assert_eq!(job.pairs(), [(minute(75), 0)]);
    job.pipe("B5", &created(3.0).id("B5").recorded(5_000.0));
    assert_eq!(job.late_pairs(), []);
}

#[test]
fn what_is_overdue_is_told_from_its_deadline_to_its_end() {
    let mut job = start(options(&only_final(), 1));
    job.pipe("B1", &ev("order.created", "CUSTOMER", 1).at(1.0));
    job.wait(5);
    job.pipe("B1", &ev("payment.approved", "PG", 1).at(700.0));
    job.wait(1_000);
    let updates = job.updates();
    let told = |key: &str| {
        let found = updates.iter().find_map(|it| it.strip_prefix(key));
        let value = found.unwrap_or_else(|| panic!("no {key} in {updates:#?}"));
        serde_json::from_str::<Value>(value.trim_start()).unwrap()["value"].clone()
    };
    assert_eq!(
        told("sla_breach|서울|payment_wait|WARN|2026-11-20T03:03Z"),
        1
    );
    let breach = "payment_wait|BREACH|2026-11-20T03:10Z";
    assert_eq!(told(&format!("sla_breach|서울|{breach}")), 1);
    assert_eq!(
        told(&format!("sla_breach_by_fulfilment|BAEMIN_SINGLE|{breach}")),
        1
    );
    let stuck = |minute: u32| told(&format!("stuck|서울|payment_wait|2026-11-20T03:{minute}Z"));
    let one = serde_json::json!({"orders": 1, "oldestSince": "2026-11-20T12:00:00.000+09:00"});
    assert_eq!(stuck(10), one);
    assert_eq!(
        stuck(11),
        serde_json::json!({"orders": 0, "oldestSince": null})
    );
}

/// Values of all records of a topic; of those with one key the last one.
fn values(job: &Job, topic: &str) -> BTreeMap<Vec<u8>, Value> {
    let partitions = 0..3;
    let records =
        partitions.flat_map(|partition| job.driver.log().records(topic, partition, true).unwrap());
    let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
    records
        .map(|record| (record.key.unwrap(), read(record.value.unwrap())))
        .collect()
}

/// What a day comes to: all windows and all late deltas together.
#[derive(Debug, Default)]
struct Totals {
    /// By aggregate, and by aggregate and status.
    sums: BTreeMap<String, i64>,
    /// Orders in flight at the end.
    in_flight: i64,
    late: usize,
}

fn totals(job: &Job) -> Totals {
    let mut totals = Totals::default();
    // By group, the gauge of its last window.
    let mut gauges: BTreeMap<String, (String, i64)> = BTreeMap::new();
    for value in values(job, topics::AGGREGATES).values() {
        assert_eq!(value["final"], true, "{value}");
        let agg = value["agg"].as_str().unwrap();
        // The tests over a real Kafka look at values that are no numbers.
        let Some(count) = value["value"].as_i64() else {
            continue;
        };
        if agg == "in_flight" {
            let start = value["windowStart"].as_str().unwrap().to_owned();
            let gauge = gauges.entry(value["dims"].to_string()).or_default();
            if start > gauge.0 {
                *gauge = (start, count);
            }
        } else {
            totals.add(agg, value, count);
        }
    }
    totals.in_flight = gauges.values().map(|(_, value)| value).sum();
    for value in values(job, topics::LATE_AGGREGATES).values() {
        let agg = value["agg"].as_str().unwrap();
        if let Some(count) = value["delta"].as_i64().filter(|_| agg != "in_flight") {
            totals.add(agg, value, count);
        }
        totals.late += 1;
    }
    totals
}

impl Totals {
    fn add(&mut self, agg: &str, value: &Value, count: i64) {
        *self.sums.entry(agg.to_owned()).or_default() += count;
        if let Some(status) = value["dims"]["status"].as_str() {
            *self.sums.entry(format!("{agg} {status}")).or_default() += count;
        }
    }
}

/// Plays a day with a commit every so many lines, and waits until all its windows are closed.
fn day(name: &str, settings: &Aggregates, at_once: usize) -> Option<Job> {
    let lines = lines(name)?;
    let mut job = job(settings, 3);
    for lines in lines.chunks(at_once) {
        for line in lines {
            job.append(line);
        }
        job.driver.commit().unwrap();
        job.wait(1);
    }
    // The clock of a task whose inputs ended early runs on at the pace of the wall clock; a step that is
    // longer than 5 s would be taken for a standstill of the process.
    for _ in 0..1_000 {
        let step = Duration::from_secs(4);
        job.driver.advance_wall_clock_time(step).unwrap();
    }
    job.driver.commit().unwrap();
    Some(job)
}

#[test]
fn the_windows_of_day_4_add_up_to_its_counts() {
    let Some(job) = day("market-day-4.ndjson.gz", &Aggregates::default(), 1_000) else {
        return;
    };
    let totals = totals(&job);
    assert_eq!((totals.late, totals.in_flight), (0, 1));
    for (what, expected) in [
        ("orders_created", 1_185),
        ("orders_created_by_sigungu", 1_185),
        ("orders_created_by_fulfilment", 1_185),
        ("orders_paid", 1_176),
        ("orders_paid_by_sigungu", 1_176),
        ("orders_paid_by_fulfilment", 1_176),
        ("transitions", 11_354),
        ("terminal", 1_184),
        ("terminal COMPLETED", 1_139),
        ("terminal CANCELLED", 26),
        ("terminal REJECTED", 8),
        ("terminal EXPIRED", 4),
        ("terminal PAYMENT_FAILED", 7),
    ] {
        assert_eq!(totals.sums.get(what), Some(&expected), "{what}");
    }
}

#[test]
fn windows_and_late_deltas_of_a_faulty_day_add_up_to_its_transitions() {
    let impatient = Aggregates {
        grace: Duration::ZERO,
        ..Aggregates::default()
    };
    let Some(job) = day("market-day-4-faults.ndjson.gz", &impatient, 200) else {
        return;
    };
    let mut expected: BTreeMap<&str, i64> = BTreeMap::new();
    let partitions = 0..3;
    for record in partitions.flat_map(|partition| {
        job.driver
            .log()
            .records(topics::TRANSITIONS, partition, true)
            .unwrap()
    }) {
        let value: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        if value["outcome"] == "ANNOTATED" {
            continue;
        }
        *expected.entry("transitions").or_default() += 1;
        if value["action"] == "order.created" {
            *expected.entry("orders_created").or_default() += 1;
        }
        let to = value["to"].as_str().unwrap();
        if value["from"] != value["to"] && to == "CANCELLED" {
            *expected.entry("terminal CANCELLED").or_default() += 1;
        }
        if value["from"] != value["to"] && to == "WAITING_ACCEPT" {
            *expected.entry("orders_paid").or_default() += 1;
        }
    }
    let totals = totals(&job);
    assert!(totals.late > 0);
    let counts = job.driver.counters();
    let counted = BusinessAggregate::ALL
        .iter()
        .map(|aggregate| counts[counters::late(*aggregate)]);
    assert_eq!(counted.sum::<u64>(), totals.late as u64);
    assert_eq!(expected.len(), 4);
    for (what, expected) in expected {
        assert_eq!(totals.sums.get(what), Some(&expected), "{what}");
    }
}

/// Events of a marketplace with so many orders, and as many in a second.
fn generated(orders: u64, per_second: f64) -> Vec<Vec<u8>> {
    use crate::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit, Rate};
    let mut generator = Generator::new(GeneratorConfig {
        rate: Rate::OrdersPerSecond(per_second),
        limit: Limit::Orders(orders),
        ..GeneratorConfig::new(7, NOON.unsigned_abs())
    });
    let (mut event, mut lines) = (GeneratedEvent::default(), Vec::new());
    while generator.next_into(&mut event) {
        lines.push(event.value.clone());
    }
    lines
}

/// A quiet day and a busy hour on the real tasks and commit protocol, in memory, by the time of the records: without
/// aggregates, with those of before there were others, with those that come of events, with all, and with timers and
/// detectors as well; the best of some rounds of each in turn. Run with `--ignored --nocapture` on a quiet machine.
#[test]
#[ignore = "measures"]
fn what_aggregates_cost() {
    let days = [
        ("a quiet day", lines("market-day-4.ndjson.gz")),
        ("a busy hour", Some(generated(12_000, 20.0))),
    ];
    for (name, lines) in days {
        let Some(lines) = lines else { continue };
        println!("{name}, {} events", lines.len());
        cost_of(&lines);
    }
}

fn cost_of(lines: &[Vec<u8>]) {
    use crate::config::Included;
    use crate::domain::aggregates::BusinessAggregateSet;
    let first = |number| {
        let first = BusinessAggregate::ALL.iter().take(number);
        Included(first.fold(BusinessAggregateSet::EMPTY, |set, it| set.with(*it)))
    };
    let with = |enabled: bool, include: Included, watched: bool| {
        let settings = Aggregates {
            enabled,
            include,
            ..Aggregates::default()
        };
        let mut options = options(&settings, 3);
        options.rebuild = true;
        options.minutes.enabled = watched;
        if !watched {
            options.watching = unwatched();
        }
        options
    };
    let kinds = [
        ("none", with(false, Included::ALL, false)),
        ("A1 to A5", with(true, first(9), false)),
        ("without A17, A18, A23", with(true, first(32), false)),
        ("all aggregates", with(true, Included::ALL, false)),
        ("timers alone", with(false, Included::ALL, true)),
        ("all, timers and detectors", with(true, Included::ALL, true)),
    ];
    let mut best = [Duration::MAX; 6];
    for _ in 0..8 {
        for ((_, options), best) in kinds.iter().zip(&mut best) {
            let mut job = start(options.clone());
            lines.iter().for_each(|line| job.append(line));
            let started = std::time::Instant::now();
            job.driver.commit().unwrap();
            job.wait(3);
            *best = started.elapsed().min(*best);
        }
    }
    let [none, ..] = best;
    for ((name, _), best) in kinds.iter().zip(best) {
        let ratio = none.as_secs_f64() / best.as_secs_f64();
        println!("{name:26} {best:8.1?}, throughput {ratio:.2} of that without");
    }
}
