//! Cooking, and how well the store reports it.

use rand::RngExt;

use super::{Detail, Leg, MINUTE, SECOND, Story};
use crate::generate::action::{Action, ActorType};

/// When the food is ready.
pub(super) struct Kitchen {
    pub(super) ready: u32,
    /// A delay is announced, so the store does press its buttons.
    delayed: bool,
}

impl Story<'_> {
    /// The kitchen up to the moment at which the food is ready.
    pub(super) fn cook(&mut self, accepted: u32, minutes: u16, acceptor: ActorType) -> Kitchen {
        let mut ready =
            accepted + u32::from(minutes) * MINUTE * self.rng.random_range(85..125u32) / 100;
        let started = accepted + self.between(5 * SECOND, 60 * SECOND);
        if self.perhaps(0.90) {
            self.step(started, Action::CookingStarted, acceptor, Detail::None);
        }
        let delayed = self.perhaps(0.06);
        if delayed {
            let at = self.between(started + MINUTE, ready - MINUTE);
            let added = self.one_of(5, &[10, 10, 15]);
            ready += u32::from(added) * MINUTE;
            self.step(
                at,
                Action::CookingDelayed,
                ActorType::Store,
                Detail::AddedMinutes(added),
            );
        }
        Kitchen { ready, delayed }
    }

    /// The button "cooked": pressed in time, after the food has gone, or never.
    pub(super) fn press_ready(&mut self, kitchen: &Kitchen, leg: &Leg) {
        let luck = self.rng.random_range(0..1000);
        let at = if kitchen.delayed || luck < 925 {
            kitchen.ready
        } else if luck < 945 {
            leg.left_store + self.between(10 * SECOND, 3 * MINUTE)
        } else {
            return;
        };
        self.step(at, Action::CookingCompleted, ActorType::Store, Detail::None);
    }
}
