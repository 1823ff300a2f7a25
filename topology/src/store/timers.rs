//! Persistent timers: rows of the task's own family, ordered by deadline.
//!
//! Key: `02`, clock, deadline (8 bytes, big-endian, sign flipped), node (2 bytes), kind, key; the
//! value is empty. Nothing here ever scans the whole family: a lower bound on the deadlines of each
//! clock is remembered, so that timers taken or cancelled are not stepped over twice.

use std::ops::{Bound, ControlFlow};

use super::backend::{Backend, BackendResult, FamilyIndex};
use super::overlay::{Overlay, Retention};
use super::range::merged_range;

/// First byte of a timer's key in the task's own family.
pub(crate) const TIMER_TAG: u8 = 0x02;

/// Which clock a timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerClock {
    /// The machine's clock.
    WallClock,
    /// The task's stream time.
    StreamTime,
}

impl TimerClock {
    fn byte(self) -> u8 {
        match self {
            TimerClock::WallClock => 0,
            TimerClock::StreamTime => 1,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(TimerClock::WallClock),
            1 => Some(TimerClock::StreamTime),
            _ => None,
        }
    }
}

/// A timer of an operator for a key. All fields together are its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer<'a> {
    /// The clock it waits for.
    pub clock: TimerClock,
    /// When it is due, milliseconds since the epoch.
    pub deadline_ms: i64,
    /// The node that set it.
    pub node: u16,
    /// What it is for, chosen by the operator.
    pub kind: u8,
    /// The key it was set for.
    pub key: &'a [u8],
}

impl<'a> Timer<'a> {
    pub(crate) fn encode(&self, row: &mut Vec<u8>) {
        row.clear();
        encode_head(self.clock, self.deadline_ms, row);
        row.extend_from_slice(&self.node.to_be_bytes());
        row.push(self.kind);
        row.extend_from_slice(self.key);
    }

    pub(crate) fn decode(row: &'a [u8]) -> Option<Self> {
        let (&[tag, clock], rest) = row.split_first_chunk::<2>()?;
        let (deadline, rest) = rest.split_first_chunk::<8>()?;
        let (node, rest) = rest.split_first_chunk::<2>()?;
        let (&kind, key) = rest.split_first()?;
        if tag != TIMER_TAG {
            return None;
        }
        Some(Self {
            clock: TimerClock::from_byte(clock)?,
            deadline_ms: unordered(*deadline),
            node: u16::from_be_bytes(*node),
            kind,
            key,
        })
    }
}

fn encode_head(clock: TimerClock, deadline_ms: i64, row: &mut Vec<u8>) {
    row.push(TIMER_TAG);
    row.push(clock.byte());
    // With the sign bit flipped, the order of the bytes is the order of the numbers.
    row.extend_from_slice(&(deadline_ms ^ i64::MIN).to_be_bytes());
}

fn unordered(deadline: [u8; 8]) -> i64 {
    i64::from_be_bytes(deadline) ^ i64::MIN
}

/// Timers taken because they are due; reused, so that taking them allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct TimerBatch {
    rows: Vec<u8>,
    ends: Vec<usize>,
}

impl TimerBatch {
    /// How many timers were taken.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether none was due.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The timers in the order of their deadlines.
    pub fn iter(&self) -> impl Iterator<Item = Timer<'_>> {
        self.rows().filter_map(Timer::decode)
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().filter_map(move |&end| {
            let row = self.rows.get(start..end);
            start = end;
            row
        })
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.ends.clear();
    }

    fn push(&mut self, row: &[u8]) {
        self.rows.extend_from_slice(row);
        self.ends.push(self.rows.len());
    }
}

/// The earliest deadline of a clock, if it is known without looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Known(Option<i64>),
    Unknown,
}

/// Nothing is known of the deadlines.
const FROM_THE_START: i64 = i64::MIN;

#[derive(Debug)]
struct ClockState {
    next: Next,
    /// Every deadline is at or after this one: where reading begins.
    begin: i64,
    begin_at_mark: i64,
    begin_at_commit: i64,
}

impl ClockState {
    fn new() -> Self {
        Self {
            next: Next::Unknown,
            begin: FROM_THE_START,
            begin_at_mark: FROM_THE_START,
            begin_at_commit: FROM_THE_START,
        }
    }
}

/// The timers of a task.
#[derive(Debug)]
pub(crate) struct Timers {
    pub overlay: Overlay,
    wall_clock: ClockState,
    stream_time: ClockState,
    scratch: Vec<u8>,
    start: Vec<u8>,
    end: Vec<u8>,
}

impl Timers {
    pub fn new() -> Self {
        Self {
            overlay: Overlay::new(Retention::Nothing),
            wall_clock: ClockState::new(),
            stream_time: ClockState::new(),
            scratch: Vec::new(),
            start: Vec::new(),
            end: Vec::new(),
        }
    }

    fn clock(&mut self, clock: TimerClock) -> &mut ClockState {
        match clock {
            TimerClock::WallClock => &mut self.wall_clock,
            TimerClock::StreamTime => &mut self.stream_time,
        }
    }

    pub fn set(&mut self, timer: &Timer<'_>) {
        let mut row = std::mem::take(&mut self.scratch);
        timer.encode(&mut row);
        self.overlay.write(&row, Some(&[]));
        self.scratch = row;
        let state = self.clock(timer.clock);
        state.begin = state.begin.min(timer.deadline_ms);
        if let Next::Known(next) = &mut state.next {
            *next = Some(next.map_or(timer.deadline_ms, |next| next.min(timer.deadline_ms)));
        }
    }

    pub fn cancel(&mut self, timer: &Timer<'_>) {
        let mut row = std::mem::take(&mut self.scratch);
        timer.encode(&mut row);
        self.overlay.write(&row, None);
        self.scratch = row;
        let state = self.clock(timer.clock);
        if state.next == Next::Known(Some(timer.deadline_ms)) {
            state.next = Next::Unknown;
        }
    }

    pub fn next_deadline(
        &mut self,
        clock: TimerClock,
        backend: &dyn Backend,
        family: FamilyIndex,
    ) -> BackendResult<Option<i64>> {
        if let Next::Known(next) = self.clock(clock).next {
            return Ok(next);
        }
        let mut next = None;
        self.visit_until(clock, i64::MAX, backend, family, &mut |row| {
            next = Timer::decode(row).map(|timer| timer.deadline_ms);
            ControlFlow::Break(())
        })?;
        let state = self.clock(clock);
        state.next = Next::Known(next);
        state.begin = next.unwrap_or(i64::MAX);
        Ok(next)
    }

    /// Moves up to `max` timers due at `now_ms` into `due`, in the order of their deadlines.
    pub fn take_due(
        &mut self,
        clock: TimerClock,
        now_ms: i64,
        max: usize,
        due: &mut TimerBatch,
        backend: &dyn Backend,
        family: FamilyIndex,
    ) -> BackendResult<()> {
        due.clear();
        if max == 0
            || matches!(self.clock(clock).next, Next::Known(next) if next.is_none_or(|next| next > now_ms))
        {
            return Ok(());
        }
        let mut last = None;
        self.visit_until(clock, now_ms, backend, family, &mut |row| {
            due.push(row);
            if due.len() < max {
                ControlFlow::Continue(())
            } else {
                last = Timer::decode(row).map(|timer| timer.deadline_ms);
                ControlFlow::Break(())
            }
        })?;
        for row in due.rows() {
            self.overlay.write(row, None);
        }
        let state = self.clock(clock);
        state.next = Next::Unknown;
        // All up to the last one taken are gone, or all that were due.
        state.begin = state.begin.max(last.unwrap_or(now_ms.saturating_add(1)));
        Ok(())
    }

    /// Visits timers due at `now_ms` in order.
    fn visit_until(
        &mut self,
        clock: TimerClock,
        now_ms: i64,
        backend: &dyn Backend,
        family: FamilyIndex,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> BackendResult<()> {
        let begin = self.clock(clock).begin;
        self.start.clear();
        encode_head(clock, begin, &mut self.start);
        self.end.clear();
        match now_ms.checked_add(1) {
            Some(after) => encode_head(clock, after, &mut self.end),
            None => self.end.extend_from_slice(&[TIMER_TAG, clock.byte() + 1]),
        }
        let (from, to) = (
            Bound::Included(self.start.as_slice()),
            Bound::Excluded(self.end.as_slice()),
        );
        merged_range(
            &mut self.overlay,
            from,
            to,
            |visit| backend.range(family, from, to, visit),
            &mut |row, _| visit(row),
        )
    }

    /// A record begins.
    pub fn mark(&mut self) {
        for state in [&mut self.wall_clock, &mut self.stream_time] {
            state.begin_at_mark = state.begin;
        }
        self.overlay.mark();
    }

    /// Takes back what the record did.
    pub fn rollback(&mut self) {
        if self.overlay.is_written_since_mark() {
            for state in [&mut self.wall_clock, &mut self.stream_time] {
                state.next = Next::Unknown;
                state.begin = state.begin_at_mark;
            }
        }
        self.overlay.rollback();
    }

    /// Drops what is not committed.
    pub fn abort(&mut self) {
        for state in [&mut self.wall_clock, &mut self.stream_time] {
            state.next = Next::Unknown;
            state.begin = state.begin_at_commit;
            state.begin_at_mark = state.begin;
        }
        self.overlay.abort();
    }

    /// What the overlay held is committed.
    pub fn committed(&mut self) {
        for state in [&mut self.wall_clock, &mut self.stream_time] {
            state.begin_at_commit = state.begin;
            state.begin_at_mark = state.begin;
        }
        self.overlay.committed();
    }

    /// Committed rows were changed from elsewhere: nothing is known of them any more.
    pub fn restored(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests;
