//! What is shown: what the group tells and what the instances told, put together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use topology::io::TopicPartition;
use topology::task::TaskId;

use super::ask::Answers;
use super::brokers::{Behind, Group, Layout, Member};
use super::report::{FORMAT, InstanceReport, RestoreReport, TaskReport};

/// Everything at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Version of the fields' names and meanings.
    pub format: u32,
    /// Of the group.
    pub application: String,
    /// The group.
    pub group: GroupView,
    /// Records behind, of all tasks that are known of.
    pub lag: i64,
    /// Whether some of it is from offsets alone, where markers of transactions count as records.
    pub lag_is_estimate: bool,
    /// Of the instances that answered and know.
    pub events_per_second: Option<f64>,
    /// By id.
    pub instances: Vec<InstanceView>,
    /// By id.
    pub tasks: Vec<TaskView>,
}

/// The group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// Kafka's name.
    pub state: String,
    /// `classic` or `consumer`.
    pub protocol: String,
    /// One per stream thread.
    pub members: usize,
    /// What is wrong between this command and the brokers; what is shown of the group is then older.
    pub trouble: Option<String>,
}

/// An instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    /// Its id.
    pub id: String,
    /// `host:port` where it answers, if it told the group.
    pub address: Option<String>,
    /// Whether it answered.
    pub answers: bool,
    /// Why it did not.
    pub problem: Option<String>,
    /// As in `/health/ready`.
    pub state: Option<String>,
    /// Why, for a person.
    pub detail: Option<String>,
    /// Of the program.
    pub version: Option<String>,
    /// Since its start.
    pub uptime_ms: Option<u64>,
    /// How many it has.
    pub tasks: usize,
    /// Records behind.
    pub lag: Option<i64>,
    /// Over the last minute at most.
    pub events_per_second: Option<f64>,
    /// Tasks that are restored.
    pub restoring: usize,
    /// Until the last of them is.
    pub restore_eta_seconds: Option<u64>,
    /// Since the last commit of any task.
    pub last_commit_age_ms: Option<u64>,
    /// Copies of tasks that others run.
    pub standby_tasks: usize,
    /// Changelog offsets that they are behind, all together.
    pub standby_lag: u64,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// Such as `0_3`.
    pub id: String,
    /// Who has it; none while nobody has.
    pub instance: Option<String>,
    /// Index of the thread, from 0.
    pub thread: Option<usize>,
    /// As the instance tells; none where it does not.
    pub phase: Option<String>,
    /// Records behind.
    pub lag: Option<i64>,
    /// Whether that is from offsets alone.
    pub lag_is_estimate: bool,
    /// Age of the oldest record that was not processed.
    pub lag_ms: Option<u64>,
    /// While it is restored.
    pub restore: Option<RestoreReport>,
    /// Why it takes no records.
    pub paused: Option<String>,
    /// `open` while too many of its records were dead-lettered.
    pub dead_letter_circuit: Option<String>,
    /// Since its last commit.
    pub last_commit_age_ms: Option<u64>,
    /// How long that took.
    pub commit_ms: Option<u64>,
}

/// The partitions of which no answer tells: their lag is to be asked of the brokers.
#[must_use]
pub fn untold(layout: &Layout, answers: &Answers) -> BTreeSet<TopicPartition> {
    let told: BTreeSet<(&str, i32)> = answers
        .values()
        .flatten()
        .flat_map(|report| &report.tasks)
        .flat_map(|task| &task.inputs)
        .filter(|input| input.lag.is_some())
        .map(|input| (input.topic.as_str(), input.partition))
        .collect();
    let all = layout.values().flatten();
    all.filter(|it| !told.contains(&(it.topic.as_str(), it.partition)))
        .cloned()
        .collect()
}

impl View {
    /// Puts together what is known.
    #[must_use]
    pub fn of(group: &Group, layout: &Layout, answers: &Answers, behind: &Behind) -> Self {
        let tasks = tasks(group, layout, answers, behind);
        let instances = instances(group, answers, &tasks);
        let rates = instances.iter().filter_map(|it| it.events_per_second);
        Self {
            format: FORMAT,
            application: group.id.clone(),
            group: GroupView {
                state: group.state.clone(),
                protocol: group.protocol.to_owned(),
                members: group.members.len(),
                trouble: None,
            },
            lag: tasks.iter().filter_map(|task| task.lag).sum(),
            lag_is_estimate: tasks.iter().any(|task| task.lag_is_estimate),
            events_per_second: rates.reduce(|one, other| one + other),
            instances,
            tasks,
        }
    }
}

fn tasks(group: &Group, layout: &Layout, answers: &Answers, behind: &Behind) -> Vec<TaskView> {
    let mut owners: BTreeMap<&TopicPartition, &Member> = BTreeMap::new();
    for member in &group.members {
        owners.extend(
            member
                .partitions
                .iter()
                .map(|partition| (partition, member)),
        );
    }
    let mut told: BTreeMap<TaskId, (&str, &TaskReport)> = BTreeMap::new();
    for (instance, report) in answers {
        for task in report.iter().flat_map(|report| &report.tasks) {
            // Given up, and kept open in case it comes back: it is another's.
            if let Some(id) = TaskId::parse(&task.id).filter(|_| task.phase != "SUSPENDED") {
                told.insert(id, (instance, task));
            }
        }
    }
    let ids: BTreeSet<TaskId> = layout.keys().chain(told.keys()).copied().collect();
    let views = ids.into_iter().map(|id| {
        let partitions = layout.get(&id).map(Vec::as_slice).unwrap_or_default();
        let owner = partitions.iter().find_map(|it| owners.get(it));
        let from_offsets = || {
            let known = partitions.iter().filter_map(|it| behind.get(it));
            known.copied().reduce(|one, other| one + other)
        };
        let mut view = TaskView {
            id: id.to_string(),
            instance: owner.map(|member| member.instance.clone()),
            thread: owner.and_then(|member| member.thread),
            ..TaskView::default()
        };
        if let Some((instance, task)) = told.get(&id) {
            view.instance = Some((*instance).to_owned());
            view.thread = thread_index(&task.thread).or(view.thread);
            view.phase = Some(task.phase.clone());
            view.lag = task.lag();
            view.lag_ms = task.lag_ms();
            view.restore = task.restore.clone();
            view.paused = task.paused.clone();
            view.dead_letter_circuit = Some(task.dead_letter_circuit.clone());
            view.last_commit_age_ms = task.last_commit_age_ms;
            view.commit_ms = task.commit_ms;
        }
        if view.lag.is_none() {
            view.lag = from_offsets();
            view.lag_is_estimate = view.lag.is_some();
        }
        view
    });
    views.collect()
}

fn instances(group: &Group, answers: &Answers, tasks: &[TaskView]) -> Vec<InstanceView> {
    let mut views: BTreeMap<&str, InstanceView> = BTreeMap::new();
    for member in &group.members {
        let view = views.entry(&member.instance).or_default();
        view.id.clone_from(&member.instance);
        if member.address.is_some() {
            view.address.clone_from(&member.address);
        }
    }
    for view in views.values_mut() {
        match answers.get(&view.id) {
            Some(Ok(report)) => answered(view, report),
            Some(Err(problem)) => view.problem = Some(problem.clone()),
            None if view.address.is_some() => view.problem = Some("it was not asked".to_owned()),
            None => {
                let problem = "it told no address (http.application_server)";
                view.problem = Some(problem.to_owned());
            }
        }
        let own = tasks
            .iter()
            .filter(|task| task.instance.as_ref() == Some(&view.id));
        for task in own {
            view.tasks += 1;
            if let Some(lag) = task.lag {
                view.lag = Some(view.lag.unwrap_or(0) + lag);
            }
            if let Some(restore) = &task.restore {
                view.restoring += 1;
                view.restore_eta_seconds = view.restore_eta_seconds.max(restore.eta_seconds);
            }
            let ages = [view.last_commit_age_ms, task.last_commit_age_ms];
            view.last_commit_age_ms = ages.into_iter().flatten().min();
        }
    }
    views.into_values().collect()
}

fn answered(view: &mut InstanceView, report: &InstanceReport) {
    view.answers = true;
    view.state = Some(report.state.clone());
    view.detail = Some(report.detail.clone()).filter(|detail| !detail.is_empty());
    view.version = Some(report.version.clone());
    view.uptime_ms = Some(report.uptime_ms);
    view.events_per_second = report.events_per_second;
    view.standby_tasks = report.standby_tasks.len();
    view.standby_lag = report.standby_tasks.iter().map(|copy| copy.lag).sum();
}

/// From `…-StreamThread-1`, which counts from 1.
fn thread_index(name: &str) -> Option<usize> {
    let (_, number) = name.rsplit_once('-')?;
    number.parse::<usize>().ok()?.checked_sub(1)
}
