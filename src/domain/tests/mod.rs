//! Tests of the rules, through the same functions that the processor calls.

mod awaited_search;
mod codec;
mod decoding;
mod every_combination;
mod fixture;
mod market_days;
mod output_records;
mod special_rules;
mod state_graph;
