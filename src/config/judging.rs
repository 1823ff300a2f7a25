//! How events are judged: ordering, parking, redrive, retention, and who may do what.

use std::time::Duration;

use figment::value::{Dict, Value};
use serde::{Serialize, Serializer};

use super::nearest::hint;
use super::settings::milliseconds;
use super::values::{kind, list, scalar};
use crate::domain::action::Action;
use crate::domain::actor::{ActorSet, ActorType};
use crate::domain::judge::JudgingPolicy;
use crate::domain::ordering::{Choice, OrderingPolicy};
use crate::domain::parking::ParkingLimits;
use crate::domain::rights::{CANCEL_RIGHTS, CancelRights};
use crate::domain::status::DisplayStatus;
use crate::job::RETENTION;

/// What happens to an event that comes before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordering(pub OrderingPolicy);

const PRESETS: [(&str, OrderingPolicy); 3] = [
    ("default", OrderingPolicy::DEFAULT),
    ("strict", OrderingPolicy::STRICT),
    ("park", OrderingPolicy::PARK),
];

const CHOICES: [(&str, Choice); 3] = [
    ("reject", Choice::Reject),
    ("park", Choice::Park),
    ("accept", Choice::Accept),
];

impl Serialize for Ordering {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        if let Some((name, _)) = PRESETS.iter().find(|(_, policy)| *policy == self.0) {
            return serializer.serialize_str(name);
        }
        let mut map = serializer.serialize_map(Some(3))?;
        for (cause, choice) in causes(&self.0) {
            let name = CHOICES.iter().find(|(_, known)| *known == choice);
            map.serialize_entry(cause, name.map_or("", |(name, _)| *name))?;
        }
        map.end()
    }
}

fn causes(policy: &OrderingPolicy) -> [(&'static str, Choice); 3] {
    [
        ("violation", policy.violation),
        ("predecessor", policy.predecessor),
        ("gap", policy.gap),
    ]
}

/// `"default"`, `"strict"`, `"park"`, or a table of causes; a cause left out is as in the default.
pub(super) fn ordering(value: &Value) -> Result<Ordering, String> {
    let Value::Dict(_, table) = value else {
        let wanted = scalar(value);
        let found = PRESETS
            .iter()
            .find(|(name, _)| wanted.as_deref() == Some(name));
        return found
            .map(|(_, policy)| Ordering(*policy))
            .ok_or_else(|| {
                format!(
                    "must be \"default\", \"strict\", \"park\", or a table of violation, predecessor and gap, not {}",
                    kind(value)
                )
            });
    };
    let mut policy = OrderingPolicy::DEFAULT;
    for (cause, choice) in table {
        let slot = match cause.as_str() {
            "violation" => &mut policy.violation,
            "predecessor" => &mut policy.predecessor,
            "gap" => &mut policy.gap,
            other => {
                return Err(format!(
                    "unknown cause \"{other}\"; there are violation, predecessor and gap"
                ));
            }
        };
        let wanted = scalar(choice);
        let found = CHOICES.iter().find(|(name, choice)| {
            wanted.as_deref() == Some(name) && (*choice != Choice::Accept || cause == "gap")
        });
        let Some((_, found)) = found else {
            let others = match cause.as_str() {
                "gap" => "\"reject\", \"park\" or \"accept\"",
                _ => "\"reject\" or \"park\"",
            };
            return Err(format!("{cause} must be {others}, not {}", kind(choice)));
        };
        *slot = *found;
    }
    Ok(Ordering(policy))
}

/// How long events are parked, and how many.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parking {
    /// How long an event waits for what is missing. Default 30 s.
    #[serde(rename = "wait_ms", serialize_with = "milliseconds")]
    pub wait: Duration,
    /// The same of `payment.*`. Default 10 min.
    #[serde(rename = "payment_wait_ms", serialize_with = "milliseconds")]
    pub payment_wait: Duration,
    /// How long an event waits at most while an input lags. Default 10 min.
    #[serde(rename = "longest_wait_ms", serialize_with = "milliseconds")]
    pub longest_wait: Duration,
    /// Events of one order that may wait at a time. Default 64.
    pub max_per_order: usize,
    /// Events of one task that may wait at a time, whatever the share. Default 64.
    pub max_per_task: u64,
    /// Share of a task's last 10 000 records that may wait at a time. Default 0.01.
    pub max_task_share: f64,
}

impl Default for Parking {
    fn default() -> Self {
        let limits = ParkingLimits::default();
        let duration = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        Self {
            wait: duration(limits.wait_ms),
            payment_wait: duration(limits.payment_wait_ms),
            longest_wait: duration(limits.longest_wait_ms),
            max_per_order: limits.per_order,
            max_per_task: limits.per_task,
            max_task_share: limits.task_share,
        }
    }
}

impl Parking {
    fn limits(&self) -> ParkingLimits {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        ParkingLimits {
            wait_ms: ms(self.wait),
            payment_wait_ms: ms(self.payment_wait),
            longest_wait_ms: ms(self.longest_wait),
            per_order: self.max_per_order,
            per_task: self.max_per_task,
            task_share: self.max_task_share,
            ..ParkingLimits::default()
        }
    }
}

/// Events that were rejected only because something had not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redrive {
    /// Whether they are judged again by themselves once it has come. Default true.
    pub automatic: bool,
}

impl Default for Redrive {
    fn default() -> Self {
        Self { automatic: true }
    }
}

/// Cancels that came before their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ghost {
    /// Whether such a cancel is applied together with the creation. Default false: the creation is told with `hold`,
    /// and the cancel is judged again.
    pub autoapply: bool,
}

/// How long orders are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// After closing, or after the last event of an order that was never closed. Default 31 days.
    #[serde(rename = "after_ms", serialize_with = "milliseconds")]
    pub after: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { after: RETENTION }
    }
}

/// Who may cancel, by the display status before: the marketplace's rows, where they were not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights(pub Vec<CancelRights>);

impl Default for Rights {
    fn default() -> Self {
        let mut rows = CANCEL_RIGHTS.to_vec();
        rows.sort_by_key(|row| row.status.code());
        Self(rows)
    }
}

const IF_REASON: &str = " if reason";

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|row| {
            let plain = row.actors.iter().map(|actor| actor.name().to_owned());
            let reasoned = row.with_reason.iter();
            let reasoned = reasoned.map(|actor| format!("{}{IF_REASON}", actor.name()));
            (row.status.name(), plain.chain(reasoned).collect::<Vec<_>>())
        }))
    }
}

/// Who may do what, where it was set: the actors replace those of the lifecycle's table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actors(pub Vec<(Action, ActorSet)>);

impl Serialize for Actors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(action, actors)| {
            let names: Vec<&str> = actors.iter().map(ActorType::name).collect();
            (action.name(), names)
        }))
    }
}

/// All of it.
pub(super) fn policy(
    ordering: Ordering,
    parking: &Parking,
    redrive: &Redrive,
    ghost: &Ghost,
    rights: &Rights,
    actors: &Actors,
) -> JudgingPolicy {
    JudgingPolicy {
        ordering: ordering.0,
        parking: parking.limits(),
        cancel_rights: rights.0.clone(),
        actors: actors.0.clone(),
        redrive: redrive.automatic,
        ghost_autoapply: ghost.autoapply,
    }
}

/// The rows of `[cancel_rights]`: status → actors, such as `ACCEPTED = ["CS", "STORE if reason"]`.
pub(super) fn rights(table: &Dict, mut wrong: impl FnMut(&str, &Value, String)) -> Rights {
    let mut rights = Rights::default();
    for (name, value) in table {
        // Variables come in lower case.
        let upper = name.to_uppercase();
        let Some(status) = DisplayStatus::from_name(&upper).filter(|status| may_be_open(*status))
        else {
            let open = DisplayStatus::ALL
                .iter()
                .filter(|status| may_be_open(**status));
            let names = open.map(|status| status.name());
            let problem = format!(
                "\"{name}\" is no display status in which an order can be cancelled{}",
                hint(&upper, names)
            );
            wrong(name, value, problem);
            continue;
        };
        let mut row = CancelRights {
            status,
            actors: ActorSet::EMPTY,
            with_reason: ActorSet::EMPTY,
        };
        let parsed = list(value, "actors").and_then(|names| {
            for name in names {
                match name.strip_suffix(IF_REASON) {
                    Some(name) => row.with_reason = row.with_reason.with(actor(name)?),
                    None => row.actors = row.actors.with(actor(&name)?),
                }
            }
            Ok(())
        });
        if let Err(problem) = parsed {
            wrong(name, value, problem);
        }
        rights.0.retain(|known| known.status != status);
        rights.0.push(row);
    }
    rights.0.sort_by_key(|row| row.status.code());
    rights
}

/// The main region forbids every other cancel.
fn may_be_open(status: DisplayStatus) -> bool {
    status.is_in_flight() && status != DisplayStatus::None
}

/// The rows of `[actors]`: action → actors.
pub(super) fn actors(table: &Dict, mut wrong: impl FnMut(&str, &Value, String)) -> Actors {
    let mut actors = Actors::default();
    for (name, value) in table {
        let Some(action) = Action::from_name(name) else {
            let names = Action::ALL.iter().map(|action| action.name());
            let problem = format!("\"{name}\" is no action{}", hint(name, names));
            wrong(name, value, problem);
            continue;
        };
        let parsed = list(value, "actors").and_then(|names| {
            if names.is_empty() {
                return Err("must name at least one actor".to_owned());
            }
            let mut set = ActorSet::EMPTY;
            for name in names {
                set = set.with(actor(&name)?);
            }
            Ok(set)
        });
        match parsed {
            Ok(set) => actors.0.push((action, set)),
            Err(problem) => wrong(name, value, problem),
        }
    }
    actors
}

fn actor(name: &str) -> Result<ActorType, String> {
    ActorType::from_name(name).ok_or_else(|| {
        let names = ActorType::ALL.iter().map(|actor| actor.name());
        format!("\"{name}\" is no kind of actor{}", hint(name, names))
    })
}
