use super::codec::JsonText;
use crate::domain::aggregates::{BusinessAggregateSet, DeltaBuffer, count, count_expired};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Judgement;
use crate::domain::order::Order;
use crate::domain::records::{self, RecordOrigin};
use topology::process::SourceRecord;

/// What judging a record came to: what is told of it, and what it counts for.
///
/// One value is filled again and again, and handed on by reference; once its buffers have grown, nothing is allocated.
#[derive(Debug, Default)]
pub struct Judged {
    /// The event's id.
    pub event_id: String,
    /// When it happened by the actor's clock, epoch milliseconds: by this the clock of the input moves. None of an
    /// event that is judged again: it moved the clock when it first came.
    pub occurred_at: Option<i64>,
    /// The same as windows take it, epoch milliseconds: all deltas belong to this moment.
    pub window_at: i64,
    /// What it adds to the aggregates and counters.
    pub deltas: DeltaBuffer,
    /// For `order.transitions.v1`; empty if the event was neither applied nor annotated.
    pub transition: JsonText,
    /// For `order.state.v1`; empty if nothing changed of which it tells.
    pub state: JsonText,
    /// For `order.rejected.v1`; empty if the event was not rejected.
    pub rejected: JsonText,
    /// Whether the order is forgotten, and `order.state.v1` is to say so.
    pub state_ends: bool,
    /// For `order.reconcile.v1`; empty if it contradicts nothing.
    pub reconcile: JsonText,
    /// For `order.redrive.v1`; none if nothing is to be judged again.
    pub redrive: Option<Redrive>,
}

/// A record that is sent to be judged again.
#[derive(Debug, Default)]
pub struct Redrive {
    /// The partition in which its order is.
    pub partition: i32,
    /// The record's value as it came.
    pub value: Option<Vec<u8>>,
}

impl Judged {
    /// Counts for these aggregates alone, from here on.
    pub(super) fn count_for(&mut self, wanted: BusinessAggregateSet) {
        self.deltas.want(wanted);
    }

    /// Fills it anew; the order is as after the event.
    pub(super) fn fill(
        &mut self,
        order: &Order,
        event: &OrderEvent,
        judgement: &Judgement,
        origin: &RecordOrigin<'_>,
        replay: bool,
    ) {
        self.clear();
        self.event_id.push_str(event.id());
        self.window_at = judgement.times.window_at;
        count(order, event, judgement, &mut self.deltas);
        records::write_transition(&mut self.transition.0, order, event, judgement, replay);
        records::write_rejected(&mut self.rejected.0, order, event, judgement, origin);
        records::write_reconcile(&mut self.reconcile.0, event, order, judgement);
        if judgement.publish_state {
            records::write_state(&mut self.state.0, event.order_no(), order);
        }
    }

    /// Fills it anew for an order whose time is over, at this moment of stream time.
    pub(super) fn fill_expired(&mut self, order: &Order, order_no: &str, at: i64) {
        self.clear();
        self.window_at = at;
        self.state_ends = order.exists();
        count_expired(order, &mut self.deltas);
        records::write_abandoned(&mut self.reconcile.0, order_no, order, at);
    }

    /// Fills it anew for a record that is to be judged again.
    pub(super) fn fill_redrive(&mut self, source: &SourceRecord<'_>) {
        self.clear();
        self.redrive = Some(Redrive {
            partition: source.partition,
            value: source.value.map(<[u8]>::to_vec),
        });
    }

    fn clear(&mut self) {
        self.event_id.clear();
        self.occurred_at = None;
        self.state_ends = false;
        self.redrive = None;
        self.deltas.clear();
        for text in [
            &mut self.transition,
            &mut self.state,
            &mut self.rejected,
            &mut self.reconcile,
        ] {
            text.0.clear();
        }
    }
}
