//! jumun
fn main() {}
