//! One run of the floor over the backlog of a stand, as a process of its own.

use std::env;
use std::process::Command;

use topology::io::TopicSpec;

use crate::contestant::{self, Contestant, Run};
use crate::error::{Error, Result};
use crate::floor;
use crate::order_job;
use crate::partitions::{self, PATIENCE};
use crate::profile::{Moment, Profile};
use crate::stand::Stand;

pub(crate) const FLOOR: &str = "floor";

/// Measures the floor, which must produce as much as the job did, to topics of its own.
pub(crate) fn measure(
    stand: &mut Stand,
    commit_interval_ms: u64,
    group: String,
    job: &Profile,
) -> Result<Run> {
    let mut profile = job.clone();
    for topic in &mut profile.topics {
        // The changelogs of all runs go to topics of their own, as those of the job.
        topic.topic = format!("{}{}", floor::PREFIX, topic.topic);
    }
    create_like(stand, job, &profile)?;
    let names: Vec<(String, Moment)> = profile
        .topics
        .iter()
        .map(|topic| (topic.topic.clone(), topic.moment))
        .collect();
    let known: Vec<&str> = names.iter().map(|(topic, _)| topic.as_str()).collect();
    let before = partitions::of(stand.admin.as_mut(), &known)?;
    let before = partitions::ends(stand.admin.as_mut(), &before)?;

    let directory = order_job::directory()?;
    let path = directory.path().join("profile");
    profile.write(&path)?;
    let program = env::current_exe().map_err(Error::file("finding", "this program".as_ref()))?;
    let mut command = Command::new(program);
    command
        .arg("floor")
        .args(["--bootstrap-servers", stand.broker.bootstrap_servers()])
        .args(["--group", &group])
        .arg("--profile")
        .arg(&path)
        .args(["--commit-interval-ms", &commit_interval_ms.to_string()])
        .args(&stand.backlog.topics);
    let contestant = Contestant {
        name: FLOOR,
        command,
        group,
        state: None,
        put_out: None,
    };
    let (mut run, ()) = contestant::measure(contestant, &stand.broker, &stand.backlog, || Ok(()))?;

    let produced = Profile::of(&stand.log, &before, &names, job.events, |_, _| Ok(()))?;
    produced.as_much_as(&profile)?;
    (run.records_out, run.bytes_out) = (produced.records(), produced.bytes());
    stand.told(&run);
    Ok(run)
}

fn create_like(stand: &mut Stand, job: &Profile, floor: &Profile) -> Result<()> {
    let names: Vec<&str> = job
        .topics
        .iter()
        .map(|topic| topic.topic.as_str())
        .collect();
    let described = stand.admin.describe_topics(&names, PATIENCE)?;
    let specs = described
        .into_iter()
        .flatten()
        .zip(&floor.topics)
        .map(|(like, topic)| TopicSpec {
            name: topic.topic.clone(),
            partitions: like.partitions,
            replication_factor: 1,
            config: vec![("cleanup.policy".to_owned(), like.cleanup_policy)],
        });
    Ok(stand
        .admin
        .create_topics(&specs.collect::<Vec<_>>(), PATIENCE)?)
}
