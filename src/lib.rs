//! jumun

pub mod http;
pub mod logging;
