//! The aggregates per minute, computed in one go over what was applied, and compared with what the topics told.
//!
//! Written from order-domain 2.7, 3 and 3.1, 4.2 (E13–E15) and engine.md "Time, windows, aggregates" alone; like
//! the rest of the model it shares no code with the program.
//!
//! ```text
//! Judged, or order.transitions.v1 ── movement, life, duplicates ── batch ──┐
//! order.sla.v1 ── overdue ─────────────────────────────────────────────────┤
//! order.agg.1m.v1, order.agg.1m.late.v1 ── told ───────────────────────────┴─ compare, rich ──> Report
//! ```
//!
//! When timers look hangs on the wall clock, so what is overdue is computed from what they told, and from when that was over
//! by the transitions; that they tell the right things is for others to show.

pub mod batch;
pub mod compare;
pub mod duplicates;
pub mod grouping;
pub mod life;
pub mod movement;
pub mod overdue;
pub mod record;
pub mod rich;
pub mod told;

/// Length of a window in milliseconds; windows begin at multiples of it, in UTC.
pub const WINDOW: i64 = 60_000;
