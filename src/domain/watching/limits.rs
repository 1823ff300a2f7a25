//! How long what is watched may last: by default as in order-domain 1.4 and 3.4.

use super::{Level, Watch};
use crate::domain::order::Order;
use crate::domain::regions::Fulfilment;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Which orders a limit is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those of one fulfilment.
    Fulfilment(Fulfilment),
    /// Those of one sido.
    Sido(String),
    /// Those of one category.
    Category(String),
}

impl Selector {
    /// The value that it looks for.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Fulfilment(fulfilment) => fulfilment.name(),
            Self::Sido(name) | Self::Category(name) => name,
        }
    }

    fn matches(&self, order: &Order) -> bool {
        match self {
            Self::Fulfilment(fulfilment) => order.fulfilment == Some(*fulfilment),
            Self::Sido(sido) => order.sido == *sido,
            Self::Category(category) => order.category == *category,
        }
    }

    /// A limit of a higher rank wins: that of a category over that of a sido over that of a fulfilment.
    const fn rank(&self) -> u8 {
        match self {
            Self::Fulfilment(_) => 0,
            Self::Sido(_) => 1,
            Self::Category(_) => 2,
        }
    }
}

/// A limit in milliseconds that holds for some orders only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialLimit {
    /// For which orders.
    pub of: Selector,
    /// Of what.
    pub watch: Watch,
    /// From here on it is so bad.
    pub level: Level,
    /// After so many milliseconds.
    pub ms: i64,
}

/// After how many milliseconds which level is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    general: [[Option<i64>; Level::ALL.len()]; Watch::ALL.len()],
    special: Vec<SpecialLimit>,
}

impl Default for Limits {
    fn default() -> Self {
        let mut limits = Self {
            general: [[None; Level::ALL.len()]; Watch::ALL.len()],
            special: Vec::new(),
        };
        for (watch, level, ms) in Self::DEFAULTS {
            limits.set(*watch, *level, *ms);
        }
        for (level, ms) in [(Level::Warn, 35 * MINUTE), (Level::Breach, 55 * MINUTE)] {
            limits.add_special(SpecialLimit {
                of: Selector::Fulfilment(Fulfilment::BaeminBundle),
                watch: Watch::RideLate,
                level,
                ms,
            });
        }
        limits
    }
}

impl Limits {
    /// What holds for all orders for which nothing else is said, in milliseconds. Of `cook_late` beyond the minutes that
    /// the store said it needs, of `promise_broken` beyond what was promised.
    pub const DEFAULTS: &'static [(Watch, Level, i64)] = {
        use Level::{Breach, Critical, Warn};
        &[
            (Watch::PaymentWait, Warn, 3 * MINUTE),
            (Watch::PaymentWait, Breach, 10 * MINUTE),
            (Watch::AcceptWait, Warn, 2 * MINUTE),
            (Watch::AcceptWait, Breach, 5 * MINUTE),
            (Watch::AcceptWait, Critical, 10 * MINUTE),
            (Watch::CookLate, Warn, 5 * MINUTE),
            (Watch::CookLate, Breach, 15 * MINUTE),
            (Watch::NoRider, Warn, 5 * MINUTE),
            (Watch::NoRider, Breach, 10 * MINUTE),
            (Watch::NoRider, Critical, 20 * MINUTE),
            (Watch::RiderLateStore, Warn, 15 * MINUTE),
            (Watch::RiderLateStore, Breach, 25 * MINUTE),
            (Watch::HandoverLate, Warn, 5 * MINUTE),
            (Watch::HandoverLate, Breach, 10 * MINUTE),
            (Watch::RideLate, Warn, 20 * MINUTE),
            (Watch::RideLate, Breach, 40 * MINUTE),
            (Watch::PromiseBroken, Warn, 0),
            (Watch::PromiseBroken, Breach, 10 * MINUTE),
            (Watch::Stuck, Warn, 90 * MINUTE),
            (Watch::Stuck, Breach, 180 * MINUTE),
            (Watch::Stuck, Critical, 24 * HOUR),
            (Watch::GhostDeliveryRisk, Warn, 10 * SECOND),
            (Watch::GhostDeliveryRisk, Breach, 60 * SECOND),
            (Watch::RefundLate, Warn, HOUR),
            (Watch::RefundLate, Breach, 24 * HOUR),
            (Watch::PaidNoOrder, Breach, 60 * SECOND),
            (Watch::PaidNotRelayed, Breach, 30 * SECOND),
        ]
    };

    /// Sets a limit for all orders.
    pub fn set(&mut self, watch: Watch, level: Level, ms: i64) {
        let levels = self.general.get_mut(usize::from(watch.code()));
        if let Some(slot) = levels.and_then(|levels| levels.get_mut(usize::from(level.code()))) {
            *slot = Some(ms);
        }
    }

    /// Sets a limit for some orders, in place of the one for the same orders.
    pub fn add_special(&mut self, limit: SpecialLimit) {
        self.special.retain(|known| {
            (&known.of, known.watch, known.level) != (&limit.of, limit.watch, limit.level)
        });
        self.special.push(limit);
        // Ranks first; the rest, so that the same limits are the same list.
        self.special.sort_by(|a, b| {
            let key =
                |limit: &SpecialLimit| (limit.of.rank(), limit.watch.code(), limit.level.code());
            let (one, other) = (key(a), key(b));
            one.cmp(&other).then_with(|| a.of.name().cmp(b.of.name()))
        });
    }

    /// Those that hold for some orders only.
    #[must_use]
    pub fn special(&self) -> &[SpecialLimit] {
        &self.special
    }

    /// The limit for all orders.
    #[must_use]
    pub fn general(&self, watch: Watch, level: Level) -> Option<i64> {
        let levels = self.general.get(usize::from(watch.code()))?;
        levels.get(usize::from(level.code())).copied().flatten()
    }

    /// After how many milliseconds an order has reached the level; none if it never does.
    #[must_use]
    pub fn of(&self, order: &Order, watch: Watch, level: Level) -> Option<i64> {
        let mut special = self.special.iter().rev();
        let special = special
            .find(|limit| limit.watch == watch && limit.level == level && limit.of.matches(order));
        special
            .map(|limit| limit.ms)
            .or_else(|| self.general(watch, level))
    }
}
