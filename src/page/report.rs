//! What `GET /status` tells, of what the threads and the metrics tell anyway.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::runtime::StreamsStatus;

use super::About;
use crate::http::{Status, TaskState};
use crate::top::report::{
    FORMAT, InputReport, InstanceReport, MAX_TASKS, RestoreReport, StandbyTaskReport, TaskReport,
    ThreadReport, bounded,
};

/// What is known at one moment.
pub(super) struct Facts<'a> {
    pub(super) about: &'a About,
    pub(super) at_ms: i64,
    pub(super) uptime: Duration,
    pub(super) status: &'a Status,
    pub(super) streams: &'a StreamsStatus,
    pub(super) events: Option<f64>,
    pub(super) events_per_second: Option<f64>,
}

pub(super) fn of(facts: &Facts<'_>) -> InstanceReport {
    let Facts {
        about,
        status,
        streams,
        ..
    } = facts;
    // The same tasks as `/health/ready` names them; one that came a moment later has the engine's name.
    let named: BTreeMap<&str, TaskState> = status
        .tasks
        .iter()
        .map(|task| (task.id.as_str(), task.state))
        .collect();
    let mut tasks = Vec::new();
    let mut omitted_tasks = 0;
    for thread in &streams.threads {
        for task in &thread.tasks {
            if tasks.len() == MAX_TASKS {
                omitted_tasks += 1;
                continue;
            }
            let state = named.get(task.id.as_str());
            let inputs = task.inputs.iter().map(|input| InputReport {
                topic: input.topic.clone(),
                partition: input.partition,
                position: input.position,
                lag: input.lag,
                lag_ms: match (input.oldest_ms, input.lag) {
                    (Some(oldest), _) => Some(since(facts.at_ms, oldest)),
                    (None, Some(0)) => Some(0),
                    (None, _) => None,
                },
            });
            let restore = &task.restore;
            let paused = task.paused.as_ref().or(streams.paused.as_ref());
            tasks.push(TaskReport {
                id: task.id.clone(),
                phase: state.map_or_else(|| task.state.to_owned(), |state| state.name().to_owned()),
                thread: thread.name.clone(),
                inputs: inputs.collect(),
                restore: (restore.total > 0 && task.state == "RESTORING").then(|| RestoreReport {
                    remaining: u64::try_from(restore.remaining).unwrap_or(0),
                    total: u64::try_from(restore.total).unwrap_or(0),
                    records_per_second: restore.records_per_second,
                    eta_seconds: restore.eta_seconds,
                }),
                paused: paused.map(|reason| bounded(reason)),
                dead_letter_circuit: match task.paused {
                    Some(_) => "open".to_owned(),
                    None => "closed".to_owned(),
                },
                last_commit_age_ms: task.last_commit.map(|it| since(facts.at_ms, it.at_ms)),
                commit_ms: task.last_commit.map(|it| it.took_ms),
            });
        }
    }
    let threads = streams.threads.iter().map(|thread| ThreadReport {
        name: thread.name.clone(),
        state: name_of(&thread.state),
        detail: bounded(&thread.detail),
        broker_trouble: thread.broker_trouble.as_deref().map(bounded),
    });
    let standbys = streams.standby_tasks.iter().take(MAX_TASKS);
    let standby_tasks = standbys.map(|copy| StandbyTaskReport {
        id: copy.id.clone(),
        lag: u64::try_from(copy.lag).unwrap_or(0),
    });
    InstanceReport {
        format: FORMAT,
        at: facts.at_ms,
        application_id: about.application_id.clone(),
        instance_id: about.instance_id.clone(),
        version: about.version.to_owned(),
        uptime_ms: u64::try_from(facts.uptime.as_millis()).unwrap_or(u64::MAX),
        state: status.state.name().to_owned(),
        detail: bounded(&status.detail),
        paused: streams.paused.as_deref().map(bounded),
        events: facts.events.unwrap_or(0.0) as u64,
        events_per_second: facts.events_per_second,
        threads: threads.collect(),
        tasks,
        omitted_tasks,
        standby_tasks: standby_tasks.collect(),
    }
}

/// Milliseconds since a moment; 0 where the clock went back.
fn since(now_ms: i64, then_ms: i64) -> u64 {
    u64::try_from(now_ms.saturating_sub(then_ms)).unwrap_or(0)
}

/// The name as it is exposed elsewhere.
fn name_of(state: &topology::runtime::State) -> String {
    let name = serde_json::to_value(state).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}
