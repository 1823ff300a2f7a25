use clap::{Args, ValueEnum};

use super::{Failure, Settings};
use crate::job;

/// `jumun topology`
#[derive(Debug, Args)]
pub struct Topology {
    /// Kafka Streams' text, a Mermaid flowchart, or a graph for Graphviz.
    #[arg(long, value_enum, default_value = "text")]
    format: TopologyFormat,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TopologyFormat {
    Text,
    Mermaid,
    Dot,
}

impl Topology {
    #[expect(clippy::print_stdout, reason = "its output is its purpose")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        let configuration = self.settings.configuration()?;
        let built = job::topology(&configuration.job());
        let built = built.build().map_err(Failure::work)?;
        let text = match self.format {
            TopologyFormat::Text => built.describe(),
            TopologyFormat::Mermaid => built.mermaid(),
            TopologyFormat::Dot => built.dot(),
        };
        print!("{text}");
        Ok(())
    }
}
