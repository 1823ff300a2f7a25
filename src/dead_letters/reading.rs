//! All entries of the topics up to their ends, as they are when reading begins.

use std::time::Duration;

use topology::io::Log;

use super::{Entry, EntryKind, Filter};
use crate::scan::{Extent, Next, Scan, ScanError, Wanted};

/// Longest time without a word to `progress`.
const PATIENCE: Duration = Duration::from_millis(500);

/// A topic of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The topic.
    pub topic: String,
    /// What its records are.
    pub kind: EntryKind,
}

/// Reads the entries that match, oldest first. `progress` is told how many offsets are read, and of how many. A topic
/// that does not exist holds no entries, unless all are missing.
///
/// # Errors
/// When the brokers do not answer, or there is none of the topics.
pub fn read(
    log: &dyn Log,
    sources: &[Source],
    filter: &Filter,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<Entry>, ScanError> {
    let topics: Vec<&str> = sources.iter().map(|source| source.topic.as_str()).collect();
    let wanted = Wanted {
        client_id: "jumun-dlt",
        topics: &topics,
        partition: None,
        extent: Extent::ToEnd,
    };
    let mut scan = Scan::open(log, wanted, |_, _, marks| Ok(marks.low))?;
    let total = scan.total();
    let mut entries = Vec::new();
    loop {
        let scanned = match scan.next(PATIENCE)? {
            Next::Records(scanned) => scanned,
            Next::Nothing => continue,
            Next::End => break,
        };
        progress(scanned.position, total);
        let partition = scanned.partition;
        let kind = sources
            .iter()
            .find(|source| source.topic == partition.topic)
            .map_or(EntryKind::DeadLetter, |source| source.kind);
        let read = scanned
            .records()
            .map(|record| Entry::read(kind, partition.partition, &record))
            .filter(|entry| filter.matches(entry));
        entries.extend(read);
    }
    entries.sort_by_key(|entry| (entry.at, entry.id));
    Ok(entries)
}
