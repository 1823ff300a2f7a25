//! One applied or annotated event, as the aggregates see it.

use serde_json::Value;

use super::super::{Judged, order};
use super::WINDOW;
use super::grouping::{
    CREATED, CREATED_BY_FULFILMENT, CREATED_BY_SIGUNGU, Grouping, IN_FLIGHT, PAID,
    PAID_BY_FULFILMENT, PAID_BY_SIGUNGU, TERMINAL, TRANSITIONS,
};

/// An occurredAt further ahead of the record's timestamp than this is not believed (E13), in milliseconds.
const TOLERATED_LEAD: i64 = 5_000;

/// Display statuses of orders that are not in flight; `NONE` is that of an order before its creation.
pub const NOT_IN_FLIGHT: [&str; 7] = [
    "NONE",
    "PAYMENT_FAILED",
    "REJECTED",
    "EXPIRED",
    "CANCELLED",
    "POST_CANCELLED",
    "COMPLETED",
];

/// A transition together with what it does not say itself.
#[derive(Debug, Clone, Copy)]
pub struct Movement<'a> {
    transition: &'a Value,
    main_before: &'a str,
    /// When it counts, epoch milliseconds.
    at: i64,
    /// Start of its window, epoch milliseconds.
    window: i64,
}

impl<'a> Movement<'a> {
    /// `record_time` is the timestamp of the event's record, epoch milliseconds; `main_before` is `NONE` where the order
    /// begins.
    pub fn new(transition: &'a Value, record_time: i64, main_before: &'a str) -> Self {
        let occurred_at = text(transition, "/occurredAt")
            .parse::<jiff::Timestamp>()
            .unwrap_or_else(|error| panic!("{error}: {transition}"))
            .as_millisecond();
        let counts_at = match occurred_at > record_time + TOLERATED_LEAD {
            true => record_time,
            false => occurred_at,
        };
        Self {
            transition,
            main_before,
            at: counts_at,
            window: counts_at.div_euclid(WINDOW) * WINDOW,
        }
    }

    /// What the model says of a record, if it was applied or annotated; `record_time` as for [`Movement::new`].
    pub fn of_judged(judged: &'a Judged, record_time: i64) -> Option<Self> {
        let transition = judged.transition.as_ref()?;
        Some(Self::new(transition, record_time, judged.main_before))
    }

    pub fn window(&self) -> i64 {
        self.window
    }

    pub fn at(&self) -> i64 {
        self.at
    }

    /// Whether the order ends by it.
    pub fn is_end(&self) -> bool {
        let is_terminal = |main| order::TERMINAL.contains(&main);
        is_terminal(text(self.transition, "/regions/main")) && !is_terminal(self.main_before)
    }

    pub fn transition(&self) -> &'a Value {
        self.transition
    }

    /// Tells each group that it moves, and by how much.
    pub fn contribute(&self, mut add: impl FnMut(Grouping, &[&str], i64)) {
        let of = |pointer| text(self.transition, pointer);
        if of("/outcome") == "ANNOTATED" {
            return;
        }
        let dim = |pointer| match of(pointer) {
            "" => "unknown",
            value => value,
        };
        let (sido, category) = (dim("/dims/sido"), dim("/dims/category"));
        let (sigungu, fulfilment) = (dim("/dims/sigungu"), dim("/dims/fulfilment"));
        let (from, to, main) = (of("/from"), of("/to"), of("/regions/main"));

        if of("/action") == "order.created" {
            add(CREATED, &[sido, category], 1);
            add(CREATED_BY_SIGUNGU, &[sido, sigungu], 1);
            add(CREATED_BY_FULFILMENT, &[fulfilment], 1);
        }
        if main == "PAID" && self.main_before != "PAID" {
            add(PAID, &[sido, category], 1);
            add(PAID_BY_SIGUNGU, &[sido, sigungu], 1);
            add(PAID_BY_FULFILMENT, &[fulfilment], 1);
        }
        add(TRANSITIONS, &[sido, from, to, of("/actor/type")], 1);
        if from != to {
            for (status, change) in [(from, -1), (to, 1)] {
                if !NOT_IN_FLIGHT.contains(&status) {
                    add(IN_FLIGHT, &[sido, status], change);
                }
            }
        }
        if self.is_end() {
            let values = [sido, category, main, of("/reason"), of("/liability")];
            add(TERMINAL, &values, 1);
        }
    }
}

/// Absent and null are the empty text.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
