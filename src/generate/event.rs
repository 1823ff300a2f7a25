//! A generated record, in buffers that are used again for the next one.

use super::action::{Action, TargetType};
use super::input_topic::InputTopic;

/// Highest version of each aggregate of an order so far; 0 before its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AggregateVersions {
    /// Of the order.
    pub order: u32,
    /// Of its payment.
    pub payment: u32,
    /// Of its claim.
    pub claim: u32,
    /// Of the current delivery id.
    pub delivery: u32,
    /// How many delivery ids there have been.
    pub deliveries: u32,
}

impl AggregateVersions {
    /// The version of the aggregate (of the current delivery) that a target belongs to.
    pub const fn of(&self, target: TargetType) -> u32 {
        match target {
            TargetType::Order => self.order,
            TargetType::Payment => self.payment,
            TargetType::Claim => self.claim,
            TargetType::Delivery => self.delivery,
        }
    }
}

/// One record for an input topic. The fields are what a producer sends; the last three say where
/// in its order's story the event stands.
#[derive(Debug, Clone)]
pub struct GeneratedEvent {
    /// Where it goes.
    pub topic: InputTopic,
    /// The record's key: the order number. Empty stands for none (only faults leave it out).
    pub key: Vec<u8>,
    /// The record's timestamp, epoch ms: `time.recordedAt`.
    pub timestamp: u64,
    /// The envelope as JSON. Empty stands for none (only faults leave it out).
    pub value: Vec<u8>,
    /// Header `id`.
    pub id: [u8; 36],
    /// Header `action`.
    pub action: &'static str,
    /// Header `schema-version`.
    pub schema_version: u32,
    /// What the event is about.
    pub target: TargetType,
    /// The versions of the order's aggregates after the event.
    pub versions: AggregateVersions,
    /// No event of this order follows.
    pub is_last_of_order: bool,
}

impl GeneratedEvent {
    /// The version that the event carries.
    pub const fn version(&self) -> u32 {
        self.versions.of(self.target)
    }

    /// Takes over another event without giving up the own buffers.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let (mut key, mut value) = (
            std::mem::take(&mut self.key),
            std::mem::take(&mut self.value),
        );
        key.clone_from(&other.key);
        value.clone_from(&other.value);
        *self = Self {
            key,
            value,
            ..*other
        };
    }
}

impl Default for GeneratedEvent {
    fn default() -> Self {
        Self {
            topic: InputTopic::Order,
            key: Vec::new(),
            timestamp: 0,
            value: Vec::with_capacity(1024),
            id: [b'0'; 36],
            action: Action::OrderCreated.name(),
            schema_version: 1,
            target: TargetType::Order,
            versions: AggregateVersions::default(),
            is_last_of_order: false,
        }
    }
}

/// Something that yields records in the order in which they are to be sent.
pub trait EventSource {
    /// Puts the next record into `event`; `false` at the end, when `event` is left as it is.
    fn next_into(&mut self, event: &mut GeneratedEvent) -> bool;
}
