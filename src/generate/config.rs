//! What is generated, how fast and for how long.

use super::day_curve::DayCurve;
use super::incident::Incident;

/// Events of one order on average, as the load model has it.
pub const EVENTS_PER_ORDER: f64 = 9.5;

/// The mean rate of a stream, in event time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// New orders per second.
    OrdersPerSecond(f64),
    /// Events per second once the first orders are closed, at [`EVENTS_PER_ORDER`].
    EventsPerSecond(f64),
}

impl Rate {
    pub(super) fn orders_per_ms(self) -> f64 {
        let per_second = match self {
            Self::OrdersPerSecond(orders) => orders,
            Self::EventsPerSecond(events) => events / EVENTS_PER_ORDER,
        };
        // A rate of nothing would never reach the first order.
        per_second.max(1e-6) / 1000.0
    }
}

/// When no new order is created any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    /// Never.
    #[default]
    Endless,
    /// After so many orders.
    Orders(u64),
    /// After so many events: emitted ones if stories are cut off, else those of the stories begun.
    Events(u64),
    /// At an instant of event time, epoch ms.
    Until(u64),
}

/// What becomes of the orders that are open when the limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Their stories are told to the end.
    #[default]
    Complete,
    /// The stream stops in the middle of them.
    CutOff,
}

/// How a stream of events is generated. Equal configurations give equal streams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneratorConfig {
    /// Chooses the stream.
    pub seed: u64,
    /// Event time at which it starts, epoch ms.
    pub start: u64,
    /// Mean rate in event time.
    pub rate: Rate,
    /// How the rate changes over a day.
    pub day_curve: DayCurve,
    /// How much faster than in life the story of an order passes: at 60 its minutes become
    /// seconds. The rate of new orders stays as configured.
    pub story_speed: u32,
    /// Number of stores.
    pub stores: u32,
    /// When to stop.
    pub limit: Limit,
    /// How to stop.
    pub ending: Ending,
    /// What goes wrong for a while, if anything does.
    pub incident: Option<Incident>,
}

impl GeneratorConfig {
    /// An endless stream after the load model: 330 events per second on average over the day.
    pub fn new(seed: u64, start: u64) -> Self {
        Self {
            seed,
            start,
            rate: Rate::EventsPerSecond(330.0),
            day_curve: DayCurve::Peaks,
            story_speed: 1,
            stores: 300_000,
            limit: Limit::Endless,
            ending: Ending::Complete,
            incident: None,
        }
    }

    /// A stream to look at: a steady rate, and orders that live for about fifteen seconds, so
    /// that every status shows within half a minute.
    pub fn demo(seed: u64, start: u64, rate: Rate) -> Self {
        Self {
            rate,
            day_curve: DayCurve::Flat,
            story_speed: 200,
            ..Self::new(seed, start)
        }
    }
}
