//! The job's own counts of what became of its input records, from its metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jumun_harness::{http_get, wait_for};

use crate::error::{Error, Result};

const METRIC: &str = "order_events_outcome_total{";
const PARKED: &str = "order_parked{";
const TRANSITIONS: &str = "order_transitions_total{";
/// Counts are published after the commit whose offsets are seen from outside.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Counts by `OUTCOME` or `OUTCOME/REASON`, PARKED standing for what is parked now, without those that are zero, once
/// they add up to `events`.
pub(crate) fn counted(address: SocketAddr, events: u64) -> Result<BTreeMap<String, u64>> {
    let mut last = BTreeMap::new();
    let waited = wait_for("an outcome of every event", PUBLISH_TIMEOUT, || {
        let (_, body) = http_get(address, "/metrics").ok()?;
        last = parse(&body);
        (last.values().sum::<u64>() == events).then_some(())
    });
    waited.map_err(|error| {
        Error::failed(format!(
            "{error}: of {events} events the order job counts {last:?}"
        ))
    })?;
    Ok(last)
}

/// Waits until the transitions that the merging tasks have counted are as many as were applied, and says so.
pub(crate) fn totals(address: SocketAddr, outcomes: &BTreeMap<String, u64>) -> Result<String> {
    let applied = |name: &str| outcomes.get(name).copied().unwrap_or(0);
    let applied = applied("APPLIED") + applied("APPLIED_SKIP");
    let mut last = 0;
    let waited = wait_for("a count of every transition", PUBLISH_TIMEOUT, || {
        let (_, body) = http_get(address, "/metrics").ok()?;
        last = sum(&body, TRANSITIONS);
        (last == applied).then_some(())
    });
    waited.map_err(|error| {
        Error::failed(format!(
            "{error}: {applied} were applied, the aggregates count {last}"
        ))
    })?;
    Ok(format!("{applied} transitions counted by the aggregates"))
}

/// The values of all series of a metric, added up.
fn sum(text: &str, metric: &str) -> u64 {
    let values = text.lines().filter_map(|line| {
        let (_, value) = line.strip_prefix(metric)?.rsplit_once("} ")?;
        value.parse::<u64>().ok()
    });
    values.sum()
}

fn parse(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let Some((labels, value)) = line
            .strip_prefix(METRIC)
            .and_then(|rest| rest.rsplit_once("} "))
        else {
            continue;
        };
        let label = |name: &str| {
            let quoted = labels
                .split(',')
                .find_map(|label| label.strip_prefix(name))?;
            quoted.strip_prefix("=\"")?.strip_suffix('"')
        };
        let (Some(outcome), Ok(count)) = (label("outcome"), value.parse::<u64>()) else {
            continue;
        };
        let name = match label("reason") {
            None | Some("") => outcome.to_owned(),
            Some(reason) => format!("{outcome}/{reason}"),
        };
        if count > 0 {
            *counts.entry(name).or_default() += count;
        }
    }
    let parked = sum(text, PARKED);
    if parked > 0 {
        counts.insert("PARKED".to_owned(), parked);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_added_up_and_zeros_left_out() {
        let text = "# TYPE order_events_outcome_total counter\n\
            order_events_outcome_total{outcome=\"APPLIED\",partition=\"0\",reason=\"\"} 3\n\
            order_events_outcome_total{outcome=\"APPLIED\",partition=\"1\",reason=\"\"} 4\n\
            order_events_outcome_total{outcome=\"REJECTED\",partition=\"1\",reason=\"SEQ_GAP\"} 5\n\
            order_events_outcome_total{outcome=\"DLT\",partition=\"1\",reason=\"MALFORMED\"} 0\n\
            order_parked{partition=\"0\"} 2\n\
            topology_records_in_total 99\n";
        let expected = BTreeMap::from([
            ("APPLIED".to_owned(), 7),
            ("PARKED".to_owned(), 2),
            ("REJECTED/SEQ_GAP".to_owned(), 5),
        ]);
        assert_eq!(parse(text), expected);
    }
}
