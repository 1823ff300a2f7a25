//! The aggregates per minute, computed in one go over what was applied, and compared with what the topics told.
//!
//! Written from order-domain 2.7, 3 and 3.1, 4.2 (E13–E15) and engine.md "Time, windows, aggregates" alone; like
//! the rest of the model it shares no code with the program.
//!
//! ```text
//! Judged, or order.transitions.v1 ── movement, life ── batch ──┐
//! order.agg.1m.v1, order.agg.1m.late.v1 ── told ───────────────┴─ compare, rich ──> Report
//! ```

pub mod batch;
pub mod compare;
pub mod grouping;
pub mod life;
pub mod movement;
pub mod record;
pub mod rich;
pub mod told;

/// Length of a window in milliseconds; windows begin at multiples of it, in UTC.
pub const WINDOW: i64 = 60_000;
