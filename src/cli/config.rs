use clap::{Args, ValueEnum};

use super::{Failure, Settings};
use crate::config::Format;

/// `jumun config`
#[derive(Debug, Args)]
pub struct Config {
    #[command(flatten)]
    settings: Settings,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "toml")]
    format: ConfigFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ConfigFormat {
    Toml,
    Json,
}

impl Config {
    #[expect(clippy::print_stdout, reason = "its output is its purpose")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        let format = match self.format {
            ConfigFormat::Toml => Format::Toml,
            ConfigFormat::Json => Format::Json,
        };
        print!(
            "{}",
            self.settings.load()?.print(format).map_err(Failure::work)?
        );
        Ok(())
    }
}
