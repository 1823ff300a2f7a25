use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use topology::Error;
use topology::io::HeaderBuffer;

use super::generate::NAP;
use super::run::kafka;
use super::{Failure, Settings};
use crate::feed::Feed;
use crate::job;
use crate::replay::{EventFileReader, Pace, ReplayRecord, Speed};

/// `jumun replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// Files of events, one JSON object per line; gzipped ones are recognised.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How fast: max, or a multiple of the recorded pace such as 60x.
    #[arg(long, value_name = "SPEED", default_value = "max")]
    speed: Speed,
    #[command(flatten)]
    settings: Settings,
}

impl Replay {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let configuration = self.settings.configuration()?;
        let mut readers = Vec::new();
        // A file that is not there is told before anything is sent.
        for file in &self.files {
            let reader = EventFileReader::open(file)
                .map_err(|error| Failure::work(format!("{}: {error}", file.display())))?;
            readers.push((file, reader));
        }
        let log = kafka(&configuration)?;
        let mut feed = Feed::open(
            log.as_ref(),
            "jumun-replay",
            &job::topics::inputs(&configuration.topics),
        )
        .map_err(Failure::work)?;
        let progress = Progress::new(None);
        let mut pace: Option<Pace> = None;
        let mut headers = HeaderBuffer::default();
        for (file, reader) in &mut readers {
            while let Some(record) = reader
                .next_record()
                .map_err(|error| Failure::work(format!("{}: {error}", file.display())))?
            {
                let pace = pace
                    .get_or_insert_with(|| Pace::new(self.speed, record.timestamp, Instant::now()));
                wait_until(pace.due(record.timestamp), &mut feed).map_err(Failure::work)?;
                send(&mut feed, &mut headers, &record).map_err(Failure::work)?;
                progress.set(feed.total());
            }
        }
        feed.flush().map_err(Failure::work)?;
        progress.finish();
        report(
            feed.counts()
                .map(|(topic, count)| (topic.to_owned(), count)),
        );
        Ok(())
    }
}

/// Sends a recorded event with the headers that the outbox relay gave it.
fn send(
    feed: &mut Feed,
    headers: &mut HeaderBuffer,
    record: &ReplayRecord<'_>,
) -> Result<(), Error> {
    headers.clear();
    if let Some(id) = &record.id {
        headers.push("id", Some(id.as_bytes()));
    }
    if let Some(action) = &record.action {
        headers.push("action", Some(action.as_bytes()));
    }
    if let Some(version) = record.schema_version {
        headers.push(
            "schema-version",
            Some(itoa::Buffer::new().format(version).as_bytes()),
        );
    }
    let timestamp = i64::try_from(record.timestamp).unwrap_or(i64::MAX);
    feed.send(
        record.topic.name(),
        timestamp,
        record.key.as_deref(),
        Some(record.value),
        headers.view(),
    )
}

/// Waits until an event is due, serving acknowledgements meanwhile.
pub(super) fn wait_until(due: Option<Instant>, feed: &mut Feed) -> Result<(), Error> {
    let Some(due) = due else { return feed.poll() };
    loop {
        let now = Instant::now();
        if due <= now {
            return Ok(());
        }
        feed.poll()?;
        std::thread::sleep((due - now).min(Duration::from_millis(50)).max(NAP));
    }
}

/// A progress bar on a terminal, silent elsewhere.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(total: Option<u64>) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        let template = if total.is_some() {
            "{wide_bar} {pos}/{len} events  {per_sec}  {eta}"
        } else {
            "{spinner} {pos} events  {per_sec}  {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn set(&self, position: u64) {
        if position.is_multiple_of(1_000) {
            self.0.set_position(position);
        }
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Counts per topic or file, and in all.
#[expect(clippy::print_stdout, reason = "the counts are the command's output")]
pub(super) fn report(counts: impl IntoIterator<Item = (String, u64)>) {
    let mut total = 0;
    for (name, count) in counts {
        println!("{name:<24} {count:>12}");
        total += count;
    }
    println!("{:<24} {total:>12}", "total");
}
