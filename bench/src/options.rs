//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The order job against a program that only consumes and produces, over the same backlog on a Kafka of its own.
#[derive(Debug, Parser)]
#[command(
    name = "jumun-bench",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The floor itself; the bench starts it as a process of its own.
    #[command(hide = true)]
    Floor(FloorOptions),
    /// The order job side by side with the same job on Kafka Streams; goes on where it was interrupted.
    Compare(CompareOptions),
}

/// What is measured, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Events in the backlog.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) events: u64,
    /// Runs of each program, in turn; figures are medians.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Chooses the events.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Milliseconds between two commits, of both programs.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub(crate) commit_interval_ms: u64,
    /// A setting of the order job, as of `jumun run --set`; the floor does not follow it.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The program to measure instead of the one built beside this.
    #[arg(long, value_name = "FILE")]
    pub(crate) jumun: Option<PathBuf>,
    /// Measure what disorder costs instead: the same events in order, and with one in twenty swapped or repeated.
    #[arg(long)]
    pub(crate) disorder: bool,
    /// How the figures are printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Also write them to `bench/results/<date>.json`.
    #[arg(long)]
    pub(crate) save: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What is compared with Kafka Streams.
#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    #[command(flatten)]
    pub(crate) bench: Options,
    /// The program on Kafka Streams; `scripts/build-peer` builds it.
    #[arg(
        long,
        value_name = "JAR",
        default_value = "bench/kafka-streams/target/kafka-streams-peer.jar"
    )]
    pub(crate) peer: PathBuf,
    /// Heap of its JVM: the smallest with which collecting garbage takes less than a tenth of its time.
    #[arg(long, value_name = "SIZE", default_value = "512m")]
    pub(crate) java_heap: String,
}

/// What the floor is told by the bench.
#[derive(Debug, Args)]
pub(crate) struct FloorOptions {
    #[arg(long)]
    pub(crate) bootstrap_servers: String,
    /// Consumer group and transactional id.
    #[arg(long)]
    pub(crate) group: String,
    /// What to produce, as written by the bench.
    #[arg(long)]
    pub(crate) profile: PathBuf,
    #[arg(long)]
    pub(crate) commit_interval_ms: u64,
    /// Input topics.
    #[arg(required = true)]
    pub(crate) inputs: Vec<String>,
}
