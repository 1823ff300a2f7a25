//! What the commands that send events have in common: pace, progress, counts.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use topology::Error;
use topology::io::HeaderBuffer;

use crate::feed::Feed;
use crate::generate::GeneratedEvent;

/// Shortest sleep worth taking.
const NAP: Duration = Duration::from_millis(1);

/// Wall-clock time, epoch milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Sends a generated event with the headers of the outbox relay.
pub(super) fn send(feed: &mut Feed, event: &GeneratedEvent) -> Result<(), Error> {
    let mut headers = HeaderBuffer::default();
    headers.push("id", Some(&event.id));
    headers.push("action", Some(event.action.as_bytes()));
    let mut version = itoa::Buffer::new();
    headers.push(
        "schema-version",
        Some(version.format(event.schema_version).as_bytes()),
    );
    let present = |bytes: &'_ [u8]| !bytes.is_empty();
    feed.send(
        event.topic.name(),
        i64::try_from(event.timestamp).unwrap_or(i64::MAX),
        Some(event.key.as_slice()).filter(|key| present(key)),
        Some(event.value.as_slice()).filter(|value| present(value)),
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

    /// What is counted; the total is told later.
    pub(super) fn of(what: &str) -> Self {
        let bar = ProgressBar::new(0);
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {what}  {{per_sec}}  {{eta}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn set_of(&self, position: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(position);
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
