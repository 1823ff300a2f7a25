//! Bringing the food: riders found and lost, the way to the store, the ride.

use rand::RngExt;

use super::{Detail, MINUTE, SECOND, Story};
use crate::generate::action::{Action, ActorType};
use crate::generate::order::Fulfilment;
use crate::generate::plot::Plot;
use crate::generate::reason::Reason;

/// Riders of the marketplace.
const RIDERS: u32 = 100_000;

/// When the food left the store for the first time, and when it arrived (or would have).
pub(super) struct Leg {
    pub(super) left_store: u32,
    pub(super) arrived: u32,
}

impl Story<'_> {
    /// The store's own delivery; a third of the stores reports it from the beginning.
    pub(super) fn bring_by_store(&mut self, accepted: u32, ready: u32) -> Leg {
        if self.rng.random_range(0..3) == 0 {
            self.request_delivery(accepted);
        }
        self.ride_by_store(ready)
    }

    /// A rider of the marketplace, called while the food is cooked.
    pub(super) fn bring_by_rider(&mut self, accepted: u32, ready: u32) -> Leg {
        let mut requested = self.request_delivery(accepted);
        match self.plot {
            Plot::NoRiderCancelled => {
                // Nobody comes; the rest of the story is told by `conclude`.
                let at = requested.max(ready) + self.between(20 * MINUTE, 30 * MINUTE);
                return Leg {
                    left_store: at,
                    arrived: at,
                };
            }
            Plot::NoRiderRequestedAgain => {
                let given_up = requested + self.between(8 * MINUTE, 15 * MINUTE);
                self.give_up_delivery(given_up);
                requested = self.request_delivery(given_up + 5 * SECOND);
            }
            Plot::NoRiderSwitched => {
                let mut at = requested + self.between(5 * MINUTE, 15 * MINUTE);
                if self.rng.random_bool(0.5) {
                    self.give_up_delivery(at);
                    at += self.between(10 * SECOND, 2 * MINUTE);
                }
                self.switch_to_store(at);
                return self.ride_by_store(ready.max(at));
            }
            _ => {}
        }
        let picked_up = self.come_to_store(requested, ready);
        let arrived = picked_up + self.ride_time();
        match self.plot {
            Plot::FailedRedispatched => {
                let failed = self.fail(picked_up, arrived);
                let again = failed + self.between(MINUTE, 4 * MINUTE);
                let actor = self.one_of(ActorType::Dispatch, &[ActorType::CustomerService]);
                self.step(again, Action::DeliveryRedispatched, actor, Detail::None);
                let again = self.come_to_store(again, 0);
                let arrived = again + self.ride_time();
                self.deliver(again, arrived, ActorType::Rider);
                Leg {
                    left_store: picked_up,
                    arrived,
                }
            }
            Plot::FailedReturned => {
                let failed = self.fail(picked_up, arrived);
                let returned = failed + self.between(5 * MINUTE, 15 * MINUTE);
                self.step(
                    returned,
                    Action::DeliveryReturned,
                    ActorType::Rider,
                    Detail::None,
                );
                Leg {
                    left_store: picked_up,
                    arrived: returned,
                }
            }
            Plot::FailedSwitched => {
                let failed = self.fail(picked_up, arrived);
                let switched = failed + self.between(MINUTE, 5 * MINUTE);
                self.switch_to_store(switched);
                let Leg { arrived, .. } = self.ride_by_store(switched + 5 * MINUTE);
                Leg {
                    left_store: picked_up,
                    arrived,
                }
            }
            Plot::FailedCancelled => {
                let failed = self.fail(picked_up, arrived);
                Leg {
                    left_store: picked_up,
                    arrived: failed,
                }
            }
            _ => {
                self.deliver(picked_up, arrived, ActorType::Rider);
                Leg {
                    left_store: picked_up,
                    arrived,
                }
            }
        }
    }

    fn request_delivery(&mut self, after: u32) -> u32 {
        let at = after + self.between(500, 4 * SECOND);
        let metres = self.rng.random_range(300..6000);
        self.step(
            at,
            Action::DeliveryRequested,
            ActorType::System,
            Detail::Metres(metres),
        );
        at
    }

    fn give_up_delivery(&mut self, at: u32) {
        let reason = Detail::Reason(Reason::NoRider);
        self.step(at, Action::DeliveryCancelled, ActorType::System, reason);
    }

    fn switch_to_store(&mut self, at: u32) {
        let actor = self.one_of(
            ActorType::Store,
            &[ActorType::Store, ActorType::CustomerService],
        );
        self.step(at, Action::DeliverySwitchedToStore, actor, Detail::None);
    }

    /// From the request to the pick-up, which waits for the food.
    fn come_to_store(&mut self, requested: u32, ready: u32) -> u32 {
        let mut assigned = self.assign(requested);
        // At most three riders give up on one order.
        for _ in 0..3 {
            if !self.rng.random_bool(0.13) {
                break;
            }
            let lost = assigned + self.between(20 * SECOND, 3 * MINUTE);
            let actor = self.one_of(
                ActorType::Rider,
                &[
                    ActorType::Rider,
                    ActorType::Dispatch,
                    ActorType::CustomerService,
                ],
            );
            let reason = self.one_of(
                Reason::Other,
                &[Reason::Other, Reason::CookDelay, Reason::Weather],
            );
            self.step(
                lost,
                Action::DeliveryUnassigned,
                actor,
                Detail::Reason(reason),
            );
            assigned = self.assign(lost);
        }
        let at_store = assigned + self.between(3 * MINUTE, 9 * MINUTE);
        if self.perhaps(0.06) {
            self.step(
                at_store,
                Action::DeliveryArrivedStore,
                ActorType::Rider,
                Detail::None,
            );
        }
        let picked_up = at_store.max(ready) + self.between(30 * SECOND, 150 * SECOND);
        if self.perhaps(0.02) {
            let at = self.between(assigned + SECOND, picked_up - SECOND);
            self.step(
                at,
                Action::DeliveryPickupRequested,
                ActorType::Dispatch,
                Detail::None,
            );
        }
        self.step(
            picked_up,
            Action::DeliveryPickedUp,
            ActorType::Rider,
            Detail::None,
        );
        picked_up
    }

    fn assign(&mut self, requested: u32) -> u32 {
        let at = requested + self.between(15 * SECOND, 240 * SECOND);
        let rider = self.rng.random_range(1..=RIDERS);
        let actor = self.one_of(
            ActorType::Dispatch,
            &[ActorType::Dispatch, ActorType::Rider],
        );
        self.step(at, Action::DeliveryAssigned, actor, Detail::Rider(rider));
        at
    }

    fn ride_time(&mut self) -> u32 {
        let single = self.between(15 * MINUTE, 27 * MINUTE);
        if self.order.fulfilment == Fulfilment::Bundle {
            single + self.between(4 * MINUTE, 15 * MINUTE)
        } else {
            single
        }
    }

    fn ride_by_store(&mut self, ready: u32) -> Leg {
        let left_store = ready + self.between(MINUTE, 6 * MINUTE);
        self.step(
            left_store,
            Action::DeliveryPickedUp,
            ActorType::Store,
            Detail::None,
        );
        let arrived = left_store + self.ride_time();
        self.deliver(left_store, arrived, ActorType::Store);
        Leg {
            left_store,
            arrived,
        }
    }

    fn deliver(&mut self, left_store: u32, arrived: u32, actor: ActorType) {
        if actor == ActorType::Rider && self.perhaps(0.03) {
            let at = arrived - self.between(20 * SECOND, 90 * SECOND);
            self.step(
                at,
                Action::DeliveryArrivedCustomer,
                ActorType::Rider,
                Detail::None,
            );
        }
        if self.perhaps(0.015) {
            let at = self.between(left_store + SECOND, arrived - 2 * MINUTE);
            self.step(
                at,
                Action::DeliveryEtaUpdated,
                ActorType::System,
                Detail::None,
            );
        }
        let proof = if self.rng.random_bool(0.7) {
            Detail::Photo
        } else {
            Detail::None
        };
        self.step(arrived, Action::DeliveryDelivered, actor, proof);
    }

    fn fail(&mut self, picked_up: u32, arrived: u32) -> u32 {
        let at = self.between(picked_up + 2 * MINUTE, arrived);
        let actor = self.one_of(
            ActorType::Rider,
            &[
                ActorType::Rider,
                ActorType::Rider,
                ActorType::CustomerService,
            ],
        );
        let reason = self.one_of(
            Reason::CustomerUnreachable,
            &[Reason::Accident, Reason::Damaged],
        );
        self.step(at, Action::DeliveryFailed, actor, Detail::Reason(reason));
        at
    }
}
