//! Whole market days, played through the model alone.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::model::aggregates::batch::Batch;
use crate::support::model::aggregates::grouping::{self, Grouping};
use crate::support::model::aggregates::movement::Movement;
use crate::support::model::order_of_arrival::order_of_arrival_in_all_partitions;
use crate::support::model::outputs::RunOutput;
use crate::support::model::verify::compare;
use crate::support::model::{InputRecord, Judged, Model, Outcome, Policy};

const DATA: &str = "../shared/data";

/// The data lie beside the project and may be absent.
fn data_file(name: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(name);
    if path.exists() {
        return Some(path);
    }
    // Straight to the handle: what `println!` writes is shown of failed tests only.
    writeln!(std::io::stderr(), "skipped: {DATA} is absent").unwrap();
    None
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// The lines as records of the three input topics, one partition each, in file order.
fn records(path: &Path) -> Vec<InputRecord> {
    let mut offsets: HashMap<&str, i64> = HashMap::new();
    let mut last_timestamp = 0;
    let mut records = Vec::new();
    for line in lines(path) {
        let parsed: Value = serde_json::from_slice(&line).unwrap_or(Value::Null);
        let topic = match parsed["target"]["type"].as_str() {
            Some("delivery") => "delivery.events.v1",
            Some("payment") => "payment.events.v1",
            _ => "order.events.v1",
        };
        let recorded_at = parsed["time"]["recordedAt"]
            .as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok());
        last_timestamp = recorded_at.map_or(last_timestamp, jiff::Timestamp::as_millisecond);
        let offset = offsets.entry(topic).or_default();
        records.push(InputRecord {
            topic: topic.to_string(),
            partition: 0,
            offset: *offset,
            key: parsed["target"]["orderNo"]
                .as_str()
                .map(|order_no| order_no.as_bytes().to_vec()),
            value: Some(line),
            headers: Vec::new(),
            timestamp: last_timestamp,
        });
        *offset += 1;
    }
    records
}

struct Day {
    model: Model,
    judged: Vec<Judged>,
    output: RunOutput,
    aggregates: Batch,
}

fn play(records: &[InputRecord]) -> Day {
    let mut model = Model::new(Policy::STRICT);
    // After the last record: no clock but that of the data is in play.
    model.set_now(
        records
            .iter()
            .map(|record| record.timestamp)
            .max()
            .unwrap_or(0),
    );
    let mut output = RunOutput::default();
    let mut all = Vec::new();
    let mut aggregates = Batch::default();
    for record in records {
        let judged = model.feed(record);
        output.add_judged(record, &judged);
        let movement = Movement::of_judged(&judged, record.timestamp);
        movement
            .iter()
            .for_each(|movement| aggregates.add(movement));
        all.push(judged);
    }
    output.states = model.states();
    Day {
        model,
        judged: all,
        output,
        aggregates,
    }
}

impl Day {
    fn count(&self, outcome: Outcome) -> usize {
        self.judged
            .iter()
            .filter(|judged| judged.outcome == outcome)
            .count()
    }

    /// Transitions of that action that were applied and not merely annotated.
    fn applied(&self, action: &str) -> usize {
        self.transitions()
            .filter(|value| value["action"] == action && value["outcome"] != "ANNOTATED")
            .count()
    }

    fn transitions(&self) -> impl Iterator<Item = &Value> {
        self.judged
            .iter()
            .filter_map(|judged| judged.transition.as_ref())
    }

    fn statuses(&self) -> BTreeMap<String, usize> {
        let mut statuses = BTreeMap::new();
        for state in self.output.states.values() {
            *statuses
                .entry(state["status"].as_str().unwrap().to_string())
                .or_default() += 1;
        }
        statuses
    }

    fn orders_with_flag(&self, flag: &str) -> usize {
        let has_flag = |state: &&Value| {
            state["flags"]
                .as_array()
                .unwrap()
                .iter()
                .any(|known| known == flag)
        };
        self.output.states.values().filter(has_flag).count()
    }
}

/// One column of the table of clean days.
struct Expected {
    file: &'static str,
    applied: usize,
    implied: usize,
    annotated: usize,
    created: usize,
    paid: usize,
    statuses: [(&'static str, usize); 7],
    pressed_late: usize,
    unassigned_failed_redispatched_switched: [usize; 4],
    cancels_requested_declined: [usize; 2],
    refunds_parts_failed: [usize; 3],
    post_cancelled_withdrawn: [usize; 2],
}

fn check_clean_day(expected: &Expected) {
    let Some(path) = data_file(expected.file) else {
        return;
    };
    let records = records(&path);
    let mut by_timestamp = records.clone();
    by_timestamp.sort_by_key(|record| record.timestamp);

    let day = play(&records);
    let unwanted: Vec<String> = day
        .judged
        .iter()
        .filter(|judged| judged.transition.is_none() || !judged.reconcile.is_empty())
        .map(Judged::name)
        .collect();
    assert!(unwanted.is_empty(), "{unwanted:?}");

    assert_eq!(
        day.count(Outcome::Applied) + day.count(Outcome::AppliedSkip),
        expected.applied
    );
    assert_eq!(day.count(Outcome::AppliedSkip), expected.implied);
    assert_eq!(day.count(Outcome::Annotated), expected.annotated);
    assert_eq!(day.applied("order.created"), expected.created);
    assert_eq!(day.output.states.len(), expected.created);
    let paid = day
        .output
        .states
        .values()
        .filter(|state| state["times"]["paidAt"].is_string())
        .count();
    assert_eq!(paid, expected.paid);
    let statuses = expected
        .statuses
        .map(|(status, count)| (status.to_string(), count));
    assert_eq!(day.statuses(), BTreeMap::from(statuses));
    assert_eq!(day.orders_with_flag("pressed_late"), expected.pressed_late);
    assert_eq!(day.orders_with_flag("contradicted"), 0);
    assert_eq!(
        ["unassigned", "failed", "redispatched", "switched_to_store"]
            .map(|action| day.applied(&format!("delivery.{action}"))),
        expected.unassigned_failed_redispatched_switched
    );
    assert_eq!(
        ["order.cancel_requested", "order.cancel_declined"].map(|action| day.applied(action)),
        expected.cancels_requested_declined
    );
    assert_eq!(
        [
            "payment.refunded",
            "payment.part_refunded",
            "payment.refund_failed"
        ]
        .map(|action| day.applied(action)),
        expected.refunds_parts_failed
    );
    assert_eq!(
        ["claim.post_cancelled", "claim.withdrawn"].map(|action| day.applied(action)),
        expected.post_cancelled_withdrawn
    );

    check_aggregates(&day, expected);

    // The same in the order of record timestamps.
    assert_eq!(
        play(&by_timestamp).aggregates.groups(),
        day.aggregates.groups()
    );
    let report = compare(&day.output, &play(&by_timestamp).output);
    assert!(report.is_clean(), "{report}");
}

/// What is known of the day, seen through the aggregates: every grouping has all of it.
fn check_aggregates(day: &Day, expected: &Expected) {
    let total = |grouping: Grouping| usize::try_from(day.aggregates.total(grouping)).unwrap();
    for grouping in [
        grouping::CREATED,
        grouping::CREATED_BY_SIGUNGU,
        grouping::CREATED_BY_FULFILMENT,
    ] {
        assert_eq!(total(grouping), expected.created, "{}", grouping.name);
    }
    for grouping in [
        grouping::PAID,
        grouping::PAID_BY_SIGUNGU,
        grouping::PAID_BY_FULFILMENT,
    ] {
        assert_eq!(total(grouping), expected.paid, "{}", grouping.name);
    }
    assert_eq!(total(grouping::TRANSITIONS), expected.applied);
    // Order statuses that are not in flight; every order ends once or is in flight.
    let ended = day
        .statuses()
        .into_iter()
        .filter(|(status, _)| status != "RETURNED");
    let ended: usize = ended.map(|(_, orders)| orders).sum();
    assert_eq!(total(grouping::TERMINAL), ended);
    assert_eq!(total(grouping::IN_FLIGHT), expected.created - ended);
}

#[test]
fn market_day_0_gives_the_known_counts() {
    check_clean_day(&Expected {
        file: "market-day-0.ndjson.gz",
        applied: 4_839,
        implied: 67,
        annotated: 736,
        created: 505,
        paid: 501,
        statuses: [
            ("COMPLETED", 479),
            ("POST_CANCELLED", 2),
            ("CANCELLED", 14),
            ("REJECTED", 4),
            ("EXPIRED", 2),
            ("PAYMENT_FAILED", 3),
            ("RETURNED", 1),
        ],
        pressed_late: 9,
        unassigned_failed_redispatched_switched: [58, 6, 3, 2],
        cancels_requested_declined: [4, 2],
        refunds_parts_failed: [20, 4, 2],
        post_cancelled_withdrawn: [3, 1],
    });
}

#[test]
fn market_day_4_gives_the_known_counts() {
    check_clean_day(&Expected {
        file: "market-day-4.ndjson.gz",
        applied: 11_354,
        implied: 165,
        annotated: 1_735,
        created: 1_185,
        paid: 1_176,
        statuses: [
            ("COMPLETED", 1_135),
            ("POST_CANCELLED", 4),
            ("CANCELLED", 26),
            ("REJECTED", 8),
            ("EXPIRED", 4),
            ("PAYMENT_FAILED", 7),
            ("RETURNED", 1),
        ],
        pressed_late: 24,
        unassigned_failed_redispatched_switched: [137, 8, 5, 5],
        cancels_requested_declined: [9, 5],
        refunds_parts_failed: [35, 8, 5],
        post_cancelled_withdrawn: [5, 1],
    });
}

/// The truth is told for the default ordering; every line of it that is decided by the fault alone holds under
/// `strict` too.
#[test]
fn faults_of_market_day_4_are_judged_as_the_truth_says() {
    let (Some(path), Some(truth)) = (
        data_file("market-day-4-faults.ndjson.gz"),
        data_file("market-day-4-faults.truth.ndjson.gz"),
    ) else {
        return;
    };
    let records = records(&path);
    let day = play(&records);
    println!("{:#?}", day.model.counts());
    assert_eq!(
        day.model.counts().values().sum::<u64>() as usize,
        records.len()
    );

    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines(&truth) {
        let truth: Value = serde_json::from_slice(&line).unwrap();
        let Some(expected) = truth["expect"].as_str() else {
            continue;
        };
        let judged = &day.judged[truth["line"].as_u64().unwrap() as usize];
        assert_eq!(judged.name(), expected, "{truth}");
        *checked
            .entry(format!("{} {expected}", truth["kind"].as_str().unwrap()))
            .or_default() += 1;
    }
    let expected = [
        ("dup DUPLICATE", 145),
        ("hijack REJECTED/ACTOR_NOT_ALLOWED", 6),
        ("poison DLT/MALFORMED", 8),
        ("poison DLT/TOO_LARGE", 2),
        ("poison DLT/UNSUPPORTED_SCHEMA", 2),
        ("premature REJECTED/PREMATURE", 4),
    ];
    assert_eq!(
        checked,
        BTreeMap::from(expected.map(|(name, count)| (name.to_string(), count)))
    );
}

#[test]
fn a_backlog_of_faults_is_judged_to_the_last_record() {
    let Some(path) = data_file("market-day-4-faults.ndjson.gz") else {
        return;
    };
    let records = order_of_arrival_in_all_partitions(records(&path));
    let day = play(&records);
    assert_eq!(day.judged.len(), 13_251);
    println!("{:#?}", day.model.counts());
    let emitted: usize = day
        .output
        .transitions
        .values()
        .chain(day.output.rejections.values())
        .map(Vec::len)
        .sum();
    let silent = day.count(Outcome::Duplicate) + day.count(Outcome::Stale);
    assert_eq!(emitted + silent + day.output.dead_letters.len(), 13_251);
}

#[test]
fn a_day_with_faults_is_judged_the_same_way_twice() {
    let Some(path) = data_file("market-day-4-faults.ndjson.gz") else {
        return;
    };
    let records = records(&path);
    let report = compare(&play(&records).output, &play(&records).output);
    assert!(report.is_clean(), "{report}");
    let report = compare(
        &play(&records).output,
        &play(&records[..records.len() - 1]).output,
    );
    assert!(!report.is_clean());
}
