//! Which entries a command is about.

use clap::Args;
use topology::io::Log;

use crate::cli::Failure;
use crate::cli::moment::Moment;
use crate::cli::sending::Progress;
use crate::dead_letters::entry::latest;
use crate::dead_letters::reading::{Source, read};
use crate::dead_letters::{Entry, EntryId, EntryKind, Filter};
use crate::job::topics::{DEAD_LETTERS, REJECTED};

#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Entries by id, such as r:0:17.
    #[arg(value_name = "ID")]
    ids: Vec<EntryId>,
    /// Only with one of these reasons.
    #[arg(long, value_name = "REASON", value_delimiter = ',')]
    reason: Vec<String>,
    /// Only from this time on: 2026-11-20T12:00:00+09:00, or 2h for two hours ago. Dead letters count by when they became
    /// ones, rejections by the time of the event's record.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only of these orders.
    #[arg(long, value_name = "ORDER", value_delimiter = ',')]
    order: Vec<String>,
    /// Only of events that came from these topics.
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    topic: Vec<String>,
    /// Only of these actions, such as order.cancelled.
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// Of several entries of one event only the newest.
    #[arg(long)]
    latest: bool,
    /// Read dead letters from this topic instead: Kafka Connect's and Spring's are understood too.
    #[arg(long, value_name = "TOPIC")]
    dlt_topic: Option<String>,
}

impl Selection {
    /// One entry.
    pub(super) fn of(id: EntryId) -> Self {
        Self {
            ids: vec![id],
            reason: Vec::new(),
            since: None,
            until: None,
            order: Vec::new(),
            topic: Vec::new(),
            action: Vec::new(),
            latest: false,
            dlt_topic: None,
        }
    }

    pub(super) fn filter(&self) -> Filter {
        Filter {
            ids: self.ids.clone(),
            reasons: self.reason.clone(),
            orders: self.order.clone(),
            topics: self.topic.clone(),
            actions: self.action.clone(),
            since: self.since.map(|Moment(at)| at),
            until: self.until.map(|Moment(at)| at),
        }
    }

    /// What has to be added to commands that are proposed.
    pub(super) fn dlt_topic(&self) -> Option<&str> {
        self.dlt_topic.as_deref()
    }

    /// Whether this entry was asked for by its id.
    pub(super) fn names(&self, id: EntryId) -> bool {
        self.ids.contains(&id)
    }

    /// Reads the entries, oldest first.
    ///
    /// # Errors
    /// When the brokers do not answer, or an id asked for is not there.
    pub(super) fn entries(&self, log: &dyn Log) -> Result<Vec<Entry>, Failure> {
        let sources = match &self.dlt_topic {
            Some(topic) => vec![source(topic, EntryKind::DeadLetter)],
            None => vec![
                source(DEAD_LETTERS, EntryKind::DeadLetter),
                source(REJECTED, EntryKind::Rejection),
            ],
        };
        let filter = self.filter();
        let mut entries = entries(log, &sources, &filter)?;
        if let Some(missing) = filter.missing(&entries).first() {
            let mut message = format!("there is no entry {missing}");
            if self.filter_without_ids() {
                message += " that fulfils the other conditions";
            }
            return Err(Failure::work(message));
        }
        if self.latest {
            latest(&mut entries);
        }
        Ok(entries)
    }

    fn filter_without_ids(&self) -> bool {
        let filter = Filter {
            ids: Vec::new(),
            ..self.filter()
        };
        !filter.is_empty()
    }
}

fn source(topic: &str, kind: EntryKind) -> Source {
    Source {
        topic: topic.to_owned(),
        kind,
    }
}

/// Reads with a progress bar.
fn entries(log: &dyn Log, sources: &[Source], filter: &Filter) -> Result<Vec<Entry>, Failure> {
    let progress = Progress::of("records");
    let entries = read(log, sources, filter, |position, total| {
        progress.set_of(position, total);
    });
    progress.finish();
    entries.map_err(Failure::work)
}

/// The newest rejection of an order that says where the order is.
pub(super) fn newest_rejection(log: &dyn Log, order: &str) -> Result<Option<Entry>, Failure> {
    let filter = Filter {
        orders: vec![order.to_owned()],
        ..Filter::default()
    };
    let sources = [
        source(REJECTED, EntryKind::Rejection),
        source(DEAD_LETTERS, EntryKind::DeadLetter),
    ];
    let found = entries(log, &sources, &filter)?;
    let is_placed = |entry: &Entry| entry.before.is_some() && entry.origin.is_some();
    Ok(found.into_iter().rfind(is_placed))
}
