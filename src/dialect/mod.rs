//! The forms in which events arrive, each read as the one envelope that the domain decodes.
//!
//! | form | what arrives |
//! |---|---|
//! | plain | the envelope of the domain as JSON |
//! | Debezium outbox | what Debezium's outbox event router makes of a row of the outbox |
//! | Debezium raw | change events of the outbox table itself |
//! | CloudEvents | CloudEvents 1.0 in Kafka's binary and structured mode |
//! | thin | only what happened to which order, which version that made, and when |
//!
//! Around any of them there may be Confluent's frame. A plain envelope is decoded where it lies. Any other form is
//! rewritten into a buffer that is used again, as the plain envelope of the same content, and decoded from there: so an
//! event's content hash does not depend on the form it came in.
//!
//! This module knows records as borrowed bytes, and nothing of the engine.

mod base64;
mod change_event;
mod cloud_event;
mod columns;
mod compose;
mod decoder;
mod fields;
mod form;
mod frame;
pub mod key;
#[cfg(test)]
mod measure;
mod router;
mod stated;
mod text;
mod thin;
pub mod topics;

pub use decoder::{Arrival, Decoded, Decoder, NoEvent};
pub use form::{Dialect, Dialects, Form, KeyForm};

/// Largest record in bytes that is looked at: an envelope, and what a relay may put around it.
pub const MAX_RECORD: usize = 256 * 1024;
/// Largest header value in bytes that is read as part of an event.
pub const MAX_HEADER: usize = 1024;
