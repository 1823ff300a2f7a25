//! Dead letters and rejections, as things one finds, understands, repairs and sends again.
//!
//! | module | what it is |
//! |---|---|
//! | [`entry`], [`entry_id`] | one dead letter or rejection, and its name |
//! | [`error_headers`] | why a record became a dead letter, as Kafka Streams, Kafka Connect or Spring wrote it |
//! | [`facts`] | what can be read of an event, however broken |
//! | [`reading`], [`filter`] | the entries of the topics, and which are meant |
//! | [`advice`] | what to do about one |
//! | [`plan`], [`redrive`], [`sending`] | which are sent again, as what, and how fast |
//! | [`skip`] | the event by which a version that will never come is passed over |
//!
//! Nothing here reads a terminal or writes to one.

pub mod advice;
pub mod entry;
pub mod entry_id;
pub mod error_headers;
pub mod facts;
pub mod filter;
pub mod plan;
pub mod reading;
pub mod redrive;
pub mod sending;
pub mod skip;

#[cfg(test)]
mod fixture;

pub use entry::{Entry, Origin};
pub use entry_id::{EntryId, EntryKind};
pub use filter::Filter;
