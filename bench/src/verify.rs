//! Whether the order job did its work: without that, no figure counts.
//!
//! Every order's transitions, rejections and final state are compared with the reference model of the integration
//! tests, as a digest per order so that a million events need no gigabytes; and the job's own counts with the model's.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use jumun::job::topics;
use serde::Deserialize;
use topology::io::{Log, TopicPartition};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};
use crate::model::order_of_arrival::order_of_arrival;
use crate::model::{InputRecord, Model, Policy, Settings};
use crate::partitions;
use crate::progress::Progress;

/// Orders told of one by one when they differ.
const TOLD: usize = 5;

/// What was emitted for one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OrderDigest {
    transitions: u64,
    last_seq: u64,
    last_status: String,
    /// Over the transitions in their order.
    transitions_hash: u64,
    rejections: u64,
    /// Over the rejections in their order.
    rejections_hash: u64,
    /// Generation, sequence number, status and refunds of `order.state.v1`.
    state: Option<(u64, u64, String, i64)>,
}

/// The fields of `order.transitions.v1` that are compared; those left out follow from them and from the input.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transition<'a> {
    #[serde(borrow)]
    order_no: Cow<'a, str>,
    generation: u64,
    seq: u64,
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    hold: bool,
    contradicted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejection<'a> {
    #[serde(borrow)]
    order_no: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    partition: i32,
    offset: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State<'a> {
    #[serde(borrow)]
    order_no: Cow<'a, str>,
    generation: u64,
    seq: u64,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    refunded: Option<i64>,
}

/// Everything that was emitted, or must be.
#[derive(Debug, Default)]
pub(crate) struct Emitted {
    orders: HashMap<String, OrderDigest>,
    dead_letters: u64,
    /// Events that were parked, whatever became of them; known only of what is expected.
    parked: u64,
    /// Records by `OUTCOME` or `OUTCOME/REASON`; PARKED are those that are parked in the end.
    counts: BTreeMap<String, u64>,
}

impl Emitted {
    /// What the model says must be emitted for the backlog.
    pub(crate) fn expected(log: &dyn Log, partitions: i32, events: u64) -> Result<Self> {
        let progress = Mutex::new((Progress::start("reference model", events), 0));
        let judged = |records: u64| {
            if let Ok(mut progress) = progress.lock() {
                progress.1 += records;
                let done = progress.1;
                progress.0.at(done);
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..partitions)
                .map(|partition| scope.spawn(move || Self::of_partition(log, partition, judged)))
                .collect();
            let mut all = Self::default();
            for worker in workers {
                let part = worker
                    .join()
                    .map_err(|_| Error::failed("the reference model panicked"))??;
                all.orders.extend(part.orders);
                all.dead_letters += part.dead_letters;
                all.parked += part.parked;
                for (name, count) in part.counts {
                    *all.counts.entry(name).or_default() += count;
                }
            }
            Ok(all)
        })
    }

    fn of_partition(log: &dyn Log, partition: i32, judged: impl Fn(u64)) -> Result<Self> {
        let records = |topic: &str| input_records(log, topic, partition);
        let records = order_of_arrival(
            records(topics::ORDER_EVENTS)?,
            records(topics::PAYMENT_EVENTS)?,
            records(topics::DELIVERY_EVENTS)?,
        );
        let mut model = Model::with(Settings {
            automatic_redrive: false,
            ..Settings::new(Policy::DEFAULT)
        });
        let mut emitted = Self::default();
        for chunk in records.chunks(10_000) {
            for record in chunk {
                // What waits does so to the end: a backlog is worked off faster than that.
                for (_, judged) in model.take(record).settled {
                    if let Some(value) = &judged.transition {
                        emitted.transition(&Transition::deserialize(value).map_err(unreadable)?);
                    }
                    if let Some(value) = &judged.rejection {
                        emitted.rejection(&Rejection::deserialize(value).map_err(unreadable)?);
                    }
                }
            }
            judged(chunk.len() as u64);
        }
        for value in model.states().values() {
            emitted.state(&State::deserialize(value).map_err(unreadable)?);
        }
        emitted.counts = model.counts();
        // The model counts what was parked and went on twice.
        let outcomes: u64 = emitted.counts.values().sum();
        let settled = outcomes.saturating_sub(records.len() as u64);
        emitted.parked = emitted.counts.remove("PARKED").unwrap_or(0);
        let waiting = emitted.parked.saturating_sub(settled);
        if waiting > 0 {
            emitted.counts.insert("PARKED".to_owned(), waiting);
        }
        let dead = emitted
            .counts
            .iter()
            .filter(|(name, _)| name.starts_with("DLT"));
        emitted.dead_letters = dead.map(|(_, count)| count).sum();
        Ok(emitted)
    }

    /// How many events were parked, or known already.
    pub(crate) fn disordered(&self) -> u64 {
        self.parked + self.counts.get("DUPLICATE").copied().unwrap_or(0)
    }

    /// How many transitions there are.
    pub(crate) fn transitions(&self) -> u64 {
        self.orders.values().map(|order| order.transitions).sum()
    }

    /// How many orders there are.
    pub(crate) fn orders(&self) -> usize {
        self.orders.len()
    }

    /// Records by outcome.
    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// Takes a record of an output topic into account.
    pub(crate) fn record(&mut self, topic: &str, value: Option<&[u8]>) -> Result<()> {
        let value = value.unwrap_or_default();
        match topic {
            topics::TRANSITIONS => {
                self.transition(&serde_json::from_slice(value).map_err(unreadable)?)
            }
            topics::REJECTED => self.rejection(&serde_json::from_slice(value).map_err(unreadable)?),
            topics::STATE => self.state(&serde_json::from_slice(value).map_err(unreadable)?),
            topics::DEAD_LETTERS => self.dead_letters += 1,
            _ => {}
        }
        Ok(())
    }

    /// Sets what the job counted.
    pub(crate) fn counted(&mut self, counts: BTreeMap<String, u64>) {
        self.counts = counts;
    }

    fn transition(&mut self, of: &Transition<'_>) {
        let order = self.order(&of.order_no);
        order.transitions += 1;
        order.last_seq = of.seq;
        order.last_status = of.to.clone().into_owned();
        let numbers = format!(
            "{} {} {} {}",
            of.generation, of.seq, of.hold, of.contradicted
        );
        for part in [
            &numbers,
            &*of.event_id,
            &of.action,
            &of.outcome,
            &of.from,
            &of.to,
            &of.occurred_at,
        ] {
            order.transitions_hash = xxh3_64_with_seed(part.as_bytes(), order.transitions_hash);
        }
    }

    fn rejection(&mut self, of: &Rejection<'_>) {
        let order = self.order(&of.order_no);
        order.rejections += 1;
        let text = format!("{} {} {} {}", of.reason, of.topic, of.partition, of.offset);
        order.rejections_hash = xxh3_64_with_seed(text.as_bytes(), order.rejections_hash);
    }

    fn state(&mut self, of: &State<'_>) {
        let state = (
            of.generation,
            of.seq,
            of.status.clone().into_owned(),
            of.refunded.unwrap_or(0),
        );
        self.order(&of.order_no).state = Some(state);
    }

    fn order(&mut self, order_no: &str) -> &mut OrderDigest {
        self.orders.entry(order_no.to_owned()).or_default()
    }

    /// What was compared, if `actual` is as expected; else what differs.
    pub(crate) fn compare(&self, actual: &Self) -> Result<String> {
        let mut differences = Vec::new();
        let mut differing = 0_usize;
        let mut note = |difference: String| {
            differing += 1;
            if differences.len() < TOLD {
                differences.push(difference);
            }
        };
        for (order_no, expected) in &self.orders {
            let found = actual.orders.get(order_no);
            if found != Some(expected) {
                note(format!(
                    "order {order_no}: expected {expected:?}, found {found:?}"
                ));
            }
        }
        for (order_no, found) in &actual.orders {
            if !self.orders.contains_key(order_no) {
                note(format!("order {order_no}: expected none, found {found:?}"));
            }
        }
        if actual.dead_letters != self.dead_letters {
            note(format!(
                "dead letters: expected {}, found {}",
                self.dead_letters, actual.dead_letters
            ));
        }
        if actual.counts != self.counts {
            note(format!(
                "outcomes counted: expected {:?}, found {:?}",
                self.counts, actual.counts
            ));
        }
        if differing > 0 {
            return Err(Error::failed(format!(
                "the order job did not do its work, so there is no figure: {differing} differences from the reference \
                 model, such as\n  {}",
                differences.join("\n  ")
            )));
        }
        Ok(format!(
            "{} orders with {} transitions and {} rejections, {} dead letters, {} outcomes counted, each as the reference \
             model says",
            self.orders.len(),
            self.transitions(),
            self.orders
                .values()
                .map(|order| order.rejections)
                .sum::<u64>(),
            self.dead_letters,
            self.counts.values().sum::<u64>(),
        ))
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::failed(format!("an output record is not in its schema: {error}"))
}

fn input_records(log: &dyn Log, topic: &str, partition: i32) -> Result<Vec<InputRecord>> {
    let mut records = Vec::new();
    let from = [(TopicPartition::new(topic, partition), 0)];
    partitions::read(log, &from, |_, record| {
        let header = |(name, value): (&str, Option<&[u8]>)| {
            (name.to_owned(), value.unwrap_or_default().to_vec())
        };
        records.push(InputRecord {
            topic: topic.to_owned(),
            partition,
            offset: record.offset,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(header).collect(),
            timestamp: record.timestamp,
        });
        Ok(())
    })?;
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(seq: u64, to: &str) -> String {
        format!(
            r#"{{"orderNo":"B1","generation":1,"seq":{seq},"eventId":"e{seq}","action":"a","outcome":"APPLIED","from":"x","to":"{to}","occurredAt":"t","hold":false,"contradicted":false,"amount":5}}"#
        )
    }

    fn emitted(transitions: &[String]) -> Emitted {
        let mut emitted = Emitted::default();
        for value in transitions {
            emitted
                .record(topics::TRANSITIONS, Some(value.as_bytes()))
                .unwrap();
        }
        let state = br#"{"orderNo":"B1","generation":1,"seq":2,"status":"PAID","refunded":null}"#;
        emitted.record(topics::STATE, Some(state)).unwrap();
        emitted
    }

    #[test]
    fn the_same_output_is_as_expected() {
        let run = [transition(1, "CREATED"), transition(2, "PAID")];
        let verified = emitted(&run).compare(&emitted(&run)).unwrap();
        assert!(
            verified.starts_with("1 orders with 2 transitions"),
            "{verified}"
        );
    }

    #[test]
    fn a_difference_is_no_figure() {
        let run = [transition(1, "CREATED"), transition(2, "PAID")];
        let expected = emitted(&run);
        let missing = emitted(&run[..1]);
        let twice = emitted(&[run[0].clone(), run[1].clone(), run[1].clone()]);
        let swapped = emitted(&[run[1].clone(), run[0].clone()]);
        let other = emitted(&[run[0].clone(), transition(2, "FAILED")]);
        for actual in [missing, twice, swapped, other, Emitted::default()] {
            assert!(expected.compare(&actual).is_err(), "{actual:?}");
            assert!(actual.compare(&expected).is_err(), "{actual:?}");
        }
    }

    #[test]
    fn counts_and_dead_letters_are_compared() {
        let expected = emitted(&[]);
        let mut actual = emitted(&[]);
        assert!(expected.compare(&actual).is_ok());
        actual.record(topics::DEAD_LETTERS, None).unwrap();
        assert!(expected.compare(&actual).is_err());
        let mut actual = emitted(&[]);
        actual.counted(BTreeMap::from([("APPLIED".to_owned(), 1)]));
        assert!(expected.compare(&actual).is_err());
    }
}
