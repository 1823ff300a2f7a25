//! The order domain: what an event means for an order. Pure: no input or output, no clock, no engine.
//!
//! [`decode`](decode::decode) turns a record into an event, [`judge`](judge::judge) applies it to the
//! [`Order`](order::Order), and [`records`] writes what follows from it.

pub mod action;
pub mod actor;
mod codes;
pub mod decode;
pub mod event;
pub mod event_id;
pub mod headers;
pub mod info;
mod json;
pub mod lifecycle;
pub mod outcome;
pub mod reason;
pub mod regions;
pub mod rights;
pub mod status;
pub mod time;
