//! The order job side by side with the same job on Kafka Streams: one broker, one backlog, the programs in turn, every
//! output verified, and the figures as ratios to the better of the two settings of the peer.
//!
//! | file | what it is |
//! |---|---|
//! | `peer` | the program on Kafka Streams, tuned and as it comes |
//! | `kept` | runs that are done, so that an interrupted bench goes on |
//! | `aims` | from medians to ratios, and what is aimed at |
//! | `plot` | the figures as a picture |

mod aims;
mod kept;
mod peer;
mod plot;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::backlog::Stream;
use crate::contestant::Run;
use crate::error::{Error, Result};
use crate::options::{CompareOptions, Format};
use crate::order_job::OrderJob;
use crate::progress::say;
use crate::results::{self, now};
use crate::stand::Stand;
use crate::table::grouped;

use aims::Row;
use kept::Kept;
use peer::{Peer, Profile};

/// The order job as it is shipped, with aggregates.
const OURS: &str = "jumun";

/// Everything that is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SideBySide {
    pub(crate) at: String,
    pub(crate) events: u64,
    pub(crate) seed: u64,
    pub(crate) commit_interval_ms: u64,
    pub(crate) settings: Vec<String>,
    pub(crate) java_heap: String,
    pub(crate) runs_of_each: u32,
    pub(crate) verified: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) runs: Vec<Run>,
}

/// Measures, or goes on where it was interrupted, and tells.
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
        let drawn = plot::svg(&told.rows);
        std::fs::write(&picture, drawn).map_err(Error::file("writing", &picture))?;
        say(&format!("drawn in {}", picture.display()));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "its output is its purpose")]
fn print(text: &str) {
    print!("{text}");
}

fn measure(options: &CompareOptions) -> Result<SideBySide> {
    let bench = &options.bench;
    let mut job = OrderJob::new(bench)?;
    let peer = Peer::new(options)?;
    let programs = [OURS, Profile::Tuned.name(), Profile::Stock.name()];
    let path = work_file(bench.events, bench.seed);
    let mut kept = Kept::open(&path, &stamp(options, &job)?, programs.len())?;
    let mut stand: Option<Stand> = None;
    for number in 1..=bench.runs {
        for program in programs {
            if kept.has(program, number) {
                say(&format!("{program}, run {number}: done before"));
                continue;
            }
            // The backlog is filled only if there is anything left to measure.
            let stand = match &mut stand {
                Some(stand) => stand,
                none => none.insert(Stand::start(bench, Stream::Usual)?),
            };
            let done = match Profile::of(program) {
                None => stand.order_job(&mut job, OURS, format!("bench-{OURS}-{number}"), true)?,
                Some(profile) => peer.run(stand, profile, number)?,
            };
            kept.add(number, done.run, done.verified)?;
        }
    }
    let (runs, verified) = kept.into_parts();
    Ok(SideBySide {
        at: now(),
        events: bench.events,
        seed: bench.seed,
        commit_interval_ms: bench.commit_interval_ms,
        settings: bench.set.clone(),
        java_heap: options.java_heap.clone(),
        runs_of_each: bench.runs,
        verified,
        rows: aims::rows(&runs, bench.events)?,
        runs,
    })
}

/// Where the runs of an unfinished bench are kept.
fn work_file(events: u64, seed: u64) -> PathBuf {
    PathBuf::from(format!("target/bench-compare/{events}-{seed}.json"))
}

/// Runs may only stand beside each other if all this is the same.
fn stamp(options: &CompareOptions, job: &OrderJob) -> Result<String> {
    let of = |path: &Path| {
        let about = std::fs::metadata(path).map_err(Error::file("reading", path))?;
        let changed = about.modified().map_err(Error::file("reading", path))?;
        Ok::<_, Error>(format!("{} bytes of {changed:?}", about.len()))
    };
    let bench = &options.bench;
    Ok(format!(
        "jumun {}, peer {}, commit every {} ms, heap {}, settings {:?}",
        of(job.program())?,
        of(&options.peer)?,
        bench.commit_interval_ms,
        options.java_heap,
        bench.set
    ))
}

impl SideBySide {
    /// For people.
    fn text(&self) -> String {
        format!(
            "{} events, exactly once, commit every {} ms, aggregates on; heap of the peer {}; medians of {} runs of each, \
             in turn\nverified: {}\n\n{}",
            grouped(self.events),
            self.commit_interval_ms,
            self.java_heap,
            self.runs_of_each,
            self.verified.join("\n          "),
            aims::table(&self.rows),
        )
    }
}
