use topology::io::HeaderBuffer;
use topology::process::{
    InitContext, ProcessError, ProcessingContext, Processor, ProcessorContext, Record, SourceRecord,
};
use topology::store::StoreId;

use super::codec::Incoming;
use super::judged::Judged;
use super::{counters, names};
use crate::domain::event::OrderEvent;
use crate::domain::headers::RecordHeaders;
use crate::domain::judge::{JudgingPolicy, judge};
use crate::domain::judgement::{Judgement, RecordContext};
use crate::domain::order::Order;
use crate::domain::order_codec;
use crate::domain::outcome::{DeadLetterReason, Outcome};
use crate::domain::records::RecordOrigin;

/// Judges each event against its order, keeps the order, and forwards what followed: one value per event
/// that could be read, whatever became of it.
///
/// All buffers are used again from record to record.
#[derive(Default)]
pub(super) struct JudgeProcessor {
    orders: Option<StoreId>,
    policy: JudgingPolicy,
    order: Order,
    stored: Vec<u8>,
    order_no: String,
    judged: Judged,
    headers: HeaderBuffer,
}

impl Processor for JudgeProcessor {
    type Key = ();
    type Value = Incoming;
    type OutKey = String;
    type OutValue = Judged;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.orders = Some(context.store(names::ORDERS)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, (), Incoming>,
        context: &mut ProcessorContext<'_, '_, String, Judged>,
    ) -> Result<(), ProcessError> {
        let (Some(orders), Some(source)) = (self.orders, context.source_record()) else {
            return Ok(());
        };
        let event = &record.value.event;
        if let Some(defect) = &record.value.defect {
            return dead_letter(context, defect.reason, &defect.message);
        }
        if let Some(kind) = record.value.no_event {
            let message = format!("the record carries no event: {}", kind.name());
            return dead_letter(context, DeadLetterReason::Malformed, &message);
        }
        self.load(orders, event, context)?;
        let about = about(&source, context.wall_clock_ms());
        let judgement = judge(&mut self.order, event, &about, &self.policy);
        if judgement.store {
            self.stored.clear();
            order_codec::encode(&self.order, &mut self.stored);
            context.put(orders, event.order_no().as_bytes(), &self.stored)?;
        }
        self.tell(event, &judgement, &about, &source, context)
    }
}

fn about(source: &SourceRecord<'_>, wall_clock: i64) -> RecordContext {
    let mut headers = RecordHeaders::default();
    for (name, value) in source.headers.iter() {
        headers.read(name, value);
    }
    RecordContext {
        timestamp: source.timestamp,
        wall_clock,
        headers,
    }
}

fn dead_letter(
    context: &mut ProcessingContext<'_>,
    reason: DeadLetterReason,
    message: &str,
) -> Result<(), ProcessError> {
    context.count(counters::of(Outcome::DeadLettered(reason)), 1);
    context.dead_letter(reason.name(), message)
}

impl JudgeProcessor {
    fn load(
        &mut self,
        orders: StoreId,
        event: &OrderEvent,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        match context.get(orders, event.order_no().as_bytes())? {
            None => self.order.clear(),
            Some(stored) => order_codec::decode(stored, &mut self.order).map_err(|error| {
                // Our own bytes: nothing may be judged on top of what cannot be read.
                let detail = format!("order {}: {error}", event.order_no());
                topology::Error::fatal("read an order's state", detail)
            })?,
        }
        Ok(())
    }

    fn tell(
        &mut self,
        event: &OrderEvent,
        judgement: &Judgement,
        about: &RecordContext,
        source: &SourceRecord<'_>,
        context: &mut ProcessorContext<'_, '_, String, Judged>,
    ) -> Result<(), ProcessError> {
        context.count(counters::of(judgement.outcome), 1);
        if let Outcome::DeadLettered(reason) = judgement.outcome {
            let message = event.defect().map_or("", |defect| defect.message.as_str());
            context.dead_letter(reason.name(), message)?;
        }
        self.headers.clear();
        self.headers.extend(source.headers);
        self.headers.push("event-id", Some(event.id().as_bytes()));
        self.order_no.clear();
        self.order_no.push_str(event.order_no());
        let origin = RecordOrigin {
            topic: source.topic,
            partition: source.partition,
            offset: source.offset,
            parked_ms: None,
        };
        let replay = about.headers.replay;
        self.judged
            .fill(&self.order, event, judgement, &origin, replay);
        context.forward(Record {
            key: &self.order_no,
            value: &self.judged,
            timestamp: source.timestamp,
            headers: self.headers.view(),
        })
    }
}
