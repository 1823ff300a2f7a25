use xxhash_rust::xxh3::xxh3_64;

use super::outputs::{Destination, OutputBuffer};
use super::processor::Schedule;
use super::{DeadLetterCounts, InputStatus, SinkMode, SourceRecord};
use crate::io::{HeaderBuffer, Headers};
use crate::store::{TaskState, Timer, TimerClock};
use crate::task::{Circuit, TaskId};
use crate::{Error, format};

/// Format version of the committed counters.
const COUNTERS_FORMAT: u8 = 1;
/// What a record takes on the wire beside key, value and headers, generously.
const RECORD_OVERHEAD: usize = 512;

/// Largest record that each topic takes, in bytes. Checked where the culprit is known: a refusal by
/// the broker names no record.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskLimits {
    /// By output; the dead-letter topic follows the last.
    pub(crate) outputs: Vec<usize>,
    /// By store, of its changelog.
    pub(crate) stores: Vec<usize>,
}

impl TaskLimits {
    /// The size and the limit, if the record is larger than it.
    pub(crate) fn exceeded(
        limits: &[usize],
        topic: usize,
        key: usize,
        value: usize,
        headers: Headers<'_>,
    ) -> Option<(usize, usize)> {
        // The lengths of a header's name and value take at most five bytes each.
        let size = key + value + headers.size() + 10 * headers.len() + RECORD_OVERHEAD;
        let limit = limits.get(topic).copied().unwrap_or(usize::MAX);
        (size > limit).then_some((size, limit))
    }
}

/// A timer cancelled while due ones are run: it may be among those already taken.
#[derive(Debug)]
pub(crate) struct CancelledTimer {
    clock: TimerClock,
    deadline_ms: i64,
    node: u16,
    kind: u8,
    key: Vec<u8>,
}

impl CancelledTimer {
    pub(crate) fn of(timer: &Timer<'_>) -> Self {
        Self {
            clock: timer.clock,
            deadline_ms: timer.deadline_ms,
            node: timer.node,
            kind: timer.kind,
            key: timer.key.to_vec(),
        }
    }

    pub(crate) fn is(&self, timer: &Timer<'_>) -> bool {
        self.key == timer.key
            && self.deadline_ms == timer.deadline_ms
            && self.kind == timer.kind
            && self.node == timer.node
            && self.clock == timer.clock
    }
}

/// Everything of a task that its nodes may touch while a record is processed.
pub(crate) struct TaskScope {
    pub(crate) task: TaskId,
    pub(crate) application_id: String,
    pub(crate) state: TaskState,
    pub(crate) outputs: OutputBuffer,
    pub(crate) counters: Counters,
    pub(crate) schedules: Vec<Schedule>,
    /// While due timers are run: those that were cancelled meanwhile.
    pub(crate) cancelled_timers: Option<Vec<CancelledTimer>>,
    pub(crate) stream_time: Option<i64>,
    pub(crate) wall_clock_ms: i64,
    /// The node that runs, to name it when it fails.
    pub(crate) current_node: usize,
    pub(crate) limits: TaskLimits,
    /// Index of the dead-letter topic among the outputs, if there is one.
    pub(crate) dead_letters: Option<usize>,
    pub(crate) dead_letter_headers: HeaderBuffer,
    /// Dead letters since the last commit, for the metrics.
    pub(crate) dead_lettered: DeadLetterCounts,
    /// Pauses the task when they are too many.
    pub(crate) circuit: Circuit,
    /// How far the task has come in event time, if it takes part in a windowed aggregation; for the metrics.
    pub(crate) watermark_ms: Option<i64>,
    /// Numbers what is done wholly or not at all: a record, a timer, a punctuation.
    pub(crate) unit: u64,
    /// By input, as of this turn of the loop.
    pub(crate) inputs: Vec<InputStatus>,
    /// Nodes that have left something for later.
    pub(crate) going_on: Vec<usize>,
    /// Bytes that nodes hold in fields until the next commit, by node.
    pub(crate) held: Vec<usize>,
}

impl TaskScope {
    /// Memory of what waits for the commit: changed rows as in [`TaskState::dirty_memory`], outputs until they are the
    /// producer's, and what nodes hold.
    pub(crate) fn uncommitted_bytes(&self) -> usize {
        let held: usize = self.held.iter().sum();
        self.state.dirty_memory() + self.outputs.bytes() + held
    }

    /// A record begins.
    pub(crate) fn mark(&mut self) {
        self.unit += 1;
        self.state.mark();
        self.outputs.mark();
        self.counters.mark();
    }

    /// The record failed: undo its store writes, outputs and counts together (invariant 9).
    pub(crate) fn rollback(&mut self) {
        self.state.rollback();
        self.outputs.rollback();
        self.counters.rollback();
        self.dead_lettered.rollback();
    }

    /// The record succeeded; answers whether it left a dead letter.
    pub(crate) fn accept(&mut self) -> bool {
        self.outputs.accept();
        self.dead_lettered.accept()
    }

    /// Writes the source record, bytes untouched, to the dead-letter topic, with the headers of
    /// KIP-1034 (Kafka Streams 4.2) and our own.
    ///
    /// # Errors
    /// Why it cannot be kept there, and the fix.
    pub(crate) fn dead_letter(
        &mut self,
        source: SourceRecord<'_>,
        reason: &'static str,
        class: &str,
        message: &str,
        node: &str,
    ) -> Result<(), String> {
        let Some(output) = self.dead_letters else {
            return Err("there is no dead-letter topic to keep it".to_owned());
        };
        let headers = &mut self.dead_letter_headers;
        headers.clear();
        headers.extend(source.headers);
        let first_seen = source
            .headers
            .last("__streams.errors.first-seen")
            .map(<[u8]>::to_vec);
        let now = self.wall_clock_ms.to_string();
        let mut text = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
        text("__streams.errors.topic", source.topic);
        text("__streams.errors.partition", &source.partition.to_string());
        text("__streams.errors.offset", &source.offset.to_string());
        text("__streams.errors.exception", reason);
        text("__streams.errors.message", message);
        text("__streams.errors.reason", reason);
        text("__streams.errors.class", class);
        text("__streams.errors.timestamp", &now);
        if first_seen.is_none() {
            text("__streams.errors.first-seen", &now);
        }
        text("__streams.errors.processor", node);
        text("__streams.errors.task", &self.task.to_string());
        text("__streams.errors.application", &self.application_id);
        let (key, value) = (
            source.key.unwrap_or_default(),
            source.value.unwrap_or_default(),
        );
        let limits = &self.limits.outputs;
        if let Some((size, limit)) =
            TaskLimits::exceeded(limits, output, key.len(), value.len(), headers.view())
        {
            return Err(format!(
                "as a dead letter it has {size} bytes, and the dead-letter topic {} takes {limit}; raise its max.message.bytes",
                self.circuit.dead_letter_topic()
            ));
        }
        self.dead_lettered.add(reason);
        let to = Destination {
            output,
            mode: SinkMode::Every,
            partition: None,
            timestamp: source.timestamp,
        };
        self.outputs
            .push(to, source.key, source.value, headers.view());
        Ok(())
    }
}

/// Cumulative counts of a task, part of its state: what is shown is what was committed, so that a
/// crash, an abort or a move neither repeats nor loses a count.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    ids: Vec<u32>,
    values: Vec<u64>,
    committed: Vec<u64>,
    undo: Vec<(usize, u64)>,
    /// Counts whose names this topology does not have, by the names' hashes: they are kept, so that an older program that
    /// does not know them, or one in which they are gone for a while, loses nothing.
    foreign: Vec<(u32, u64)>,
}

impl Counters {
    pub(crate) fn new(names: &[String]) -> Self {
        let id = |name: &String| (xxh3_64(name.as_bytes()) & 0xFFFF_FFFF) as u32;
        Self {
            ids: names.iter().map(id).collect(),
            values: vec![0; names.len()],
            committed: vec![0; names.len()],
            undo: Vec::new(),
            foreign: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, counter: usize, by: u64) {
        if let Some(value) = self.values.get_mut(counter) {
            self.undo.push((counter, *value));
            *value += by;
        }
    }

    pub(crate) fn mark(&mut self) {
        self.undo.clear();
    }

    pub(crate) fn rollback(&mut self) {
        while let Some((counter, value)) = self.undo.pop() {
            if let Some(slot) = self.values.get_mut(counter) {
                *slot = value;
            }
        }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.values != self.committed
    }

    pub(crate) fn committed(&mut self) {
        self.committed.clone_from(&self.values);
    }

    pub(crate) fn abort(&mut self) {
        self.values.clone_from(&self.committed);
        self.undo.clear();
    }

    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }

    /// One format version byte; then, for each count that is not zero, four bytes of its name's
    /// hash and eight bytes of the count, little-endian. By name, because names come and go.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![COUNTERS_FORMAT];
        let known = self.ids.iter().zip(&self.values);
        let foreign = self.foreign.iter().map(|(id, value)| (id, value));
        for (id, value) in known.filter(|(_, value)| **value > 0).chain(foreign) {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Takes over what [`Counters::encode`] wrote, if anything was written.
    ///
    /// # Errors
    /// Fatal when it is of another format.
    pub(crate) fn decode(&mut self, bytes: Option<&[u8]>) -> Result<(), Error> {
        self.values.fill(0);
        self.foreign.clear();
        let (format, rows) = match bytes {
            None => (COUNTERS_FORMAT, &[][..]),
            Some(bytes) => bytes
                .split_first()
                .map_or((0, &[][..]), |(format, rows)| (*format, rows)),
        };
        if format != COUNTERS_FORMAT {
            let (found, reads) = (u32::from(format), u32::from(COUNTERS_FORMAT));
            let detail = format::refusal("the task's counters", found, reads, reads);
            return Err(Error::fatal("read the task's own values", detail));
        }
        for row in rows.chunks_exact(12) {
            let Some((id, count)) = row.split_first_chunk::<4>() else {
                continue;
            };
            let (id, Ok(count)) = (u32::from_le_bytes(*id), count.try_into()) else {
                continue;
            };
            let count = u64::from_le_bytes(count);
            let slot = self.ids.iter().position(|known| *known == id);
            match slot.and_then(|slot| self.values.get_mut(slot)) {
                Some(value) => *value = count,
                None => self.foreign.push((id, count)),
            }
        }
        self.committed.clone_from(&self.values);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn counts_survive_a_round_trip_when_names_come_and_go() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let mut before = Counters::new(&names(&["applied", "gone", "rejected"]));
        before.add(0, 7);
        before.add(1, 5);
        before.add(2, 3);
        let mut after = Counters::new(&names(&["new", "rejected", "applied"]));
        after.decode(Some(&before.encode())).unwrap();
        assert_eq!(after.values(), [0, 3, 7]);
        // As after a rollback: what the program in between did not know is still there.
        before.decode(Some(&after.encode())).unwrap();
        assert_eq!(before.values(), [7, 5, 3]);
        let refused = after.decode(Some(&[2])).unwrap_err().to_string();
        assert!(
            refused.contains("has format 2, and this program reads format 1"),
            "{refused}"
        );
    }

    #[test]
    fn the_bytes_of_counters_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "own-values-1.hex");
        let mut counters = Counters::new(&["applied".to_owned(), "never".to_owned()]);
        counters.add(0, 7);
        pinned.assert_written("counters", &counters.encode());
        counters.decode(Some(pinned.bytes("counters"))).unwrap();
        assert_eq!(counters.values(), [7, 0]);
    }

    #[test]
    fn a_failed_record_counts_nothing() {
        let mut counters = Counters::new(&["applied".to_owned()]);
        counters.add(0, 1);
        counters.mark();
        counters.add(0, 1);
        counters.add(0, 1);
        counters.rollback();
        assert_eq!(counters.values(), [1]);
    }
}
