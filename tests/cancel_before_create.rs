//! The case the processor exists to reject, over real topics: a cancel arrives before the order it cancels (E2), and the
//! order is created after all (E3), under every ordering.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/judged.rs"]
mod judged;
#[path = "support/model/mod.rs"]
mod model;
#[path = "support/operator.rs"]
mod operator;
#[path = "support/processor.rs"]
mod processor;
#[path = "support/topics.rs"]
mod topics;
#[path = "support/turns.rs"]
mod turns;

#[path = "cancel_before_create/parked.rs"]
mod parked;
#[path = "cancel_before_create/redriven.rs"]
mod redriven;
#[path = "cancel_before_create/rejected.rs"]
mod rejected;
#[path = "cancel_before_create/scene.rs"]
mod scene;
