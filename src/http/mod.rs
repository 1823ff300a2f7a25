//! The HTTP side of the process: the live page, health, metrics, topology. Everything is read-only but what a token allows.

pub(crate) mod client;
mod control;
#[cfg(test)]
mod control_tests;
mod orders;
#[cfg(test)]
mod orders_tests;
#[cfg(test)]
mod page_tests;
mod routes;
mod server;
mod status;
#[cfg(test)]
mod tests;

pub use server::{HttpError, Site, bind, serve};
pub use status::{RestoreProgress, State, Status, StatusSource, TaskState, TaskStatus};
