//! Where one order stands, asked of whichever instance: `GET /orders/{orderNo}`.
//!
//! | file | what it is |
//! |---|---|
//! | `answer` | what is told of an order, as JSON |
//! | `view` | from an order's state to that answer |
//! | `set_aside` | from an event that waits to that answer, with what it waits for now |
//! | `watches` | timers and detectors that run for an order |
//! | `traces` | what derived topics tell of an order, read backwards so far |
//! | `local` | the committed state of this instance |
//! | `group` | which instance has which partition, asked of the group on a thread of its own |
//! | `forward` | asking another instance |
//! | `find` | from an order number to the answer, wherever the order is |
//! | `problem` | why there is no answer |
//! | `percent` | order numbers in paths |
//!
//! An order is in the partition that its producers chose, by the bytes of a key that need not be the order number's, and
//! with a partitioner that need not be Kafka's own. So the partition of the bare number is only where the search begins:
//! that nobody has an order is said once every partition has answered.

mod answer;
mod find;
#[cfg(test)]
mod find_tests;
mod forward;
mod group;
mod local;
mod percent;
mod problem;
mod set_aside;
mod traces;
#[cfg(test)]
mod traces_tests;
mod view;
mod watches;

pub use answer::{
    FactAnswer, KstTime, LevelAnswer, OrderAnswer, RegionsAnswer, RetentionAnswer, SetAsideAnswer,
    TimelineEntry, VersionsAnswer, WatchAnswer,
};
pub use find::{Asked, Orders, Reply};
pub use forward::FORWARDED_BY;
pub use group::{Group, GroupReader, GroupThread, Owner, admin_reader};
pub use local::{CommittedOrders, LocalOrders, Look};
pub use percent::{decode as decode_order_no, encode as encode_order_no};
pub use problem::{Problem, ProblemKind};
pub use traces::{Trace, TraceAnswer, Traces, TracesAnswer};
