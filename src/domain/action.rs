//! The 38 actions, in the past tense.

use super::codes::codes;

codes! {
    /// What happened.
    Action, ActionSet {
        OrderCreated = "order.created",
        PaymentApproved = "payment.approved",
        PaymentFailed = "payment.failed",
        OrderRelayed = "order.relayed",
        OrderAccepted = "order.accepted",
        OrderRejected = "order.rejected",
        OrderExpired = "order.expired",
        CookingStarted = "cooking.started",
        CookingDelayed = "cooking.delayed",
        CookingCompleted = "cooking.completed",
        DeliveryRequested = "delivery.requested",
        DeliveryAssigned = "delivery.assigned",
        DeliveryUnassigned = "delivery.unassigned",
        DeliveryPickupRequested = "delivery.pickup_requested",
        DeliveryArrivedStore = "delivery.arrived_store",
        DeliveryPickedUp = "delivery.picked_up",
        DeliveryArrivedCustomer = "delivery.arrived_customer",
        DeliveryDelivered = "delivery.delivered",
        DeliveryFailed = "delivery.failed",
        DeliveryRedispatched = "delivery.redispatched",
        DeliverySwitchedToStore = "delivery.switched_to_store",
        DeliveryReturned = "delivery.returned",
        DeliveryCancelled = "delivery.cancelled",
        OrderHandedOver = "order.handed_over",
        OrderCancelRequested = "order.cancel_requested",
        OrderCancelDeclined = "order.cancel_declined",
        OrderCancelled = "order.cancelled",
        PaymentRefunded = "payment.refunded",
        PaymentPartRefunded = "payment.part_refunded",
        PaymentRefundFailed = "payment.refund_failed",
        ClaimPostCancelled = "claim.post_cancelled",
        ClaimWithdrawn = "claim.withdrawn",
        OrderAddressChanged = "order.address_changed",
        OrderNoteAdded = "order.note_added",
        VerificationPassed = "verification.passed",
        VerificationFailed = "verification.failed",
        DeliveryEtaUpdated = "delivery.eta_updated",
        AggregateReset = "aggregate.reset",
    }
}

impl Action {
    /// The Korean name.
    #[must_use]
    pub const fn korean(self) -> &'static str {
        match self {
            Self::OrderCreated => "주문생성됨",
            Self::PaymentApproved => "결제승인됨",
            Self::PaymentFailed => "결제실패됨",
            Self::OrderRelayed => "주문중계됨",
            Self::OrderAccepted => "접수됨",
            Self::OrderRejected => "거절됨",
            Self::OrderExpired => "미접수만료됨",
            Self::CookingStarted => "조리시작됨",
            Self::CookingDelayed => "조리지연됨",
            Self::CookingCompleted => "조리완료됨",
            Self::DeliveryRequested => "배달생성됨",
            Self::DeliveryAssigned => "배차완료됨",
            Self::DeliveryUnassigned => "배차취소됨",
            Self::DeliveryPickupRequested => "픽업준비요청됨",
            Self::DeliveryArrivedStore => "가게도착됨",
            Self::DeliveryPickedUp => "픽업됨",
            Self::DeliveryArrivedCustomer => "고객도착됨",
            Self::DeliveryDelivered => "배달완료됨",
            Self::DeliveryFailed => "배달실패됨",
            Self::DeliveryRedispatched => "재배차됨",
            Self::DeliverySwitchedToStore => "직접배달전환됨",
            Self::DeliveryReturned => "반송됨",
            Self::DeliveryCancelled => "배달취소됨",
            Self::OrderHandedOver => "포장수령됨",
            Self::OrderCancelRequested => "취소요청됨",
            Self::OrderCancelDeclined => "취소거절됨",
            Self::OrderCancelled => "주문취소됨",
            Self::PaymentRefunded => "환불됨",
            Self::PaymentPartRefunded => "부분환불됨",
            Self::PaymentRefundFailed => "환불실패됨",
            Self::ClaimPostCancelled => "배달후취소됨",
            Self::ClaimWithdrawn => "취소철회됨",
            Self::OrderAddressChanged => "주소변경됨",
            Self::OrderNoteAdded => "메모추가됨",
            Self::VerificationPassed => "검증통과됨",
            Self::VerificationFailed => "검증실패됨",
            Self::DeliveryEtaUpdated => "도착예정갱신됨",
            Self::AggregateReset => "버전재설정",
        }
    }
}
