use super::codec::JsonText;
use crate::domain::aggregates::{DeltaBuffer, count};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Judgement;
use crate::domain::order::Order;
use crate::domain::records::{self, RecordOrigin};

/// What judging a record came to: what is told of it, and what it counts for.
///
/// One value is filled again and again, and handed on by reference; once its buffers have grown, nothing is allocated.
#[derive(Debug, Default)]
pub struct Judged {
    /// The event's id.
    pub event_id: String,
    /// When it happened by the actor's clock, epoch milliseconds: by this the clock of the input moves.
    pub occurred_at: i64,
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
    /// For `order.reconcile.v1`; empty if it contradicts nothing.
    pub reconcile: JsonText,
}

impl Judged {
    /// Fills it anew; the order is as after the event.
    pub(super) fn fill(
        &mut self,
        order: &Order,
        event: &OrderEvent,
        judgement: &Judgement,
        origin: &RecordOrigin<'_>,
        replay: bool,
    ) {
        self.event_id.clear();
        self.event_id.push_str(event.id());
        self.occurred_at = event.occurred_at();
        self.window_at = judgement.times.window_at;
        self.deltas.clear();
        count(order, event, judgement, &mut self.deltas);
        for text in [
            &mut self.transition,
            &mut self.state,
            &mut self.rejected,
            &mut self.reconcile,
        ] {
            text.0.clear();
        }
        records::write_transition(&mut self.transition.0, order, event, judgement, replay);
        records::write_rejected(&mut self.rejected.0, order, event, judgement, origin);
        records::write_reconcile(&mut self.reconcile.0, event, order, judgement);
        if judgement.publish_state {
            records::write_state(&mut self.state.0, event.order_no(), order);
        }
    }
}
