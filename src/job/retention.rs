//! How an order is forgotten: when its time is over, by a timer of its own, not by scans.
//!
//! An order has one timer from its first record on. It is not moved with every event: when it is due, it is looked
//! how long the order is to be kept by now, and the timer is set again if that is later. The time is that of the
//! records, so that a log of days long past can be processed anew.

use topology::io::Headers;
use topology::process::{ProcessError, ProcessingContext, Record};
use topology::store::TimerClock;

use super::accounting;
use super::counters::{self, Count};
use super::judge_processor::{Context, JudgeProcessor, timer};
use crate::domain::status::DisplayStatus;
use crate::domain::waiting::Aside;

impl JudgeProcessor {
    fn kept_for(&self) -> i64 {
        i64::try_from(self.options.retention.as_millis()).unwrap_or(i64::MAX)
    }

    fn due(&self) -> i64 {
        self.order.retained_from.saturating_add(self.kept_for())
    }

    /// Sets the timer of an order that has none.
    pub(super) fn start_retention(
        &mut self,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        if self.order.retention_timer.is_some() {
            return Ok(());
        }
        let (due, now) = (self.due(), context.stream_time().unwrap_or(i64::MIN));
        // Told long after its day, in a log of the past say, an order still has its time before it.
        let due = if due > now {
            due
        } else {
            now.saturating_add(self.kept_for())
        };
        self.set_retention(due, context)
    }

    fn set_retention(
        &mut self,
        due: i64,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        self.order.retention_timer = Some(due);
        let key = self.order_no.as_bytes();
        context.set_timer(TimerClock::StreamTime, due, timer::RETENTION, key)
    }

    /// Removes the timer of an order of which nothing is left.
    pub(super) fn stop_retention(
        &mut self,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let Some(due) = self.order.retention_timer.take() else {
            return Ok(());
        };
        let key = self.order_no.as_bytes();
        context.cancel_timer(TimerClock::StreamTime, due, timer::RETENTION, key)
    }

    /// The timer is due.
    pub(super) fn end_of_retention(
        &mut self,
        deadline: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        if self.order.retention_timer != Some(deadline) {
            return Ok(());
        }
        let now = context.stream_time().unwrap_or(deadline);
        let mut due = self.due();
        if self.order.waiting.count(Aside::Parked) > 0 {
            // Not before the last event that still waits has its outcome.
            due = due.max(now.saturating_add(self.options.judging.parking.longest_wait_ms));
        }
        if due > now {
            self.set_retention(due, context)?;
            return self.save(context);
        }
        self.forget(now, context)
    }

    fn forget(&mut self, now: i64, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        let status = self.order.status();
        let count = if !self.order.exists() {
            Count::ExpiredGhost
        } else if self.order.regions.main.is_terminal() {
            Count::ExpiredClosed
        } else {
            Count::ExpiredAbandoned
        };
        context.count(counters::count(count), 1);
        accounting::count_in_flight(status, DisplayStatus::None, context);
        self.stop_watching(now, context)?;
        self.judged.fill_expired(&self.order, &self.order_no, now);
        self.drop_kept(context)?;
        self.order.clear();
        self.save(context)?;
        context.forward(Record {
            key: &self.order_no,
            value: &self.judged,
            timestamp: now,
            headers: Headers::default(),
        })
    }
}
