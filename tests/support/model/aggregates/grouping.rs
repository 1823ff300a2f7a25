//! What is aggregated by what (order-domain 3, "Groupings emitted").

/// An aggregate with one of its groupings: what `agg` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grouping {
    pub name: &'static str,
    /// In the order in which they stand in the key.
    pub dims: &'static [&'static str],
    /// The last of the dims that an event may not have; they are then empty in the key and left out of `dims`.
    pub optional: usize,
    /// A gauge tells a running total, a count what happened in the window.
    pub is_gauge: bool,
    /// The value is no number: its sums, whether it has samples, and what else.
    pub rich: Option<Rich>,
}

/// A quotient: name, numerator, denominator (empty: the number of samples), and the least denominator.
pub type Ratio = (&'static str, &'static str, &'static str, i64);

/// What a value that is no number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rich {
    pub sums: &'static [&'static str],
    pub has_samples: bool,
    pub ratios: &'static [Ratio],
    /// Minutes that a window has.
    pub minutes: i64,
}

const fn rich(
    name: &'static str,
    dims: &'static [&'static str],
    sums: &'static [&'static str],
    ratios: &'static [Ratio],
) -> Grouping {
    valued(name, dims, sums, ratios, false)
}

const fn samples(
    name: &'static str,
    dims: &'static [&'static str],
    sums: &'static [&'static str],
    ratios: &'static [Ratio],
) -> Grouping {
    valued(name, dims, sums, ratios, true)
}

const fn valued(
    name: &'static str,
    dims: &'static [&'static str],
    sums: &'static [&'static str],
    ratios: &'static [Ratio],
    has_samples: bool,
) -> Grouping {
    Grouping {
        rich: Some(Rich {
            sums,
            has_samples,
            ratios,
            minutes: 1,
        }),
        ..count(name, dims)
    }
}

const fn count(name: &'static str, dims: &'static [&'static str]) -> Grouping {
    Grouping {
        name,
        dims,
        optional: 0,
        is_gauge: false,
        rich: None,
    }
}

pub const CREATED: Grouping = count("orders_created", &["sido", "category"]);
pub const CREATED_BY_SIGUNGU: Grouping = count("orders_created_by_sigungu", &["sido", "sigungu"]);
pub const CREATED_BY_FULFILMENT: Grouping = count("orders_created_by_fulfilment", &["fulfilment"]);
pub const PAID: Grouping = count("orders_paid", &["sido", "category"]);
pub const PAID_BY_SIGUNGU: Grouping = count("orders_paid_by_sigungu", &["sido", "sigungu"]);
pub const PAID_BY_FULFILMENT: Grouping = count("orders_paid_by_fulfilment", &["fulfilment"]);
pub const TRANSITIONS: Grouping = count("transitions", &["sido", "from", "to", "actor"]);
pub const IN_FLIGHT: Grouping = Grouping {
    is_gauge: true,
    ..count("in_flight", &["sido", "status"])
};
pub const TERMINAL: Grouping = Grouping {
    optional: 2,
    ..count(
        "terminal",
        &["sido", "category", "status", "reason", "liability"],
    )
};

const CANCELS: &[&str] = &["cancelled", "paid"];
const FLOW: &[Ratio] = &[("rate", "cancelled", "paid", 20)];
const COHORT: &[Ratio] = &[("rate", "cancelled", "paid", 1)];
const SIDO: &[&str] = &["sido"];
const CATEGORY: &[&str] = &["category"];
const FULFILMENT: &[&str] = &["fulfilment"];
const NEGATIVE: &[&str] = &["negative"];
const MONEY: &[&str] = &["gmv", "orders", "refunds"];
const AOV: &[Ratio] = &[("aov", "gmv", "orders", 1)];
const ON_TIME: &[Ratio] = &[("onTimeRate", "onTime", "", 1)];

pub const CANCEL_FLOW: Grouping = rich("cancel_rate_flow", SIDO, CANCELS, FLOW);
pub const CANCEL_FLOW_BY_CATEGORY: Grouping =
    rich("cancel_rate_flow_by_category", CATEGORY, CANCELS, FLOW);
pub const CANCEL_COHORT: Grouping = rich("cancel_rate_cohort", SIDO, CANCELS, COHORT);
pub const CANCEL_COHORT_BY_CATEGORY: Grouping =
    rich("cancel_rate_cohort_by_category", CATEGORY, CANCELS, COHORT);
pub const POST_CANCEL: Grouping = Grouping {
    optional: 2,
    ..rich(
        "post_cancel",
        &["category", "liability", "age"],
        &[
            "postCancelled",
            "postCancelledAmount",
            "withdrawn",
            "withdrawnAmount",
        ],
        &[],
    )
};
pub const LEAD_ACCEPT: Grouping = samples("lead_accept", SIDO, NEGATIVE, &[]);
pub const LEAD_ACCEPT_BY_CATEGORY: Grouping =
    samples("lead_accept_by_category", CATEGORY, NEGATIVE, &[]);
pub const LEAD_COOK: Grouping = samples("lead_cook", CATEGORY, &["negative", "implied"], &[]);
pub const WAIT_DISPATCH: Grouping = samples("wait_dispatch", SIDO, NEGATIVE, &[]);
pub const WAIT_HANDOVER: Grouping = samples(
    "wait_handover",
    SIDO,
    &["negative", "riderWaited", "foodWaited", "unknown"],
    &[],
);
pub const LEAD_RIDE: Grouping = samples("lead_ride", SIDO, NEGATIVE, &[]);
pub const LEAD_RIDE_BY_FULFILMENT: Grouping =
    samples("lead_ride_by_fulfilment", FULFILMENT, NEGATIVE, &[]);
pub const LEAD_TOTAL: Grouping = samples("lead_total", SIDO, NEGATIVE, &[]);
pub const LEAD_TOTAL_BY_CATEGORY: Grouping =
    samples("lead_total_by_category", CATEGORY, NEGATIVE, &[]);
pub const LEAD_TOTAL_BY_FULFILMENT: Grouping =
    samples("lead_total_by_fulfilment", FULFILMENT, NEGATIVE, &[]);
pub const PROMISE_ERROR: Grouping = samples("promise_error", SIDO, &["onTime"], ON_TIME);
pub const PROMISE_ERROR_BY_CATEGORY: Grouping =
    samples("promise_error_by_category", CATEGORY, &["onTime"], ON_TIME);
pub const GMV: Grouping = rich("gmv", SIDO, MONEY, AOV);
pub const GMV_BY_CATEGORY: Grouping = rich("gmv_by_category", CATEGORY, MONEY, AOV);
pub const REASSIGN: Grouping = samples(
    "reassign",
    SIDO,
    &["unassigned", "reassigned"],
    &[("reassignedRate", "reassigned", "", 1)],
);
/// The queue is a gauge, what was assigned a sum.
pub const SUPPLY_GAP: Grouping = Grouping {
    is_gauge: true,
    ..rich(
        "supply_gap",
        SIDO,
        &["assigned"],
        &[("minutes", "requested", "assigned", 1)],
    )
};
pub const TOP_STORES: Grouping = Grouping {
    rich: Some(Rich {
        sums: &[],
        has_samples: false,
        ratios: &[],
        minutes: 10,
    }),
    ..count("top_stores", SIDO)
};
pub const RIDER_LOAD: Grouping = rich(
    "rider_load",
    SIDO,
    &[],
    &[("perRider", "deliveries", "riders", 1)],
);

pub const STUCK: Grouping = Grouping {
    is_gauge: true,
    ..rich("stuck", &["sido", "timer"], &[], &[])
};
pub const SLA_BREACH: Grouping = count("sla_breach", &["sido", "timer", "level"]);
pub const SLA_BREACH_BY_FULFILMENT: Grouping = count(
    "sla_breach_by_fulfilment",
    &["fulfilment", "timer", "level"],
);
pub const DUP_ORDER_SUSPECT: Grouping = count("dup_order_suspect", &[]);

pub const GROUPINGS: [Grouping; 36] = [
    CREATED,
    CREATED_BY_SIGUNGU,
    CREATED_BY_FULFILMENT,
    PAID,
    PAID_BY_SIGUNGU,
    PAID_BY_FULFILMENT,
    TRANSITIONS,
    IN_FLIGHT,
    TERMINAL,
    CANCEL_FLOW,
    CANCEL_FLOW_BY_CATEGORY,
    CANCEL_COHORT,
    CANCEL_COHORT_BY_CATEGORY,
    POST_CANCEL,
    LEAD_ACCEPT,
    LEAD_ACCEPT_BY_CATEGORY,
    LEAD_COOK,
    WAIT_DISPATCH,
    WAIT_HANDOVER,
    LEAD_RIDE,
    LEAD_RIDE_BY_FULFILMENT,
    LEAD_TOTAL,
    LEAD_TOTAL_BY_CATEGORY,
    LEAD_TOTAL_BY_FULFILMENT,
    PROMISE_ERROR,
    PROMISE_ERROR_BY_CATEGORY,
    GMV,
    GMV_BY_CATEGORY,
    REASSIGN,
    SUPPLY_GAP,
    TOP_STORES,
    RIDER_LOAD,
    STUCK,
    SLA_BREACH,
    SLA_BREACH_BY_FULFILMENT,
    DUP_ORDER_SUSPECT,
];

impl Grouping {
    /// Whether the windows of this name stay open for an hour longer than the others.
    pub fn is_cohort(name: &str) -> bool {
        name.starts_with(CANCEL_COHORT.name)
    }

    /// Whether it is of what timers told: that hangs on when they looked, unless the time is that of the records.
    pub fn is_of_timers(name: &str) -> bool {
        [STUCK, SLA_BREACH, SLA_BREACH_BY_FULFILMENT]
            .iter()
            .any(|grouping| grouping.name == name)
    }

    /// Whether it is not the sum of what single events add.
    pub fn is_derived(name: &str) -> bool {
        Grouping::is_of_timers(name) || name == DUP_ORDER_SUSPECT.name
    }

    /// Of a gauge whose values are no numbers the member that is one.
    pub fn gauge_member(&self) -> &'static str {
        match self.name {
            "stuck" => "orders",
            _ => "requested",
        }
    }

    pub fn named(name: &str) -> Option<Grouping> {
        GROUPINGS.into_iter().find(|grouping| grouping.name == name)
    }

    /// The grouping to which a group belongs.
    pub fn of_group(group: &str) -> Option<Grouping> {
        Grouping::named(group.split('|').next()?)
    }

    /// The key of a record without its window: `orders_created|서울|치킨`.
    pub fn group<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> String {
        values
            .into_iter()
            .fold(self.name.to_owned(), |group, value| group + "|" + value)
    }
}
