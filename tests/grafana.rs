//! Grafana as code: dashboards, provisioning, alerts and runbooks are whole by themselves, and every query that they ask
//! is answered by a real Prometheus that scrapes the running program.
#![allow(clippy::string_slice)]

mod alerts;
mod answered;
mod dashboards;
mod promql;
mod runbooks;
mod shape;
