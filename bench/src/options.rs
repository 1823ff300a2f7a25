//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::backlog::{Filling, Stream};
use crate::growth::Axis;
use crate::order_job::PARTITIONS;
use crate::versus::Part;

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
    /// The count job on typed streams; the bench starts it as a process of its own.
    #[command(hide = true)]
    Count(CountOptions),
    /// Side by side with the same jobs on Kafka Streams; goes on where it was interrupted.
    Compare(Box<CompareOptions>),
    /// End-to-end latency, lag and CPU of the order job alone at a steady load.
    Latency(LatencyOptions),
    /// What an event costs with more partitions, more orders, more threads, larger events, and other commit intervals.
    Growth(GrowthOptions),
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
    #[command(flatten)]
    pub(crate) job: ProgramOptions,
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

impl Options {
    /// The backlog that is asked for.
    pub(crate) fn filling(&self, stream: Stream) -> Filling {
        Filling {
            stream,
            events: self.events,
            seed: self.seed,
            partitions: PARTITIONS,
            event_bytes: 0,
        }
    }
}

/// How the order job is run.
#[derive(Debug, Args)]
pub(crate) struct ProgramOptions {
    /// Milliseconds between two commits, of all programs.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub(crate) commit_interval_ms: u64,
    /// The same of the order job while it works off a backlog, where it is longer; the floor follows it.
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    pub(crate) catch_up_commit_interval_ms: u64,
    /// A setting of the order job, as of `jumun run --set`; the others do not follow it.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The program to measure instead of the one built beside this.
    #[arg(long, value_name = "FILE")]
    pub(crate) jumun: Option<PathBuf>,
}

impl ProgramOptions {
    /// Milliseconds between two commits over a backlog, of ours.
    pub(crate) fn backlog_interval_ms(&self) -> u64 {
        self.commit_interval_ms
            .max(self.catch_up_commit_interval_ms)
    }
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
    /// The same in the count part: in plain DSL the peer runs out of 512m.
    #[arg(long, value_name = "SIZE", default_value = "1g")]
    pub(crate) count_java_heap: String,
    /// Only these parts; all by default.
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// Runs of each program in the parts other than the backlog, in turn.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Recovery: orders of state.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) orders: u64,
    /// Recovery: events per second meanwhile.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) recovery_load: u64,
    /// Memory: orders that are open at the end of the backlog.
    #[arg(long, value_name = "N", default_value_t = 365_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) live_orders: u64,
    /// Latency: seconds that are measured in each run.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Latency: events by which each program is warmed up.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub(crate) warm_up_events: u64,
    /// Quiet latency: events per second, on 24 partitions.
    #[arg(long, value_name = "N", default_value_t = 330, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) quiet_load: u64,
    /// Busy latency: events per second; by default 70 % of what the better setting of Kafka Streams did over the backlog.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) busy_load: Option<u64>,
}

/// What the order job alone is put under.
#[derive(Debug, Args)]
pub(crate) struct LatencyOptions {
    #[command(flatten)]
    pub(crate) job: ProgramOptions,
    /// Events per second.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: u64,
    /// Seconds that are measured.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Seconds of the same load before, which are not measured: until then the broker's JIT compiler takes up to half a core.
    #[arg(long, value_name = "N", default_value_t = 45)]
    pub(crate) lead_seconds: u64,
    /// Partitions of the inputs.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: i32,
    /// Events by which the program is warmed up.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub(crate) warm_up_events: u64,
    /// Chooses the events.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How the figures are printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// What grows.
#[derive(Debug, Args)]
pub(crate) struct GrowthOptions {
    #[command(flatten)]
    pub(crate) job: ProgramOptions,
    /// What grows; all if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Axis>,
    /// Events that each run works off.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) events: u64,
    /// Runs of each program at each point, in turn; figures are medians.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Live orders, in place of 10 000, 300 000 and 3 000 000.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [10_000, 300_000, 3_000_000], value_parser = clap::value_parser!(u64).range(1..10_000_000))]
    pub(crate) live_orders: Vec<u64>,
    /// Chooses the events.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How the figures are printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Also write them to `bench/results/<date>-growth.json`.
    #[arg(long)]
    pub(crate) save: bool,
}

/// What the count job is told by the bench.
#[derive(Debug, Args)]
pub(crate) struct CountOptions {
    #[arg(long)]
    pub(crate) bootstrap_servers: String,
    #[arg(long)]
    pub(crate) application_id: String,
    #[arg(long)]
    pub(crate) state_dir: PathBuf,
    #[arg(long)]
    pub(crate) commit_interval_ms: u64,
    /// How long a window is open after its end.
    #[arg(long)]
    pub(crate) grace_ms: u64,
    /// Of the output.
    #[arg(long)]
    pub(crate) partitions: i32,
    /// Memory of the process, as of the order job.
    #[arg(long)]
    pub(crate) memory_max_bytes: usize,
    /// Input topics.
    #[arg(required = true)]
    pub(crate) inputs: Vec<String>,
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
