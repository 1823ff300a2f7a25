//! Events of an order that were set aside: tried again when the order has changed, and given up when their time is
//! over.

use topology::process::{ProcessError, ProcessingContext, Record, SourceRecord};

use super::codec::Incoming;
use super::counters::{self, Count};
use super::judge_processor::{Context, JudgeProcessor, Told, timer};
use super::set_aside::{self, SetAside};
use super::watching;
use crate::domain::event::OrderEvent;
use crate::domain::headers::{REDRIVE_COUNT, REDRIVE_TOPIC, RecordHeaders};
use crate::domain::judge::{Kept, examine_kept, judge, judge_parked};
use crate::domain::ordering::Choice;
use crate::domain::waiting::{Aside, Waiting};

/// Between two looks at a parked event whose time is over, but stretched, because an input lags.
const LOOK_AGAIN_MS: i64 = 1_000;

impl JudgeProcessor {
    /// Keeps the record of an event that the order lists under this arrival.
    pub(super) fn set_aside(
        &mut self,
        arrival: u64,
        source: &SourceRecord<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let (Some(stores), Some(entry)) = (self.stores, self.order.waiting.get(arrival)) else {
            return Ok(());
        };
        let entry = *entry;
        set_aside::write_key(&mut self.row_key, &self.order_no, arrival);
        set_aside::encode(source, &mut self.row);
        context.put(stores.parked, &self.row_key, &self.row)?;
        self.set_deadline(&entry, context)
    }

    fn set_deadline(
        &self,
        entry: &Waiting,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        if entry.aside == Aside::Kept {
            return Ok(());
        }
        let key = self.order_no.as_bytes();
        context.set_timer(self.waits_by(), entry.deadline, timer::PARKED, key)
    }

    /// Removes the record of an event that is not set aside any more.
    pub(super) fn remove_row(
        &mut self,
        arrival: u64,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let Some(stores) = self.stores else {
            return Ok(());
        };
        set_aside::write_key(&mut self.row_key, &self.order_no, arrival);
        context.delete(stores.parked, &self.row_key)
    }

    /// Forgets what was kept to be redriven: it is of a life of the order that is over.
    pub(super) fn drop_kept(
        &mut self,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let mut kept = Vec::new();
        self.order.waiting.in_turn(Aside::Kept, &mut kept);
        for arrival in kept {
            self.order.waiting.remove(arrival);
            self.remove_row(arrival, context)?;
        }
        Ok(())
    }

    /// The order has changed: events that were set aside are tried again, from the front after each that is settled.
    /// Then those that were rejected too early are sent to be judged again, if they can be.
    pub(super) fn try_again(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        if self.order.waiting.is_empty() || !self.order.exists() {
            return Ok(());
        }
        if self.options.judging.ghost_autoapply && self.order.hold() {
            self.apply_ghost(context)?;
        }
        while self.settle_first(context)? {}
        if self.options.judging.redrive {
            self.redrive_kept(context)?;
        }
        Ok(())
    }

    /// Settles the first parked event that can be. Returns whether there was one.
    fn settle_first(&mut self, context: &mut Context<'_, '_>) -> Result<bool, ProcessError> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        self.order.waiting.in_turn(Aside::Parked, &mut arrivals);
        let mut settled = Ok(false);
        for arrival in &arrivals {
            if self.still_misses_versions(*arrival) {
                continue;
            }
            settled = self.judge_again(*arrival, false, context);
            if !matches!(settled, Ok(false)) {
                break;
            }
        }
        self.arrivals = arrivals;
        settled
    }

    /// Whether it is plain without looking at the record that the event goes on waiting.
    fn still_misses_versions(&self, arrival: u64) -> bool {
        self.options.judging.ordering.gap == Choice::Park
            && self.order.waiting.get(arrival).is_some_and(|entry| {
                let last = self.order.last_version(entry.aggregate, entry.target);
                entry
                    .version
                    .is_some_and(|version| version > last.saturating_add(1))
            })
    }

    /// Judges a parked event once more. Returns whether it was settled.
    fn judge_again(
        &mut self,
        arrival: u64,
        is_over: bool,
        context: &mut Context<'_, '_>,
    ) -> Result<bool, ProcessError> {
        let (record, incoming) = self.take_row(arrival, context)?;
        let done = self.judge_row(arrival, is_over, &record, &incoming.event, context);
        self.aside = record;
        self.aside_event = incoming;
        done
    }

    fn judge_row(
        &mut self,
        arrival: u64,
        is_over: bool,
        record: &SetAside,
        event: &OrderEvent,
        context: &mut Context<'_, '_>,
    ) -> Result<bool, ProcessError> {
        let Some(entry) = self.order.waiting.get(arrival).copied() else {
            return Ok(false);
        };
        let source = record.source();
        let about = self.about(&source, context);
        let policy = &self.options.judging;
        let order = &mut self.order;
        let Some(judgement) = judge_parked(order, event, arrival, is_over, &about, policy) else {
            return Ok(false);
        };
        if self.order.waiting.get(arrival).is_none() {
            self.remove_row(arrival, context)?;
        }
        self.forget_deadline(&entry, context)?;
        let waited = about.parking_clock.saturating_sub(entry.since).max(0);
        self.conclude(
            event,
            &judgement,
            &about,
            &source,
            Told::Parked {
                waited,
                beyond_gap: entry.beyond_gap,
            },
            context,
        )?;
        Ok(true)
    }

    fn forget_deadline(
        &self,
        entry: &Waiting,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        // Events that wait until the same moment share a timer.
        if self.order.waiting.waits_until(entry.deadline) {
            return Ok(());
        }
        let key = self.order_no.as_bytes();
        context.cancel_timer(self.waits_by(), entry.deadline, timer::PARKED, key)
    }

    /// The time of parked events is over, unless it is stretched because an input of the task lags (E5).
    pub(super) fn end_of_waiting(
        &mut self,
        deadline: i64,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let mut due = Vec::new();
        self.order.waiting.in_turn(Aside::Parked, &mut due);
        let mut changed = false;
        let mut settled = false;
        for arrival in due {
            // Earlier ones may have settled it.
            let Some(entry) = self.order.waiting.get(arrival).copied() else {
                continue;
            };
            if entry.deadline > deadline || entry.aside == Aside::Kept {
                continue;
            }
            if let Some(later) = self.stretched(&entry, context)? {
                self.order.waiting.extend(arrival, later);
                let entry = Waiting {
                    deadline: later,
                    ..entry
                };
                self.set_deadline(&entry, context)?;
                changed = true;
                continue;
            }
            settled |= self.judge_again(arrival, true, context)?;
        }
        if changed {
            self.save(context)?;
        }
        if settled {
            self.try_again(context)?;
        }
        Ok(())
    }

    /// When to look again at an event whose time is over but for the lag of an input.
    fn stretched(
        &mut self,
        entry: &Waiting,
        context: &mut ProcessingContext<'_>,
    ) -> Result<Option<i64>, ProcessError> {
        if self.options.rebuild {
            return Ok(None);
        }
        let lag = watching::lag(context);
        if lag == Some(0) {
            return Ok(None);
        }
        let (record, incoming) = self.take_row(entry.arrival, context)?;
        let limits = &self.options.judging.parking;
        let wait = limits.stretched(limits.wait(&incoming.event), lag);
        self.aside = record;
        self.aside_event = incoming;
        let now = self.parking_clock(context);
        // What came while nobody was here has to be read first.
        let since = entry.since.max(*self.started_at.get_or_insert(now));
        let until = since.saturating_add(wait);
        Ok((until > now).then(|| until.min(now.saturating_add(LOOK_AGAIN_MS))))
    }

    /// The ghost's cancel is judged as if it had just arrived (E3).
    fn apply_ghost(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        let ghost = self.order.ghost.as_ref().map(|ghost| ghost.id.key());
        let entry = {
            let mut kept = self.order.waiting.of(Aside::Kept);
            kept.find(|entry| Some(entry.id) == ghost).copied()
        };
        let Some(entry) = entry else {
            return Ok(());
        };
        let limit = self.options.judging.parking.per_order;
        let (record, incoming) = self.take_row(entry.arrival, context)?;
        let (source, event) = (record.source(), &incoming.event);
        let about = self.about(&source, context);
        if about.task_is_full || self.order.waiting.count(Aside::Parked) >= limit {
            // It might have to be parked: it stays where it is until there is room.
            self.aside = record;
            self.aside_event = incoming;
            return Ok(());
        }
        self.order.waiting.remove(entry.arrival);
        self.remove_row(entry.arrival, context)?;
        context.count(counters::count(Count::Consumed), 1);
        let mut judgement = judge(&mut self.order, event, &about, &self.options.judging);
        judgement.store = true;
        let done = self.conclude(event, &judgement, &about, &source, Told::Again, context);
        self.aside = record;
        self.aside_event = incoming;
        done
    }

    /// Sends kept events to be judged again, in the order of their versions: those that would not have to wait now.
    fn redrive_kept(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        self.order.waiting.in_turn(Aside::Kept, &mut arrivals);
        let mut changed = false;
        for arrival in &arrivals {
            if self.still_misses_versions(*arrival) {
                continue;
            }
            let (record, incoming) = self.take_row(*arrival, context)?;
            let source = record.source();
            let about = self.about(&source, context);
            let (event, policy) = (&incoming.event, &self.options.judging);
            let kept = examine_kept(&self.order, event, &about, policy);
            if kept != Kept::Waits {
                self.order.waiting.remove(*arrival);
                self.remove_row(*arrival, context)?;
                changed = true;
            }
            if kept == Kept::Ready {
                self.redrive(&source, &about.headers, context)?;
            }
            self.aside = record;
            self.aside_event = incoming;
        }
        self.arrivals = arrivals;
        if changed {
            self.save(context)?;
        }
        Ok(())
    }

    /// Sends a record to be judged again. It is not marked as a replay, unless it was one: what follows from it has
    /// never happened.
    fn redrive(
        &mut self,
        source: &SourceRecord<'_>,
        asked: &RecordHeaders,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        self.headers.clear();
        let ours = [REDRIVE_COUNT, REDRIVE_TOPIC];
        let mut topic = source.topic.as_bytes();
        for (name, value) in source.headers.iter() {
            if name == REDRIVE_TOPIC {
                topic = value.unwrap_or(topic);
            }
            if !ours.contains(&name) {
                self.headers.push(name, value);
            }
        }
        let count = asked.redrive_count.saturating_add(1).to_string();
        self.headers.push(REDRIVE_COUNT, Some(count.as_bytes()));
        self.headers.push(REDRIVE_TOPIC, Some(topic));
        context.count(counters::count(Count::Redriven), 1);
        self.judged.fill_redrive(source);
        context.forward(Record {
            key: &self.order_no,
            value: &self.judged,
            // Behind everything that made it possible, should the log be read again.
            timestamp: context.stream_time().unwrap_or(source.timestamp),
            headers: self.headers.view(),
        })
    }

    /// Reads a record that was set aside and decodes it, into buffers that the caller gives back.
    pub(super) fn take_row(
        &mut self,
        arrival: u64,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(SetAside, Incoming), ProcessError> {
        let unreadable = |order_no: &str, problem: &str| {
            // Our own bytes: what was set aside must not be lost.
            let detail = format!("order {order_no}, arrival {arrival}: {problem}");
            topology::Error::fatal("read a record that was set aside", detail)
        };
        let Some(stores) = self.stores else {
            return Err(unreadable(&self.order_no, "there is no store").into());
        };
        set_aside::write_key(&mut self.row_key, &self.order_no, arrival);
        let mut record = std::mem::take(&mut self.aside);
        let row = context.get(stores.parked, &self.row_key)?;
        let row = row.ok_or_else(|| unreadable(&self.order_no, "it is missing"))?;
        record
            .decode(row)
            .map_err(|problem| unreadable(&self.order_no, &problem))?;
        let mut incoming = std::mem::take(&mut self.aside_event);
        incoming.decode_again(&mut self.decoder, &record.source());
        Ok((record, incoming))
    }
}
