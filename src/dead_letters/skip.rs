//! Passing over versions that will never come (order-domain E6, E25): the event `aggregate.reset` (1.2, row 32).

use serde_json::json;
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::entry::Entry;
use super::redrive::{Redrive, topic_of};
use crate::domain::action::Action;
use crate::domain::actor::{ActorType, Aggregate};
use crate::domain::headers::REDRIVE_TOPIC;
use crate::domain::outcome::RejectionReason;
use crate::domain::time::write_rfc3339_kst;
use crate::generate::identifier::write_uuid_v7;

/// The aggregate whose last version is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The order.
    pub order_no: String,
    /// The kind of aggregate.
    pub aggregate: Aggregate,
    /// The aggregate's id.
    pub id: String,
    /// The version that counts as its last; the next event is one more.
    pub version: u64,
}

/// Why there is nothing to skip.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SkipError {
    /// The entry was not rejected for a gap.
    #[error(
        "it was refused for {0}, not for a gap (SEQ_GAP, SEQ_GAP_TIMEOUT): nothing is missing that could be skipped"
    )]
    NoGap(String),
    /// The entry's event cannot be read.
    #[error(
        "its event has no version or no target; name them: jumun dlt skip ORDER --version V --aggregate … --target …"
    )]
    Unreadable,
    /// A delivery has a version of its own.
    #[error(
        "an order may have several deliveries, each with versions of its own; name it with --target DELIVERY_ID"
    )]
    NoDelivery,
}

impl Target {
    /// What has to be skipped for the event of this entry to fit.
    ///
    /// # Errors
    /// When its trouble is another one.
    pub fn before(entry: &Entry) -> Result<Self, SkipError> {
        let gap = [RejectionReason::SeqGap, RejectionReason::SeqGapTimeout];
        if !gap.iter().any(|reason| reason.name() == entry.reason) {
            return Err(SkipError::NoGap(entry.reason.clone()));
        }
        let facts = &entry.facts;
        let whole = || {
            Some(Self {
                order_no: entry.order_no.clone()?,
                aggregate: facts.aggregate?,
                id: facts.target_id.clone()?,
                version: facts.version?.checked_sub(1)?,
            })
        };
        whole().ok_or(SkipError::Unreadable)
    }

    /// As given by hand. Of an order only deliveries have ids that matter.
    ///
    /// # Errors
    /// When a delivery is not named.
    pub fn named(
        order_no: &str,
        aggregate: Aggregate,
        id: Option<&str>,
        version: u64,
    ) -> Result<Self, SkipError> {
        let id = match (id, aggregate) {
            (Some(id), _) => id,
            (None, Aggregate::Delivery) => return Err(SkipError::NoDelivery),
            (None, Aggregate::Order | Aggregate::Payment | Aggregate::Claim) => order_no,
        };
        Ok(Self {
            order_no: order_no.to_owned(),
            aggregate,
            id: id.to_owned(),
            version,
        })
    }
}

/// Who skips, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The person, as an id.
    pub actor: String,
    /// What they know.
    pub reason: String,
    /// Epoch milliseconds.
    pub at_ms: i64,
}

/// The record that sets the version, for this partition.
#[must_use]
pub fn reset(target: &Target, decision: &Decision, partition: i32) -> Redrive {
    let id = event_id(target, decision);
    let action = Action::AggregateReset.name();
    let mut time = Vec::new();
    write_rfc3339_kst(&mut time, decision.at_ms);
    let time = String::from_utf8_lossy(&time).into_owned();
    let event = json!({
        "id": id,
        "target": {"type": target.aggregate.name(), "id": target.id, "orderNo": target.order_no},
        "action": action,
        "actor": {"type": ActorType::Cs.name(), "id": decision.actor},
        "info": {"version": target.version, "reason": decision.reason},
        "time": {"occurredAt": time, "recordedAt": time},
        "schema": {"name": action, "version": 1},
        "source": {"system": "jumun-dlt"},
    });
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    Redrive {
        entry: None,
        order_no: target.order_no.clone(),
        action: Some(action.to_owned()),
        event_id: Some(id.clone()),
        aggregate: Some(target.aggregate),
        target_id: Some(target.id.clone()),
        version: None,
        partition,
        key: target.order_no.clone().into_bytes(),
        value: event.to_string().into_bytes(),
        // It is a new event: neither a replay nor a redrive, whatever topic it comes by.
        headers: vec![
            header("id", &id),
            header("action", action),
            header("schema-version", "1"),
            header(REDRIVE_TOPIC, topic_of(target.aggregate)),
        ],
        timestamp: decision.at_ms,
        count: 0,
    }
}

/// Of the decision's time and content: whoever decides the same again decides at another time.
fn event_id(target: &Target, decision: &Decision) -> String {
    let content = format!("{target:?} {decision:?}");
    let hashes = [0, 1].map(|seed| xxh3_64_with_seed(content.as_bytes(), seed));
    let mut text = [0; 36];
    let at_ms = u64::try_from(decision.at_ms).unwrap_or(0);
    write_uuid_v7(&mut text, at_ms, hashes);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::rejection;
    use super::*;
    use crate::domain::decode::decode;
    use crate::domain::event::OrderEvent;

    #[test]
    fn a_gap_says_what_has_to_be_skipped() {
        let entry = rejection("r:0:4", "SEQ_GAP_TIMEOUT", "B1", "delivery.assigned", 5);
        let target = Target::before(&entry).unwrap();
        assert_eq!(
            (
                target.order_no.as_str(),
                target.aggregate,
                target.id.as_str(),
                target.version
            ),
            ("B1", Aggregate::Delivery, "B1-t", 4)
        );
        let other = rejection("r:0:4", "PREMATURE", "B1", "order.cancelled", 2);
        let error = Target::before(&other).unwrap_err().to_string();
        assert!(error.contains("PREMATURE"), "{error}");
    }

    #[test]
    fn a_delivery_has_to_be_named_and_the_order_itself_need_not() {
        let order = Target::named("B1", Aggregate::Order, None, 3).unwrap();
        assert_eq!(order.id, "B1");
        let delivery = Target::named("B1", Aggregate::Delivery, None, 3);
        assert_eq!(delivery, Err(SkipError::NoDelivery));
    }

    #[test]
    fn the_event_is_one_that_the_processor_reads_as_a_reset() {
        let target = Target::named("B1", Aggregate::Order, None, 3).unwrap();
        let decision = Decision {
            actor: "kim".to_owned(),
            reason: "lost in the \"failover\"".to_owned(),
            at_ms: 1_795_143_600_000,
        };
        let redrive = reset(&target, &decision, 2);
        let mut event = OrderEvent::default();
        decode(Some(&redrive.value), &mut event).unwrap();
        assert_eq!(event.defect(), None);
        assert_eq!(event.action(), Some(Action::AggregateReset));
        assert_eq!((event.version(), event.info().version), (None, Some(3)));
        assert_eq!(
            (event.actor_type(), event.actor_id()),
            (Some(ActorType::Cs), Some("kim"))
        );
        assert_eq!(event.occurred_at(), decision.at_ms);
        assert!(event.matches_key(Some(&redrive.key)));
        let later = Decision {
            at_ms: decision.at_ms + 1,
            ..decision.clone()
        };
        assert_ne!(reset(&target, &later, 2).event_id, redrive.event_id);
    }
}
