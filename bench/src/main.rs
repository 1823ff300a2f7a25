//! How much the order job costs beyond what consuming and producing cost anyway.
//!
//! A broker of its own, a backlog of generated events, and two programs in turn: the order job (`jumun run`, as it is
//! shipped) and the *floor*, which consumes the same and produces the same without any logic. Both run as processes of
//! their own over the whole backlog; the job's outputs are compared with the reference model before any figure counts.
//!
//! | file | what it is |
//! |---|---|
//! | `bench` | the sequence: runs in turn, figures |
//! | `comparison`, `disorder` | the same for events in order and out of order, and what puts them out of order |
//! | `stand`, `backlog` | a broker with its input topics, filled once, and what must come out |
//! | `order_job`, `extent`, `floor`, `floor_run` | the two programs, and how much of the job is run |
//! | `count_job` | the *count* job on typed streams, compared in `versus` |
//! | `contestant`, `process_usage` | one run of one program and what it took |
//! | `profile` | what the job produced, for the floor to produce the same |
//! | `verify`, `outcomes` | whether the job did its work |
//! | `growth`, `orders` | what an event costs where something grows; orders made by hand |
//! | `versus` | side by side with the same job on Kafka Streams |
//! | `results`, `statistics`, `table` | from runs to medians to what is printed |

mod backlog;
mod bench;
mod comparison;
mod contestant;
mod count_job;
mod disorder;
mod error;
mod extent;
mod floor;
mod floor_run;
mod growth;
#[path = "../../tests/support/model/mod.rs"]
#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "part of the tests, which may end by a panic"
)]
mod model;
mod options;
mod order_job;
mod orders;
mod outcomes;
mod partitions;
mod process_usage;
mod profile;
mod progress;
mod results;
mod stand;
mod statistics;
mod table;
mod verify;
mod versus;
#[path = "../../tests/support/written.rs"]
#[expect(
    clippy::unwrap_used,
    reason = "part of the tests, which may end by a panic"
)]
mod written;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use error::Result;
use options::{Cli, Command, Format, GrowthOptions, Options};

/// As in the order job, so that the floor allocates as fast.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Floor(options)) => floor::run(&options),
        Some(Command::Count(options)) => count_job::run(&options),
        Some(Command::Compare(options)) => versus::run(&options),
        Some(Command::Latency(options)) => versus::alone(&options),
        Some(Command::Growth(options)) => growth(&options),
        None => report(&cli.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(&format!("jumun-bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn report(options: &Options) -> Result<()> {
    let how = (options.format, options.save);
    if options.disorder {
        let results = comparison::run(options)?;
        let (text, at) = (results.text(), &results.at);
        return tell(how, &results, &text, at, "-disorder");
    }
    let results = bench::run(options)?;
    tell(how, &results, &table::text(&results), &results.at, "")
}

fn growth(options: &GrowthOptions) -> Result<()> {
    let growth = growth::run(options)?;
    let how = (options.format, options.save);
    tell(how, &growth, &growth.text(), &growth.at, "-growth")
}

#[expect(clippy::print_stdout, reason = "its output is its purpose")]
fn tell(
    (format, save): (Format, bool),
    results: &impl Serialize,
    text: &str,
    at: &str,
    of: &str,
) -> Result<()> {
    match format {
        Format::Text => print!("{text}"),
        Format::Json => print!("{}", results::json(results)?),
    }
    if save {
        let path = results::save(results, at, of, Path::new("bench/results"))?;
        progress::say(&format!("saved in {}", path.display()));
    }
    Ok(())
}
