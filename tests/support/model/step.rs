//! What one record, or the passing of time, sets going.

use serde_json::Value;

use super::Judged;
use super::event::InputRecord;

#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Each event that got an outcome, in the order in which it did: first that of the record, PARKED among them.
    pub settled: Vec<(InputRecord, Judged)>,
    /// Records to be sent again. Whoever drives the model feeds them, with the offsets that they get.
    pub redriven: Vec<InputRecord>,
    /// Records of `order.reconcile.v1` about orders that were forgotten before they closed.
    pub abandoned: Vec<Value>,
    /// Orders that were forgotten.
    pub forgotten: Vec<String>,
}

impl Step {
    pub fn settle(&mut self, record: &InputRecord, judged: Judged) {
        self.settled.push((record.clone(), judged));
    }

    /// Outcomes as `OUTCOME` or `OUTCOME/REASON`.
    pub fn names(&self) -> Vec<String> {
        self.settled
            .iter()
            .map(|(_, judged)| judged.name())
            .collect()
    }
}
