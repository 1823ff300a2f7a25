//! The information of an event: which fields there are, of which type, and their values.

use super::actor::Liability;
use super::codes::codes;
use super::event::Span;
use super::reason::Reason;
use super::regions::Fulfilment;

codes! {
    /// A field of `info`. Fields that an action does not define are ignored.
    InfoField, InfoFieldSet {
        StoreId = "storeId",
        Category = "category",
        Sido = "sido",
        Sigungu = "sigungu",
        Dong = "dong",
        Fulfilment = "fulfilment",
        ItemsTotal = "itemsTotal",
        DeliveryFee = "deliveryFee",
        Discount = "discount",
        Amount = "amount",
        PaymentMethod = "paymentMethod",
        PromisedAt = "promisedAt",
        CustomerId = "customerId",
        Method = "method",
        Code = "code",
        Channel = "channel",
        CookMinutes = "cookMinutes",
        Reason = "reason",
        WaitedSec = "waitedSec",
        AddMinutes = "addMinutes",
        DeliveryId = "deliveryId",
        Type = "type",
        DistanceM = "distanceM",
        RiderId = "riderId",
        Means = "means",
        AssignNo = "assignNo",
        Liability = "liability",
        OwnerConsent = "ownerConsent",
        Recharge = "recharge",
        Version = "version",
    }
}

/// The type that a field's value must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfoType {
    /// A string.
    Text,
    /// An integer number of won, not negative.
    Money,
    /// An integer.
    Integer,
    /// An aggregate version to reset to: an integer, not negative.
    Version,
    /// `true` or `false`.
    Boolean,
    /// An RFC 3339 time with offset.
    Time,
    /// One of the fulfilments.
    Fulfilment,
    /// One of the liabilities.
    Liability,
    /// A reason code; an unknown one is `OTHER`.
    Reason,
}

impl InfoField {
    /// The type that the field's value must have.
    #[must_use]
    pub const fn info_type(self) -> InfoType {
        match self {
            Self::ItemsTotal | Self::DeliveryFee | Self::Discount | Self::Amount => InfoType::Money,
            Self::PromisedAt => InfoType::Time,
            Self::CookMinutes
            | Self::WaitedSec
            | Self::AddMinutes
            | Self::DistanceM
            | Self::AssignNo => InfoType::Integer,
            Self::OwnerConsent | Self::Recharge => InfoType::Boolean,
            Self::Version => InfoType::Version,
            Self::Fulfilment => InfoType::Fulfilment,
            Self::Liability => InfoType::Liability,
            Self::Reason => InfoType::Reason,
            Self::StoreId
            | Self::Category
            | Self::Sido
            | Self::Sigungu
            | Self::Dong
            | Self::PaymentMethod
            | Self::CustomerId
            | Self::Method
            | Self::Code
            | Self::Channel
            | Self::DeliveryId
            | Self::Type
            | Self::RiderId
            | Self::Means => InfoType::Text,
        }
    }
}

/// The values of the fields that judging and the order's record need; the others are only checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Store that cooks.
    pub store_id: Option<Span>,
    /// Category of the store.
    pub category: Option<Span>,
    /// Province or metropolitan city.
    pub sido: Option<Span>,
    /// City or district.
    pub sigungu: Option<Span>,
    /// Neighbourhood.
    pub dong: Option<Span>,
    /// Customer who ordered, if named in the information.
    pub customer_id: Option<Span>,
    /// How it is paid.
    pub payment_method: Option<Span>,
    /// How the food reaches the customer.
    pub fulfilment: Option<Fulfilment>,
    /// Won.
    pub amount: Option<i64>,
    /// Won that were let off.
    pub discount: Option<i64>,
    /// Minutes that the store needs.
    pub cook_minutes: Option<i64>,
    /// Promised arrival, epoch milliseconds.
    pub promised_at: Option<i64>,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether the reason code was not a known one.
    pub unknown_reason: bool,
    /// Who answers for it.
    pub liability: Option<Liability>,
    /// Whether a withdrawn cancel charges the customer again.
    pub recharge: bool,
    /// Version to reset the aggregate to.
    pub version: Option<u64>,
}
