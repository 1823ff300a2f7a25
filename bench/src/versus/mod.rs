//! Ours side by side with the same jobs on Kafka Streams: the programs in turn, every output verified, and the figures as
//! ratios to the better setting of the peer.
//!
//! | file | what it is |
//! |---|---|
//! | `part` | what is measured by itself |
//! | `backlog`, `recovery`, `latency`, `own`, `memory`, `count` | the parts |
//! | `alone` | latency of ours alone |
//! | `context`, `kept` | what the parts share, whose turn it is, and runs that are done, so that an interrupted bench goes on |
//! | `measured`, `aims`, `table` | from runs to medians to ratios, and what is aimed at |
//! | `peer`, `program` | the program on Kafka Streams; either program as a process that is killed and started again |
//! | `stage` | a broker of its own for one run, and the comparison with the reference model |
//! | `schedule`, `spaced`, `open_loop`, `watch`, `histogram` | when events are due, which they are, who sends them, who receives what comes of them |
//! | `plot` | the figures as a picture |

mod aims;
mod alone;
mod backlog;
mod context;
mod count;
mod histogram;
mod kept;
mod latency;
mod measured;
mod memory;
mod open_loop;
mod own;
mod part;
mod peer;
mod plot;
mod program;
mod recovery;
mod schedule;
mod spaced;
mod stage;
mod table;
mod watch;

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::options::{CompareOptions, Format};
use crate::progress::say;
use crate::results::{self, now};

pub(crate) use alone::alone;
use context::Context;
pub(crate) use part::Part;
use plot::Panel;
use table::Table;

/// The order job as it is shipped, with aggregates.
const OURS: &str = "jumun";

/// Everything that is told.
#[derive(Clone, Debug, Serialize)]
struct SideBySide {
    at: String,
    seed: u64,
    commit_interval_ms: u64,
    settings: Vec<String>,
    java_heap: String,
    tables: Vec<Table>,
    /// Parts without figures, and why.
    failures: Vec<String>,
}

/// Measures what is asked for, or goes on where it was interrupted, and tells. A part that fails does not keep the others
/// from being measured.
pub(crate) fn run(options: &CompareOptions) -> Result<()> {
    let told = measure(options)?;
    match options.bench.format {
        Format::Text => print(&told.text()),
        Format::Json => print(&results::json(&told)?),
    }
    if options.bench.save {
        let directory = Path::new("bench/results");
        let path = results::save(&told, &told.at, "-side-by-side", directory)?;
        say(&format!("saved in {}", path.display()));
        let picture = path.with_extension("svg");
        let drawn = plot::svg(&told.panels());
        std::fs::write(&picture, drawn).map_err(Error::file("writing", &picture))?;
        say(&format!("drawn in {}", picture.display()));
    }
    match told.failures.is_empty() {
        true => Ok(()),
        false => Err(Error::failed(told.failures.join("\n"))),
    }
}

#[expect(clippy::print_stdout, reason = "its output is its purpose")]
fn print(text: &str) {
    print!("{text}");
}

fn measure(options: &CompareOptions) -> Result<SideBySide> {
    let parts = Part::chosen(&options.only);
    let mut context = Context::new(options, &parts)?;
    let (mut tables, mut failures) = (Vec::new(), Vec::new());
    for (index, part) in parts.iter().enumerate() {
        say(&format!(
            "== {} (part {} of {})",
            part.name(),
            index + 1,
            parts.len()
        ));
        match of(*part, &mut context) {
            Ok(table) => {
                // Told again at the end, which may be an hour away.
                if index + 1 < parts.len() {
                    say(&table.text());
                }
                tables.push(table);
            }
            Err(error) => {
                let failure = format!("{}: {error}", part.name());
                say(&failure);
                failures.push(failure);
            }
        }
    }
    Ok(SideBySide {
        at: now(),
        seed: options.bench.seed,
        commit_interval_ms: options.bench.job.commit_interval_ms,
        settings: options.bench.job.set.clone(),
        java_heap: options.java_heap.clone(),
        tables,
        failures,
    })
}

fn of(part: Part, context: &mut Context<'_>) -> Result<Table> {
    if !part.is_over_the_backlog() {
        context.close_stand();
    }
    match part {
        Part::Backlog => backlog::measure(context),
        Part::Own => own::measure(context),
        Part::Count => count::measure(context),
        Part::Memory => memory::measure(context),
        Part::Recovery => recovery::measure(context),
        Part::LatencyQuiet => latency::measure_quiet(context),
        Part::LatencyBusy => latency::measure_busy(context),
    }
}

impl SideBySide {
    /// For people.
    fn text(&self) -> String {
        let tables: String = self.tables.iter().map(Table::text).collect();
        let failures = self.failures.iter();
        let failures: String = failures
            .map(|failure| format!("no figure: {failure}\n"))
            .collect();
        tables + &failures
    }

    fn panels(&self) -> Vec<Panel<'_>> {
        let panels = self.tables.iter().map(|table| Panel {
            title: table.part.name().to_owned(),
            programs: &table.programs,
            rows: &table.rows,
            runs: &table.runs,
        });
        panels.collect()
    }
}
