//! What must hold whatever comes (order-domain 1.5), looked at with every event.

use super::action::Action;
use super::codes::codes;
use super::event::OrderEvent;
use super::judgement::Judgement;
use super::order::{Cursor, Milestone, Order, OrderFlag};
use super::outcome::{Outcome, RejectionReason};
use super::regions::{Delivery, Main};

codes! {
    /// An invariant. I7 and I8 are sums over orders and records: they are looked at where those are counted.
    Invariant, InvariantSet {
        OneLiveRecord = "I1",
        TerminalStays = "I2",
        AcceptedBeforePickUp = "I3",
        RefundsWithinPaid = "I4",
        NoGhostDelivery = "I5",
        VersionsInSequence = "I6",
        InFlightIsNotTerminal = "I7",
        EveryRecordCounted = "I8",
    }
}

/// What an order was before an event, as far as invariants are about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    main: Main,
    delivery: Delivery,
    generation: u32,
    cursor: Cursor,
    /// A judged event is judged again, by force.
    is_again: bool,
}

impl Before {
    pub(super) fn of(order: &Order, event: &OrderEvent) -> Self {
        let cursor = order.cursor_of(event);
        let is_consumed = event
            .version()
            .is_some_and(|version| version <= cursor.last);
        let known = || order.memory.find(event.id_key());
        Self {
            main: order.regions.main,
            delivery: order.regions.delivery,
            generation: order.generation,
            cursor,
            is_again: is_consumed && known().is_some_and(|known| known.judged),
        }
    }

    /// What the event violated. None of it can come of an event that was neither applied nor judged.
    pub(super) fn violations(
        self,
        order: &Order,
        event: &OrderEvent,
        judgement: &Judgement,
    ) -> InvariantSet {
        let mut violated = InvariantSet::EMPTY;
        let mut unless = |holds: bool, invariant: Invariant| {
            if !holds {
                violated = violated.with(invariant);
            }
        };
        if let Outcome::Rejected(RejectionReason::AfterTerminal) = judgement.outcome {
            // The world violated it, not we: the food is gone, and the order is cancelled.
            let handed_out = matches!(
                event.action(),
                Some(Action::DeliveryPickedUp | Action::DeliveryDelivered)
            );
            unless(
                !(handed_out && order.regions.main == Main::Cancelled),
                Invariant::NoGhostDelivery,
            );
        }
        let Some(transition) = &judgement.transition else {
            return violated;
        };
        let is_renewed = order.generation > self.generation;
        let is_created = transition.action == Action::OrderCreated;
        unless(
            !is_created || self.main == Main::None || is_renewed,
            Invariant::OneLiveRecord,
        );
        let main = order.regions.main;
        unless(
            !self.main.is_terminal() || main == self.main || is_renewed,
            Invariant::TerminalStays,
        );
        let picked_up = order.regions.delivery == Delivery::PickedUp
            && (self.delivery != Delivery::PickedUp || is_renewed);
        unless(
            !picked_up || order.times.get(Milestone::Accepted).is_some(),
            Invariant::AcceptedBeforePickUp,
        );
        unless(
            order.refunded <= order.paid || order.paid_unknown(),
            Invariant::RefundsWithinPaid,
        );
        if let Some(version) = event.version()
            && transition.action != Action::AggregateReset
        {
            let last = if is_renewed { 0 } else { self.cursor.last };
            let is_next = version == last.saturating_add(1);
            let is_incomplete = order.flags.contains(OrderFlag::Incomplete);
            unless(
                is_next || self.is_again || is_incomplete,
                Invariant::VersionsInSequence,
            );
        }
        violated
    }
}
