//! The order domain: what an event means for an order. Pure: no input or output, no clock, no engine.
//!
//! [`decode`](decode::decode) turns a record into an event, [`judge`](judge::judge) applies it to the
//! [`Order`](order::Order), and [`records`] writes what follows from it.

pub mod action;
pub mod actor;
pub mod aggregates;
mod awaited;
pub mod awaiting;
pub mod clock;
pub(crate) mod codes;
pub mod decode;
pub mod decode_info;
pub mod deliveries;
pub mod detection;
pub mod detector;
mod effects;
pub mod event;
pub mod event_id;
mod examine;
pub mod headers;
pub mod info;
pub mod invariants;
pub(crate) mod json;
pub mod judge;
pub mod judgement;
pub mod lifecycle;
pub mod lifecycle_table;
pub mod memory;
pub mod order;
mod order_bytes;
pub mod order_codec;
pub mod ordering;
pub mod outcome;
pub mod parking;
pub mod reason;
pub mod records;
pub mod regions;
pub mod rights;
pub mod status;
pub mod time;
pub mod upcast;
pub mod waiting;
pub mod watching;

#[cfg(test)]
pub(crate) mod tests;
