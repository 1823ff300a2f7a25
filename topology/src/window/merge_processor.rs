//! The second stage: puts partial aggregates together and closes windows.

mod closing;
mod row_keys;
mod telling;

use std::ops::{Bound, ControlFlow};

use super::aggregator::Merger;
use super::handover::{Handover, HandoverReader, Section};
use super::partial::{Slot, Table};
use super::rows::{self, Meta, Row};
use super::upstream::UpstreamTasks;
use super::{EmitStrategy, MORE_WINDOWS, WindowResult, Windowed, WindowedOptions};
use crate::Error;
use crate::codec::{Deserializer, Serializer};
use crate::process::{
    InitContext, ProcessError, Processor, ProcessorContext, Punctuation, PunctuationType, Record,
};
use crate::store::StoreId;

use closing::Closing;
use row_keys::RowKeys;
use telling::Telling;

/// Rows that are closed or told at a time; a commit may come between two portions.
const PORTION: usize = 500;

type MergeContext<'c, 'a, G, A> = ProcessorContext<'c, 'a, Windowed<G>, WindowResult<A>>;

/// Bytes of a group or an aggregate to its value and back.
pub(super) trait Serde<T>: Serializer<T> + Deserializer<T> {}

impl<T, C: Serializer<T> + Deserializer<T>> Serde<T> for C {}

/// Keeps the aggregates of its groups, closes a window when the slowest upstream task has passed its end
/// and grace, tells what changed now and then, and once more when it closes; what comes for a closed
/// window is told as late. A closed window never opens again.
pub(super) struct MergeProcessor<G, A> {
    name: String,
    options: WindowedOptions,
    merge: Merger<A>,
    groups: Box<dyn Serde<G>>,
    aggregates: Box<dyn Serde<A>>,
    store: Option<StoreId>,
    upstream: UpstreamTasks,
    meta: Meta,
    /// As `meta.closed_before`, of further windows by their number from 1.
    more_closed: [i64; MORE_WINDOWS],
    restored: bool,
    /// Keys of rows that changed since they were last told, each once; of none where only finals are told.
    changed: RowKeys,
    /// What is left of a closing or a telling that was begun.
    closing: Option<Closing>,
    telling: Option<Telling<A>>,
    scratch: Scratch<G, A>,
}

struct Scratch<G, A> {
    key: Vec<u8>,
    value: Vec<u8>,
    aggregate: A,
    delta: A,
    windowed: Windowed<G>,
    rows: RowKeys,
}

fn broken(what: &str) -> ProcessError {
    let detail = format!(
        "{what} cannot be read; it was written by a newer version, or is damaged: go back to that version, or reset the application"
    );
    Error::fatal("merge aggregates", detail).into()
}

impl<G: Default + 'static, A: Default + Clone + 'static> MergeProcessor<G, A> {
    pub(super) fn new(
        name: &str,
        options: WindowedOptions,
        merge: Merger<A>,
        groups: impl Serde<G> + 'static,
        aggregates: impl Serde<A> + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            options,
            merge,
            groups: Box::new(groups),
            aggregates: Box::new(aggregates),
            store: None,
            upstream: UpstreamTasks::default(),
            meta: Meta {
                closed_before: i64::MIN,
                late: 0,
            },
            more_closed: [i64::MIN; MORE_WINDOWS],
            restored: false,
            changed: RowKeys::default(),
            closing: None,
            telling: None,
            scratch: Scratch {
                key: Vec::new(),
                value: Vec::new(),
                aggregate: A::default(),
                delta: A::default(),
                windowed: Windowed::default(),
                rows: RowKeys::default(),
            },
        }
    }

    fn store(&self) -> Result<StoreId, ProcessError> {
        let none = || Error::fatal("use a store", "the processor was not initialised");
        self.store.ok_or_else(|| none().into())
    }

    /// What is in the store of before a restart, a move or an abort.
    fn restore(&mut self, context: &mut MergeContext<'_, '_, G, A>) -> Result<(), ProcessError> {
        if self.restored {
            return Ok(());
        }
        let store = self.store()?;
        rows::check_format(
            "the store of aggregates",
            context.get(store, rows::FORMAT_KEY)?,
        )?;
        if let Some(bytes) = context.get(store, rows::META)? {
            self.meta = Meta::decode(bytes).ok_or_else(|| broken("what was closed"))?;
        }
        for (closed, number) in self.more_closed.iter_mut().zip(1..) {
            if let Some(bytes) = context.get(store, &rows::closed_key(number))? {
                let bytes = bytes.try_into().map_err(|_| broken("what was closed"))?;
                *closed = i64::from_be_bytes(bytes);
            }
        }
        let mut failed = false;
        let (from, to) = ([rows::UPSTREAM], [rows::WINDOW]);
        let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        let upstream = &mut self.upstream;
        context.range(store, from, to, &mut |key, value| {
            match (rows::upstream_of(key), rows::decode_report(value)) {
                (Some(task), Some(watermark)) => {
                    upstream.report(task, watermark);
                }
                _ => failed = true,
            }
            ControlFlow::Continue(())
        })?;
        if failed {
            return Err(broken("a watermark"));
        }
        if self.tells_updates() {
            for (from, to) in [
                ([rows::WINDOW], [rows::CURRENT]),
                ([rows::BASE + 1], [rows::END]),
            ] {
                let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
                let changed = &mut self.changed;
                context.range(store, from, to, &mut |key, value| {
                    if Row::decode(value).is_some_and(|row| row.changed) {
                        changed.push(key);
                    }
                    ControlFlow::Continue(())
                })?;
            }
        }
        self.restored = true;
        Ok(())
    }

    fn tells_updates(&self) -> bool {
        matches!(self.options.emit, EmitStrategy::OnWindowUpdate(_))
    }

    /// Decodes the aggregate of a key into `self.scratch.aggregate`; that of nothing where there is none.
    fn read_aggregate(&mut self, bytes: Option<&[u8]>) -> Result<(), ProcessError> {
        read(self.aggregates.as_mut(), bytes, &mut self.scratch.aggregate)
    }

    /// Adds `self.scratch.delta` to the aggregate of a group in no window.
    fn add_to_group(
        &mut self,
        tag: u8,
        group: &[u8],
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        let mut key = std::mem::take(&mut self.scratch.key);
        rows::group_key(tag, group, &mut key);
        let stored = context.get(store, &key)?;
        self.read_aggregate(stored)?;
        (self.merge)(&mut self.scratch.aggregate, &self.scratch.delta);
        let value = &mut self.scratch.value;
        value.clear();
        self.aggregates.serialize(&self.scratch.aggregate, value)?;
        context.put(store, &key, value)?;
        self.scratch.key = key;
        Ok(())
    }

    /// Adds `self.scratch.delta` to a group in an open window.
    fn add_to_window(
        &mut self,
        slot: Slot<'_>,
        n: u64,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        let key = &mut self.scratch.key;
        rows::window_key(rows::tag_of(slot.table), slot.start, slot.group, key);
        let row = match context.get(store, key)? {
            None => Row::default(),
            Some(bytes) => Row::decode(bytes).ok_or_else(|| broken("an aggregate"))?,
        };
        let known = (!row.aggregate.is_empty()).then_some(row.aggregate);
        read(self.aggregates.as_mut(), known, &mut self.scratch.aggregate)?;
        let (was_changed, revision, n) = (row.changed, row.revision, row.n + n);
        (self.merge)(&mut self.scratch.aggregate, &self.scratch.delta);
        let value = &mut self.scratch.value;
        Row::begin(true, revision, n, value);
        self.aggregates.serialize(&self.scratch.aggregate, value)?;
        context.put(store, &self.scratch.key, value)?;
        if !was_changed && self.tells_updates() {
            self.changed.push(&self.scratch.key);
        }
        Ok(())
    }

    fn delta(
        &mut self,
        slot: Slot<'_>,
        aggregate: &[u8],
        n: u64,
        late: Option<(i64, &[u8])>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        read(
            self.aggregates.as_mut(),
            Some(aggregate),
            &mut self.scratch.delta,
        )?;
        if !matches!(slot.table, Table::Window(_)) {
            self.add_to_group(rows::CURRENT, slot.group, context)?;
        }
        if slot.table == Table::Total {
            return Ok(());
        }
        if slot.start >= self.closed_before(rows::tag_of(slot.table)) {
            return self.add_to_window(slot, n, context);
        }
        if slot.table == Table::Running {
            self.add_to_group(rows::BASE, slot.group, context)?;
        }
        self.tell_late(slot, late, context)
    }

    /// Of the windows that a row's tag is of, all that begin before this are closed.
    fn closed_before(&self, tag: u8) -> i64 {
        match usize::from(rows::windows_of(tag)).checked_sub(1) {
            None => self.meta.closed_before,
            Some(more) => self.more_closed.get(more).copied().unwrap_or(i64::MIN),
        }
    }

    fn store_meta(&self, context: &mut MergeContext<'_, '_, G, A>) -> Result<(), ProcessError> {
        context.put(self.store()?, rows::META, &self.meta.encode())
    }
}

fn read<A: Default>(
    aggregates: &mut dyn Serde<A>,
    bytes: Option<&[u8]>,
    target: &mut A,
) -> Result<(), ProcessError> {
    match bytes {
        None => *target = A::default(),
        Some(_) => aggregates.deserialize(bytes, target)?,
    }
    Ok(())
}

impl<G, A> Processor for MergeProcessor<G, A>
where
    G: Default + Send + 'static,
    A: Default + Clone + Send + 'static,
{
    type Key = ();
    type Value = Handover;
    type OutKey = Windowed<G>;
    type OutValue = WindowResult<A>;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store = Some(context.store(&self.name)?);
        self.upstream = UpstreamTasks::new(context.upstream_tasks(&self.name)?.to_vec());
        if let EmitStrategy::OnWindowUpdate(interval) = self.options.emit {
            context.schedule(interval, PunctuationType::WallClockTime);
        }
        // Of windows that were due, some may not have been closed.
        context.go_on_later();
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, (), Handover>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        self.restore(context)?;
        let mut reader = HandoverReader::new(&record.value.bytes)
            .map_err(|why| Error::fatal("merge aggregates", why))?;
        let task = reader.task;
        while let Some(section) = reader
            .next()
            .ok_or_else(|| broken("a record of the repartition topic"))?
        {
            match section {
                Section::Delta {
                    slot,
                    aggregate,
                    n,
                    late,
                } => self.delta(slot, aggregate, n, late, context)?,
                Section::Watermark(watermark) => {
                    if self.upstream.report(task, watermark) {
                        rows::encode_report(watermark, &mut self.scratch.value);
                        let key = rows::upstream_key(task);
                        context.put(self.store()?, &key, &self.scratch.value)?;
                        self.close_windows(context)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn on_punctuate(
        &mut self,
        _punctuation: Punctuation,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        self.restore(context)?;
        if self.changed.is_empty() {
            return Ok(());
        }
        self.telling = Some(Telling::of(std::mem::take(&mut self.changed)));
        self.tell_changes(context)
    }

    fn go_on(&mut self, context: &mut MergeContext<'_, '_, G, A>) -> Result<(), ProcessError> {
        self.restore(context)?;
        match self.telling {
            Some(_) => self.tell_changes(context),
            None => self.close_windows(context),
        }
    }
}
