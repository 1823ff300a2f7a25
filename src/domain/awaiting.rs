//! What an event that was set aside waits for now: the order may have changed since it came.

use super::clock::event_times;
use super::event::OrderEvent;
use super::examine::{Verdict, examine};
use super::judge::JudgingPolicy;
use super::judgement::{Explanation, RecordContext};
use super::order::Order;
use super::ordering::{Cause, Choice};
use super::outcome::RejectionReason;
use super::waiting::Aside;

/// What is missing for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The kind of what is missing.
    pub cause: Cause,
    /// The code of what is missing (order-domain 4.1): what the event would be rejected with if it did not wait.
    pub reason: RejectionReason,
    /// What it is rejected with when its time is over and this is still missing.
    pub in_the_end: RejectionReason,
    /// The same for a person.
    pub explanation: Explanation,
}

/// Examines an event that was set aside against its order as it is; `None` if nothing is missing any more.
#[must_use]
pub fn awaiting(
    order: &Order,
    event: &OrderEvent,
    aside: Aside,
    context: &RecordContext,
    policy: &JudgingPolicy,
) -> Option<Awaiting> {
    let times = event_times(event.occurred_at(), context);
    let is_new = aside == Aside::Kept;
    match examine(order, event, context, &times, policy, is_new) {
        Verdict::Wait {
            cause,
            violation,
            explanation,
        } => Some(Awaiting {
            cause,
            reason: cause.rejection(violation),
            in_the_end: match policy.ordering.choice(cause) {
                Choice::Park => cause.timeout(violation),
                Choice::Reject | Choice::Accept => cause.rejection(violation),
            },
            explanation,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::fixture::{NOON, ev};

    #[test]
    fn the_cause_follows_the_order() {
        let context = RecordContext {
            timestamp: NOON,
            wall_clock: NOON,
            ..RecordContext::default()
        };
        let policy = JudgingPolicy::default();
        let judge = |order: &mut Order, event| {
            crate::domain::judge::judge(order, &event, &context, &policy).outcome
        };
        let mut order = Order::default();
        let late = ev("order.accepted", "STORE", 3).decoded();
        let cause = |order: &Order| awaiting(order, &late, Aside::Parked, &context, &policy);
        let before = cause(&order).unwrap();
        assert_eq!(
            (before.reason, before.in_the_end),
            (RejectionReason::SeqGap, RejectionReason::SeqGapTimeout)
        );
        judge(&mut order, ev("order.created", "CUSTOMER", 1).decoded());
        judge(&mut order, ev("order.note_added", "CS", 2).decoded());
        let now = cause(&order).unwrap();
        assert_eq!(now.reason, RejectionReason::AwaitPredecessor);
        assert_eq!(now.in_the_end, RejectionReason::PredecessorTimeout);
        assert!(now.explanation.to_string().contains("main is CREATED"));
        judge(&mut order, ev("payment.approved", "PG", 1).decoded());
        assert_eq!(cause(&order), None);
    }
}
