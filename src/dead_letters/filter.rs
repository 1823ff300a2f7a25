//! Which entries are meant.

use super::{Entry, EntryId};

/// Conditions that an entry must all fulfil; of several values of one condition any will do. Without any, every entry
/// is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exactly these.
    pub ids: Vec<EntryId>,
    /// Codes, in any case.
    pub reasons: Vec<String>,
    /// Order numbers.
    pub orders: Vec<String>,
    /// Topics that the events came from.
    pub topics: Vec<String>,
    /// What happened.
    pub actions: Vec<String>,
    /// From this time on, epoch milliseconds.
    pub since: Option<i64>,
    /// Before this time, epoch milliseconds.
    pub until: Option<i64>,
}

impl Filter {
    /// Whether nothing is asked of an entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an entry is meant.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let any = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty()
                || found
                    .is_some_and(|found| wanted.iter().any(|text| text.eq_ignore_ascii_case(found)))
        };
        (self.ids.is_empty() || self.ids.contains(&entry.id))
            && any(&self.reasons, Some(&entry.reason))
            && any(&self.topics, entry.source_topic())
            && any(&self.actions, entry.facts.action.as_deref())
            && self.matches_order(entry)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }

    /// The key and the event may name different orders; then the entry is of both.
    fn matches_order(&self, entry: &Entry) -> bool {
        let is_of = |order: &String| {
            entry.order_no.as_ref() == Some(order) || entry.facts.order_no.as_ref() == Some(order)
        };
        self.orders.is_empty() || self.orders.iter().any(is_of)
    }

    /// The ids asked for that are not among these entries.
    #[must_use]
    pub fn missing(&self, entries: &[Entry]) -> Vec<EntryId> {
        let is_there = |id: &EntryId| entries.iter().any(|entry| entry.id == *id);
        self.ids
            .iter()
            .copied()
            .filter(|id| !is_there(id))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::rejection;
    use super::*;

    fn check(filter: &Filter, expected: bool) {
        let entry = rejection("r:0:4", "SEQ_GAP", "B1", "order.accepted", 7);
        assert_eq!(filter.matches(&entry), expected, "{filter:?}");
    }

    #[test]
    fn conditions_are_all_to_be_fulfilled_and_their_values_are_alternatives() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let base = Filter::default();
        check(&base, true);
        check(
            &Filter {
                reasons: texts(&["PREMATURE", "seq_gap"]),
                ..base.clone()
            },
            true,
        );
        check(
            &Filter {
                reasons: texts(&["PREMATURE"]),
                ..base.clone()
            },
            false,
        );
        check(
            &Filter {
                orders: texts(&["B1"]),
                actions: texts(&["order.accepted"]),
                ..base.clone()
            },
            true,
        );
        check(
            &Filter {
                orders: texts(&["B1"]),
                actions: texts(&["order.created"]),
                ..base.clone()
            },
            false,
        );
        check(
            &Filter {
                topics: texts(&["order.events.v1"]),
                ..base.clone()
            },
            true,
        );
        check(
            &Filter {
                topics: texts(&["payment.events.v1"]),
                ..base.clone()
            },
            false,
        );
        check(
            &Filter {
                since: Some(1_000),
                until: Some(1_001),
                ..base.clone()
            },
            true,
        );
        check(
            &Filter {
                since: Some(1_001),
                ..base.clone()
            },
            false,
        );
        check(
            &Filter {
                until: Some(1_000),
                ..base.clone()
            },
            false,
        );
        check(
            &Filter {
                ids: vec!["r:0:4".parse().unwrap()],
                ..base.clone()
            },
            true,
        );
        check(
            &Filter {
                ids: vec!["d:0:4".parse().unwrap()],
                ..base
            },
            false,
        );
    }

    #[test]
    fn ids_that_are_not_there_are_told() {
        let entries = [rejection("r:0:4", "SEQ_GAP", "B1", "order.accepted", 7)];
        let filter = Filter {
            ids: vec!["r:0:4".parse().unwrap(), "r:0:5".parse().unwrap()],
            ..Filter::default()
        };
        assert_eq!(filter.missing(&entries), [filter.ids[1]]);
    }
}
