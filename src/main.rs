//! The `jumun` program.

use std::process::ExitCode;

use clap::Parser;
use jumun::cli::{Cli, run};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    run(Cli::parse()).into()
}
