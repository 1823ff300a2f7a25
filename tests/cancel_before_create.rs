//! The case the processor exists to reject, over real topics: a cancel arrives before the order it cancels (E2), and the
//! order is created after all (E3), under every ordering.

mod parked;
mod redriven;
mod rejected;
mod scene;
