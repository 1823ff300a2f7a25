//! One order on a simulated clock, and what its timers and detectors told.

use jumun::domain::ordering::OrderingPolicy;
use jumun::job::JobOptions;
use serde_json::{Value, json};

use crate::edge_cases::world::*;
pub use crate::support::topics::{DETECTOR, SLA};

pub fn job_options() -> JobOptions {
    options(OrderingPolicy::DEFAULT)
}

pub fn world() -> World {
    World::with(&job_options())
}

/// What `order.sla.v1` tells, as `timer LEVEL`, in order.
pub fn told(world: &World) -> Vec<String> {
    let values = world.job.values(SLA);
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    values
        .iter()
        .map(|value| format!("{} {}", text(value, "timer"), text(value, "level")))
        .collect()
}

/// What `order.detector.v1` tells, as `detector PHASE`, in order.
pub fn found(world: &World) -> Vec<String> {
    let values = world.job.values(DETECTOR);
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    values
        .iter()
        .map(|value| format!("{} {}", text(value, "detector"), text(value, "phase")))
        .collect()
}

/// Lets the wall clock go on to that moment by minutes at most, and commits at its end.
pub fn go_on_until(world: &mut World, at: i64) {
    while world.job.now() < at {
        let step = (at - world.job.now()).min(60_000);
        world.job.wait(step as u64);
    }
    world.job.run();
    // Committing moves the clock by a millisecond.
    world.job.commit();
}

/// An order that the store accepts with so many minutes for cooking, and what was promised.
pub fn acceptance(cook_minutes: i64, promised_at: i64) -> Value {
    json!({"cookMinutes": cook_minutes, "promisedAt": rfc3339(promised_at)})
}

/// Counters of the job by this prefix that are not 0.
pub fn counted(world: &World, prefix: &str) -> Vec<String> {
    let names = jumun::job::counters::names().zip(world.job.driver.counters());
    names
        .filter(|(name, count)| name.starts_with(prefix) && *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect()
}
