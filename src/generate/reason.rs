//! Reason codes and liabilities as they stand in events.

macro_rules! codes {
    ($(#[$meta:meta])* $type:ident { $($variant:ident $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $type { $($variant,)* }

        impl $type {
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// Why somebody did what the event says; also the codes of payment gateways.
    Reason {
        ChangedMind "CHANGED_MIND",
        SoldOut "SOLD_OUT",
        StoreClosed "STORE_CLOSED",
        StoreBusy "STORE_BUSY",
        OutOfArea "OUT_OF_AREA",
        NoRider "NO_RIDER",
        CookDelay "COOK_DELAY",
        DeliveryDelay "DELIVERY_DELAY",
        CustomerUnreachable "CUSTOMER_UNREACHABLE",
        Accident "ACCIDENT",
        Damaged "DAMAGED",
        WrongOrMissing "WRONG_OR_MISSING",
        ForeignMatter "FOREIGN_MATTER",
        DuplicateOrder "DUPLICATE_ORDER",
        PaymentError "PAYMENT_ERROR",
        ValidationFailed "VALIDATION_FAILED",
        Weather "WEATHER",
        Other "OTHER",
    }
}

codes! {
    /// Who has to pay for a cancel.
    Liability {
        Customer "CUSTOMER",
        Store "STORE",
        Rider "RIDER",
        Platform "PLATFORM",
    }
}

codes! {
    /// What a payment gateway answers when it does not do what it was asked.
    GatewayCode {
        Declined "DECLINED",
        Limit "LIMIT",
        Timeout "TIMEOUT",
        BankUnavailable "BANK_UNAVAILABLE",
    }
}

codes! {
    /// How an order reaches its store.
    Channel {
        Terminal "TERMINAL",
        App "APP",
        Pos "POS",
    }
}
