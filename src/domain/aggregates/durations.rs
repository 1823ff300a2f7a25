//! How long things took (A9 to A15), and how many riders a delivery took (A19). A duration counts in the minute in which
//! it ended.

use super::aggregate::BusinessAggregate as A;
use super::counter::BusinessCounter as C;
use super::deltas::{DeltaBuffer, GroupWriter};
use super::dim::{Arrival, Waited};
use super::group::Counted::{Aggregate, Counter};
use super::value::Thing;
use crate::domain::action::Action;
use crate::domain::judgement::{Judgement, Transition};
use crate::domain::order::{Milestone, Order};
use crate::domain::outcome::Outcome;
use crate::domain::regions::Main;

/// A delivery is on time up to so long after what was promised first, milliseconds.
const ON_TIME_MS: i64 = 300_000;
const MINUTE_MS: i64 = 60_000;

/// Adds what an applied event ended.
pub(super) fn count(
    order: &Order,
    judgement: &Judgement,
    transition: &Transition,
    deltas: &mut DeltaBuffer,
) {
    let at = judgement.times.occurred_at;
    let since = |milestone| Some(at.saturating_sub(order.times.get(milestone)?));
    match transition.action {
        Action::OrderAccepted
            if transition.main_before.is_some() && order.regions.main == Main::Accepted =>
        {
            if let Some(took) = since(Milestone::Paid) {
                let of = Places::of(order);
                measure(took, of.sido(A::LeadAccept), deltas);
                measure(took, of.category(A::LeadAcceptByCategory), deltas);
                sample(took, C::LeadAccept, deltas);
            }
        }
        Action::CookingCompleted => {
            if let Some(took) = since(Milestone::Accepted) {
                measure(took, Places::of(order).category(A::LeadCook), deltas);
                sample(took, C::LeadCook, deltas);
                if let Some(minutes) = order.cook_minutes.filter(|_| took >= 0) {
                    let asked = minutes.saturating_mul(MINUTE_MS);
                    deltas.sample(C::CookOverrun, took.saturating_sub(asked));
                }
            }
        }
        Action::DeliveryAssigned => {
            if let Some(took) = since(Milestone::Requested) {
                measure(took, Places::of(order).sido(A::WaitDispatch), deltas);
                sample(took, C::WaitDispatch, deltas);
            }
        }
        Action::DeliveryUnassigned => {
            deltas
                .group(Aggregate(A::Reassign))
                .text(&order.sido)
                .sums([1, 0]);
            deltas.group(Counter(C::Unassigned)).add(1);
        }
        Action::DeliveryPickedUp => {
            count_implied(order, judgement, deltas);
            count_handover(order, at, deltas);
        }
        Action::OrderHandedOver => count_implied(order, judgement, deltas),
        Action::DeliveryDelivered => count_delivered(order, at, deltas),
        _ => {}
    }
}

/// Nobody pressed that the food was ready: of this order there is no time of cooking.
fn count_implied(order: &Order, judgement: &Judgement, deltas: &mut DeltaBuffer) {
    if judgement.outcome == Outcome::AppliedSkip {
        deltas
            .group(Aggregate(A::LeadCook))
            .text(&order.category)
            .sums([0, 1]);
        deltas.group(Counter(C::CookImplied)).add(1);
    }
}

/// Who waited for whom is known where both the food and the rider were seen.
fn count_handover(order: &Order, at: i64, deltas: &mut DeltaBuffer) {
    let (ready, at_store) = (
        order.times.get(Milestone::Ready),
        order.times.get(Milestone::AtStore),
    );
    let both = ready.zip(at_store);
    let waited = match both {
        None => Waited::Unknown,
        Some((ready, at_store)) if ready > at_store => Waited::Rider,
        Some(_) => Waited::Food,
    };
    let counter = deltas.group(Counter(C::Handovers));
    counter.value(Some(waited.code())).add(1);
    if let Some((ready, at_store)) = both {
        sample(
            at.saturating_sub(ready.max(at_store)),
            C::WaitHandover,
            deltas,
        );
    }
    let group = deltas.group(Aggregate(A::WaitHandover)).text(&order.sido);
    let Some((ready, at_store)) = both else {
        group.sums([0, 0, 0, 1]);
        return;
    };
    let rider = i64::from(waited == Waited::Rider);
    match at.saturating_sub(ready.max(at_store)) {
        ..0 => group.sums([1, rider, 1 - rider]),
        took => group.thing([0, rider, 1 - rider], Thing::Sample(took)),
    }
}

fn count_delivered(order: &Order, at: i64, deltas: &mut DeltaBuffer) {
    let of = Places::of(order);
    if let Some(picked_up) = order.times.get(Milestone::PickedUp) {
        let took = at.saturating_sub(picked_up);
        measure(took, of.sido(A::LeadRide), deltas);
        measure(took, of.fulfilment(A::LeadRideByFulfilment), deltas);
        sample(took, C::LeadRide, deltas);
    }
    if let Some(paid) = order.times.get(Milestone::Paid) {
        let took = at.saturating_sub(paid);
        measure(took, of.sido(A::LeadTotal), deltas);
        measure(took, of.category(A::LeadTotalByCategory), deltas);
        measure(took, of.fulfilment(A::LeadTotalByFulfilment), deltas);
        sample(took, C::LeadTotal, deltas);
    }
    if let Some(promised) = order.first_promised_at {
        let error = at.saturating_sub(promised);
        let on_time = i64::from(error <= ON_TIME_MS);
        for place in [
            of.sido(A::PromiseError),
            of.category(A::PromiseErrorByCategory),
        ] {
            place.group(deltas).thing([on_time], Thing::Sample(error));
        }
        deltas.sample(C::PromiseError, error);
        let arrival = match error {
            ..=ON_TIME_MS => Arrival::OnTime,
            _ => Arrival::Late,
        };
        let counter = deltas.group(Counter(C::Promises)).text(&order.sido);
        counter.value(Some(arrival.code())).add(1);
    }
    let attempts = i64::from(order.attempts);
    of.sido(A::Reassign)
        .group(deltas)
        .thing([0, i64::from(attempts >= 2)], Thing::Sample(attempts));
    deltas.sample(C::DeliveryAttempts, attempts);
}

/// A duration; one that is negative, by clocks that differ, is counted and is no sample (E14).
fn measure(took: i64, place: Place<'_>, deltas: &mut DeltaBuffer) {
    let group = place.group(deltas);
    match took {
        ..0 => group.sums([1]),
        took => group.thing([], Thing::Sample(took)),
    }
}

/// Likewise, of the histograms over all time.
fn sample(took: i64, counter: C, deltas: &mut DeltaBuffer) {
    if took >= 0 {
        deltas.sample(counter, took);
    }
}

/// Where an order counts.
#[derive(Clone, Copy)]
struct Places<'a> {
    order: &'a Order,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Code(Option<u8>),
}

/// An aggregate with the value of its one dim.
#[derive(Clone, Copy)]
struct Place<'a> {
    aggregate: A,
    value: Value<'a>,
}

impl<'a> Places<'a> {
    fn of(order: &'a Order) -> Self {
        Self { order }
    }

    fn sido(self, aggregate: A) -> Place<'a> {
        let value = Value::Text(&self.order.sido);
        Place { aggregate, value }
    }

    fn category(self, aggregate: A) -> Place<'a> {
        let value = Value::Text(&self.order.category);
        Place { aggregate, value }
    }

    fn fulfilment(self, aggregate: A) -> Place<'a> {
        let code = self.order.fulfilment.map(|fulfilment| fulfilment.code());
        let value = Value::Code(code);
        Place { aggregate, value }
    }
}

impl Place<'_> {
    fn group(self, deltas: &mut DeltaBuffer) -> GroupWriter<'_> {
        let group = deltas.group(Aggregate(self.aggregate));
        match self.value {
            Value::Text(text) => group.text(text),
            Value::Code(code) => group.value(code),
        }
    }
}
