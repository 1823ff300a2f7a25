//! Pairs of orders that may have been sent twice (A23): what is known of orders of one kind in closed minutes in, the number of
//! pairs in a minute out, in the form of what the merging tells.
//!
//! All orders of one customer, store and amount are a group, and all groups come to this task. When a minute of a group closes,
//! it is put together with the five before it; pairs count in the minute of their later order. A minute is told as final
//! when all groups are closed in it. What comes late changes pairs of minutes that were told, by late deltas, as long as
//! its neighbours are kept, for an hour. Rows of the store, by the first byte:
//!
//! ```text
//! 01 minute group    what is known of its orders in the minute: the value's own bytes
//! 02 minute          pairs so far of a minute that was not told yet (8 bytes, big-endian)
//! ```
//!
//! A minute is its beginning (8 bytes, big-endian, the sign flipped).

use std::ops::{Bound, ControlFlow};
use std::time::Duration;

use topology::io::Headers;
use topology::process::{
    InitContext, ProcessError, Processor, ProcessorContext, Punctuation, PunctuationType, Record,
};
use topology::store::StoreId;
use topology::window::{WindowResult, Windowed};

use super::names;
use super::recent_groups::RecentGroups;
use crate::domain::aggregates::{AggregateValue, Marks, PAIRS, SUSPECT_MS};
use crate::domain::detection::{MINUTE_MS, Measure, write_measured};

/// Between two looks at the watermark.
const INTERVAL: Duration = Duration::from_secs(1);
/// So long before the last closed minute something may have happened and still be compared with its neighbours.
const KEPT_MS: i64 = 3_600_000;
/// Minutes in which a late order can be in a pair: its own, and those of orders up to five minutes later.
const TOUCHED: usize = 1 + (SUSPECT_MS / MINUTE_MS) as usize;
/// Rows that are deleted at a time.
const PORTION: usize = 2_000;

const MARKS: u8 = 1;
const UNTOLD: u8 = 2;
/// Kind, minute, group.
const MARKS_KEY: usize = 1 + 8 + 9;

type Context<'c, 'a> = ProcessorContext<'c, 'a, Windowed<Vec<u8>>, WindowResult<AggregateValue>>;

/// Counts pairs.
pub(super) struct DuplicatePairs {
    /// How long after its end a minute closes, milliseconds.
    grace_ms: i64,
    store: Option<StoreId>,
    key: Vec<u8>,
    end: Vec<u8>,
    row: Vec<u8>,
    value: AggregateValue,
    marks: Marks,
    told: Windowed<Vec<u8>>,
    recent: RecentGroups,
    /// Rows of minutes before this are deleted.
    swept: i64,
    /// Keys of rows to be deleted, one behind the other.
    over: Vec<u8>,
    due: Vec<(i64, i64)>,
}

fn broken(what: &str) -> ProcessError {
    let detail = format!("{what} of duplicates cannot be read: reset the application");
    topology::Error::fatal("read a row of duplicates", detail).into()
}

fn ordered(at: i64) -> [u8; 8] {
    (at ^ i64::MIN).to_be_bytes()
}

fn write_key(out: &mut Vec<u8>, kind: u8, minute: i64, group: &[u8]) {
    out.clear();
    out.push(kind);
    out.extend_from_slice(&ordered(minute));
    out.extend_from_slice(group);
}

/// What came for a minute that was closed.
struct Late<'a> {
    delta: &'a AggregateValue,
    timestamp: i64,
    cause: &'a [u8],
    number: u64,
    closed_before: i64,
}

impl DuplicatePairs {
    pub(super) fn new(grace_ms: i64) -> Self {
        Self {
            grace_ms,
            store: None,
            key: Vec::new(),
            end: Vec::new(),
            row: Vec::new(),
            value: AggregateValue::default(),
            marks: Marks::default(),
            told: Windowed::default(),
            recent: RecentGroups::default(),
            swept: i64::MIN,
            over: Vec::new(),
            due: Vec::new(),
        }
    }

    fn store(&self) -> Result<StoreId, ProcessError> {
        let none = || topology::Error::fatal("use a store", "the processor was not initialised");
        self.store.ok_or_else(|| none().into())
    }

    /// Reads what is kept of a group's minute into `self.value`; answers whether there is anything.
    fn read(
        &mut self,
        minute: i64,
        group: &[u8],
        context: &mut Context<'_, '_>,
    ) -> Result<bool, ProcessError> {
        write_key(&mut self.key, MARKS, minute, group);
        let Some(bytes) = context.get(self.store()?, &self.key)? else {
            return Ok(false);
        };
        let read = self.value.decode(bytes);
        read.map_err(|_| broken("a minute"))?;
        Ok(true)
    }

    /// Learns which groups have rows of minutes that begin at this moment or later.
    fn learn(&mut self, from: i64, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        let store = self.store()?;
        write_key(&mut self.key, MARKS, from, &[]);
        self.recent.begin(from);
        let (recent, mut failed) = (&mut self.recent, false);
        context.range(
            store,
            Bound::Included(&self.key[..]),
            Bound::Excluded(&[MARKS + 1][..]),
            &mut |key, _| {
                match key.get(1..).and_then(<[u8]>::split_first_chunk) {
                    Some((start, group)) => {
                        recent.add(i64::from_be_bytes(*start) ^ i64::MIN, group)
                    }
                    None => failed = true,
                }
                ControlFlow::Continue(())
            },
        )?;
        match failed {
            true => Err(broken("a key")),
            false => Ok(()),
        }
    }

    /// Adds what is kept of a group in the minutes from one to before another.
    fn gather(
        &mut self,
        group: &[u8],
        from: i64,
        to: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let mut minute = from;
        while minute < to {
            if self.read(minute, group, context)? {
                self.marks.take_in(&self.value);
            }
            minute += MINUTE_MS;
        }
        Ok(())
    }

    /// The pairs of this minute, and of those after it that an order in it can touch.
    fn pairs(&self, minute: i64) -> [i64; TOUCHED] {
        let mut pairs = [0; TOUCHED];
        self.marks.for_each_pair(|at, number| {
            let place = usize::try_from((at - minute).div_euclid(MINUTE_MS));
            if let Some(known) = place.ok().and_then(|place| pairs.get_mut(place)) {
                *known += number;
            }
        });
        pairs
    }

    /// A minute of a group closes.
    fn close(
        &mut self,
        minute: &Windowed<Vec<u8>>,
        value: &AggregateValue,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let (store, start) = (self.store()?, minute.start);
        self.marks.clear();
        self.marks.take_in(value);
        let has_created = self.marks.has_created();
        let from = start.saturating_sub(SUSPECT_MS);
        if self.recent.is_new() {
            self.learn(from, context)?;
        }
        if has_created && self.recent.may_have(from, &minute.key) {
            self.gather(&minute.key, from, start, context)?;
        }
        self.recent.add(start, &minute.key);
        write_key(&mut self.key, MARKS, start, &minute.key);
        self.row.clear();
        value.encode(&mut self.row);
        context.put(store, &self.key, &self.row)?;
        if !has_created {
            return Ok(());
        }
        let [pairs, ..] = self.pairs(start);
        let known = self.untold(start, context)?;
        match (known, pairs) {
            (Some(_), 0) => Ok(()),
            _ => self.keep(start, known.unwrap_or(0) + pairs, context),
        }
    }

    /// The pairs so far of a minute that was not told yet.
    fn untold(
        &mut self,
        start: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<i64>, ProcessError> {
        write_key(&mut self.key, UNTOLD, start, &[]);
        let Some(bytes) = context.get(self.store()?, &self.key)? else {
            return Ok(None);
        };
        let bytes = bytes.try_into().map_err(|_| broken("a count"))?;
        Ok(Some(i64::from_be_bytes(bytes)))
    }

    /// Keeps the pairs so far of a minute that was not told yet, and has the detectors know.
    fn keep(
        &mut self,
        start: i64,
        pairs: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        write_key(&mut self.key, UNTOLD, start, &[]);
        context.put(self.store()?, &self.key, &pairs.to_be_bytes())?;
        self.told.key.clear();
        write_measured(&mut self.told.key, Measure::Duplicates, ["all", ""]);
        self.tell(start, pairs, context)
    }

    /// Tells the pairs of a minute of the group whose key is at hand.
    fn tell(
        &mut self,
        start: i64,
        pairs: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        (self.told.start, self.told.end) = (start, start.saturating_add(MINUTE_MS));
        let result = WindowResult::Update {
            aggregate: AggregateValue::count(pairs),
            moved: AggregateValue::count(pairs),
            n: u64::try_from(pairs).unwrap_or(0),
            revision: 1,
            is_final: true,
        };
        context.forward(Record {
            key: &self.told,
            value: &result,
            timestamp: self.told.end.saturating_sub(1),
            headers: Headers::default(),
        })
    }

    /// Something comes for a minute of a group that was closed.
    fn come_late(
        &mut self,
        minute: &Windowed<Vec<u8>>,
        late: &Late<'_>,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let (store, start) = (self.store()?, minute.start);
        if late.closed_before.saturating_sub(start) > KEPT_MS {
            return Ok(());
        }
        self.marks.clear();
        let (from, to) = (start - SUSPECT_MS, start + SUSPECT_MS + MINUTE_MS);
        self.gather(&minute.key, from, to, context)?;
        let before = self.pairs(start);
        self.marks.take_in(late.delta);
        let after = self.pairs(start);
        if !self.read(start, &minute.key, context)? {
            self.value = AggregateValue::default();
        }
        self.value.merge(late.delta);
        self.recent.add(start, &minute.key);
        write_key(&mut self.key, MARKS, start, &minute.key);
        self.row.clear();
        self.value.encode(&mut self.row);
        context.put(store, &self.key, &self.row)?;

        let starts = (0..).map(|place| start + place * MINUTE_MS);
        for (start, (before, after)) in starts.zip(before.into_iter().zip(after)) {
            if before == after {
                continue;
            }
            if let Some(known) = self.untold(start, context)? {
                self.keep(start, known + after - before, context)?;
                continue;
            }
            self.told.key.clear();
            self.told.key.extend_from_slice(&PAIRS);
            (self.told.start, self.told.end) = (start, start.saturating_add(MINUTE_MS));
            let result = WindowResult::Late {
                delta: AggregateValue::count(after - before),
                timestamp: late.timestamp,
                cause: late.cause.to_vec(),
                number: late.number,
                closed_before: late.closed_before,
            };
            context.forward(Record {
                key: &self.told,
                value: &result,
                timestamp: late.timestamp,
                headers: Headers::default(),
            })?;
        }
        Ok(())
    }

    /// All minutes that begin before this are closed in every group.
    fn closed_before(&self, context: &Context<'_, '_>) -> Option<i64> {
        let reached = context.watermark()?.saturating_sub(self.grace_ms);
        Some(reached.div_euclid(MINUTE_MS).saturating_mul(MINUTE_MS))
    }

    /// Tells the minutes that are closed.
    fn tell_closed(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        let store = self.store()?;
        let Some(closed_before) = self.closed_before(context) else {
            return Ok(());
        };
        write_key(&mut self.end, UNTOLD, closed_before, &[]);
        let (due, mut failed) = (&mut self.due, false);
        due.clear();
        context.range(
            store,
            Bound::Included(&[UNTOLD][..]),
            Bound::Excluded(&self.end[..]),
            &mut |key, value| {
                let start = key.get(1..).and_then(|bytes| bytes.try_into().ok());
                match (start, value.try_into()) {
                    (Some(start), Ok(pairs)) => due.push((
                        i64::from_be_bytes(start) ^ i64::MIN,
                        i64::from_be_bytes(pairs),
                    )),
                    _ => failed = true,
                }
                ControlFlow::Continue(())
            },
        )?;
        if failed {
            return Err(broken("a count"));
        }
        let due = std::mem::take(&mut self.due);
        for (start, pairs) in &due {
            write_key(&mut self.key, UNTOLD, *start, &[]);
            context.delete(store, &self.key)?;
            self.told.key.clear();
            self.told.key.extend_from_slice(&PAIRS);
            self.tell(*start, *pairs, context)?;
        }
        self.due = due;
        Ok(())
    }

    /// Deletes a portion of the rows that nothing is compared with any more.
    fn sweep(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        let store = self.store()?;
        let Some(closed_before) = self.closed_before(context) else {
            return Ok(());
        };
        let kept_from = closed_before.saturating_sub(KEPT_MS + SUSPECT_MS);
        if kept_from <= self.swept {
            return Ok(());
        }
        write_key(&mut self.key, MARKS, self.swept, &[]);
        write_key(&mut self.end, MARKS, kept_from, &[]);
        let over = &mut self.over;
        over.clear();
        let mut failed = false;
        context.range(
            store,
            Bound::Included(&self.key[..]),
            Bound::Excluded(&self.end[..]),
            &mut |key, _| {
                failed |= key.len() != MARKS_KEY;
                over.extend_from_slice(key);
                match over.len() < PORTION * MARKS_KEY {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            },
        )?;
        if failed {
            return Err(broken("a key"));
        }
        for key in self.over.chunks_exact(MARKS_KEY) {
            context.delete(store, key)?;
        }
        if self.over.len() < PORTION * MARKS_KEY {
            self.swept = kept_from;
            return Ok(());
        }
        let last = self.over.last_chunk::<MARKS_KEY>();
        let last = last.and_then(|key| key.get(1..9)?.try_into().ok());
        self.swept = last.map_or(self.swept, |bytes| i64::from_be_bytes(bytes) ^ i64::MIN);
        context.go_on_later();
        Ok(())
    }
}

impl Processor for DuplicatePairs {
    type Key = Windowed<Vec<u8>>;
    type Value = WindowResult<AggregateValue>;
    type OutKey = Windowed<Vec<u8>>;
    type OutValue = WindowResult<AggregateValue>;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store = Some(context.store(names::DUPLICATES)?);
        context.schedule(INTERVAL, PunctuationType::WallClockTime);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, Windowed<Vec<u8>>, WindowResult<AggregateValue>>,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        match record.value {
            WindowResult::Update {
                is_final: false, ..
            } => Ok(()),
            WindowResult::Update { aggregate, .. } => self.close(record.key, aggregate, context),
            WindowResult::Late {
                delta,
                timestamp,
                cause,
                number,
                closed_before,
            } => {
                let late = Late {
                    delta,
                    timestamp: *timestamp,
                    cause,
                    number: *number,
                    closed_before: *closed_before,
                };
                self.come_late(record.key, &late, context)
            }
        }
    }

    fn on_punctuate(
        &mut self,
        _punctuation: Punctuation,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        self.tell_closed(context)?;
        self.sweep(context)
    }

    fn go_on(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        self.sweep(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::aggregates::{Mark, Thing};

    #[test]
    fn the_bytes_of_rows_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "duplicates-1.hex");
        let (mut key, mut row) = (Vec::new(), Vec::new());
        let minute = 1_795_143_600_000;
        write_key(&mut key, MARKS, minute, &[0x7e, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(key.len(), MARKS_KEY);
        pinned.assert_written("marks-key", &key);
        let mark = Mark {
            at: minute + 250,
            created: true,
            order: 7,
        };
        let value = AggregateValue::default().with(Thing::Mark(mark));
        value.encode(&mut row);
        pinned.assert_written("marks", &row);
        let (mut read, mut marks) = (AggregateValue::default(), Marks::default());
        read.decode(pinned.bytes("marks")).unwrap();
        marks.take_in(&read);
        assert!(marks.has_created());
        write_key(&mut key, UNTOLD, minute, &[]);
        pinned.assert_written("untold-key", &key);
        pinned.assert_written("untold", &3_i64.to_be_bytes());
    }
}
