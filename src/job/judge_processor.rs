use std::sync::Arc;

use topology::io::HeaderBuffer;
use topology::process::{
    InitContext, ProcessError, ProcessingContext, Processor, ProcessorContext, Punctuation,
    PunctuationType, Record, SourceRecord, TimerEvent,
};
use topology::store::{StoreId, TimerClock};

use super::codec::Incoming;
use super::counters::{self, Count};
use super::judged::Judged;
use super::lags;
use super::look_later::LookLater;
use super::measures;
use super::options::JobOptions;
use super::set_aside::SetAside;
use super::watching::WatchBuffers;
use super::{accounting, names, topics};
use crate::dialect::Decoder;
use crate::domain::aggregates::BusinessCounter;
use crate::domain::event::OrderEvent;
use crate::domain::headers::RecordHeaders;
use crate::domain::judge::judge;
use crate::domain::judgement::{ClockSkew, Judgement, RecordContext};
use crate::domain::order::Order;
use crate::domain::order_codec;
use crate::domain::ordering::Cause;
use crate::domain::outcome::{DeadLetterReason, Outcome};
use crate::domain::records::RecordOrigin;

/// The timers of an order, by their kind; part of the state on disk.
pub(super) mod timer {
    /// A parked event has waited long enough.
    pub(in crate::job) const PARKED: u8 = 1;
    /// It is looked whether the order is still to be kept.
    pub(in crate::job) const RETENTION: u8 = 2;
    /// It is looked whether something lasts too long.
    pub(in crate::job) const WATCH: u8 = 3;
    /// It is looked at several orders, whose numbers are the key.
    pub(in crate::job) const LOOK_LATER: u8 = 4;
}

/// The stores that judging keeps.
#[derive(Clone, Copy)]
pub(super) struct Stores {
    /// Orders by their number.
    pub(super) orders: StoreId,
    /// Records that were set aside.
    pub(super) parked: StoreId,
    /// What is known of the watches of orders.
    pub(super) watches: StoreId,
}

/// What the operator may do: it forwards one [`Judged`] at a time.
pub(super) type Context<'c, 'a> = ProcessorContext<'c, 'a, String, Judged>;

/// Judges each event against its order, keeps the order, and forwards what followed: one value per event
/// that could be read, whatever became of it, and one more when a parked one is settled.
///
/// What happens to events that were set aside is in `retrying`, the end of an order in `retention`. All buffers
/// are used again from record to record.
pub(super) struct JudgeProcessor {
    pub(super) options: Arc<JobOptions>,
    pub(super) stores: Option<Stores>,
    /// When this instance of the task first looked at an event whose time was over.
    pub(super) started_at: Option<i64>,
    /// The order at hand, and its number.
    pub(super) order: Order,
    pub(super) order_no: String,
    pub(super) judged: Judged,
    pub(super) headers: HeaderBuffer,
    /// A record that was set aside, its event, and the order in which such are tried.
    pub(super) aside: SetAside,
    pub(super) aside_event: Incoming,
    pub(super) decoder: Decoder,
    pub(super) arrivals: Vec<u64>,
    pub(super) row_key: Vec<u8>,
    pub(super) row: Vec<u8>,
    pub(super) watching: WatchBuffers,
    pub(super) later: LookLater,
}

/// How an event came to be judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It was just consumed.
    Arrived,
    /// It had been consumed and rejected before.
    Again,
    /// It was parked.
    Parked {
        /// For so many milliseconds.
        waited: i64,
        /// Whether it was parked because versions were missing.
        beyond_gap: bool,
    },
}

impl JudgeProcessor {
    pub(super) fn new(options: Arc<JobOptions>) -> Self {
        let mut judged = Judged::default();
        judged.count_for(options.aggregates.counted());
        Self {
            decoder: Decoder::new(options.dialects.clone()),
            options,
            stores: None,
            started_at: None,
            order: Order::default(),
            order_no: String::new(),
            judged,
            headers: HeaderBuffer::default(),
            aside: SetAside::default(),
            aside_event: Incoming::default(),
            arrivals: Vec::new(),
            row_key: Vec::new(),
            row: Vec::new(),
            watching: WatchBuffers::default(),
            later: LookLater::default(),
        }
    }
}

impl Processor for JudgeProcessor {
    type Key = ();
    type Value = Incoming;
    type OutKey = String;
    type OutValue = Judged;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.stores = Some(Stores {
            orders: context.store(names::ORDERS)?,
            parked: context.store(names::PARKED)?,
            watches: context.store(names::WATCHES)?,
        });
        context.schedule(accounting::INTERVAL, PunctuationType::WallClockTime);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, (), Incoming>,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let (Some(stores), Some(source)) = (self.stores, context.source_record()) else {
            return Ok(());
        };
        let event = &record.value.event;
        context.count(counters::count(Count::Consumed), 1);
        let about = self.about(&source, context);
        if about.headers.replay {
            context.count(counters::count(Count::Replayed), 1);
        }
        if let Some(defect) = &record.value.defect {
            return dead_letter(context, &source, defect.reason, &defect.message);
        }
        if let Some(kind) = record.value.no_event {
            tracing::debug!(
                topic = source.topic,
                offset = source.offset,
                "no event: {}",
                kind.name()
            );
            context.count(counters::of(Outcome::Ignored), 1);
            return Ok(());
        }
        self.load(event.order_no(), stores, context)?;
        let watched = self.watched();
        let generation = self.order.generation;
        let judgement = judge(&mut self.order, event, &about, &self.options.judging);
        if generation > 0 && self.order.generation > generation {
            self.drop_kept(context)?;
        }
        self.conclude(event, &judgement, &about, &source, Told::Arrived, context)?;
        if judgement.moved {
            self.try_again(context)?;
        }
        self.follow(&watched, context)
    }

    fn on_timer(
        &mut self,
        timer: TimerEvent<'_>,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let Some(stores) = self.stores else {
            return Ok(());
        };
        if timer.kind == timer::LOOK_LATER {
            return self.look_at(timer.key, context);
        }
        // Order numbers are text; the key was made of one.
        let order_no = String::from_utf8_lossy(timer.key);
        if !self.load(&order_no, stores, context)? {
            return Ok(());
        }
        match timer.kind {
            timer::PARKED => {
                let watched = self.watched();
                self.end_of_waiting(timer.deadline_ms, context)?;
                self.follow(&watched, context)
            }
            timer::WATCH => self.end_of_watch(timer.deadline_ms, context),
            _ => self.end_of_retention(timer.deadline_ms, context),
        }
    }

    fn on_punctuate(
        &mut self,
        _punctuation: Punctuation,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        accounting::check(context);
        Ok(())
    }

    fn before_commit(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        self.set_looks(context)
    }
}

/// Sends a record to the dead-letter topic, and counts it.
pub(super) fn dead_letter(
    context: &mut ProcessingContext<'_>,
    source: &SourceRecord<'_>,
    reason: DeadLetterReason,
    message: &str,
) -> Result<(), ProcessError> {
    context.count(counters::of(Outcome::DeadLettered(reason)), 1);
    context.dead_letter_record(*source, reason.name(), message)
}

impl JudgeProcessor {
    /// What is known of a record besides its event.
    pub(super) fn about(
        &self,
        source: &SourceRecord<'_>,
        context: &ProcessingContext<'_>,
    ) -> RecordContext {
        let mut headers = RecordHeaders::default();
        for (name, value) in source.headers.iter() {
            headers.read(name, value);
        }
        let limit = self
            .options
            .judging
            .parking
            .task_limit(context.counter(counters::count(Count::Consumed)));
        RecordContext {
            timestamp: source.timestamp,
            wall_clock: context.wall_clock_ms(),
            parking_clock: self.parking_clock(context),
            task_is_full: accounting::parked(context) >= limit,
            headers,
        }
    }

    /// The present time of the clock by which parked events wait.
    pub(super) fn parking_clock(&self, context: &ProcessingContext<'_>) -> i64 {
        match self.waits_by() {
            TimerClock::WallClock => context.wall_clock_ms(),
            TimerClock::StreamTime => context.stream_time().unwrap_or(0),
        }
    }

    /// The clock by which parked events wait.
    pub(super) fn waits_by(&self) -> TimerClock {
        match self.options.rebuild {
            true => TimerClock::StreamTime,
            false => TimerClock::WallClock,
        }
    }

    /// Reads the order. Returns whether there was anything of it.
    pub(super) fn load(
        &mut self,
        order_no: &str,
        stores: Stores,
        context: &mut ProcessingContext<'_>,
    ) -> Result<bool, ProcessError> {
        self.order_no.clear();
        self.order_no.push_str(order_no);
        let Some(stored) = context.get(stores.orders, order_no.as_bytes())? else {
            self.order.clear();
            return Ok(false);
        };
        order_codec::decode(stored, &mut self.order).map_err(|error| {
            // Our own bytes: nothing may be judged on top of what cannot be read.
            let detail = format!("order {order_no}: {error}");
            topology::Error::fatal("read an order's state", detail)
        })?;
        Ok(true)
    }

    /// Writes the order at hand, or removes what is empty.
    pub(super) fn save(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessError> {
        let Some(stores) = self.stores else {
            return Ok(());
        };
        if self.order.is_empty() {
            self.stop_retention(context)?;
            return context.delete(stores.orders, self.order_no.as_bytes());
        }
        self.start_retention(context)?;
        self.row.clear();
        order_codec::encode(&self.order, &mut self.row);
        context.put(stores.orders, self.order_no.as_bytes(), &self.row)
    }

    /// Keeps what a judgement changed, and tells of it.
    pub(super) fn conclude(
        &mut self,
        event: &OrderEvent,
        judgement: &Judgement,
        about: &RecordContext,
        source: &SourceRecord<'_>,
        told: Told,
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        if let Some(arrival) = judgement.set_aside {
            self.set_aside(arrival, source, context)?;
        }
        if let Some(arrival) = judgement.dropped {
            self.remove_row(arrival, context)?;
        }
        if judgement.store {
            self.save(context)?;
        }
        if judgement.transition.is_some() {
            self.watching.changed_at = judgement.times.window_at;
        }
        self.count(judgement, told, context);
        if let Outcome::DeadLettered(reason) = judgement.outcome {
            let message = event.defect().map_or("", |defect| defect.message.as_str());
            context.dead_letter_record(*source, reason.name(), message)?;
        }
        self.headers.clear();
        self.headers.extend(source.headers);
        self.headers.push("event-id", Some(event.id().as_bytes()));
        let origin = RecordOrigin {
            topic: source.topic,
            partition: source.partition,
            offset: source.offset,
            parked_ms: match told {
                Told::Arrived | Told::Again => None,
                Told::Parked { waited, .. } => Some(waited),
            },
        };
        let replay = about.headers.replay || self.options.rebuild;
        self.judged
            .fill(&self.order, event, judgement, &origin, replay);
        if self.options.minutes.enabled {
            let deltas = &mut self.judged.deltas;
            measures::count(&self.order, event, judgement, about, (told, replay), deltas);
        }
        if told == Told::Arrived
            && source.topic != topics::REDRIVE
            && about.headers.redrive_count == 0
        {
            self.judged.occurred_at = Some(event.occurred_at());
            // What is read once more is late on purpose.
            if !replay {
                lags::count(event, judgement, context);
            }
        }
        if let Told::Parked { waited, .. } = told {
            let deltas = &mut self.judged.deltas;
            deltas.sample(BusinessCounter::ParkTime, waited);
        }
        context.forward(Record {
            key: &self.order_no,
            value: &self.judged,
            timestamp: source.timestamp,
            headers: self.headers.view(),
        })
    }

    fn count(&self, judgement: &Judgement, told: Told, context: &mut ProcessingContext<'_>) {
        context.count(counters::of(judgement.outcome), 1);
        let mut one = |count| context.count(counters::count(count), 1);
        match told {
            Told::Again => {}
            Told::Parked { beyond_gap, .. } => {
                one(Count::Settled);
                if judgement.outcome.is_accepted() && beyond_gap {
                    one(Count::Inversion);
                }
            }
            Told::Arrived => {
                if judgement.cause == Some(Cause::Gap) {
                    one(Count::Gap);
                }
                match judgement.times.skew {
                    ClockSkew::None => {}
                    ClockSkew::Ahead => one(Count::ClockAhead),
                    ClockSkew::Bad => one(Count::ClockBad),
                }
            }
        }
        for invariant in judgement.violations.iter() {
            context.count(counters::violations(invariant), 1);
            tracing::error!(
                order = self.order_no,
                invariant = invariant.name(),
                "an invariant does not hold"
            );
        }
        if let Some(transition) = &judgement.transition {
            accounting::count_in_flight(transition.from, transition.to, context);
        }
    }
}
