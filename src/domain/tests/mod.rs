//! Tests of the rules, through the same functions that the processor calls.

mod aggregate_groups;
mod aggregate_records;
mod aggregate_values;
mod aggregates;
mod aggregates_of_a_day;
mod awaited_search;
mod codec;
mod decoding;
mod every_combination;
pub(crate) mod fixture;
mod json_scanner;
mod lifecycle_rules;
pub(crate) mod market_days;
mod ordering_rules;
mod output_records;
mod prometheus_counters;
mod record_size;
mod state_graph;
mod status_pairs;
