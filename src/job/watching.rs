//! Timers of orders: what must not last too long is told once when it does, by a timer that is part of the state.
//!
//! An order has one timer at most, for the first deadline before it; the row in the store `watches` says when it is due,
//! and which levels were told. It is moved only to an earlier moment: when it is due, it is looked what was reached, and the
//! timer is set again. A timer that the row does not know is none: one may be left by a crash of another program's
//! version.
//!
//! A deadline counts only once everything up to it was read: while an input lags, it is waited for, and with more lag
//! than `timers.max_lag_ms` nothing is told at all; orders whose first deadline is over by then share timers
//! (`look_later`). So a backlog, or a stop of an hour, makes no breach that was none. A log that is processed anew has its
//! own time, stream time, and no lag.

use topology::io::Headers;
use topology::process::{ProcessError, ProcessingContext, Record};
use topology::store::StoreId;

use super::counters;
use super::judge_processor::{Context, JudgeProcessor, timer};
use crate::domain::action::Action;
use crate::domain::actor::Aggregate;
use crate::domain::detector::Detector;
use crate::domain::records::{Finding, Phase};
use crate::domain::watching::{
    Deadline, Level, Limits, Running, Told, Watch, WatchRow, WatchSet, for_each_deadline,
    handed_out_after_end, next_deadline,
};

/// Between two looks while deadlines are waited for, because inputs lag: the shortest, and the longest. In between it is a
/// minute for each hour of lag, which is sooner than a backlog is worked off; to look at every order of it again and again
/// would make it longer.
const LOOK_AGAIN_MS: [i64; 2] = [10_000, 60_000];
/// The shortest wait for a deadline that is over but for the lag.
const SOON_MS: i64 = 1_000;
/// From this level on an order waits for a rider too long (D4).
const OVERDUE: (Watch, Level) = (Watch::NoRider, Level::Breach);
/// A timer that was due so long ago is gone.
const LOST_MS: i64 = 60_000;

/// What is watched of orders.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// What at all; nothing where timers and detectors are off.
    pub watches: WatchSet,
    /// What is too long.
    pub limits: Limits,
    /// With more lag of an input than so many milliseconds nothing is told.
    pub max_lag_ms: i64,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            watches: WatchSet::ALL,
            limits: Limits::default(),
            max_lag_ms: 60_000,
        }
    }
}

/// What of an order decides about its watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Watched {
    running: Running,
    /// Events that say that its food was handed out although it was cancelled.
    ghosts: usize,
    /// Whether it has come to its end. Then what was told ends, also where nothing is watched any more.
    is_over: bool,
}

/// Buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct WatchBuffers {
    row: WatchRow,
    bytes: Vec<u8>,
    ended: Vec<Told>,
    reached: Vec<Deadline>,
    /// When the last event happened that changed an order, epoch milliseconds as windows take it.
    pub(super) changed_at: i64,
}

/// How far the inputs of the task are behind, milliseconds; none where nobody knows.
pub(super) fn lag(context: &ProcessingContext<'_>) -> Option<i64> {
    let mut lags = context.inputs().iter().map(|input| input.lag_ms);
    // After a start there are none until they are looked at for the first time.
    let first = lags.next()??;
    lags.try_fold(first, |most, lag| Some(most.max(lag?)))
}

/// Milliseconds until a deadline that is over but for this lag is looked at again.
pub(super) fn look_again_after(lag_ms: i64) -> i64 {
    let [soonest, latest] = LOOK_AGAIN_MS;
    (lag_ms / 60).clamp(soonest, latest)
}

impl JudgeProcessor {
    /// What is to be compared with what will be after the order has changed.
    pub(super) fn watched(&self) -> Watched {
        let wanted = self.options.watching.watches;
        let is_over = self.order.regions.main.is_terminal();
        if wanted.is_empty() {
            return Watched {
                is_over,
                ..Watched::default()
            };
        }
        let ghosts = match wanted.contains(Watch::GhostDelivery) {
            true => handed_out_after_end(&self.order).count(),
            false => 0,
        };
        Watched {
            running: Running::of(&self.order).only(wanted),
            ghosts,
            is_over,
        }
    }

    /// The order may have changed: what does not run any more has ended, and the timer is set for what does.
    pub(super) fn follow(
        &mut self,
        before: &Watched,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let after = self.watched();
        if after == *before {
            return Ok(());
        }
        let at = self.watching.changed_at;
        self.change_watches(context, |it, row, context| {
            it.end_watches(&after.running, at, row, context)?;
            it.queue(&after.running, row, context)?;
            if after.ghosts > before.ghosts {
                it.tell_ghost(before.ghosts > 0, &after.running, row, context)?;
            }
            it.set_watch(&after.running, row, context)
        })
    }

    /// The order is about to be forgotten, at this moment of stream time.
    pub(super) fn stop_watching(
        &mut self,
        at: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let none = Running::default();
        self.change_watches(context, |it, row, context| {
            it.end_watches(&none, at, row, context)?;
            it.queue(&none, row, context)?;
            it.set_watch(&none, row, context)
        })
    }

    /// The timer is due.
    pub(super) fn end_of_watch(
        &mut self,
        deadline: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        self.change_watches(context, |it, row, context| {
            if row.due != Some(deadline) {
                return Ok(());
            }
            row.due = None;
            it.look_at_watches(row, context)
        })
    }

    /// The order at hand is looked at again, unless it has a timer meanwhile.
    pub(super) fn look(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        self.change_watches(context, |it, row, context| match row.due {
            Some(_) => Ok(()),
            None => it.look_at_watches(row, context),
        })
    }

    /// What is over is told, what was reached if that may be, and when it is looked at next is set.
    fn look_at_watches(
        &mut self,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let running = self.watched().running;
        let now = self.parking_clock(context);
        self.end_watches(&running, now, row, context)?;
        if let Some(horizon) = self.horizon(context) {
            self.tell_reached(&running, horizon, row, context)?;
            self.queue(&running, row, context)?;
        }
        self.set_watch(&running, row, context)
    }

    /// Reads the row of the order at hand, and writes what was made of it.
    fn change_watches(
        &mut self,
        context: &mut Context<'_, '_>,
        change: impl FnOnce(&mut Self, &mut WatchRow, &mut Context<'_, '_>) -> Result<(), ProcessError>,
    ) -> Result<(), ProcessError> {
        let Some(store) = self.stores.map(|stores| stores.watches) else {
            return Ok(());
        };
        let mut row = std::mem::take(&mut self.watching.row);
        let done = self
            .read_watches(store, &mut row, context)
            .and_then(|()| change(self, &mut row, context))
            .and_then(|()| self.write_watches(store, &row, context));
        self.watching.row = row;
        done
    }

    fn read_watches(
        &mut self,
        store: StoreId,
        row: &mut WatchRow,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        row.clear();
        self.watching.bytes.clear();
        let Some(bytes) = context.get(store, self.order_no.as_bytes())? else {
            return Ok(());
        };
        self.watching.bytes.extend_from_slice(bytes);
        row.decode(bytes).map_err(|error| {
            // Our own bytes: what was told must not be told again.
            let detail = format!("order {}: {error}", self.order_no);
            topology::Error::fatal("read an order's watches", detail).into()
        })
    }

    fn write_watches(
        &mut self,
        store: StoreId,
        row: &WatchRow,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let key = self.order_no.as_bytes();
        if row.is_empty() {
            return match self.watching.bytes.is_empty() {
                true => Ok(()),
                false => context.delete(store, key),
            };
        }
        self.row.clear();
        row.encode(&mut self.row);
        if self.row == self.watching.bytes {
            return Ok(());
        }
        context.put(store, key, &self.row)
    }

    /// Everything that happened up to then was read; none while nobody knows.
    pub(super) fn horizon(&self, context: &ProcessingContext<'_>) -> Option<i64> {
        let now = self.parking_clock(context);
        if self.options.rebuild {
            return Some(now);
        }
        let lag = lag(context)?;
        (lag <= self.options.watching.max_lag_ms).then(|| now.saturating_sub(lag))
    }

    /// Sets the timer for the first deadline, unless one comes before it; removes it where there is none.
    fn set_watch(
        &mut self,
        running: &Running,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let clock = self.waits_by();
        let Some(next) = next_deadline(&self.order, running, &self.options.watching.limits, row)
        else {
            return match row.due.take() {
                Some(due) => {
                    context.cancel_timer(clock, due, timer::WATCH, self.order_no.as_bytes())
                }
                None => Ok(()),
            };
        };
        let now = self.parking_clock(context);
        // None: it is looked at together with others.
        let due = match self.horizon(context) {
            _ if next > now => Some(next),
            Some(horizon) if horizon >= next => Some(next),
            Some(_) => Some(now.saturating_add(SOON_MS)),
            None => None,
        };
        let key = self.order_no.as_bytes();
        if let Some(set) = row.due {
            if due.is_none_or(|due| set <= due) && set > now.saturating_sub(LOST_MS) {
                return Ok(());
            }
            context.cancel_timer(clock, set, timer::WATCH, key)?;
        }
        row.due = due;
        match due {
            Some(due) => context.set_timer(clock, due, timer::WATCH, key),
            None => {
                self.look_later(context);
                Ok(())
            }
        }
    }

    /// Tells of the levels that were reached, in the order of their deadlines.
    fn tell_reached(
        &mut self,
        running: &Running,
        horizon: i64,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let mut reached = std::mem::take(&mut self.watching.reached);
        reached.clear();
        let limits = &self.options.watching.limits;
        for_each_deadline(&self.order, running, limits, row, |deadline| {
            if deadline.at <= horizon {
                reached.push(deadline);
            }
        });
        reached.sort_by_key(|deadline| (deadline.at, deadline.watch.code()));
        let mut done = Ok(());
        for deadline in &reached {
            done = self.tell_level(deadline, row, context);
            if done.is_err() {
                break;
            }
        }
        self.watching.reached = reached;
        done
    }

    fn tell_level(
        &mut self,
        reached: &Deadline,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let now = self.parking_clock(context);
        let quiet = reached.watch == Watch::PaidNoOrder && !self.approval_waits(context)?;
        row.told.push(Told {
            watch: reached.watch,
            level: reached.level,
            since: reached.since,
            quiet,
            overdue_from: None,
        });
        match Detector::of(reached.watch) {
            None => {
                if (reached.watch, reached.level) == OVERDUE && row.queued {
                    self.move_queue([0, 1], context)?;
                }
                context.count(counters::sla(reached.watch, reached.level), 1);
                let order = &self.order;
                let overdue_from = self.judged.fill_sla(order, &self.order_no, reached, now);
                if let Some(told) = row.told.last_mut() {
                    told.overdue_from = overdue_from;
                }
                self.forward_watch(now, context)
            }
            Some(_) if quiet => Ok(()),
            Some(detector) => {
                let finding = self.finding(detector, Phase::Start, reached.since, now);
                let finding = Finding {
                    baseline: Some(seconds(reached.limit)),
                    ..finding
                };
                self.judged
                    .fill_finding(&self.order, finding, &self.order_no);
                context.count(counters::found(detector), 1);
                self.forward_watch(now, context)
            }
        }
    }

    /// What ended, at this moment, is taken off the row, and told where its beginning was.
    fn end_watches(
        &mut self,
        running: &Running,
        at: i64,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let mut ended = std::mem::take(&mut self.watching.ended);
        row.take_ended(running, &mut ended);
        let mut done = Ok(());
        for told in &ended {
            done = self.end_watch(told, at, row.queued, context);
            if done.is_err() {
                break;
            }
        }
        self.watching.ended = ended;
        done
    }

    fn end_watch(
        &mut self,
        told: &Told,
        at: i64,
        queued: bool,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let Some(detector) = Detector::of(told.watch) else {
            if (told.watch, told.level) == OVERDUE && queued {
                self.move_queue([0, -1], context)?;
            }
            if told.level == Level::Breach {
                context.count(counters::sla_left(told.watch), 1);
            }
            if self.judged.fill_over(&self.order, told, at) {
                let now = self.parking_clock(context);
                return self.forward_watch(now, context);
            }
            return Ok(());
        };
        if told.quiet {
            return Ok(());
        }
        self.tell_finding(detector, Phase::End, told.since, context)
    }

    /// Counts the order among those that wait for a rider, or no longer. What is counted stands in the row, so that the
    /// queue is exact whenever counting began. An order that is stuck waits for somebody to look at it, not for a rider:
    /// such would be in the queue for ever, and the more of it the fewer orders there are.
    fn queue(
        &mut self,
        running: &Running,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let waits = self.options.minutes.enabled
            && running.since(Watch::NoRider).is_some()
            && !row.told.iter().any(|told| told.watch == Watch::Stuck);
        if waits == row.queued {
            return Ok(());
        }
        row.queued = waits;
        let mut told = row.told.iter();
        let overdue = i64::from(told.any(|told| (told.watch, told.level) == OVERDUE));
        let direction = if waits { 1 } else { -1 };
        self.move_queue([direction, direction * overdue], context)
    }

    fn move_queue(
        &mut self,
        moved: [i64; 2],
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let now = self.parking_clock(context);
        match self.judged.fill_queue(&self.order, moved, now) {
            true => self.forward_watch(now, context),
            false => Ok(()),
        }
    }

    /// Food was handed out for a cancelled order: a fact, whatever the lag.
    fn tell_ghost(
        &mut self,
        was_told: bool,
        running: &Running,
        row: &mut WatchRow,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let (watch, detector) = (Watch::GhostDelivery, Detector::GhostDelivery);
        let first = handed_out_after_end(&self.order).next();
        let Some(since) = first.map(|fact| fact.occurred_at) else {
            return Ok(());
        };
        let known = row.has(watch, Level::Breach, since);
        match running.since(watch) {
            Some(_) if known => self.tell_finding(detector, Phase::Update, since, context),
            Some(_) => {
                row.told.push(Told {
                    watch,
                    level: Level::Breach,
                    since,
                    quiet: false,
                    overdue_from: None,
                });
                self.tell_finding(detector, Phase::Start, since, context)
            }
            // It is over: its end was told just now.
            None if was_told => Ok(()),
            None => {
                self.tell_finding(detector, Phase::Start, since, context)?;
                self.tell_finding(detector, Phase::End, since, context)
            }
        }
    }

    fn tell_finding(
        &mut self,
        detector: Detector,
        phase: Phase,
        since: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let now = self.parking_clock(context);
        let finding = self.finding(detector, phase, since, now);
        self.judged
            .fill_finding(&self.order, finding, &self.order_no);
        match phase {
            Phase::Start => context.count(counters::found(detector), 1),
            Phase::Update => {}
            Phase::End => context.count(counters::found_over(detector), 1),
        }
        self.forward_watch(now, context)
    }

    /// The value of a finding about an order is for how many seconds it has lasted.
    fn finding(&self, detector: Detector, phase: Phase, since: i64, now: i64) -> Finding<'static> {
        Finding {
            detector: detector.name(),
            scope: "",
            phase,
            value: seconds(now.saturating_sub(since).max(0)),
            baseline: None,
            started_at: since,
            at: now,
            detail: &[],
        }
    }

    fn forward_watch(
        &mut self,
        now: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        context.forward(Record {
            key: &self.order_no,
            value: &self.judged,
            timestamp: now,
            headers: Headers::default(),
        })
    }

    /// Whether a payment that waits for its order is an approved one.
    fn approval_waits(
        &mut self,
        context: &mut ProcessingContext<'_>,
    ) -> Result<bool, ProcessError> {
        let entries = self.order.waiting.entries().iter();
        let payments: Vec<u64> = entries
            .filter(|entry| entry.aggregate == Aggregate::Payment)
            .map(|entry| entry.arrival)
            .collect();
        for arrival in payments {
            let (record, incoming) = self.take_row(arrival, context)?;
            let approved = incoming.event.action() == Some(Action::PaymentApproved);
            (self.aside, self.aside_event) = (record, incoming);
            if approved {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Milliseconds as seconds.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_further_behind_the_less_often_deadlines_are_looked_at() {
        const MINUTE_MS: i64 = 60_000;
        for (lag, after) in [
            (0, 10_000),
            (10 * MINUTE_MS, 10_000),
            (30 * MINUTE_MS, 30_000),
            (60 * MINUTE_MS, 60_000),
            (i64::MAX, 60_000),
        ] {
            assert_eq!(look_again_after(lag), after, "lag of {lag} ms");
        }
    }
}
