//! The forms in which events arrive: byte fixtures of the real shapes, keys, thin events, schema versions, and
//! arbitrary bytes.
#![allow(clippy::string_slice, clippy::print_stdout)]

mod arbitrary_bytes;
mod contradictions;
mod fixture;
mod forms;
mod key_check;
mod keys;
mod mutation;
mod schema_versions;
mod thin;
mod through_the_job;
