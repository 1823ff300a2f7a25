use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use topology::Error;
use topology::io::HeaderBuffer;

use super::run::kafka;
use super::sending::{Progress, report, wait_until};
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
