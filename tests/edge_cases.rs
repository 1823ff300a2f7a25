#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
//! The edge cases of order-domain 4.2 that the processor can see, each a test named after its row: the real topology in
//! a driver without a broker, and expectations written down by hand from the document.
//!
//! Elsewhere: how long events wait while an input lags (E5: `reference_model/parking.rs`, and the domain's own tests), the circuit of E17 and E22 (the engine), E19 (`operation.rs`), and what the order system does (E16, E20,
//! E23, E24).

#[path = "support/driven.rs"]
mod driven;
#[path = "support/model/mod.rs"]
mod model;

#[path = "edge_cases/aggregates.rs"]
mod aggregates;
#[path = "edge_cases/cancel_before_create.rs"]
mod cancel_before_create;
#[path = "edge_cases/clocks.rs"]
mod clocks;
#[path = "edge_cases/conflicts.rs"]
mod conflicts;
#[path = "edge_cases/disorder.rs"]
mod disorder;
#[path = "edge_cases/order_numbers.rs"]
mod order_numbers;
#[path = "edge_cases/poison.rs"]
mod poison;
#[path = "edge_cases/redrive.rs"]
mod redrive;
#[path = "edge_cases/replay.rs"]
mod replay;
#[path = "edge_cases/terminal.rs"]
mod terminal;
#[path = "edge_cases/world.rs"]
mod world;
