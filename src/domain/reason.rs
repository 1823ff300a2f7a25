//! Reason codes of cancels, rejections and failures.

use super::codes::codes;

codes! {
    /// Why an actor cancelled, rejected, declined or failed. The liability is separate.
    Reason, ReasonSet {
        ChangedMind = "CHANGED_MIND",
        SoldOut = "SOLD_OUT",
        StoreClosed = "STORE_CLOSED",
        StoreBusy = "STORE_BUSY",
        OutOfArea = "OUT_OF_AREA",
        NoRider = "NO_RIDER",
        CookDelay = "COOK_DELAY",
        DeliveryDelay = "DELIVERY_DELAY",
        CustomerUnreachable = "CUSTOMER_UNREACHABLE",
        Accident = "ACCIDENT",
        Damaged = "DAMAGED",
        WrongOrMissing = "WRONG_OR_MISSING",
        ForeignMatter = "FOREIGN_MATTER",
        DuplicateOrder = "DUPLICATE_ORDER",
        PaymentError = "PAYMENT_ERROR",
        ValidationFailed = "VALIDATION_FAILED",
        SystemFailure = "SYSTEM_FAILURE",
        Weather = "WEATHER",
        Other = "OTHER",
    }
}
