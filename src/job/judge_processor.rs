use topology::io::HeaderBuffer;
use topology::process::{
    Child, InitContext, ProcessError, ProcessingContext, Processor, ProcessorContext, Record,
    SourceRecord,
};
use topology::store::StoreId;

use super::codec::{Incoming, JsonText};
use super::names;
use crate::domain::event::OrderEvent;
use crate::domain::headers::RecordHeaders;
use crate::domain::judge::{JudgingPolicy, judge};
use crate::domain::judgement::{Judgement, RecordContext};
use crate::domain::order::Order;
use crate::domain::outcome::{DeadLetterReason, Outcome};
use crate::domain::{order_codec, records};

/// Where the operator writes to.
#[derive(Clone, Copy)]
struct Ends {
    orders: StoreId,
    transitions: Child,
    state: Child,
    rejected: Child,
    reconcile: Child,
}

/// Judges each event against its order, keeps the order, and tells what followed.
///
/// All buffers are used again from record to record.
#[derive(Default)]
pub(super) struct JudgeProcessor {
    ends: Option<Ends>,
    policy: JudgingPolicy,
    order: Order,
    stored: Vec<u8>,
    order_no: String,
    json: JsonText,
    headers: HeaderBuffer,
}

impl Processor for JudgeProcessor {
    type Key = ();
    type Value = Incoming;
    type OutKey = String;
    type OutValue = JsonText;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.ends = Some(Ends {
            orders: context.store(names::ORDERS)?,
            transitions: context.child(names::TRANSITIONS)?,
            state: context.child(names::STATE)?,
            rejected: context.child(names::REJECTED)?,
            reconcile: context.child(names::RECONCILE)?,
        });
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, (), Incoming>,
        context: &mut ProcessorContext<'_, '_, String, JsonText>,
    ) -> Result<(), ProcessError> {
        let (Some(ends), Some(source)) = (self.ends, context.source_record()) else {
            return Ok(());
        };
        let event = &record.value.event;
        if let Some(defect) = &record.value.defect {
            return dead_letter(context, defect.reason, &defect.message);
        }
        if !event.matches_key(source.key) {
            let message = match source.key {
                None => "the record has no key; it must be target.orderNo".to_owned(),
                Some(key) => format!(
                    "the record's key {:?} is not target.orderNo {:?}",
                    String::from_utf8_lossy(key),
                    event.order_no()
                ),
            };
            return dead_letter(context, DeadLetterReason::KeyMismatch, &message);
        }
        self.load(ends, event, context)?;
        let about = about(&source, context.wall_clock_ms());
        let judgement = judge(&mut self.order, event, &about, &self.policy);
        if judgement.store {
            self.stored.clear();
            order_codec::encode(&self.order, &mut self.stored);
            context.put(ends.orders, event.order_no().as_bytes(), &self.stored)?;
        }
        self.tell(ends, event, &judgement, &about, &source, context)
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
    context.count(Outcome::DeadLettered(reason).index(), 1);
    context.dead_letter(reason.name(), message)
}

impl JudgeProcessor {
    fn load(
        &mut self,
        ends: Ends,
        event: &OrderEvent,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        match context.get(ends.orders, event.order_no().as_bytes())? {
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
        ends: Ends,
        event: &OrderEvent,
        judgement: &Judgement,
        about: &RecordContext,
        source: &SourceRecord<'_>,
        context: &mut ProcessorContext<'_, '_, String, JsonText>,
    ) -> Result<(), ProcessError> {
        context.count(judgement.outcome.index(), 1);
        if let Outcome::DeadLettered(reason) = judgement.outcome {
            let message = event.defect().map_or("", |defect| defect.message.as_str());
            context.dead_letter(reason.name(), message)?;
        }
        self.headers.clear();
        self.headers.extend(source.headers);
        self.headers.push("event-id", Some(event.id().as_bytes()));
        self.order_no.clear();
        self.order_no.push_str(event.order_no());
        self.json.0.clear();
        if records::write_transition(
            &mut self.json.0,
            &self.order,
            event,
            judgement,
            about.headers.replay,
        ) {
            self.forward(ends.transitions, source.timestamp, context)?;
        }
        let origin = records::RecordOrigin {
            topic: source.topic,
            partition: source.partition,
            offset: source.offset,
            parked_ms: None,
        };
        self.json.0.clear();
        if records::write_rejected(&mut self.json.0, &self.order, event, judgement, &origin) {
            self.forward(ends.rejected, source.timestamp, context)?;
        }
        self.json.0.clear();
        if records::write_reconcile(&mut self.json.0, event, &self.order, judgement) {
            self.forward(ends.reconcile, source.timestamp, context)?;
        }
        if judgement.publish_state {
            self.json.0.clear();
            records::write_state(&mut self.json.0, event.order_no(), &self.order);
            self.forward(ends.state, source.timestamp, context)?;
        }
        Ok(())
    }

    fn forward(
        &self,
        child: Child,
        timestamp: i64,
        context: &mut ProcessorContext<'_, '_, String, JsonText>,
    ) -> Result<(), ProcessError> {
        let record = Record {
            key: &self.order_no,
            value: &self.json,
            timestamp,
            headers: self.headers.view(),
        };
        context.forward_to(child, record)
    }
}
