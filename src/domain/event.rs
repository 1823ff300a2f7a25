//! An order event, decoded into a value that is used again for the next record.

use super::action::Action;
use super::actor::{ActorType, Aggregate};
use super::decode::Completeness;
use super::info::{Info, InfoField};
use super::json::Token;
use super::outcome::DeadLetterReason;

/// A range of the event's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Why a record is no event that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The dead letter's reason.
    pub reason: DeadLetterReason,
    /// Which part of the record, and what is wrong with it.
    pub message: String,
}

/// A member of the information as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Its name.
    pub(super) name: Span,
    /// The field of that name; none if there is no such field.
    pub(super) field: Option<InfoField>,
    /// Its value.
    pub(super) value: Token,
}

/// One event: target, action, actor, information and time.
///
/// The payload is copied once into the event's text; strings are ranges of it (those with escapes of what was
/// appended to it). Decoding the next record into the same value allocates nothing once the text has grown.
#[derive(Clone, Debug, Default)]
pub struct OrderEvent {
    pub(super) text: String,
    pub(super) payload: Span,
    pub(super) id: Span,
    pub(super) id_key: u128,
    pub(super) content_hash: u64,
    pub(super) target_type: Option<Aggregate>,
    pub(super) target_id: Span,
    pub(super) order_no: Span,
    pub(super) version: Option<u64>,
    pub(super) action: Option<Action>,
    pub(super) action_name: Span,
    pub(super) actor_type: Option<ActorType>,
    pub(super) actor_id: Option<Span>,
    pub(super) info: Info,
    pub(super) occurred_at: i64,
    pub(super) recorded_at: i64,
    pub(super) schema_version: Option<i64>,
    pub(super) source: Option<Span>,
    pub(super) members: Vec<Member>,
    pub(super) completeness: Completeness,
    pub(super) defect: Option<Defect>,
}

impl OrderEvent {
    /// The text of a range.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// The original envelope, as JSON.
    #[must_use]
    pub fn envelope(&self) -> &str {
        self.text(self.payload)
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text(self.id)
    }

    /// The event's id as 128 bits.
    #[must_use]
    pub const fn id_key(&self) -> u128 {
        self.id_key
    }

    /// Hash of target, action, actor, information and time: the same for the same content, whatever the order
    /// of the keys and the white space.
    #[must_use]
    pub const fn content_hash(&self) -> u64 {
        self.content_hash
    }

    /// The kind of aggregate that changed.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        self.target_type.unwrap_or(Aggregate::Order)
    }

    /// The id of the aggregate that changed: order number, delivery, payment or claim id.
    #[must_use]
    pub fn target_id(&self) -> &str {
        self.text(self.target_id)
    }

    /// The order that the event belongs to.
    #[must_use]
    pub fn order_no(&self) -> &str {
        self.text(self.order_no)
    }

    /// Whether the record's key is the order number.
    #[must_use]
    pub fn matches_key(&self, key: Option<&[u8]>) -> bool {
        key == Some(self.order_no().as_bytes())
    }

    /// The aggregate's version after the change; none if the source numbers nothing.
    #[must_use]
    pub const fn version(&self) -> Option<u64> {
        self.version
    }

    /// What happened; none if the action is not known.
    #[must_use]
    pub const fn action(&self) -> Option<Action> {
        self.action
    }

    /// The action as written.
    #[must_use]
    pub fn action_name(&self) -> &str {
        self.text(self.action_name)
    }

    /// Who acted; none if the source does not tell.
    #[must_use]
    pub const fn actor_type(&self) -> Option<ActorType> {
        self.actor_type
    }

    /// Who acted, by id.
    #[must_use]
    pub fn actor_id(&self) -> Option<&str> {
        self.actor_id.map(|span| self.text(span))
    }

    /// What the actor knew or decided.
    #[must_use]
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// When it happened by the actor's clock, epoch milliseconds.
    #[must_use]
    pub const fn occurred_at(&self) -> i64 {
        self.occurred_at
    }

    /// When it was recorded by its owner, epoch milliseconds.
    #[must_use]
    pub const fn recorded_at(&self) -> i64 {
        self.recorded_at
    }

    /// The system that published it.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.map(|span| self.text(span))
    }

    /// The customer: named in the information, else the actor if a customer acted.
    #[must_use]
    pub fn customer_id(&self) -> Option<&str> {
        match self.info.customer_id {
            Some(span) => Some(self.text(span)),
            None if self.actor_type == Some(ActorType::Customer) => self.actor_id(),
            None => None,
        }
    }

    /// Whether it tells only what happened to which order and when: neither who acted nor what they knew.
    #[must_use]
    pub fn is_thin(&self) -> bool {
        self.completeness == Completeness::Thin
    }

    /// What is wrong with an event whose envelope is sound.
    #[must_use]
    pub const fn defect(&self) -> Option<&Defect> {
        self.defect.as_ref()
    }

    /// Forgets everything but the memory it holds.
    pub(super) fn clear(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        let mut members = std::mem::take(&mut self.members);
        text.clear();
        members.clear();
        *self = Self {
            text,
            members,
            ..Self::default()
        };
    }
}
