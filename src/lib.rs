//! jumun
