//! jumun

pub mod domain;
