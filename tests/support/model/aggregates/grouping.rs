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
}

const fn count(name: &'static str, dims: &'static [&'static str]) -> Grouping {
    Grouping {
        name,
        dims,
        optional: 0,
        is_gauge: false,
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

pub const GROUPINGS: [Grouping; 9] = [
    CREATED,
    CREATED_BY_SIGUNGU,
    CREATED_BY_FULFILMENT,
    PAID,
    PAID_BY_SIGUNGU,
    PAID_BY_FULFILMENT,
    TRANSITIONS,
    IN_FLIGHT,
    TERMINAL,
];

impl Grouping {
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
