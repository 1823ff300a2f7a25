//! The plots: what can become of an order, and how often it does.
//!
//! A plot is drawn by its weight, except that every [`STRIDE`]th order takes the next plot of a
//! fixed round and does everything on the way that an order may do (notes, checks, estimates).
//! A round takes less than 2 000 orders, so any 2 000 orders in a row contain all 38 actions.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

/// Every so many orders one belongs to the round.
pub(super) const STRIDE: u64 = 64;

macro_rules! plots {
    ($($(#[$meta:meta])* $plot:ident $weight:literal,)*) => {
        /// What becomes of an order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Plot { $($(#[$meta])* $plot,)* }

        /// Plots of the round with their weights in 100 000; the rest is `Ordinary`.
        const PLOTS: &[(Plot, u32)] = &[$((Plot::$plot, $weight),)*];
    };
}

plots! {
    /// Paid, accepted, cooked, brought or fetched.
    Ordinary 0,
    /// Given up before the payment, or timed out.
    Abandoned 450,
    /// Given up, and the payment arrives nevertheless.
    ApprovedTooLate 20,
    PaymentFailed 950,
    /// The check of the customer's age or identity fails.
    VerificationFailed 60,
    Rejected 1500,
    Expired 280,
    /// Cancelled before the store accepts.
    CancelledWaiting 900,
    CancelledByStore 650,
    CancelledBySupport 300,
    /// The customer asks for a cancel and gets it.
    CancelGranted 400,
    CancelDeclined 450,
    NoRiderCancelled 200,
    /// No rider, so the delivery is given up and asked for again.
    NoRiderRequestedAgain 250,
    /// No rider, so the store brings the food itself.
    NoRiderSwitched 250,
    FailedRedispatched 250,
    FailedReturned 90,
    FailedSwitched 30,
    FailedCancelled 40,
    /// Cancelled by support while the rider is on the way.
    CancelledOnTheWay 120,
    PostCancelled 300,
    PostCancelledWithdrawn 60,
    /// Withdrawn after the refund: the customer is charged again.
    PostCancelledRecharged 10,
    /// Something was missing; part of the money goes back.
    PartRefunded 600,
    /// An operator declares a version.
    VersionReset 0,
}

impl Plot {
    /// Whether the plot needs a rider of the marketplace.
    pub(super) const fn needs_rider(self) -> bool {
        matches!(
            self,
            Self::NoRiderCancelled
                | Self::NoRiderRequestedAgain
                | Self::NoRiderSwitched
                | Self::FailedRedispatched
                | Self::FailedReturned
                | Self::FailedSwitched
                | Self::FailedCancelled
                | Self::CancelledOnTheWay
        )
    }

    /// Whether the plot needs a payment in advance.
    pub(super) const fn needs_payment(self) -> bool {
        matches!(
            self,
            Self::Abandoned
                | Self::ApprovedTooLate
                | Self::PaymentFailed
                | Self::PartRefunded
                | Self::PostCancelledRecharged
        )
    }
}

/// Draws plots, one per order.
#[derive(Debug)]
pub(super) struct Plots {
    orders: u64,
    phase: u64,
}

/// What an order got.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    pub(super) plot: Plot,
    /// Part of the round: everything that may happen on the way does.
    pub(super) eventful: bool,
}

impl Plots {
    /// Where the round starts depends on the seed's random numbers.
    pub(super) fn new(rng: &mut Xoshiro256PlusPlus) -> Self {
        Self {
            orders: 0,
            phase: rng.random_range(0..STRIDE * PLOTS.len() as u64),
        }
    }

    pub(super) fn draw(&mut self, rng: &mut Xoshiro256PlusPlus) -> Drawn {
        let position = self.orders + self.phase;
        self.orders += 1;
        if position.is_multiple_of(STRIDE) {
            let index = (position / STRIDE) as usize % PLOTS.len();
            let plot = PLOTS.get(index).map_or(Plot::Ordinary, |entry| entry.0);
            return Drawn {
                plot,
                eventful: true,
            };
        }
        let mut remaining = rng.random_range(0..100_000u32);
        for (plot, weight) in PLOTS {
            if remaining < *weight {
                return Drawn {
                    plot: *plot,
                    eventful: false,
                };
            }
            remaining -= weight;
        }
        Drawn {
            plot: Plot::Ordinary,
            eventful: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn a_round_of_all_plots_fits_into_two_thousand_orders() {
        assert!(STRIDE * PLOTS.len() as u64 <= 2000);
        for seed in 0..100 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut plots = Plots::new(&mut rng);
            let eventful: HashSet<Plot> = (0..2000)
                .map(|_| plots.draw(&mut rng))
                .filter_map(|drawn| drawn.eventful.then_some(drawn.plot))
                .collect();
            assert_eq!(eventful.len(), PLOTS.len());
        }
    }
}
