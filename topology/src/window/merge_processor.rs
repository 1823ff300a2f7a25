//! The second stage: puts partial aggregates together and closes windows.

use std::ops::{Bound, ControlFlow};

use super::aggregator::Merger;
use super::handover::{Handover, HandoverReader, Section};
use super::partial::{Slot, Table};
use super::rows::{self, Meta, Row};
use super::upstream::UpstreamTasks;
use super::{EmitStrategy, WindowResult, Windowed, WindowedOptions};
use crate::Error;
use crate::codec::{Deserializer, Serializer};
use crate::io::Headers;
use crate::process::{
    InitContext, ProcessError, Processor, ProcessorContext, Punctuation, PunctuationType, Record,
};
use crate::store::StoreId;

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
    restored: bool,
    /// Keys of rows that changed since they were last told, each once; of none where only finals are told.
    changed: RowKeys,
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

/// Keys one after the other in one buffer.
#[derive(Debug, Default)]
struct RowKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RowKeys {
    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().filter_map(move |end| {
            let key = self.bytes.get(begin..*end);
            begin = *end;
            key
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
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
            restored: false,
            changed: RowKeys::default(),
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
        if let Some(bytes) = context.get(store, rows::META)? {
            self.meta = Meta::decode(bytes).ok_or_else(|| broken("what was closed"))?;
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
            let (from, to) = ([rows::WINDOW], [rows::CURRENT]);
            let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
            let changed = &mut self.changed;
            context.range(store, from, to, &mut |key, value| {
                if Row::decode(value).is_some_and(|row| row.changed) {
                    changed.push(key);
                }
                ControlFlow::Continue(())
            })?;
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
        if slot.table != Table::Window {
            self.add_to_group(rows::CURRENT, slot.group, context)?;
        }
        if slot.table == Table::Total {
            return Ok(());
        }
        if slot.start >= self.meta.closed_before {
            return self.add_to_window(slot, n, context);
        }
        if slot.table == Table::Running {
            self.add_to_group(rows::BASE, slot.group, context)?;
        }
        self.tell_late(slot, late, context)
    }

    fn tell_late(
        &mut self,
        slot: Slot<'_>,
        late: Option<(i64, &[u8])>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        self.meta.late += 1;
        self.store_meta(context)?;
        self.enter_window(slot.start, slot.group)?;
        // Only what could not be late is not told apart; then the window's last moment stands for it.
        let last = self.options.windows.end_of(slot.start).saturating_sub(1);
        let (timestamp, cause) = late.unwrap_or((last, &[]));
        let result = WindowResult::Late {
            delta: self.scratch.delta.clone(),
            timestamp,
            cause: cause.to_vec(),
            number: self.meta.late,
            closed_before: self.meta.closed_before,
        };
        self.forward(timestamp, &result, context)
    }

    fn store_meta(&self, context: &mut MergeContext<'_, '_, G, A>) -> Result<(), ProcessError> {
        context.put(self.store()?, rows::META, &self.meta.encode())
    }

    /// The key of what is told next.
    fn enter_window(&mut self, start: i64, group: &[u8]) -> Result<(), ProcessError> {
        let windowed = &mut self.scratch.windowed;
        self.groups.deserialize(Some(group), &mut windowed.key)?;
        windowed.start = start;
        windowed.end = self.options.windows.end_of(start);
        Ok(())
    }

    fn forward(
        &self,
        timestamp: i64,
        result: &WindowResult<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        context.forward(Record {
            key: &self.scratch.windowed,
            value: result,
            timestamp,
            headers: Headers::default(),
        })
    }

    /// Tells the aggregate in `self.scratch.aggregate` of the row of `key`, and keeps the row unless it
    /// is final.
    fn tell(
        &mut self,
        key: &[u8],
        told: Told<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        let (start, group) = rows::window_of(key).ok_or_else(|| broken("the key of a window"))?;
        self.enter_window(start, group)?;
        let revision = told.revision + 1;
        if told.is_final {
            context.delete(store, key)?;
        } else {
            let value = &mut self.scratch.value;
            Row::begin(false, revision, told.n, value);
            self.aggregates.serialize(&told.own, value)?;
            context.put(store, key, value)?;
        }
        let end = self.scratch.windowed.end;
        let result = WindowResult::Update {
            aggregate: told.shown,
            n: told.n,
            revision,
            is_final: told.is_final,
        };
        self.forward(end.saturating_sub(1), &result, context)
    }

    /// Closes the windows that the watermark has passed, in their order.
    fn close_windows(
        &mut self,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let Some(watermark) = self.upstream.watermark() else {
            return Ok(());
        };
        context.show_watermark(watermark);
        let closed_before = self.options.windows.closed_before(watermark);
        if closed_before <= self.meta.closed_before {
            return Ok(());
        }
        for tag in [rows::WINDOW, rows::RUNNING] {
            // Below are none, only what the store has not yet cleaned up of those that were.
            let mut from = self.meta.closed_before;
            while let Some(start) = self.first_window(tag, from, closed_before, context)? {
                self.close(tag, start, context)?;
                from = start.saturating_add(1);
            }
        }
        self.meta.closed_before = closed_before;
        self.store_meta(context)
    }

    /// The first window that has rows, among those that begin from `from` on and before `before`.
    fn first_window(
        &self,
        tag: u8,
        from: i64,
        before: i64,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<Option<i64>, ProcessError> {
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        rows::window_prefix(tag, from, &mut lower);
        rows::window_prefix(tag, before, &mut upper);
        let mut first = None;
        let (from, to) = (Bound::Included(&lower[..]), Bound::Excluded(&upper[..]));
        context.range(self.store()?, from, to, &mut |key, _| {
            first = rows::window_of(key).map(|(start, _)| start);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    fn close(
        &mut self,
        tag: u8,
        start: i64,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let mut keys = std::mem::take(&mut self.scratch.rows);
        self.keys_of(tag, start, &mut keys, context)?;
        for key in keys.iter() {
            let Some(mut told) = self.row(key, context)? else {
                continue;
            };
            told.is_final = true;
            if tag == rows::RUNNING {
                let (_, group) = rows::window_of(key).ok_or_else(|| broken("a window"))?;
                self.scratch.delta.clone_from(&told.own);
                self.add_to_group(rows::BASE, group, context)?;
                told.shown.clone_from(&self.scratch.aggregate);
            }
            self.tell(key, told, context)?;
        }
        self.scratch.rows = keys;
        Ok(())
    }

    fn keys_of(
        &self,
        tag: u8,
        start: i64,
        keys: &mut RowKeys,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        keys.clear();
        let (mut from, mut to) = (Vec::new(), Vec::new());
        rows::window_prefix(tag, start, &mut from);
        rows::window_prefix(tag, start.saturating_add(1), &mut to);
        let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        context.range(self.store()?, from, to, &mut |key, _| {
            keys.push(key);
            ControlFlow::Continue(())
        })
    }

    fn row(
        &mut self,
        key: &[u8],
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<Option<Told<A>>, ProcessError> {
        let Some(bytes) = context.get(self.store()?, key)? else {
            return Ok(None);
        };
        let row = Row::decode(bytes).ok_or_else(|| broken("an aggregate"))?;
        let mut own = A::default();
        read(self.aggregates.as_mut(), Some(row.aggregate), &mut own)?;
        Ok(Some(Told {
            shown: own.clone(),
            own,
            n: row.n,
            revision: row.revision,
            is_final: false,
        }))
    }

    /// Tells what changed in open windows.
    fn tell_changes(
        &mut self,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let changed = std::mem::take(&mut self.changed);
        let is_running = |key: &[u8]| key.first() == Some(&rows::RUNNING);
        for key in changed.iter().filter(|key| !is_running(key)) {
            // One that is gone was told when its window closed.
            if let Some(told) = self.row(key, context)? {
                self.tell(key, told, context)?;
            }
        }
        if changed.iter().any(is_running) {
            self.tell_running(&changed, context)?;
        }
        self.changed = changed;
        self.changed.clear();
        Ok(())
    }

    /// A running aggregate that moved in a window has moved in all later ones too.
    fn tell_running(
        &mut self,
        changed: &RowKeys,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let mut moved: std::collections::BTreeMap<&[u8], (i64, A)> = Default::default();
        for key in changed
            .iter()
            .filter(|key| key.first() == Some(&rows::RUNNING))
        {
            if let Some((start, group)) = rows::window_of(key) {
                let entry = moved.entry(group).or_insert((start, A::default()));
                entry.0 = entry.0.min(start);
            }
        }
        let store = self.store()?;
        for (group, (_, sum)) in &mut moved {
            rows::group_key(rows::BASE, group, &mut self.scratch.key);
            let base = context.get(store, &self.scratch.key)?;
            read(self.aggregates.as_mut(), base, sum)?;
        }
        let mut keys = std::mem::take(&mut self.scratch.rows);
        keys.clear();
        let (from, to) = ([rows::RUNNING], [rows::CURRENT]);
        let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        context.range(store, from, to, &mut |key, _| {
            if rows::window_of(key).is_some_and(|(_, group)| moved.contains_key(group)) {
                keys.push(key);
            }
            ControlFlow::Continue(())
        })?;
        for key in keys.iter() {
            let Some((start, group)) = rows::window_of(key) else {
                continue;
            };
            let (Some((first, sum)), Some(mut told)) =
                (moved.get_mut(group), self.row(key, context)?)
            else {
                continue;
            };
            (self.merge)(sum, &told.own);
            if start >= *first {
                told.shown.clone_from(sum);
                self.tell(key, told, context)?;
            }
        }
        self.scratch.rows = keys;
        Ok(())
    }
}

/// A row that is told.
struct Told<A> {
    /// What the row holds.
    own: A,
    /// What is told: the same, or of a running aggregate with all that came before.
    shown: A,
    n: u64,
    revision: u64,
    is_final: bool,
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
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, (), Handover>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        self.restore(context)?;
        let mut reader = HandoverReader::new(&record.value.bytes)
            .ok_or_else(|| broken("a record of the repartition topic"))?;
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
        self.tell_changes(context)
    }
}
