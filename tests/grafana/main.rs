//! Grafana as code: dashboards, provisioning, alerts and runbooks are whole by themselves, and every query that they ask
//! is answered by a real Prometheus that scrapes the running program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../support/load.rs"]
mod load;
#[path = "../support/model/mod.rs"]
mod model;
#[path = "../support/processor.rs"]
mod processor;
#[path = "../support/prometheus.rs"]
mod prometheus;
#[path = "../support/topics.rs"]
mod topics;

mod alerts;
mod answered;
mod dashboards;
mod promql;
mod runbooks;
mod shape;
