mod entries;
mod list;
mod replay;
mod resume;
mod selection;
mod show;
mod skip;

use clap::{Args, Subcommand};

use super::Failure;

/// `jumun dlt`
#[derive(Debug, Args)]
pub struct Dlt {
    #[command(subcommand)]
    command: DltCommand,
}

#[derive(Debug, Subcommand)]
enum DltCommand {
    /// List dead letters and rejections, oldest first.
    List(list::List),
    /// Show everything that is known of some, and what to do about them.
    Show(show::Show),
    /// Have events judged once more, as they were or repaired.
    Replay(replay::Replay),
    /// Pass over versions of an aggregate that will never come.
    Skip(skip::Skip),
    /// Let a processor go on that paused because of too many dead letters.
    Resume(resume::Resume),
}

impl Dlt {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match &self.command {
            DltCommand::List(command) => command.run(),
            DltCommand::Show(command) => command.run(),
            DltCommand::Replay(command) => command.run(),
            DltCommand::Skip(command) => command.run(),
            DltCommand::Resume(command) => command.run(),
        }
    }
}
