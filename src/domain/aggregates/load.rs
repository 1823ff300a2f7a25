//! Who has how much to do: stores (A20) and riders (A21).

use super::aggregate::BusinessAggregate as A;
use super::deltas::DeltaBuffer;
use super::distinct::member;
use super::frequent::{Frequent, ShortName};
use super::group::Counted::Aggregate;
use super::value::Thing;
use crate::domain::actor::{ActorType, Aggregate as Owner};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Transition;
use crate::domain::order::Order;
use crate::domain::regions::Main;

/// Adds what an applied event says of stores and riders.
pub(super) fn count(
    order: &Order,
    event: &OrderEvent,
    transition: &Transition,
    deltas: &mut DeltaBuffer,
) {
    if transition.main_before.is_some()
        && order.regions.main == Main::Paid
        && deltas.wants(A::TopStores)
    {
        let store = order.store_id.as_str();
        let store = match ShortName::new(store) {
            Some(name) => Thing::Name(name),
            None => Thing::Names(Box::new(Frequent::of(store))),
        };
        deltas
            .group(Aggregate(A::TopStores))
            .text(&order.sido)
            .thing([], store);
    }
    // Only what riders did themselves names them; an assignment may be the dispatcher's.
    if event.aggregate() == Owner::Delivery
        && event.actor_type() == Some(ActorType::Rider)
        && let Some(rider) = event.actor_id()
    {
        let pair = Thing::Pair(
            member(rider.as_bytes()),
            member(event.target_id().as_bytes()),
        );
        deltas
            .group(Aggregate(A::RiderLoad))
            .text(&order.sido)
            .thing([], pair);
    }
}
