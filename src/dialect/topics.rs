//! The topics in which events arrive (order-domain 2.5).

/// Order and claim events.
pub const ORDER_EVENTS: &str = "order.events.v1";
/// Payment events.
pub const PAYMENT_EVENTS: &str = "payment.events.v1";
/// Delivery events.
pub const DELIVERY_EVENTS: &str = "delivery.events.v1";
/// The inputs; where timestamps are equal, records are taken in this order (E8).
pub const INPUTS: [&str; 3] = [ORDER_EVENTS, PAYMENT_EVENTS, DELIVERY_EVENTS];
