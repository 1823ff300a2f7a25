use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use super::entries::{HEADINGS, row, summary_json, tally};
use super::selection::Selection;
use crate::cli::output::{OutputFormat, printed, standard, time, write_table};
use crate::cli::run::kafka;
use crate::cli::{Failure, Settings};
use crate::dead_letters::Entry;

/// `jumun dlt list`
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    selection: Selection,
    /// Count by reason and topic instead.
    #[arg(long)]
    summary: bool,
    /// Only the newest so many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: OutputFormat,
    #[command(flatten)]
    settings: Settings,
}

impl List {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let log = kafka(&self.settings.configuration()?)?;
        let mut entries = self.selection.entries(log.as_ref())?;
        if let Some(limit) = self.limit {
            entries.drain(..entries.len().saturating_sub(limit));
        }
        let mut out = standard();
        let written = match (self.summary, self.format) {
            (false, OutputFormat::Text) => list(&mut out, &entries),
            (true, OutputFormat::Text) => summary(&mut out, &entries),
            (false, OutputFormat::Json) => entries
                .iter()
                .try_for_each(|entry| writeln!(out, "{}", Value::Object(summary_json(entry)))),
            (true, OutputFormat::Json) => summary_as_json(&mut out, &entries),
        };
        printed(written.and_then(|()| out.flush()))
    }
}

fn list(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    if entries.is_empty() {
        return writeln!(out, "nothing");
    }
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    write_table(out, &HEADINGS, &rows)
}

fn summary(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    let rows: Vec<Vec<String>> = tally(entries)
        .into_iter()
        .map(|((reason, topic), tally)| {
            let (oldest, newest) = (time(tally.oldest), time(tally.newest));
            vec![reason, topic, tally.count.to_string(), oldest, newest]
        })
        .collect();
    write_table(
        out,
        &["REASON", "SOURCE", "COUNT", "OLDEST", "NEWEST"],
        &rows,
    )?;
    writeln!(out, "total {}", entries.len())
}

fn summary_as_json(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    tally(entries)
        .iter()
        .try_for_each(|((reason, topic), tally)| {
            let line = json!({
                "reason": reason,
                "sourceTopic": topic,
                "count": tally.count,
                "oldest": time(tally.oldest),
                "newest": time(tally.newest),
            });
            writeln!(out, "{line}")
        })
}
