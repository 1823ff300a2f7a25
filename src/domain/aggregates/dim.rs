//! The dims that aggregates are grouped by.

use crate::domain::actor::{ActorType, Liability};
use crate::domain::codes::codes;
use crate::domain::reason::Reason;
use crate::domain::regions::Fulfilment;
use crate::domain::status::DisplayStatus;
use crate::domain::watching::{Level, Watch};

/// The value of a dim that every order has, where it is not known.
pub const UNKNOWN: &str = "unknown";

codes! {
    /// A dim, by its name in records and its label in metrics.
    Dim, DimSet {
        Sido = "sido",
        Sigungu = "sigungu",
        Category = "category",
        Fulfilment = "fulfilment",
        Status = "status",
        From = "from",
        To = "to",
        Actor = "actor",
        Reason = "reason",
        Liability = "liability",
        Age = "age",
        Waited = "waited",
        Arrival = "arrival",
        Timer = "timer",
        Level = "level",
    }
}

codes! {
    /// Who waited at a hand-over.
    Waited, WaitedSet {
        Rider = "rider",
        Food = "food",
        Unknown = "unknown",
    }
}

codes! {
    /// How a delivery came, against what was promised first.
    Arrival, Arrivals {
        OnTime = "on_time",
        Late = "late",
    }
}

codes! {
    /// How long after its end something happened to an order.
    Age, Ages {
        Hour = "<1h",
        Day = "<24h",
        Later = ">=24h",
    }
}

impl Age {
    /// Of so many milliseconds.
    #[must_use]
    pub const fn of(milliseconds: i64) -> Self {
        const HOUR: i64 = 3_600_000;
        match milliseconds {
            ..HOUR => Self::Hour,
            HOUR..86_400_000 => Self::Day,
            _ => Self::Later,
        }
    }
}

impl Dim {
    /// Whether its values are free text; those of the others are codes of a closed list.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Sido | Self::Sigungu | Self::Category)
    }

    /// The values of a closed list; none of free text.
    pub fn values(self) -> impl Iterator<Item = &'static str> {
        (0..=u8::MAX).map_while(move |code| self.value(code))
    }

    /// The name of a value of a closed list by its code.
    pub(super) fn value(self, code: u8) -> Option<&'static str> {
        match self {
            Self::Sido | Self::Sigungu | Self::Category => None,
            Self::Fulfilment => Fulfilment::from_code(code).map(Fulfilment::name),
            Self::Status | Self::From | Self::To => {
                DisplayStatus::from_code(code).map(DisplayStatus::name)
            }
            Self::Actor => ActorType::from_code(code).map(ActorType::name),
            Self::Reason => Reason::from_code(code).map(Reason::name),
            Self::Liability => Liability::from_code(code).map(Liability::name),
            Self::Age => Age::from_code(code).map(Age::name),
            Self::Waited => Waited::from_code(code).map(Waited::name),
            Self::Arrival => Arrival::from_code(code).map(Arrival::name),
            Self::Timer => Watch::from_code(code)
                .filter(|watch| watch.is_timer())
                .map(Watch::name),
            Self::Level => Level::from_code(code).map(Level::name),
        }
    }

    /// What stands for a missing value of a closed list: nothing, but for those that are there even if nobody tells
    /// them: an order's fulfilment, and the actor.
    pub(super) const fn missing(self) -> &'static str {
        match self {
            Self::Fulfilment | Self::Actor => UNKNOWN,
            _ => "",
        }
    }
}
