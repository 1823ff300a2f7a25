use super::aggregator::{Adds, DeltaSink, Deltas, Merger, Place};
use super::clocks::{InputClocks, Watermark};
use super::handover::{Handover, HandoverLimits, HandoverWriter};
use super::partial::{PartialSums, Slot, Table};
use super::{MORE_WINDOWS, WindowedOptions, rows};
use crate::Error;
use crate::codec::{Serializer, varint};
use crate::io::Headers;
use crate::io::murmur2::partition_of;
use crate::process::{
    InitContext, OUTPUT_TOO_LARGE, ProcessError, Processor, ProcessorContext, Record,
};
use crate::store::StoreId;
use crate::time::milliseconds;

type PartialContext<'c, 'a> = ProcessorContext<'c, 'a, (), Handover>;

/// The first stage: keeps partial aggregates of the records since the last commit, and the clocks of the
/// task's inputs. Before a commit it hands the partial aggregates over, and after them, in the same
/// transaction, tells *every* merging task how far it has come, at most so often and only if changed.
pub(super) struct PartialProcessor<A: Adds> {
    pub(super) name: String,
    pub(super) aggregator: A,
    merger: Merger<A::Aggregate>,
    pub(super) options: WindowedOptions,
    pub(super) groups: Box<dyn Serializer<A::Group>>,
    pub(super) aggregates: Box<dyn Serializer<A::Aggregate>>,
    sums: PartialSums<A::Aggregate>,
    clocks: InputClocks,
    clock_store: Option<StoreId>,
    /// Topics of the task's inputs.
    topics: Vec<String>,
    partitions: i32,
    limits: HandoverLimits,
    writers: Vec<HandoverWriter>,
    /// Clocks as they are in the store, by input.
    stored: Vec<Option<i64>>,
    restored: bool,
    reported: Option<Watermark>,
    reported_at: Option<i64>,
    /// By the number of the windows: those that begin before this may be closed. A merging task closes by what was
    /// reported, and does not wait for a task that has reported itself EMPTY.
    open_from: [i64; 1 + MORE_WINDOWS],
    scratch: Scratch,
}

/// Buffers that are used again.
#[derive(Default)]
struct Scratch {
    group: Vec<u8>,
    cause: Vec<u8>,
    aggregate: Vec<u8>,
}

impl<A: Adds> PartialProcessor<A> {
    pub(super) fn new(
        name: &str,
        aggregator: A,
        merger: Merger<A::Aggregate>,
        options: WindowedOptions,
        groups: impl Serializer<A::Group> + 'static,
        aggregates: impl Serializer<A::Aggregate> + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            aggregator,
            merger,
            options,
            groups: Box::new(groups),
            aggregates: Box::new(aggregates),
            sums: PartialSums::new(),
            clocks: InputClocks::new(options.idle, options.future_tolerance),
            clock_store: None,
            topics: Vec::new(),
            partitions: 0,
            limits: HandoverLimits::default(),
            writers: Vec::new(),
            stored: Vec::new(),
            restored: false,
            reported: None,
            reported_at: None,
            // It has never said that it is EMPTY, so it is waited for.
            open_from: [i64::MIN; 1 + MORE_WINDOWS],
            scratch: Scratch::default(),
        }
    }

    /// Moves `open_from` on after what was reported and committed, and after what is reported now.
    fn move_open_from(
        &mut self,
        report: Option<Watermark>,
        context: &mut PartialContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let (store, committed) = (self.store()?, self.reported);
        let furthest = self.clocks.limit(context.wall_clock_ms());
        for (number, windows) in self.options.all_windows() {
            let Some(kept) = self.open_from.get_mut(usize::from(number)) else {
                continue;
            };
            let mut open_from = *kept;
            match (committed, report) {
                // Nobody waits for it from here on.
                (None, Some(Watermark::Empty)) => open_from = ALL_MAY_BE_CLOSED,
                // It is waited for again, and until then nobody can have gone further than the wall clock.
                (Some(Watermark::At(_)), _) if open_from == ALL_MAY_BE_CLOSED => {
                    open_from = windows.closed_before(furthest);
                }
                _ => {}
            }
            if let Some(Watermark::At(time)) = report {
                open_from = open_from.max(windows.closed_before(time));
            }
            if open_from != *kept {
                *kept = open_from;
                context.put(
                    store,
                    open_from_key(&[b'o', number]),
                    &open_from.to_be_bytes(),
                )?;
            }
        }
        Ok(())
    }

    fn store(&self) -> Result<StoreId, ProcessError> {
        self.clock_store
            .ok_or_else(|| Error::fatal("use a store", "the processor was not initialised").into())
    }

    /// Takes over the clocks of before a restart or a move, and what was reported by them.
    fn restore(&mut self, context: &mut PartialContext<'_, '_>) -> Result<(), ProcessError> {
        if self.restored {
            return Ok(());
        }
        let store = self.store()?;
        let now = context.wall_clock_ms();
        rows::check_format(
            "the store of clocks",
            context.get(store, CLOCKS_FORMAT_KEY)?,
        )?;
        self.stored = vec![None; self.topics.len()];
        let mut rest = context.get(store, CLOCKS)?.unwrap_or_default();
        while !rest.is_empty() {
            let (topic, time) = (
                varint::take_bytes(&mut rest),
                varint::take_signed(&mut rest),
            );
            let (Some(topic), Some(time)) = (topic, time) else {
                let detail = "it was written by a newer version, or is damaged";
                return Err(Error::fatal("read the clocks of inputs", detail).into());
            };
            // One that is not read any more does not count.
            let input = self
                .topics
                .iter()
                .position(|known| known.as_bytes() == topic);
            if let Some(input) = input {
                self.clocks.restore(input, time, now);
                if let Some(stored) = self.stored.get_mut(input) {
                    *stored = Some(time);
                }
            }
        }
        if let Some(bytes) = context.get(store, REPORTED)? {
            self.reported = rows::decode_report(bytes);
        }
        for (number, windows) in self.options.all_windows() {
            let Some(open_from) = self.open_from.get_mut(usize::from(number)) else {
                continue;
            };
            *open_from = match context.get(store, open_from_key(&[b'o', number]))? {
                Some(bytes) => bytes
                    .try_into()
                    .map_or(ALL_MAY_BE_CLOSED, i64::from_be_bytes),
                // Windows that are new since then.
                None if number > 0 => match self.reported {
                    None => i64::MIN,
                    Some(Watermark::Empty) => ALL_MAY_BE_CLOSED,
                    Some(Watermark::At(time)) => windows.closed_before(time),
                },
                None => i64::MIN,
            };
        }
        self.restored = true;
        Ok(())
    }

    /// The clocks are part of the state: whoever has the task next goes on from them. All are in one row,
    /// because they move together.
    fn store_clocks(&mut self, context: &mut PartialContext<'_, '_>) -> Result<(), ProcessError> {
        let mut moved = false;
        for (input, stored) in self.stored.iter_mut().enumerate() {
            let time = self.clocks.time(input);
            moved |= time != *stored;
            *stored = time;
        }
        if !moved {
            return Ok(());
        }
        let mut row = Vec::new();
        for (time, topic) in self.stored.iter().zip(&self.topics) {
            if let Some(time) = time {
                varint::put_bytes(&mut row, topic.as_bytes());
                varint::put_signed(&mut row, *time);
            }
        }
        context.put(self.store()?, CLOCKS, &row)
    }

    /// The watermark, if it is time to report it and there is something new.
    fn due_report(
        &mut self,
        context: &mut PartialContext<'_, '_>,
    ) -> Result<Option<Watermark>, ProcessError> {
        let now = context.wall_clock_ms();
        let interval = milliseconds(self.options.watermark_interval);
        // A clock that went back must not silence the task.
        let waits = |at: i64| (0..interval).contains(&now.saturating_sub(at));
        // Nothing is known of the inputs before the first look at them.
        let unknown = context.inputs().len() < self.topics.len();
        if unknown || self.reported_at.is_some_and(waits) {
            return Ok(None);
        }
        let watermark = self.clocks.watermark(context.inputs(), now);
        if let Some(Watermark::At(time)) = watermark {
            context.show_watermark(time);
        }
        // After a start the last report is said again: the merging tasks may have begun anew, and an EMPTY
        // task may have no other for a long time.
        let again = self.reported.filter(|_| self.reported_at.is_none());
        let news = watermark.filter(|watermark| watermark.is_news(self.reported));
        Ok(news.or(again))
    }

    /// Keeps what is reported now.
    fn store_report(
        &mut self,
        watermark: Watermark,
        context: &mut PartialContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        self.reported_at = Some(context.wall_clock_ms());
        self.reported = Some(watermark);
        let mut report = Vec::new();
        rows::encode_report(watermark, &mut report);
        context.put(self.store()?, REPORTED, &report)
    }

    fn hand_over(
        &mut self,
        report: Option<Watermark>,
        context: &mut PartialContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let task = context.task_id();
        self.writers.resize_with(
            usize::try_from(self.partitions).unwrap_or(0),
            Default::default,
        );
        for (writer, partition) in self.writers.iter_mut().zip(0..) {
            writer.record.partition = partition;
            writer.begin(task);
        }
        for part in self.sums.iter() {
            let merged_by = self.aggregator.merged_by(part.slot.group);
            let partition = partition_of(merged_by, self.partitions);
            let writer = usize::try_from(partition).ok();
            let Some(writer) = writer.and_then(|partition| self.writers.get_mut(partition)) else {
                continue;
            };
            self.scratch.aggregate.clear();
            self.aggregates
                .serialize(part.aggregate, &mut self.scratch.aggregate)?;
            writer.delta(part.slot, &self.scratch.aggregate, part.n, part.late);
            if writer.is_full(self.limits) {
                forward(&writer.record, context)?;
                writer.begin(task);
            }
        }
        self.sums.clear();
        for writer in &mut self.writers {
            if let Some(watermark) = report {
                writer.watermark(watermark);
            }
            if writer.has_sections() {
                forward(&writer.record, context)?;
            }
        }
        Ok(())
    }
}

/// The row of the inputs' clocks: topic and time of each that has one, other inputs may join.
const CLOCKS: &[u8] = b"c";
/// As [`rows::FORMAT_KEY`], of this store.
const CLOCKS_FORMAT_KEY: &[u8] = b"v";
/// The row of what was reported last.
const REPORTED: &[u8] = b"r";
/// The row of `open_from`, which is what may be closed whatever is reported or configured later: `o`, and behind it the
/// number of the windows, but for number 0.
fn open_from_key(key: &[u8; 2]) -> &[u8] {
    match key {
        [row, 0] => std::slice::from_ref(row),
        _ => key,
    }
}

const ALL_MAY_BE_CLOSED: i64 = i64::MAX;

fn forward(record: &Handover, context: &mut PartialContext<'_, '_>) -> Result<(), ProcessError> {
    let timestamp = context.wall_clock_ms();
    context.forward(Record {
        key: &(),
        value: record,
        timestamp,
        headers: Headers::default(),
    })
}

impl<A: Adds> Processor for PartialProcessor<A> {
    type Key = A::Key;
    type Value = A::Value;
    type OutKey = ();
    type OutValue = Handover;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.clock_store = Some(context.store(&clock_store(&self.name))?);
        let topic = context.repartition_topic(&self.name)?;
        self.partitions = topic.partitions;
        self.limits = HandoverLimits::of_topic(topic.max_message_bytes);
        self.topics = context.input_topics().to_vec();
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, A::Key, A::Value>,
        context: &mut PartialContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        self.restore(context)?;
        self.sums.begin(context.unit(), self.merger.as_ref());
        if let (Some(source), Some(event_time)) =
            (context.source_record(), self.aggregator.event_time(record))
        {
            let now = context.wall_clock_ms();
            self.clocks
                .heard(source.input, event_time, source.timestamp, now);
        }
        self.scratch.cause.clear();
        let mut adder = Adder {
            options: &self.options,
            open_from: &self.open_from,
            limits: self.limits,
            sums: &mut self.sums,
            groups: self.groups.as_mut(),
            group: &mut self.scratch.group,
            cause: &mut self.scratch.cause,
        };
        self.aggregator
            .add(record, &mut Deltas { sink: &mut adder })?;
        context.holds(self.sums.bytes());
        Ok(())
    }

    fn before_commit(&mut self, context: &mut PartialContext<'_, '_>) -> Result<(), ProcessError> {
        self.restore(context)?;
        self.sums.settle(self.merger.as_ref());
        let report = self.due_report(context)?;
        self.move_open_from(report, context)?;
        if let Some(watermark) = report {
            self.store_report(watermark, context)?;
        }
        self.store_clocks(context)?;
        if report.is_some() || !self.sums.is_empty() {
            self.hand_over(report, context)?;
        }
        Ok(())
    }

    fn on_rollback(&mut self, unit: u64) {
        self.sums.roll_back(unit);
    }
}

/// The name of the store that keeps the clocks.
pub(super) fn clock_store(name: &str) -> String {
    format!("{name}-clocks")
}

/// Puts deltas where they belong.
struct Adder<'a, G, A> {
    options: &'a WindowedOptions,
    open_from: &'a [i64],
    limits: HandoverLimits,
    sums: &'a mut PartialSums<A>,
    groups: &'a mut dyn Serializer<G>,
    group: &'a mut Vec<u8>,
    cause: &'a mut Vec<u8>,
}

impl<G, A: Default + Clone> DeltaSink<G, A> for Adder<'_, G, A> {
    fn caused_by(&mut self, cause: &[u8]) {
        self.cause.clear();
        self.cause.extend_from_slice(cause);
    }

    fn add(&mut self, group: &G, place: Place, delta: &A) -> Result<(), ProcessError> {
        self.group.clear();
        self.groups.serialize(group, self.group)?;
        // Found here it is this record's fault, at the commit it would be the task's.
        let (size, limit) = (
            self.group.len() + self.cause.len(),
            self.limits.group_and_cause,
        );
        if size > limit {
            let message = format!(
                "group and cause of {size} bytes; half of what the repartition topic takes is {limit} (max.message.bytes)"
            );
            return Err(ProcessError::record(OUTPUT_TOO_LARGE, message));
        }
        match place {
            Place::Total => self.add_to(Table::Total, 0, None, delta),
            Place::Window(number, moment) => {
                let windows = self.options.windows_of(number).ok_or_else(|| {
                    let detail = format!("there are no windows of number {number}");
                    Error::fatal("add to a window", detail)
                })?;
                for start in windows.starts_of(moment) {
                    self.add_to(Table::Window(number), start, Some(moment), delta);
                }
            }
            Place::Running(moment) => {
                // The first that ends after it: later ones include it.
                if let Some(start) = self.options.windows.starts_of(moment).last() {
                    self.add_to(Table::Running, start, Some(moment), delta);
                }
            }
        }
        Ok(())
    }
}

impl<G, A: Default + Clone> Adder<'_, G, A> {
    fn add_to(&mut self, table: Table, start: i64, moment: Option<i64>, delta: &A) {
        let slot = Slot {
            table,
            start,
            group: self.group,
        };
        let number = match table {
            Table::Window(number) => usize::from(number),
            Table::Running | Table::Total => 0,
        };
        let open_from = self.open_from.get(number).copied().unwrap_or(i64::MIN);
        let late = moment.filter(|_| start < open_from);
        let late = late.map(|moment| (moment, self.cause.as_slice()));
        self.sums.add(slot, delta, late);
    }
}
