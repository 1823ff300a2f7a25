//! Which entries are sent again, and in which order.

use std::collections::{BTreeMap, VecDeque};

use super::entry::latest;
use super::redrive::{Redrive, RedriveOptions, Refusal, Repair, redrive};
use super::{Entry, EntryId};
use crate::dialect::Dialects;
use crate::domain::actor::Aggregate;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is sent, in this order: by order; of one order each aggregate by its versions, the aggregates side by side by
    /// the time of their events.
    pub redrives: Vec<Redrive>,
    /// What is not, and why.
    pub refused: Vec<(EntryId, Refusal)>,
    /// Entries left out because there is a newer one of the same event.
    pub superseded: usize,
    /// Events left out because of the limit.
    pub beyond_limit: usize,
}

/// Plans what becomes of these entries. An event is sent once, however many entries it has, and of at most `limit`
/// events; `partitions` is how many the inputs have.
#[must_use]
pub fn plan(
    mut entries: Vec<Entry>,
    repair: &Repair,
    options: RedriveOptions,
    limit: Option<usize>,
    dialects: &Dialects,
    partitions: i32,
) -> Plan {
    let found = entries.len();
    latest(&mut entries);
    let mut plan = Plan {
        superseded: found - entries.len(),
        ..Plan::default()
    };
    for entry in &entries {
        match redrive(entry, repair, options, dialects, partitions) {
            Ok(redrive) => plan.redrives.push(redrive),
            Err(refusal) => plan.refused.push((entry.id, refusal)),
        }
    }
    plan.redrives = in_turn(std::mem::take(&mut plan.redrives));
    if let Some(limit) = limit {
        plan.beyond_limit = plan.redrives.len().saturating_sub(limit);
        plan.redrives.truncate(limit);
    }
    plan
}

/// What has an order of its own: an aggregate by its versions, all that has no version by time.
type Sequence = (bool, Option<&'static str>, Option<String>);

/// Versions say nothing across aggregates, so that an order's cancel must not overtake a delivery's earlier event only
/// because deliveries have more versions: both would be judged wrongly, and for good.
fn in_turn(redrives: Vec<Redrive>) -> Vec<Redrive> {
    let mut orders: BTreeMap<Vec<u8>, BTreeMap<Sequence, Vec<Redrive>>> = BTreeMap::new();
    for redrive in redrives {
        let sequences = orders.entry(redrive.key.clone()).or_default();
        sequences
            .entry(sequence(&redrive))
            .or_default()
            .push(redrive);
    }
    let mut sent = Vec::new();
    for sequences in orders.into_values() {
        let mut queues: Vec<VecDeque<Redrive>> = sequences
            .into_values()
            .map(|mut events| {
                events.sort_by_key(|event| (event.version, event.timestamp, event.entry));
                events.into()
            })
            .collect();
        let first = |queue: &VecDeque<Redrive>| {
            let front = queue.front()?;
            Some((front.timestamp, front.entry))
        };
        while let Some(next) = queues
            .iter_mut()
            .filter(|queue| !queue.is_empty())
            .min_by_key(|queue| first(queue))
            .and_then(VecDeque::pop_front)
        {
            sent.push(next);
        }
    }
    sent
}

fn sequence(redrive: &Redrive) -> Sequence {
    if redrive.version.is_none() {
        return (false, None, None);
    }
    let is_delivery = redrive.aggregate == Some(Aggregate::Delivery);
    let id = redrive.target_id.clone().filter(|_| is_delivery);
    (true, redrive.aggregate.map(Aggregate::name), id)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::rejection;
    use super::*;

    fn planned(entries: Vec<Entry>, limit: Option<usize>) -> Plan {
        plan(
            entries,
            &Repair::default(),
            RedriveOptions::default(),
            limit,
            &Dialects::default(),
            4,
        )
    }

    fn ids(plan: &Plan) -> Vec<String> {
        let id = |redrive: &Redrive| redrive.entry.unwrap().to_string();
        plan.redrives.iter().map(id).collect()
    }

    fn at(id: &str, order_no: &str, action: &str, version: u64, timestamp: i64) -> Entry {
        let mut entry = rejection(id, "PARK_LIMIT", order_no, action, version);
        entry.original.timestamp = timestamp;
        entry
    }

    #[test]
    fn aggregates_go_by_their_versions_and_side_by_side_by_time() {
        let entries = vec![
            at("r:0:9", "B2", "order.accepted", 3, 1),
            at("r:0:8", "B1", "order.cancelled", 3, 40),
            at("r:0:7", "B1", "delivery.picked_up", 5, 30),
            // An owner whose clock went back: the version counts.
            at("r:0:6", "B1", "delivery.assigned", 2, 35),
            at("r:0:5", "B1", "order.accepted", 2, 20),
        ];
        let expected = ["r:0:5", "r:0:6", "r:0:7", "r:0:8", "r:0:9"];
        assert_eq!(ids(&planned(entries, None)), expected);
    }

    #[test]
    fn events_without_a_version_have_their_place_by_time() {
        let mut note = at("r:0:2", "B1", "order.note_added", 9, 25);
        note.facts.version = None;
        let entries = vec![
            at("r:0:3", "B1", "order.cancelled", 3, 40),
            note,
            at("r:0:1", "B1", "order.accepted", 2, 20),
        ];
        assert_eq!(ids(&planned(entries, None)), ["r:0:1", "r:0:2", "r:0:3"]);
    }

    #[test]
    fn an_event_is_sent_once_and_by_its_newest_entry() {
        let entries = vec![
            rejection("r:0:1", "PREMATURE", "B1", "order.cancelled", 2),
            rejection("r:0:2", "PREMATURE", "B1", "order.cancelled", 2),
        ];
        let plan = planned(entries, None);
        assert_eq!(ids(&plan), ["r:0:2"]);
        assert_eq!(plan.superseded, 1);
    }

    #[test]
    fn the_limit_cuts_behind_the_order_and_what_is_refused_is_not_counted() {
        let mut worn = rejection("r:0:1", "REDRIVE_LIMIT", "B0", "order.accepted", 2);
        worn.redrive_count = 5;
        let entries = vec![
            rejection("r:0:3", "SEQ_GAP", "B1", "order.accepted", 3),
            rejection("r:0:2", "SEQ_GAP", "B1", "order.relayed", 2),
            worn,
        ];
        let plan = planned(entries, Some(1));
        assert_eq!(ids(&plan), ["r:0:2"]);
        assert_eq!(plan.beyond_limit, 1);
        assert_eq!(plan.refused.len(), 1);
    }
}
