//! The aggregates that are shown, and their records in `order.agg.1m.v1` and `order.agg.1m.late.v1` (order-domain 2.7).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use super::cells::Skipped;
use crate::domain::aggregates::BusinessAggregate;

/// What is read. Of an aggregate with several groupings the one with the fewest records per window that still tells what
/// is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    Created,
    Paid,
    Transitions,
    Cancels,
    Stage(Stage),
    Promises,
}

/// A part of an order's way whose duration is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Accept,
    Cook,
    Dispatch,
    Handover,
    Ride,
    Total,
}

impl Stage {
    /// In the order of an order's way.
    pub(super) const ALL: [Self; 6] = [
        Self::Accept,
        Self::Cook,
        Self::Dispatch,
        Self::Handover,
        Self::Ride,
        Self::Total,
    ];

    /// The name on the page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Cook => "cook",
            Self::Dispatch => "dispatch",
            Self::Handover => "handover",
            Self::Ride => "ride",
            Self::Total => "total",
        }
    }
}

impl Series {
    /// All that there are.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Created,
            Self::Paid,
            Self::Transitions,
            Self::Cancels,
            Self::Promises,
        ];
        others
            .into_iter()
            .chain(Stage::ALL.into_iter().map(Self::Stage))
    }

    /// The aggregate whose records tell it.
    pub(super) const fn aggregate(self) -> BusinessAggregate {
        use BusinessAggregate as A;
        match self {
            Self::Created => A::OrdersCreatedByFulfilment,
            Self::Paid => A::OrdersPaidByFulfilment,
            Self::Transitions => A::Transitions,
            Self::Cancels => A::CancelRateFlow,
            Self::Promises => A::PromiseError,
            Self::Stage(Stage::Accept) => A::LeadAccept,
            Self::Stage(Stage::Cook) => A::LeadCook,
            Self::Stage(Stage::Dispatch) => A::WaitDispatch,
            Self::Stage(Stage::Handover) => A::WaitHandover,
            Self::Stage(Stage::Ride) => A::LeadRideByFulfilment,
            Self::Stage(Stage::Total) => A::LeadTotalByFulfilment,
        }
    }

    /// The series that a record belongs to, by its key; most records are of no interest and are not parsed.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        let is_of = |series: &Self| {
            let rest = key.strip_prefix(series.aggregate().name().as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b'|'))
        };
        Self::all().find(is_of)
    }
}

/// What a record is grouped by.
pub(super) type Dims<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// A record of `order.agg.1m.v1`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update<'a> {
    #[serde(borrow, default)]
    pub(super) dims: Dims<'a>,
    #[serde(borrow)]
    pub(super) window_start: Cow<'a, str>,
    pub(super) value: Value,
    pub(super) rev: u64,
    #[serde(rename = "final")]
    pub(super) is_final: bool,
}

/// A record of `order.agg.1m.late.v1`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LateDelta<'a> {
    #[serde(borrow, default)]
    pub(super) dims: Dims<'a>,
    #[serde(borrow)]
    pub(super) window_start: Cow<'a, str>,
    pub(super) delta: Value,
}

/// A value or a delta.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Number(f64),
    Figures(Box<Figures>),
}

/// What is shown of a value that is no number; absent sums have not moved.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Figures {
    pub(super) cancelled: f64,
    pub(super) paid: f64,
    pub(super) on_time: f64,
    pub(super) count: f64,
    pub(super) min: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) max: Option<f64>,
    /// Of a delta: samples and how often.
    pub(super) samples: Vec<(f64, f64)>,
}

impl Value {
    pub(super) fn number(&self) -> Result<f64, Skipped> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Figures(_) => Err(Skipped::Malformed),
        }
    }

    pub(super) fn figures(&self) -> Result<&Figures, Skipped> {
        match self {
            Self::Number(_) => Err(Skipped::Malformed),
            Self::Figures(figures) => Ok(figures),
        }
    }
}

impl<'a> Update<'a> {
    pub(super) fn read(value: &'a [u8]) -> Result<Self, Skipped> {
        serde_json::from_slice(value).map_err(|_| Skipped::Malformed)
    }

    /// What tells its group from others.
    pub(super) fn group(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.dims.hash(&mut hasher);
        hasher.finish()
    }
}

impl<'a> LateDelta<'a> {
    pub(super) fn read(value: &'a [u8]) -> Result<Self, Skipped> {
        serde_json::from_slice(value).map_err(|_| Skipped::Malformed)
    }
}

/// The value of a dim; empty where there is none.
pub(super) fn dim<'a>(dims: &'a Dims<'_>, name: &str) -> &'a str {
    dims.get(name).map_or("", |value| value.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_the_series() {
        let check = |key: &str, expected| assert_eq!(Series::of_key(key.as_bytes()), expected);
        check(
            "orders_created_by_fulfilment|STORE|2024-05-12T03:00Z",
            Some(Series::Created),
        );
        check(
            "orders_paid_by_fulfilment|STORE|2024-05-12T03:00Z",
            Some(Series::Paid),
        );
        check(
            "lead_ride_by_fulfilment|STORE|2024-05-12T03:00Z",
            Some(Series::Stage(Stage::Ride)),
        );
        check("orders_created|서울특별시|치킨|2024-05-12T03:00Z", None);
        check("orders_paid_by_fulfilment_and_more|x", None);
        check("", None);
    }

    #[test]
    fn values_are_numbers_or_figures() {
        let read = |text: &str| serde_json::from_str::<Value>(text);
        assert_eq!(read("7").unwrap().number(), Ok(7.0));
        let value = read(r#"{"rate":null,"cancelled":1,"paid":3}"#).unwrap();
        let figures = value.figures().unwrap();
        assert_eq!((figures.cancelled, figures.paid), (1.0, 3.0));
        assert_eq!(value.number(), Err(Skipped::Malformed));
        let delta = read(r#"{"onTime":-1,"samples":[[-500,1],[20,2]]}"#).unwrap();
        assert_eq!(delta.figures().unwrap().samples.len(), 2);
        assert!(read("null").is_err());
    }
}
