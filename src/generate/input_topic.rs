//! The three co-partitioned input topics.

/// An input topic of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputTopic {
    /// Orders and claims.
    Order,
    /// Deliveries.
    Delivery,
    /// Payments.
    Payment,
}

impl InputTopic {
    /// All input topics, in the order in which the processor merges ties of time.
    pub const ALL: [Self; 3] = [Self::Order, Self::Payment, Self::Delivery];

    /// The name of the topic in Kafka.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order.events.v1",
            Self::Delivery => "delivery.events.v1",
            Self::Payment => "payment.events.v1",
        }
    }
}
