//! What is told of an order. Names are those of `order.state.v1` where they mean the same.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::time::{parse_rfc3339, write_rfc3339_kst};

/// A time, epoch milliseconds; written as RFC 3339 in Korean time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KstTime(pub i64);

impl KstTime {
    /// As it is written.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = Vec::with_capacity(29);
        write_rfc3339_kst(&mut text, self.0);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Serialize for KstTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for KstTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = parse_rfc3339(&text).map(Self);
        time.ok_or_else(|| D::Error::custom(format!("{text:?} is no time")))
    }
}

/// An order, or what came of one that was not created (`status` NONE).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderAnswer {
    /// The order number.
    pub order_no: String,
    /// The display status.
    pub status: String,
    /// The same in Korean.
    pub status_korean: String,
    /// The order number's use: 1, or more when it was used again.
    pub generation: u32,
    /// How many events were applied or annotated.
    pub seq: u64,
    /// The five regions.
    pub regions: RegionsAnswer,
    /// The last version consumed of each aggregate.
    pub versions: VersionsAnswer,
    /// Customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// Category of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Province or metropolitan city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sido: Option<String>,
    /// City or district.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigungu: Option<String>,
    /// Neighbourhood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dong: Option<String>,
    /// How the food reaches the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<String>,
    /// The order's amount in won.
    pub amount: i64,
    /// What was paid, in won.
    pub paid: i64,
    /// What went back, in won.
    pub refunded: i64,
    /// How it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// The first promised arrival.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_promised_at: Option<KstTime>,
    /// The promised arrival.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<KstTime>,
    /// Minutes that the store needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cook_minutes: Option<i64>,
    /// When the milestones were reached: `createdAt`, `paidAt`, …
    pub times: BTreeMap<String, KstTime>,
    /// Assignments of a rider.
    pub attempts: u32,
    /// Assignments that did not hold.
    pub reassigned: u32,
    /// Deliveries of the same food after a failed one.
    pub redelivered: u32,
    /// Why the order ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liability: Option<String>,
    /// What is remarkable.
    pub flags: Vec<String>,
    /// Whether consumers must wait, because the order's cancel came before it.
    pub hold: bool,
    /// Whether an owner's event was rejected and nothing has settled it.
    pub contradicted: bool,
    /// The aggregates whose owners it is.
    pub contradicted_by: Vec<String>,
    /// When the order last changed.
    pub updated_at: KstTime,
    /// The last applied event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied: Option<FactAnswer>,
    /// The rejected cancel that came before the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ghost: Option<FactAnswer>,
    /// How long the order is kept.
    pub retention: RetentionAnswer,
    /// The last events that were consumed, at most 64, in the order in which they were.
    pub timeline: Vec<TimelineEntry>,
    /// Events that came after the end.
    pub after_terminal: Vec<FactAnswer>,
    /// Events that wait, by arrival.
    pub parked: Vec<SetAsideAnswer>,
    /// Events that were rejected and will be redriven once what they miss has come.
    pub kept: Vec<SetAsideAnswer>,
    /// What is watched of it now: timers, and detectors that look at single orders.
    pub watches: Vec<WatchAnswer>,
    /// The task that has the order.
    pub task: String,
    /// The instance that runs it.
    pub instance: String,
    /// When this was read: everything committed until then.
    pub as_of: KstTime,
}

/// Something that must not last too long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WatchAnswer {
    /// The field `timer` of `order.sla.v1`, or `detector` of `order.detector.v1`.
    pub watch: String,
    /// Since when it lasts.
    pub since: KstTime,
    /// How bad it becomes, and when.
    pub levels: Vec<LevelAnswer>,
}

/// A level of a watch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LevelAnswer {
    /// `WARN`, `BREACH` or `CRITICAL`.
    pub level: String,
    /// When it is reached.
    pub at: KstTime,
    /// Whether it was, and told.
    pub told: bool,
}

/// The five regions of an order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the regions'")]
pub struct RegionsAnswer {
    pub main: String,
    pub kitchen: String,
    pub delivery: String,
    pub payment: String,
    pub claim: String,
}

/// The last version consumed of each aggregate; none where there was no event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionsAnswer {
    /// Of the order itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Of the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<u64>,
    /// Of the claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<u64>,
    /// Of the deliveries, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub delivery: BTreeMap<String, u64>,
}

/// How long an order is kept.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RetentionAnswer {
    /// It is forgotten when records reach this time.
    pub until: KstTime,
}

/// What is remembered of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FactAnswer {
    /// The event's id.
    pub event_id: String,
    /// What happened.
    pub action: String,
    /// The aggregate's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// When it happened.
    pub occurred_at: KstTime,
}

/// An event that was consumed, and what became of it. Repairable rejections are not among them: those events are not
/// known to the order, and are found in `order.rejected.v1`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TimelineEntry {
    /// When it happened.
    pub at: KstTime,
    /// What happened; none if the action is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What became of it.
    pub outcome: String,
    /// Why it was rejected or is a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The aggregate that the event is of.
    pub aggregate: String,
    /// Which delivery it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    /// The version that it consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The event's id. Ids that are no UUIDs are remembered by a hash of 128 bits, written like a UUID, but for those
    /// that the answer names elsewhere.
    pub event_id: String,
}

/// An event that was set aside.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetAsideAnswer {
    /// What happened.
    pub action: String,
    /// The event's id.
    pub event_id: String,
    /// The aggregate that the event is of.
    pub aggregate: String,
    /// The aggregate's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Since when it waits.
    pub since: KstTime,
    /// Until when, unless an input lags; none of one that is kept, which waits as long as its order is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<KstTime>,
    /// What is missing by the order's present state, by the code of a rejection: `AWAIT_PREDECESSOR`, `SEQ_GAP`, … None
    /// if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The same for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it is rejected with when its time is over; none of one that was rejected already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_the_end: Option<String>,
    /// Topic that it came from.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// The event as the domain reads it, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<RawValue>>,
}
