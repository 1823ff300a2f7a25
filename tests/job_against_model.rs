//! The order job against the reference model, record by record, under every ordering policy: every state with every
//! event, arrivals in any order, and whole market days.
#![allow(clippy::print_stdout, clippy::explicit_write)]

mod any_arrival;
mod every_case;
mod histories;
mod market_days;
mod state_space;
