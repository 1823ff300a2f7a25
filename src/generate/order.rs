//! What is fixed about an order when it is created.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::place::{Places, Store};
use super::plot::Plot;

/// Customers of the marketplace.
const CUSTOMERS: u32 = 5_000_000;

/// How an order reaches its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fulfilment {
    Single,
    Bundle,
    Store,
    Pickup,
}

impl Fulfilment {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Single => "BAEMIN_SINGLE",
            Self::Bundle => "BAEMIN_BUNDLE",
            Self::Store => "STORE",
            Self::Pickup => "PICKUP",
        }
    }

    /// 55 % single, 20 % bundled, 15 % brought by the store, 10 % fetched.
    fn draw(plot: Plot, rng: &mut Xoshiro256PlusPlus) -> Self {
        let upper = if plot.needs_rider() { 75 } else { 100 };
        match rng.random_range(0..upper) {
            0..55 => Self::Single,
            55..75 => Self::Bundle,
            75..90 => Self::Store,
            _ => Self::Pickup,
        }
    }
}

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PaymentMethod {
    Card,
    Pay,
    Point,
    OnDeliveryCard,
    OnDeliveryCash,
}

impl PaymentMethod {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::Pay => "PAY",
            Self::Point => "POINT",
            Self::OnDeliveryCard => "PAY_ON_DELIVERY_CARD",
            Self::OnDeliveryCash => "PAY_ON_DELIVERY_CASH",
        }
    }

    /// Whether a payment gateway is involved.
    pub(super) const fn is_online(self) -> bool {
        matches!(self, Self::Card | Self::Pay | Self::Point)
    }

    /// 10 % pay on delivery.
    fn draw(plot: Plot, rng: &mut Xoshiro256PlusPlus) -> Self {
        let upper = if plot.needs_payment() { 90 } else { 100 };
        match rng.random_range(0..upper) {
            0..45 => Self::Card,
            45..75 => Self::Pay,
            75..90 => Self::Point,
            90..97 => Self::OnDeliveryCard,
            _ => Self::OnDeliveryCash,
        }
    }
}

/// An order as its customer placed it. Amounts are KRW.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) store: Store,
    pub(super) customer: u32,
    pub(super) fulfilment: Fulfilment,
    pub(super) method: PaymentMethod,
    pub(super) items_total: u32,
    pub(super) delivery_fee: u32,
    pub(super) discount: u32,
    /// The store accepts without anybody looking.
    pub(super) accepts_itself: bool,
}

impl Order {
    pub(super) fn draw(places: &Places, plot: Plot, rng: &mut Xoshiro256PlusPlus) -> Self {
        let store = places.store(rng);
        let fulfilment = Fulfilment::draw(plot, rng);
        let delivery_fee = if fulfilment == Fulfilment::Pickup {
            0
        } else {
            1000 * rng.random_range(0..=4)
        };
        Self {
            store,
            customer: rng.random_range(1..=CUSTOMERS),
            fulfilment,
            method: PaymentMethod::draw(plot, rng),
            items_total: 900 + 1000 * (9 + rng.random_range(0..=20) + rng.random_range(0..=18)),
            delivery_fee,
            discount: 1000 * rng.random_range(0..=6u32).saturating_sub(3),
            accepts_itself: store.number.is_multiple_of(7),
        }
    }

    /// What the customer pays.
    pub(super) const fn amount(&self) -> u32 {
        self.items_total + self.delivery_fee - self.discount
    }
}
