//! `[timers]`, `[timers_where]` and `[detectors]`: what must not last too long in the life of an order, and what is looked
//! for.
//!
//! ```toml
//! [timers]
//! no_rider_breach_ms = 600000
//!
//! [timers_where.STORE]        # a fulfilment, a category or a sido; a category wins over a sido over a fulfilment
//! ride_late_warn_ms = 1800000
//! ```

use std::time::Duration;

use figment::value::{Dict, Value};
use serde::{Serialize, Serializer};

use super::load::Reader;
use super::nearest::hint;
use super::settings::milliseconds;
use super::values::{boolean, kind, whole};
use crate::domain::regions::Fulfilment;
use crate::domain::watching::{Level, Limits, Selector, SpecialLimit, Watch, WatchSet};
use crate::job::metrics::{CATEGORIES, SIDOS};
use crate::job::{MinuteDetection, WatchOptions};

/// The section of limits that hold for some orders only.
pub(super) const TIMERS_WHERE: &str = "timers_where";
const TIMERS: &str = "timers";
const DETECTORS: &str = "detectors";
/// No limit makes sense beyond.
const MOST_MS: u64 = 366 * 86_400_000;

/// Timers of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timers {
    /// Whether there are any. Default true.
    pub enabled: bool,
    /// With more lag of an input nothing is told of. Default 60 s.
    pub max_lag: Duration,
    /// After how long which timer reaches which level.
    pub limits: Limits,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            enabled: true,
            max_lag: Duration::from_secs(60),
            limits: Limits::default(),
        }
    }
}

/// A setting of a limit, and the limit.
fn settings() -> impl Iterator<Item = (&'static str, Watch, Level, i64)> {
    let timers = Limits::DEFAULTS.iter().filter(|(it, ..)| it.is_timer());
    timers.map(|(watch, level, ms)| (setting_name(*watch, *level), *watch, *level, *ms))
}

/// The names of settings are known when the program is built, as those of all others are.
const fn setting_name(watch: Watch, level: Level) -> &'static str {
    macro_rules! names {
        ($($Watch:ident $warn:literal $breach:literal $critical:literal),+ $(,)?) => {
            match (watch, level) {
                $((Watch::$Watch, Level::Warn) => $warn,
                (Watch::$Watch, Level::Breach) => $breach,
                (Watch::$Watch, Level::Critical) => $critical,)+
                _ => "",
            }
        };
    }
    names! {
        PaymentWait "payment_wait_warn_ms" "payment_wait_breach_ms" "payment_wait_critical_ms",
        AcceptWait "accept_wait_warn_ms" "accept_wait_breach_ms" "accept_wait_critical_ms",
        CookLate "cook_late_warn_ms" "cook_late_breach_ms" "cook_late_critical_ms",
        NoRider "no_rider_warn_ms" "no_rider_breach_ms" "no_rider_critical_ms",
        RiderLateStore "rider_late_store_warn_ms" "rider_late_store_breach_ms" "rider_late_store_critical_ms",
        HandoverLate "handover_late_warn_ms" "handover_late_breach_ms" "handover_late_critical_ms",
        RideLate "ride_late_warn_ms" "ride_late_breach_ms" "ride_late_critical_ms",
        PromiseBroken "promise_broken_warn_ms" "promise_broken_breach_ms" "promise_broken_critical_ms",
        Stuck "stuck_warn_ms" "stuck_breach_ms" "stuck_critical_ms",
        GhostDeliveryRisk "ghost_delivery_risk_warn_ms" "ghost_delivery_risk_breach_ms"
            "ghost_delivery_risk_critical_ms",
        RefundLate "refund_late_warn_ms" "refund_late_breach_ms" "refund_late_critical_ms",
    }
}

impl Serialize for Timers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("enabled", &self.enabled)?;
        let max_lag = u64::try_from(self.max_lag.as_millis()).unwrap_or(u64::MAX);
        map.serialize_entry("max_lag_ms", &max_lag)?;
        for (name, watch, level, _) in settings() {
            map.serialize_entry(name, &self.limits.general(watch, level))?;
        }
        map.end()
    }
}

/// Limits that hold for some orders only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimersWhere(pub Vec<SpecialLimit>);

impl Default for TimersWhere {
    fn default() -> Self {
        Self(Limits::default().special().to_vec())
    }
}

impl Serialize for TimersWhere {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tables = std::collections::BTreeMap::<_, std::collections::BTreeMap<_, _>>::new();
        for limit in &self.0 {
            let table = tables.entry(limit.of.name()).or_default();
            table.insert(setting_name(limit.watch, limit.level), limit.ms);
        }
        serializer.collect_map(tables)
    }
}

/// The detectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detectors {
    /// Whether there are any. Default true.
    pub enabled: bool,
    /// So long may a payment be approved without an order. Default 60 s.
    #[serde(rename = "paid_no_order_ms", serialize_with = "milliseconds")]
    pub paid_no_order: Duration,
    /// So long may a paid order not be relayed to its store. Default 30 s.
    #[serde(rename = "paid_not_relayed_ms", serialize_with = "milliseconds")]
    pub paid_not_relayed: Duration,
    /// How long after its end a minute waits for what comes late, before it is looked at. Default 15 s.
    #[serde(rename = "grace_ms", serialize_with = "milliseconds")]
    pub grace: Duration,
}

impl Default for Detectors {
    fn default() -> Self {
        Self {
            enabled: true,
            paid_no_order: Duration::from_secs(60),
            paid_not_relayed: Duration::from_secs(30),
            grace: MinuteDetection::default().grace,
        }
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What is watched of single orders.
pub(super) fn options(timers: &Timers, of: &TimersWhere, detectors: &Detectors) -> WatchOptions {
    let mut watches = WatchSet::EMPTY;
    for watch in Watch::ALL {
        if match watch.is_timer() {
            true => timers.enabled,
            false => detectors.enabled,
        } {
            watches = watches.with(*watch);
        }
    }
    let mut limits = timers.limits.clone();
    for limit in &of.0 {
        limits.add_special(limit.clone());
    }
    for (watch, limit) in [
        (Watch::PaidNoOrder, detectors.paid_no_order),
        (Watch::PaidNotRelayed, detectors.paid_not_relayed),
    ] {
        limits.set(watch, Level::Breach, ms(limit));
    }
    WatchOptions {
        watches,
        limits,
        max_lag_ms: ms(timers.max_lag),
    }
}

impl Reader<'_> {
    pub(super) fn timers(&mut self) -> Timers {
        let mut timers = Timers::default();
        timers.enabled = self.setting(TIMERS, "enabled", timers.enabled, boolean);
        let range = (0, super::load::DAY_MS);
        timers.max_lag = self.milliseconds(TIMERS, "max_lag_ms", timers.max_lag, range);
        for (name, watch, level, default) in settings() {
            let limit = self.setting(TIMERS, name, default, limit);
            timers.limits.set(watch, level, limit);
        }
        timers
    }

    pub(super) fn detectors(&mut self) -> Detectors {
        let default = Detectors::default();
        let range = (1_000, super::load::DAY_MS);
        let mut ms = |key, default| self.milliseconds(DETECTORS, key, default, range);
        Detectors {
            paid_no_order: ms("paid_no_order_ms", default.paid_no_order),
            paid_not_relayed: ms("paid_not_relayed_ms", default.paid_not_relayed),
            grace: ms("grace_ms", default.grace),
            enabled: self.setting(DETECTORS, "enabled", default.enabled, boolean),
        }
    }

    pub(super) fn timers_where(&mut self) -> TimersWhere {
        let mut limits = Limits::default();
        let table = match self.tree.remove(TIMERS_WHERE) {
            Some(Value::Dict(_, table)) => table,
            Some(other) => {
                self.error(&other, TIMERS_WHERE, "must be a table of tables".to_owned());
                Dict::new()
            }
            None => Dict::new(),
        };
        for (name, value) in table {
            let path = format!("{TIMERS_WHERE}.{name}");
            match (selector(&name), value) {
                (Ok(of), Value::Dict(_, table)) => {
                    self.special_limits(&path, &of, table, &mut limits);
                }
                (Ok(_), other) => self.error(&other, &path, "must be a table".to_owned()),
                (Err(problem), value) => {
                    // A table has no place of its own, what is in it has.
                    let inner = value.as_dict().and_then(|table| table.iter().next());
                    match inner {
                        Some((key, inner)) => self.error(inner, &format!("{path}.{key}"), problem),
                        None => self.error(&value, &path, problem),
                    }
                }
            }
        }
        TimersWhere(limits.special().to_vec())
    }

    fn special_limits(&mut self, path: &str, of: &Selector, table: Dict, limits: &mut Limits) {
        for (key, value) in table {
            let path = format!("{path}.{key}");
            let found = settings().find(|(name, ..)| *name == key);
            let Some((_, watch, level, _)) = found else {
                let names = settings().map(|(name, ..)| name);
                let problem = format!("unknown key {path}{}", hint(&key, names));
                self.error(&value, &path, problem);
                continue;
            };
            match limit(&value) {
                Ok(ms) => {
                    let of = of.clone();
                    limits.add_special(SpecialLimit {
                        of,
                        watch,
                        level,
                        ms,
                    });
                    let place = self.place(&value, &path);
                    self.origins.insert(path, place);
                }
                Err(problem) => self.error(&value, &path, problem),
            }
        }
    }
}

fn limit(value: &Value) -> Result<i64, String> {
    let ms = whole(value, (0, MOST_MS))?;
    i64::try_from(ms).map_err(|_| format!("is too large: {}", kind(value)))
}

fn selector(name: &str) -> Result<Selector, String> {
    // Variables come in lower case.
    if let Some(fulfilment) = Fulfilment::from_name(&name.to_uppercase()) {
        return Ok(Selector::Fulfilment(fulfilment));
    }
    if SIDOS.contains(&name) {
        return Ok(Selector::Sido(name.to_owned()));
    }
    if CATEGORIES.contains(&name) {
        return Ok(Selector::Category(name.to_owned()));
    }
    let fulfilments = Fulfilment::ALL.iter().map(|fulfilment| fulfilment.name());
    Err(format!(
        "\"{name}\" is no fulfilment, category or sido{}",
        hint(name, fulfilments.chain(SIDOS).chain(CATEGORIES))
    ))
}
