//! What runs for an order now, and since when: a function of its state alone.

use super::Watch;
use crate::domain::action::Action;
use crate::domain::actor::Aggregate;
use crate::domain::memory::Remembered;
use crate::domain::order::{Fact, Milestone, Order, OrderFlag};
use crate::domain::regions::{Claim, Delivery, Fulfilment, Kitchen, Main, Payment};

const MINUTE: i64 = 60_000;

/// A watch that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// When it began, epoch milliseconds.
    pub at: i64,
    /// So many milliseconds later its limits begin to count.
    pub offset: i64,
}

/// The watches that run for an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running([Option<Since>; Watch::ALL.len()]);

impl Running {
    /// Those of an order. Without an order there may be a payment that waits for it.
    #[must_use]
    pub fn of(order: &Order) -> Self {
        let mut running = Self::default();
        let mut at = |watch: Watch, since: Option<i64>| {
            running.set(watch, since.map(|at| Since { at, offset: 0 }));
        };
        let regions = &order.regions;
        let time = |milestone| order.times.get(milestone);
        if !order.exists() {
            let payments = order.waiting.entries().iter();
            let payments = payments.filter(|entry| entry.aggregate == Aggregate::Payment);
            at(Watch::PaidNoOrder, payments.map(|entry| entry.since).min());
            return running;
        }
        match regions.main {
            Main::Created => at(Watch::PaymentWait, time(Milestone::Created)),
            Main::Paid => {
                at(Watch::AcceptWait, time(Milestone::Paid));
                if latest(order, &[Action::OrderRelayed]).is_none() {
                    at(Watch::PaidNotRelayed, time(Milestone::Paid));
                }
            }
            Main::Cancelled if is_on_its_way(regions.delivery) => {
                at(Watch::GhostDeliveryRisk, time(Milestone::Closed));
            }
            _ => {}
        }
        if matches!(regions.main, Main::Paid | Main::Accepted) {
            at(Watch::Stuck, time(Milestone::Paid));
            at(Watch::PromiseBroken, order.promised_at);
        }
        if regions.main == Main::Accepted {
            match regions.delivery {
                // A store that delivers itself looks for nobody.
                Delivery::Requested if order.fulfilment != Some(Fulfilment::Store) => {
                    at(Watch::NoRider, time(Milestone::Requested));
                }
                Delivery::Assigned => at(Watch::RiderLateStore, time(Milestone::Assigned)),
                Delivery::AtStore if regions.kitchen == Kitchen::Ready => {
                    let both = time(Milestone::Ready).max(time(Milestone::AtStore));
                    at(Watch::HandoverLate, both);
                }
                Delivery::PickedUp | Delivery::AtCustomer => {
                    at(Watch::RideLate, time(Milestone::PickedUp));
                }
                _ => {}
            }
        }
        if awaits_refund(order) {
            at(Watch::RefundLate, Some(refund_since(order)));
        }
        at(Watch::GhostDelivery, ghost_since(order));
        if regions.main == Main::Accepted
            && regions.kitchen != Kitchen::Ready
            && let (Some(at), Some(minutes)) = (time(Milestone::Accepted), order.cook_minutes)
        {
            let offset = minutes.saturating_mul(MINUTE);
            running.set(Watch::CookLate, Some(Since { at, offset }));
        }
        running
    }

    /// Since when it runs; none if it does not.
    #[must_use]
    pub fn since(&self, watch: Watch) -> Option<Since> {
        self.0.get(usize::from(watch.code())).copied().flatten()
    }

    /// All that run.
    pub fn iter(&self) -> impl Iterator<Item = (Watch, Since)> {
        let slots = Watch::ALL.iter().zip(&self.0);
        slots.filter_map(|(watch, since)| Some((*watch, (*since)?)))
    }

    /// Only these.
    #[must_use]
    pub fn only(mut self, wanted: super::WatchSet) -> Self {
        for (watch, slot) in Watch::ALL.iter().zip(&mut self.0) {
            if !wanted.contains(*watch) {
                *slot = None;
            }
        }
        self
    }

    fn set(&mut self, watch: Watch, since: Option<Since>) {
        if let Some(slot) = self.0.get_mut(usize::from(watch.code())) {
            *slot = since;
        }
    }
}

/// The last event of one of these actions that was not refused.
fn latest<'a>(order: &'a Order, actions: &[Action]) -> Option<&'a Remembered> {
    let mut entries = order.memory.entries().iter().rev();
    entries.find(|entry| !entry.judged && entry.action.is_some_and(|it| actions.contains(&it)))
}

/// Whether somebody may still come for the food, or have it.
const fn is_on_its_way(delivery: Delivery) -> bool {
    matches!(
        delivery,
        Delivery::Requested
            | Delivery::Assigned
            | Delivery::AtStore
            | Delivery::PickedUp
            | Delivery::AtCustomer
    )
}

/// Whether money is to go back and has not, not all of it.
fn awaits_refund(order: &Order) -> bool {
    match order.regions.payment {
        Payment::RefundPending | Payment::RefundFailed => true,
        Payment::PartRefunded => {
            order.regions.claim == Claim::PostCancelled
                || matches!(
                    order.regions.main,
                    Main::Cancelled | Main::Rejected | Main::Expired
                )
        }
        _ => false,
    }
}

fn refund_since(order: &Order) -> i64 {
    const CAUSES: [Action; 5] = [
        Action::OrderCancelled,
        Action::OrderRejected,
        Action::OrderExpired,
        Action::ClaimPostCancelled,
        // Where the payment came after the cancel; any other came before these.
        Action::PaymentApproved,
    ];
    let cause = latest(order, &CAUSES).map(|entry| entry.at);
    cause
        .or_else(|| order.times.get(Milestone::Closed))
        .unwrap_or(order.updated_at)
}

/// When food was first handed out for a cancelled order, until it is known what became of it.
fn ghost_since(order: &Order) -> Option<i64> {
    let is_over = handed_out_after_end(order).any(|fact| fact.action == Action::DeliveryDelivered)
        || matches!(
            order.regions.delivery,
            Delivery::Cancelled | Delivery::Failed | Delivery::Returned
        );
    let first = handed_out_after_end(order).next();
    first.filter(|_| !is_over).map(|fact| fact.occurred_at)
}

/// Events that say that the food of a cancelled order was handed out.
pub fn handed_out_after_end(order: &Order) -> impl Iterator<Item = &Fact> {
    let is_ghost =
        order.flags.contains(OrderFlag::GhostDelivery) && order.regions.main == Main::Cancelled;
    let facts = order.after_terminal.iter().filter(move |_| is_ghost);
    facts.filter(|fact| {
        matches!(
            fact.action,
            Action::DeliveryPickedUp | Action::DeliveryDelivered
        )
    })
}
