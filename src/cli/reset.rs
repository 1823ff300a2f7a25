//! `jumun reset`: the application begins anew, as after Kafka's `kafka-streams-application-reset`.
//!
//! Internal topics are named by the topology and not by the prefix of their names: `jumun` must not delete what belongs to
//! `jumun-eu`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use topology::graph::SubTopology;
use topology::io::{Admin, GroupProtocol};
use topology::store::StateDirectory;

use super::output::{OutputFormat, printed, standard};
use super::run::kafka;
use super::{Failure, Settings};
use crate::config::Configuration;
use crate::job;
use crate::job::topics::{REDRIVE, SOURCES, written};

const CLIENT: &str = "jumun-reset";
const CALL: Duration = Duration::from_secs(30);

/// `jumun reset`
#[derive(Debug, Args)]
pub struct Reset {
    /// Do it. Without this it only says what would be done.
    #[arg(long)]
    execute: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: OutputFormat,
    #[command(flatten)]
    settings: Settings,
}

/// What a reset is about.
struct Plan {
    group: String,
    /// Changelogs and repartition topics that exist.
    internal: Vec<String>,
    state: PathBuf,
    has_state: bool,
    /// Written by the application and left alone.
    outputs: Vec<String>,
}

impl Reset {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let configuration = self.settings.configuration()?;
        let log = kafka(&configuration)?;
        let mut admin = log.admin(CLIENT).map_err(Failure::work)?;
        refuse_members(admin.as_mut(), &configuration)?;
        let plan = Plan::of(admin.as_mut(), &configuration)?;
        if self.execute {
            plan.carry_out(admin.as_mut())?;
        }
        let mut out = standard();
        let text = match self.format {
            OutputFormat::Json => plan.json(self.execute),
            OutputFormat::Text => plan.text(self.execute),
        };
        printed(writeln!(out, "{text}").and_then(|()| out.flush()))
    }
}

/// A member would go on with what is deleted below it.
pub(super) fn refuse_members(
    admin: &mut dyn Admin,
    configuration: &Configuration,
) -> Result<(), Failure> {
    let group = configuration.application.streams_id();
    let found = admin.describe_group(&group, CALL).map_err(Failure::work)?;
    if found.members.is_empty() {
        return Ok(());
    }
    let for_at_most = match found.protocol {
        GroupProtocol::Classic => format!(
            "{:?} more (application.session_timeout_ms)",
            configuration.application.session_timeout
        ),
        GroupProtocol::Consumer => {
            "the brokers' group.consumer.session.timeout.ms more (45s by default)".to_owned()
        }
    };
    let named: Vec<String> = found
        .members
        .iter()
        .map(|member| format!("{} at {}", member.client_id, member.host))
        .collect();
    Err(Failure::work(format!(
        "the group {group} has members: {}. Stop them; whoever was stopped or killed already stays a member for at most \
         {for_at_most}, unless it was stopped with --leave-on-stop",
        named.join(", "),
    )))
}

impl Plan {
    fn of(admin: &mut dyn Admin, configuration: &Configuration) -> Result<Self, Failure> {
        let group = configuration.application.streams_id();
        // With aggregates and detectors, whether they are on or not: they may have been.
        let mut options = configuration.job();
        options.aggregates.enabled = true;
        options.minutes.enabled = true;
        let built = job::topology(&options).build().map_err(Failure::work)?;
        let mut names = BTreeSet::new();
        for part in built.subtopologies() {
            let stores = part.stores().iter().filter(|store| store.changelog);
            names.extend(stores.map(|store| SubTopology::changelog_topic(&group, &store.name)));
            let inputs = part.inputs(&group).into_iter();
            names.extend(inputs.filter(|it| it.internal).map(|it| it.topic));
        }
        let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = admin
            .describe_topics(&wanted, CALL)
            .map_err(Failure::work)?;
        let internal = found.into_iter().flatten().map(|topic| topic.name);
        let state = configuration.application.state_dir.join(&group);
        let outputs = written(configuration).into_iter().map(|topic| topic.name);
        Ok(Self {
            group,
            internal: internal.collect(),
            has_state: state.exists(),
            state,
            outputs: outputs.filter(|name| name != REDRIVE).collect(),
        })
    }

    /// The group first: the brokers refuse while it has members, whoever came meanwhile. What is left after a failure is
    /// deleted by the next call; until then a start is refused, because there is state without offsets.
    fn carry_out(&self, admin: &mut dyn Admin) -> Result<(), Failure> {
        admin
            .delete_group(&self.group, CALL)
            .map_err(Failure::work)?;
        StateDirectory::remove(&self.state).map_err(Failure::work)?;
        let names: Vec<&str> = self.internal.iter().map(String::as_str).collect();
        admin.delete_topics(&names, CALL).map_err(Failure::work)
    }

    fn json(&self, done: bool) -> String {
        json!({
            "dryRun": !done,
            "group": self.group,
            "deletedTopics": self.internal,
            "stateDirectory": self.has_state.then(|| self.state.display().to_string()),
            "inputs": SOURCES,
            "untouchedOutputs": self.outputs,
        })
        .to_string()
    }

    fn text(&self, done: bool) -> String {
        let verb = if done { "deleted" } else { "would be deleted" };
        let mut text = format!("{verb}: offsets of the group {}\n", self.group);
        for topic in &self.internal {
            text += &format!("{verb}: topic {topic}\n");
        }
        if self.has_state {
            text += &format!("{verb}: {}\n", self.state.display());
        }
        text += &format!(
            "read from the beginning by the next start: {}\nuntouched, and written to once more: {}",
            SOURCES.join(", "),
            self.outputs.join(", ")
        );
        if !done {
            text += "\nnothing was done; do it with --execute";
        }
        text
    }
}
