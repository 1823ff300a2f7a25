//! The command line: what can be asked, and the exit statuses that scripts rely on.

mod config;
mod control;
mod demo;
mod dlt;
mod generate;
mod instance;
mod moment;
mod output;
pub mod paint;
mod panel;
mod pause;
mod query;
mod replay;
mod reset;
mod run;
mod sending;
mod settings;
mod skip;
pub mod span;
mod tap;
mod top;
mod topology;

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use settings::Settings;

/// Order-event processor of a food-delivery marketplace, exactly once, on Kafka.
#[derive(Debug, Parser)]
#[command(name = "jumun", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Process order events from Kafka until SIGTERM or SIGINT.
    Run(run::Run),
    /// Try it without any Kafka: generator and processor on a log in this process.
    Demo(demo::Demo),
    /// Generate the events of a marketplace, to topics or to a file.
    Generate(generate::Generate),
    /// Send recorded events (ndjson, also gzipped) to the input topics.
    Replay(replay::Replay),
    /// Where one order stands, asked of any instance: state, timeline, and what it waits for.
    Query(query::Query),
    /// All instances at a glance, found from the group alone: tasks, lag, restore, commits.
    Top(top::Top),
    /// Have an instance take no records for a while; membership, queries and commits go on.
    Pause(pause::Pause),
    /// Have a paused instance take records again.
    Resume(pause::Resume),
    /// Have the application begin anew: its offsets, internal topics and local state. Says what it would do.
    Reset(reset::Reset),
    /// Pass over one record of an input that must not be processed; it becomes a dead letter. Says what it would do.
    Skip(skip::Skip),
    /// Dead letters and rejections: find, understand, repair, replay.
    Dlt(dlt::Dlt),
    /// Watch a topic: decoded, filtered, committed records only.
    Tap(tap::Tap),
    /// Print the topology: in Kafka Streams' format, or to be drawn by Mermaid or Graphviz.
    Topology(topology::Topology),
    /// Print the effective configuration, secrets masked.
    Config(config::Config),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Done,
    /// It failed at work: 1.
    Failed,
    /// It was asked for something wrong, or is configured wrong: 2.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// Why a command did not do what was asked, and the status it ends with.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// At work.
    pub fn work(error: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Failed,
            message: error.to_string(),
        }
    }

    /// Of usage or configuration.
    pub fn usage(error: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            message: error.to_string(),
        }
    }
}

/// Runs the command; its failure is printed here, as one message.
#[expect(
    clippy::print_stderr,
    reason = "the last word of a command belongs on standard error"
)]
pub fn run(cli: Cli) -> Exit {
    let outcome = match cli.command {
        Command::Run(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Query(command) => command.run(),
        Command::Top(command) => command.run(),
        Command::Pause(command) => command.run(),
        Command::Resume(command) => command.run(),
        Command::Reset(command) => command.run(),
        Command::Skip(command) => command.run(),
        Command::Dlt(command) => command.run(),
        Command::Tap(command) => command.run(),
        Command::Topology(command) => command.run(),
        Command::Config(command) => command.run(),
    };
    match outcome {
        Ok(()) => Exit::Done,
        Err(failure) => {
            eprintln!("jumun: {}", failure.message);
            failure.exit
        }
    }
}
