//! Which entries are sent again, and in which order.

use super::entry::latest;
use super::redrive::{Redrive, RedriveOptions, Refusal, Repair, redrive};
use super::{Entry, EntryId};

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is sent, in this order: by order, of one order by version, of one version by time.
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
    partitions: i32,
) -> Plan {
    let found = entries.len();
    latest(&mut entries);
    let mut plan = Plan {
        superseded: found - entries.len(),
        ..Plan::default()
    };
    for entry in &entries {
        match redrive(entry, repair, options, partitions) {
            Ok(redrive) => plan.redrives.push(redrive),
            Err(refusal) => plan.refused.push((entry.id, refusal)),
        }
    }
    plan.redrives
        .sort_by(|left, right| turn(left).cmp(&turn(right)));
    if let Some(limit) = limit {
        plan.beyond_limit = plan.redrives.len().saturating_sub(limit);
        plan.redrives.truncate(limit);
    }
    plan
}

/// Events without a version first, as the processor takes parked ones.
fn turn(redrive: &Redrive) -> (&[u8], u64, i64, Option<EntryId>) {
    let version = redrive.version.unwrap_or(0);
    (&redrive.key, version, redrive.timestamp, redrive.entry)
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
            4,
        )
    }

    fn ids(plan: &Plan) -> Vec<String> {
        let id = |redrive: &Redrive| redrive.entry.unwrap().to_string();
        plan.redrives.iter().map(id).collect()
    }

    #[test]
    fn events_are_sent_by_order_then_version_then_time() {
        let mut late = rejection("r:1:1", "PARK_LIMIT", "B1", "payment.approved", 2);
        late.original.timestamp = 5_000;
        let entries = vec![
            rejection("r:0:9", "SEQ_GAP", "B2", "order.accepted", 3),
            late,
            rejection("r:0:8", "SEQ_GAP", "B1", "cooking.started", 4),
            rejection("r:0:7", "SEQ_GAP", "B1", "order.accepted", 2),
        ];
        assert_eq!(
            ids(&planned(entries, None)),
            ["r:0:7", "r:1:1", "r:0:8", "r:0:9"]
        );
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
