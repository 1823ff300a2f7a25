use super::codec::JsonText;
use super::measures;
use crate::domain::aggregates::{
    BusinessAggregateSet, DeltaBuffer, count, count_expired, count_over, count_reached,
};
use crate::domain::detection::Measure;
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Judgement;
use crate::domain::order::Order;
use crate::domain::records::{self, Finding, RecordOrigin};
use crate::domain::watching::{Deadline, Told};
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
    /// For `order.sla.v1`; empty unless a timer of the order tells of something.
    pub sla: JsonText,
    /// For `order.detector.v1`; empty unless something was found about the order.
    pub finding: JsonText,
    /// For `order.redrive.v1`; none if nothing is to be judged again.
    pub redrive: Option<Redrive>,
    /// A buffer.
    detail: Vec<u8>,
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

    /// Fills it anew for a level that a timer of the order has reached, told at this moment. Answers since when the order is
    /// overdue, if it counts as such from here on.
    pub(super) fn fill_sla(
        &mut self,
        order: &Order,
        order_no: &str,
        reached: &Deadline,
        at: i64,
    ) -> Option<i64> {
        self.clear();
        self.window_at = at;
        records::write_sla(&mut self.sla.0, order_no, order, reached, at);
        count_reached(order, reached, &mut self.deltas)
    }

    /// Fills it anew for what a timer told and what was over at this moment; answers whether it counts for anything.
    pub(super) fn fill_over(&mut self, order: &Order, told: &Told, at: i64) -> bool {
        self.clear();
        self.window_at = at;
        count_over(order, told, at, &mut self.deltas);
        !self.deltas.is_empty()
    }

    /// Fills it anew for what moves in the queue for riders: orders that wait, and those of them that do too long.
    pub(super) fn fill_queue(&mut self, order: &Order, moved: [i64; 2], at: i64) -> bool {
        self.clear();
        self.window_at = at;
        let Some(scope) = measures::sido_scope(order) else {
            return false;
        };
        self.deltas.measure(Measure::Queue, scope, moved);
        true
    }

    /// Fills it anew for a finding about the order; scope and detail are the order's.
    pub(super) fn fill_finding(&mut self, order: &Order, finding: Finding<'_>, order_no: &str) {
        self.clear();
        self.window_at = finding.at;
        let mut detail = std::mem::take(&mut self.detail);
        detail.clear();
        records::write_order_detail(&mut detail, order);
        let finding = Finding {
            scope: order_no,
            detail: &detail,
            ..finding
        };
        records::write_finding(&mut self.finding.0, &finding);
        self.detail = detail;
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
            &mut self.sla,
            &mut self.finding,
        ] {
            text.0.clear();
        }
    }
}
