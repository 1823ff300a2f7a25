//! Whole market days, where they are at hand.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use crate::domain::action::Action;
use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;
use crate::domain::judge::{JudgingPolicy, judge};
use crate::domain::judgement::{AfterPickUp, RecordContext};
use crate::domain::order::Order;
use crate::domain::order_codec;
use crate::domain::outcome::Outcome;
use crate::domain::records::{
    RecordOrigin, write_reconcile, write_rejected, write_state, write_transition,
};
use crate::domain::regions::Main;

pub(crate) fn lines(name: &str) -> Option<Vec<Vec<u8>>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {} does not exist", path.display());
        return None;
    };
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_end(&mut bytes)
        .unwrap();
    let mut lines: Vec<Vec<u8>> = bytes
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    Some(lines)
}

#[derive(Default)]
struct Day {
    orders: BTreeMap<String, Order>,
    outcomes: Vec<String>,
    counts: BTreeMap<String, usize>,
    late: HashSet<String>,
    declined: usize,
    largest: usize,
}

impl Day {
    fn count(&mut self, name: &str) {
        *self.counts.entry(name.to_owned()).or_default() += 1;
    }

    fn of(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or(0)
    }

    fn status(&self, name: &str) -> usize {
        self.orders
            .values()
            .filter(|order| order.exists() && order.status().name() == name)
            .count()
    }
}

/// Plays a file through decoding and judging; every stored order goes through its binary record.
fn play(lines: &[Vec<u8>]) -> Day {
    let mut day = Day::default();
    let mut event = OrderEvent::default();
    let policy = JudgingPolicy::strict();
    let mut record = Vec::new();
    let mut read_back = Order::default();
    for line in lines {
        if let Err(defect) = decode(Some(line), &mut event) {
            day.outcomes.push(format!("DLT/{}", defect.reason.name()));
            continue;
        }
        let context = RecordContext {
            timestamp: event.recorded_at(),
            wall_clock: event.recorded_at() + 1_000,
            ..RecordContext::default()
        };
        let order_no = event.order_no().to_owned();
        let mut order = day.orders.remove(&order_no).unwrap_or_default();
        let judgement = judge(&mut order, &event, &context, &policy);
        let outcome = judgement.outcome;
        day.outcomes.push(match outcome.reason() {
            "" => outcome.name().to_owned(),
            reason => format!("{}/{reason}", outcome.name()),
        });
        day.count(outcome.name());
        if let Some(transition) = judgement.transition {
            day.count(transition.action.name());
            if order.regions.main == Main::Paid && transition.main_before.is_some() {
                day.count("paid");
            }
            if transition.action == Action::CookingCompleted
                && transition.after_pick_up == Some(AfterPickUp::PressedLate)
            {
                day.late.insert(order_no.clone());
            }
            if transition.action == Action::OrderCancelDeclined {
                day.declined += 1;
            }
        }
        if judgement.store {
            record.clear();
            order_codec::encode(&order, &mut record);
            day.largest = day.largest.max(record.len());
            order_codec::decode(&record, &mut read_back).unwrap();
            assert_eq!(read_back, order);
        }
        if !order.is_empty() {
            day.orders.insert(order_no, order);
        }
    }
    day
}

fn check_clean_day(
    name: &str,
    expected: &[(&str, usize)],
    statuses: &[(&str, usize)],
    late: usize,
) {
    let Some(lines) = lines(name) else { return };
    let day = play(&lines);
    for (what, count) in expected {
        assert_eq!(day.of(what), *count, "{name}: {what}");
    }
    for (status, count) in statuses {
        assert_eq!(day.status(status), *count, "{name}: {status}");
    }
    assert_eq!(day.late.len(), late, "{name}: ready pressed late");
    assert_eq!(
        statuses.iter().map(|(_, count)| count).sum::<usize>(),
        day.orders.len()
    );
    println!("{name}: largest order record {} bytes", day.largest);
}

#[test]
fn day_0_has_the_counts_that_were_published_for_it() {
    check_clean_day(
        "market-day-0.ndjson.gz",
        &[
            ("APPLIED", 4_839 - 67),
            ("APPLIED_SKIP", 67),
            ("ANNOTATED", 736),
            ("REJECTED", 0),
            ("order.created", 505),
            ("paid", 501),
            ("delivery.unassigned", 58),
            ("delivery.failed", 6),
            ("delivery.redispatched", 3),
            ("delivery.switched_to_store", 2),
            ("order.cancel_requested", 4),
            ("order.cancel_declined", 2),
            ("payment.refunded", 20),
            ("payment.part_refunded", 4),
            ("payment.refund_failed", 2),
            ("claim.post_cancelled", 3),
            ("claim.withdrawn", 1),
        ],
        &[
            ("COMPLETED", 479),
            ("POST_CANCELLED", 2),
            ("CANCELLED", 14),
            ("REJECTED", 4),
            ("EXPIRED", 2),
            ("PAYMENT_FAILED", 3),
            ("RETURNED", 1),
        ],
        9,
    );
}

#[test]
fn day_4_has_the_counts_that_were_published_for_it() {
    check_clean_day(
        "market-day-4.ndjson.gz",
        &[
            ("APPLIED", 11_354 - 165),
            ("APPLIED_SKIP", 165),
            ("ANNOTATED", 1_735),
            ("REJECTED", 0),
            ("order.created", 1_185),
            ("paid", 1_176),
            ("delivery.unassigned", 137),
            ("delivery.failed", 8),
            ("delivery.redispatched", 5),
            ("delivery.switched_to_store", 5),
            ("order.cancel_requested", 9),
            ("order.cancel_declined", 5),
            ("payment.refunded", 35),
            ("payment.part_refunded", 8),
            ("payment.refund_failed", 5),
            ("claim.post_cancelled", 5),
            ("claim.withdrawn", 1),
        ],
        &[
            ("COMPLETED", 1_135),
            ("POST_CANCELLED", 4),
            ("CANCELLED", 26),
            ("REJECTED", 8),
            ("EXPIRED", 4),
            ("PAYMENT_FAILED", 7),
            ("RETURNED", 1),
        ],
        24,
    );
}

#[test]
fn the_faults_of_day_4_are_judged_as_the_truth_says() {
    let Some(lines) = lines("market-day-4-faults.ndjson.gz") else {
        return;
    };
    let Some(truth) = self::lines("market-day-4-faults.truth.ndjson.gz") else {
        return;
    };
    let day = play(&lines);
    assert_eq!(day.outcomes.len(), lines.len(), "one outcome per record");
    let mut differences = Vec::new();
    let mut compared = 0;
    // Under `strict` what comes early is rejected, so an order with any such event differs from the truth,
    // which is told for the default ordering, from there on.
    let mut rejected_early: HashMap<String, usize> = HashMap::new();
    let mut event = OrderEvent::default();
    for (at, outcome) in day.outcomes.iter().enumerate() {
        if outcome.ends_with("/SEQ_GAP") || outcome.ends_with("/AWAIT_PREDECESSOR") {
            decode(Some(&lines[at]), &mut event).unwrap();
            rejected_early
                .entry(event.order_no().to_owned())
                .or_insert(at);
        }
    }
    for line in &truth {
        let entry: serde_json::Value = serde_json::from_slice(line).unwrap();
        let Some(expected) = entry["expect"].as_str() else {
            continue;
        };
        let at = usize::try_from(entry["line"].as_u64().unwrap()).unwrap();
        let early = entry["orderNo"]
            .as_str()
            .and_then(|order_no| rejected_early.get(order_no));
        if early.is_some_and(|early| *early <= at) {
            continue;
        }
        compared += 1;
        if day.outcomes[at] != expected {
            differences.push(format!(
                "line {at}: {} instead of {expected}: {entry}",
                day.outcomes[at]
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    println!("compared {compared} faults");
    assert!(compared > 120, "{compared}");
    let premature: Vec<_> = truth
        .iter()
        .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap())
        .filter(|entry| entry["kind"] == "premature")
        .collect();
    assert_eq!(premature.len(), 4);
    for entry in premature {
        let order = &day.orders[entry["orderNo"].as_str().unwrap()];
        assert!(order.hold(), "{entry}");
    }
}

/// Measures the best of some passes; run with `--ignored --nocapture` on a quiet machine.
#[test]
#[ignore = "measures"]
fn nanoseconds_per_event() {
    let Some(lines) = lines("market-day-4.ndjson.gz") else {
        return;
    };
    let policy = JudgingPolicy::strict();
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let mut event = OrderEvent::default();
    let mut sizes: Vec<usize> = Vec::new();
    let mut best = [u128::MAX; 4];
    for _ in 0..20 {
        let started = Instant::now();
        for line in &lines {
            decode(Some(line), &mut event).unwrap();
            std::hint::black_box(event.content_hash());
        }
        let decoding = started.elapsed();
        let mut store: HashMap<String, Vec<u8>> = HashMap::new();
        let (mut order, mut out) = (Order::default(), Vec::new());
        let (mut judging, mut loading, mut writing) = (0, 0, 0);
        for line in &lines {
            decode(Some(line), &mut event).unwrap();
            let record = store.entry(event.order_no().to_owned()).or_default();
            let found = Instant::now();
            if record.is_empty() {
                order.clear();
            } else {
                order_codec::decode(record, &mut order).unwrap();
            }
            let loaded = Instant::now();
            let context = RecordContext {
                timestamp: event.recorded_at(),
                wall_clock: event.recorded_at(),
                ..Default::default()
            };
            let judgement = judge(&mut order, &event, &context, &policy);
            let judged = Instant::now();
            record.clear();
            order_codec::encode(&order, record);
            let stored = Instant::now();
            out.clear();
            write_transition(&mut out, &order, &event, &judgement, false);
            write_state(&mut out, event.order_no(), &order);
            let origin = RecordOrigin {
                topic: "order.events.v1",
                partition: 0,
                offset: 0,
                parked_ms: None,
            };
            write_rejected(&mut out, &order, &event, &judgement, &origin);
            write_reconcile(&mut out, &event, &order, &judgement);
            std::hint::black_box(&out);
            assert!(matches!(
                judgement.outcome,
                Outcome::Applied | Outcome::AppliedSkip | Outcome::Annotated
            ));
            judging += (judged - loaded).as_nanos();
            loading += (loaded - found).as_nanos() + (stored - judged).as_nanos();
            writing += stored.elapsed().as_nanos();
        }
        let pass = [decoding.as_nanos(), judging, loading, writing];
        for (best, this) in best.iter_mut().zip(pass) {
            *best = this.min(*best);
        }
        sizes = store.values().map(Vec::len).collect();
    }
    let n = lines.len() as u128;
    let [decoding, judging, loading, writing] = best.map(|total| total / n);
    println!(
        "{n} events of {} bytes: decode {decoding} ns, judge {judging} ns, load and store {loading} ns, \
         write transition and state {writing} ns; record of {} bytes",
        bytes / lines.len(),
        sizes.iter().sum::<usize>() / sizes.len()
    );
}
