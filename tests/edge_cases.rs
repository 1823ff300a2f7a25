//! The edge cases of order-domain 4.2 that the processor can see, each a test named after its row: the real topology in
//! a driver without a broker, and expectations written down by hand from the document.
//!
//! Elsewhere: how long events wait while an input lags (E5: `reference_model/parking.rs`, and the domain's own tests), the circuit of E17 and E22 (the engine), E19 (`operation.rs`), and what the order system does (E16, E20,
//! E23, E24).

mod aggregates;
mod cancel_before_create;
mod clocks;
mod conflicts;
mod disorder;
mod order_numbers;
mod poison;
mod redrive;
mod replay;
mod terminal;
pub mod world;
