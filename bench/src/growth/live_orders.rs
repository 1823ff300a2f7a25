//! Events over a state of so many live orders, which they meet one after the other and far apart, all of them before any is
//! met again. Where orders are few they are met often, also between two commits: what is written once a commit is then
//! written for fewer events, which the records per event tell.

use std::ops::Range;
use std::path::Path;

use jumun::feed::Feed;
use jumun::generate::GeneratedEvent;
use jumun::job::topics;
use serde::Deserialize;

use super::{PROGRAMS, Point};
use crate::contestant::{self, Contestant};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::options::GrowthOptions;
use crate::order_job::{self, Launch, OrderJob, PARTITIONS};
use crate::orders;
use crate::progress::say;
use crate::stand::Stand;
use crate::table::grouped;

/// Orders that nobody pays are told of after some minutes, all of them, which is no part of what is measured.
const NOT_TOLD: [&str; 2] = [
    "timers.payment_wait_warn_ms=86400000",
    "timers.payment_wait_breach_ms=86400001",
];

/// A broker with the events of so many orders, and the programs' states of them.
struct Market {
    stand: Stand,
    orders: u64,
    /// Sent so far.
    notes: u64,
    point: Point,
    states: Vec<tempfile::TempDir>,
}

/// The fields that are compared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transition<'a> {
    order_no: &'a str,
    seq: u64,
    outcome: &'a str,
}

/// All runs, the points in turn.
pub(super) fn measure(options: &GrowthOptions, job: &mut OrderJob) -> Result<Vec<Point>> {
    let markets = options.live_orders.iter();
    let mut markets = markets
        .map(|orders| Market::open(*orders, job))
        .collect::<Result<Vec<_>>>()?;
    for number in 1..=options.runs {
        for market in &mut markets {
            market.round(options.events, number, job)?;
        }
    }
    Ok(markets.into_iter().map(|market| market.point).collect())
}

impl Market {
    /// Creates the orders and has each program take them in.
    fn open(orders: u64, job: &mut OrderJob) -> Result<Self> {
        let mut market = Self {
            stand: Stand::empty(PARTITIONS)?,
            orders,
            notes: 0,
            point: Point::new(grouped(orders)),
            states: Vec::new(),
        };
        orders::create(&mut market.feed()?, orders)?;
        market.stand.filled()?;
        for (name, extent) in PROGRAMS {
            say(&format!("{name}: taking {} orders in", grouped(orders)));
            let state = order_job::directory()?;
            let contestant = market.contestant(job, name, extent, state.path())?;
            let stand = &market.stand;
            contestant::measure(contestant, &stand.broker, &stand.backlog, || Ok(()))?;
            market.states.push(state);
        }
        Ok(market)
    }

    fn feed(&self) -> Result<Feed> {
        let topics = topics::inputs(&OrderJob::topics_of(PARTITIONS));
        Ok(Feed::open(
            &self.stand.log,
            "jumun-bench-generator",
            &topics,
        )?)
    }

    fn contestant(
        &self,
        job: &mut OrderJob,
        name: &'static str,
        extent: Extent,
        directory: &Path,
    ) -> Result<Contestant> {
        let group = group(name);
        let launch = Launch {
            bootstrap_servers: self.stand.broker.bootstrap_servers(),
            application_id: &group,
            directory,
            partitions: PARTITIONS,
            address: order_job::address()?,
        };
        Ok(Contestant {
            name,
            command: job.command(&launch, extent, &NOT_TOLD),
            state: Some(launch.state()),
            group: group.clone(),
            put_out: None,
        })
    }

    /// Sends so many events and has each program work them off.
    fn round(&mut self, events: u64, number: u32, job: &mut OrderJob) -> Result<()> {
        let notes = self.notes..self.notes + events;
        let orders = self.orders;
        orders::send(
            &mut self.feed()?,
            "generating the backlog",
            notes.clone(),
            |event, n| {
                note(event, n, orders);
            },
        )?;
        self.stand.filled()?;
        for (index, (name, extent)) in PROGRAMS.into_iter().enumerate() {
            say(&format!(
                "{} live orders: {name}, run {number}",
                grouped(orders)
            ));
            let state = self.states.get(index).map(|state| state.path().to_owned());
            let state = state.ok_or_else(|| Error::failed(format!("{name} has no state")))?;
            let contestant = self.contestant(job, name, extent, &state)?;
            let outputs = OrderJob::outputs(&group(name), extent)?;
            let mut met = Met::before(&notes, orders);
            let each = |topic: &str, value: Option<&[u8]>| met.record(topic, value);
            let (run, _, ()) = self.stand.taken(contestant, &outputs, || Ok(()), each)?;
            self.point.verified = met.compare(&notes)?;
            self.point.runs.push(run);
        }
        self.notes = notes.end;
        self.point.events = events;
        Ok(())
    }
}

fn group(program: &str) -> String {
    program.replace(' ', "-")
}

/// The n-th event after those that created the orders.
fn note(event: &mut GeneratedEvent, n: u64, orders: u64) {
    // Behind the event that created it, and those of the times it was met before.
    let version = n / orders + 2;
    let order = orders::scattered(n, orders);
    orders::write(event, order, orders::NOTE, version, orders + n);
}

/// What became of each order: every event must have had one transition, in its order.
struct Met {
    /// Of each order, the number of its last transition.
    seqs: Vec<u64>,
    transitions: u64,
}

impl Met {
    /// As it must be when only the events before these have been worked off.
    fn before(notes: &Range<u64>, orders: u64) -> Self {
        let mut met = Self {
            seqs: vec![1; usize::try_from(orders).unwrap_or(usize::MAX)],
            transitions: 0,
        };
        met.expect(0..notes.start);
        met
    }

    fn expect(&mut self, notes: Range<u64>) {
        let orders = self.seqs.len() as u64;
        for n in notes {
            let order = usize::try_from(orders::scattered(n, orders)).unwrap_or(usize::MAX);
            if let Some(seq) = self.seqs.get_mut(order) {
                *seq += 1;
            }
        }
    }

    fn record(&mut self, topic: &str, value: Option<&[u8]>) -> Result<()> {
        match topic {
            topics::TRANSITIONS => {
                let value = value.unwrap_or_default();
                let transition: Transition<'_> =
                    serde_json::from_slice(value).map_err(|error| {
                        Error::failed(format!("a transition is not in its schema: {error}"))
                    })?;
                self.transition(&transition)
            }
            topics::REJECTED | topics::DEAD_LETTERS => Err(Error::failed(format!(
                "there is a record in {topic}, and none is expected"
            ))),
            _ => Ok(()),
        }
    }

    fn transition(&mut self, of: &Transition<'_>) -> Result<()> {
        let number = of.order_no;
        let seq = self.seqs.get_mut(orders::number_of(number)?);
        let seq = seq.ok_or_else(|| Error::failed(format!("nobody created the order {number}")))?;
        if of.outcome != "ANNOTATED" || of.seq != *seq + 1 {
            return Err(Error::failed(format!(
                "order {number}: {} with number {} behind {seq}",
                of.outcome, of.seq
            )));
        }
        *seq = of.seq;
        self.transitions += 1;
        Ok(())
    }

    /// What was compared, if every one of these events had its transition.
    fn compare(self, notes: &Range<u64>) -> Result<String> {
        let mut expected = Self::before(notes, self.seqs.len() as u64);
        expected.expect(notes.clone());
        let differing = self.seqs.iter().zip(&expected.seqs);
        match differing.filter(|(seq, expected)| seq != expected).count() {
            0 => Ok(format!(
                "{} transitions of {} orders, each the next of its order, and no rejection",
                self.transitions,
                self.seqs.len()
            )),
            differing => Err(Error::failed(format!(
                "{differing} orders have more or fewer transitions than events"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(order: u64, seq: u64) -> Vec<u8> {
        let mut event = GeneratedEvent::default();
        orders::write(&mut event, order, orders::NOTE, seq, 1);
        let key = String::from_utf8(event.key).unwrap();
        format!(r#"{{"orderNo":"{key}","seq":{seq},"outcome":"ANNOTATED"}}"#).into_bytes()
    }

    /// Works these events off but for those that are left out.
    fn worked_off(notes: Range<u64>, left_out: &[u64]) -> Result<String> {
        let mut met = Met::before(&notes, 10);
        for n in notes.clone().filter(|n| !left_out.contains(n)) {
            let value = transition(orders::scattered(n, 10), n / 10 + 2);
            met.record(topics::TRANSITIONS, Some(&value))?;
        }
        met.compare(&notes)
    }

    #[test]
    fn every_event_must_have_its_transition() {
        assert!(worked_off(0..25, &[]).is_ok());
        assert!(worked_off(25..47, &[]).is_ok());
        assert!(worked_off(25..47, &[46]).is_err(), "the last of its order");
        assert!(worked_off(25..47, &[26]).is_err(), "one between two others");
    }

    #[test]
    fn what_was_not_expected_is_an_error() {
        let mut met = Met::before(&(0..5), 10);
        assert!(met.record(topics::REJECTED, Some(b"{}")).is_err());
        assert!(met.record(topics::TRANSITIONS, Some(b"{}")).is_err());
        let twice = transition(3, 2);
        assert!(met.record(topics::TRANSITIONS, Some(&twice)).is_ok());
        assert!(met.record(topics::TRANSITIONS, Some(&twice)).is_err());
        let beyond = transition(10, 2);
        assert!(met.record(topics::TRANSITIONS, Some(&beyond)).is_err());
    }
}
