//! Who acts, on which aggregate, and who is to blame.

use super::codes::codes;

codes! {
    /// The kind of actor that caused an event.
    ActorType, ActorSet {
        Customer = "CUSTOMER",
        Store = "STORE",
        Rider = "RIDER",
        Dispatch = "DISPATCH",
        Cs = "CS",
        System = "SYSTEM",
        Pg = "PG",
    }
}

codes! {
    /// The aggregate that an event changed; each has versions of its own.
    Aggregate, AggregateSet {
        Order = "order",
        Delivery = "delivery",
        Payment = "payment",
        Claim = "claim",
    }
}

codes! {
    /// Who answers for a cancel (귀책).
    Liability, LiabilitySet {
        Customer = "CUSTOMER",
        Store = "STORE",
        Rider = "RIDER",
        Platform = "PLATFORM",
    }
}
