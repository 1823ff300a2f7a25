//! `order.detector.v1`: findings, from their start to their end.

use super::json_writer::Object;
use super::write_dims;
use crate::domain::codes::codes;
use crate::domain::order::Order;

codes! {
    /// Where a finding stands.
    Phase, Phases {
        Start = "START",
        Update = "UPDATE",
        End = "END",
    }
}

/// What is told of a finding; its detector, scope and start name it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding<'a> {
    /// What was looked for.
    pub detector: &'static str,
    /// Where: an order's number, or such as `sido=서울`.
    pub scope: &'a str,
    /// Where it stands.
    pub phase: Phase,
    /// What was measured.
    pub value: f64,
    /// What it was compared with; none where there is no such thing.
    pub baseline: Option<f64>,
    /// When it began, epoch milliseconds.
    pub started_at: i64,
    /// When this was found, epoch milliseconds.
    pub at: i64,
    /// The members of `detail`, as a JSON object.
    pub detail: &'a [u8],
}

/// Appends the record.
pub fn write_finding(out: &mut Vec<u8>, finding: &Finding<'_>) {
    let mut object = Object::new(out);
    object.name("detector", finding.detector);
    object.text("scope", finding.scope);
    object.name("phase", finding.phase.name());
    object.float("value", finding.value);
    if let Some(baseline) = finding.baseline {
        object.float("baseline", baseline);
    }
    object.time("startedAt", finding.started_at);
    object.time("at", finding.at);
    object.written("detail", |out| out.extend_from_slice(finding.detail));
    object.end();
}

/// Appends the detail of a finding about one order.
pub fn write_order_detail(out: &mut Vec<u8>, order: &Order) {
    let mut object = Object::new(out);
    object.name("status", order.status().name());
    write_dims(&mut object, order);
    object.end();
}

/// Appends the detail of a finding about minutes: the last of them, the value farthest from what is usual, and out of how
/// many, where it is a share.
pub fn write_minute_detail(out: &mut Vec<u8>, start: i64, worst: f64, total: Option<f64>) {
    let mut object = Object::new(out);
    object.time("windowStart", start);
    object.float("peak", worst);
    if let Some(total) = total {
        object.float("total", total);
    }
    object.end();
}
