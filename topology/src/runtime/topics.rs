//! Topics at start: what is missing is created or waited for, what is wrong stops the start with a
//! message that names the topics and the fix. Nothing is ever rehashed silently.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::described::described;
use super::expected_topic::{ExpectedTopic, Role, changed};
use super::retry::{Patience, retry};
use super::stop::{Purpose, Stop};
use super::{State, StatusBoard, StreamsConfig};
use crate::Error;
use crate::graph::{BuiltTopology, InputTopic, SubTopology};
use crate::io::{Admin, TopicDescription, TopicSpec};
use crate::store::StateDirectory;
use crate::task::KnownTopics;
use crate::time::Clock;

/// While brokers are waited for; a stop waits for the call under way.
const ASK: Duration = Duration::from_secs(2);
/// Between two looks for a topic that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What the check needs.
pub(super) struct TopicCheck<'a> {
    pub(super) admin: &'a mut dyn Admin,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) config: &'a StreamsConfig,
    pub(super) topology: &'a BuiltTopology,
    pub(super) directory: &'a StateDirectory,
    pub(super) board: &'a StatusBoard,
    pub(super) stop: &'a Arc<Stop>,
}

/// How many tasks a sub-topology has.
struct PartitionCount {
    partitions: i32,
    /// The topic that decides, if it is one of the application's inputs.
    input: Option<String>,
}

fn declared(spec: TopicSpec) -> ExpectedTopic {
    ExpectedTopic {
        spec,
        role: Role::Declared,
    }
}

fn refused(detail: String) -> Error {
    Error::fatal("check the topics", detail)
}

impl TopicCheck<'_> {
    /// Looks whether the state on disk fits; creates and validates topics; answers with what is known of every topic of the application.
    pub(super) fn run(mut self) -> Result<KnownTopics, Error> {
        let mut description = described(self.topology);
        self.directory.adopt(&description)?;
        let own_inputs = self.own_inputs();
        let own_names: Vec<String> = own_inputs.iter().map(|own| own.name.clone()).collect();
        let is_own = |topic: &str| own_names.iter().any(|own| own == topic);
        let mut declared: Vec<ExpectedTopic> = self.declared_topics();
        declared.retain(|topic| !is_own(&topic.spec.name));
        self.create_missing(&declared)?;
        let mut inputs = self.wait_for_inputs(&is_own)?;
        self.create_own_inputs(own_inputs, &mut inputs)?;
        let mut internal = Vec::new();
        let mut built_with = self.directory.built_with()?;
        for part in self.topology.subtopologies() {
            let count = self.co_partitioned(part, &inputs)?;
            self.check_directory(part, &count, &built_with)?;
            let stores = part.stores().iter();
            built_with.extend(stores.map(|store| (store.name.clone(), count.partitions)));
            internal.extend(self.internal_topics(part, &count));
        }
        // Before anything is created: what is created with a wrong count would hide that it is wrong.
        self.validate(&internal)?;
        self.create_missing(&internal)?;
        self.validate(&internal)?;
        self.validate(&declared)?;
        description.set_partitions(&built_with);
        self.directory.describe(&description)?;
        self.known()
    }

    fn declared_topics(&self) -> Vec<ExpectedTopic> {
        self.config.topics.iter().cloned().map(declared).collect()
    }

    /// The state on this machine must have been built with the same number of partitions, even if its changelogs are
    /// gone.
    fn check_directory(
        &self,
        part: &SubTopology,
        count: &PartitionCount,
        built_with: &BTreeMap<String, i32>,
    ) -> Result<(), Error> {
        let now = count.partitions;
        let input = count.input.as_deref().unwrap_or("the repartition topic");
        let Some(root) = self.directory.root() else {
            return Ok(());
        };
        let root = root.display();
        for store in part.stores() {
            if let Some(before) = built_with.get(&store.name).filter(|before| **before != now) {
                let place = format!("the state directory {root} (store {})", store.name);
                return Err(refused(changed(input, now, &place, *before)));
            }
        }
        let tasks = self.directory.tasks_on_disk().into_iter();
        let mut beyond = tasks.filter(|id| id.subtopology == part.index() && id.partition >= now);
        match beyond.next() {
            Some(id) if !part.stores().is_empty() => {
                let detail = format!(
                    "{root} holds task {id}, and {input} has only {now} partitions: they were more once, and a key may \
                     belong to another task than the one that holds its state. Restore the count, or move {root}/{id} \
                     away if it is left over from an earlier topology"
                );
                Err(refused(detail))
            }
            _ => Ok(()),
        }
    }

    fn describe(&mut self, names: &[&str]) -> Result<Vec<Option<TopicDescription>>, Error> {
        let (board, stop) = (self.board, self.stop);
        let admin = &mut self.admin;
        // A broker that is absent is waited for, however long, until someone stops us.
        loop {
            match admin.describe_topics(names, ASK) {
                Err(error)
                    if error.class() == crate::ErrorClass::Retriable && !stop.is_requested() =>
                {
                    tracing::warn!("waiting for the brokers: {error}");
                    board.set_state(
                        "start",
                        State::Created,
                        &format!("waiting for the brokers: {error}"),
                    );
                    board.set_broker_trouble("start", Some(error.to_string()));
                    self.clock.sleep(LOOK_AGAIN);
                }
                other => {
                    board.set_broker_trouble("start", None);
                    return other;
                }
            }
        }
    }

    fn create_missing(&mut self, topics: &[ExpectedTopic]) -> Result<(), Error> {
        let specs: Vec<&TopicSpec> = topics.iter().map(|topic| &topic.spec).collect();
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let existing = self.describe(&names)?;
        let missing = specs
            .iter()
            .zip(existing)
            .filter(|(_, existing)| existing.is_none());
        let missing: Vec<TopicSpec> = missing.map(|(spec, _)| (*spec).clone()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for spec in &missing {
            tracing::info!(
                topic = spec.name,
                partitions = spec.partitions,
                "creating topic"
            );
        }
        let patience = Patience {
            clock: Arc::clone(self.clock),
            stop: Arc::clone(self.stop),
            purpose: Purpose::Start,
            deadline: self.clock.monotonic() + self.config.task_timeout,
        };
        let admin = &mut self.admin;
        retry(patience, |timeout| admin.create_topics(&missing, timeout))?;
        // Created is not yet known everywhere.
        let created: Vec<&str> = missing.iter().map(|spec| spec.name.as_str()).collect();
        for _ in 0..100 {
            if self.describe(&created)?.iter().all(Option::is_some) {
                return Ok(());
            }
            self.clock.sleep(LOOK_AGAIN);
        }
        Err(Error::fatal(
            "create topics",
            format!("{} did not appear", created.join(", ")),
        ))
    }

    /// Topics that the application reads and is told to create: it writes to them, too.
    fn own_inputs(&self) -> Vec<TopicSpec> {
        let parts = self.topology.subtopologies().iter();
        let inputs = parts.flat_map(|part| part.inputs(&self.config.application_id));
        let inputs: BTreeSet<String> = inputs.map(|input| input.topic).collect();
        let specs = self.config.topics.iter();
        specs
            .filter(|spec| inputs.contains(&spec.name))
            .cloned()
            .collect()
    }

    /// Creates them with as many partitions as the inputs have that are read together with them.
    fn create_own_inputs(
        &mut self,
        mut own: Vec<TopicSpec>,
        known: &mut BTreeMap<String, i32>,
    ) -> Result<(), Error> {
        for spec in &mut own {
            let parts = self.topology.subtopologies().iter();
            let mut parts = parts.map(|part| part.inputs(&self.config.application_id));
            let together = parts.find(|part| part.iter().any(|input| input.topic == spec.name));
            let mut counts = together.iter().flatten();
            if let Some(count) = counts.find_map(|input| known.get(&input.topic)) {
                spec.partitions = *count;
            }
        }
        if own.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = own.iter().map(|spec| spec.name.as_str()).collect();
        let own = own.iter().cloned().map(declared);
        self.create_missing(&own.collect::<Vec<_>>())?;
        let described = self.describe(&names)?.into_iter().flatten();
        known.extend(described.map(|topic| (topic.name, topic.partitions)));
        Ok(())
    }

    fn wait_for_inputs(
        &mut self,
        is_own: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, i32>, Error> {
        let application_id = &self.config.application_id;
        let inputs = self
            .topology
            .subtopologies()
            .iter()
            .flat_map(|part| part.inputs(application_id));
        let names: Vec<String> = inputs
            .filter(|input| !input.internal && !is_own(&input.topic))
            .map(|input| input.topic)
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut looks = self.config.topic_wait.as_millis() / LOOK_AGAIN.as_millis();
        loop {
            let described = self.describe(&names)?;
            let missing: Vec<&str> = names
                .iter()
                .zip(&described)
                .filter(|(_, found)| found.is_none())
                .map(|(name, _)| *name)
                .collect();
            if missing.is_empty() {
                return Ok(described
                    .into_iter()
                    .flatten()
                    .map(|topic| (topic.name, topic.partitions))
                    .collect());
            }
            let detail = format!(
                "input topic {} does not exist; create it, or correct its name",
                missing.join(", ")
            );
            if looks == 0 || self.stop.is_requested() {
                return Err(Error::fatal("check the topics", detail));
            }
            if looks.is_multiple_of(20) {
                tracing::warn!("waiting: {detail}");
            }
            self.board
                .set_state("start", State::Created, &format!("waiting: {detail}"));
            looks -= 1;
            self.clock.sleep(LOOK_AGAIN);
        }
    }

    /// All inputs of a sub-topology must have the same number of partitions.
    fn co_partitioned(
        &self,
        part: &SubTopology,
        known: &BTreeMap<String, i32>,
    ) -> Result<PartitionCount, Error> {
        let inputs = part.inputs(&self.config.application_id);
        let count = |input: &InputTopic| input.partitions.or(known.get(&input.topic).copied());
        let mut counts = inputs
            .iter()
            .filter_map(|input| Some((input.topic.as_str(), count(input)?)));
        let Some((first, partitions)) = counts.next() else {
            // Reads repartition topics only: as many partitions as the widest external input.
            let partitions = known.values().copied().max().unwrap_or(1);
            return Ok(PartitionCount {
                partitions,
                input: None,
            });
        };
        match counts.find(|(_, count)| *count != partitions) {
            None => Ok(PartitionCount {
                partitions,
                input: known.contains_key(first).then(|| first.to_owned()),
            }),
            Some((other, count)) => Err(refused(format!(
                "{first} has {partitions} partitions and {other} has {count}; sub-topology {} reads them together, so \
                     records of one key must have the same partition number: give both the same count",
                part.index()
            ))),
        }
    }

    fn internal_topics(&self, part: &SubTopology, count: &PartitionCount) -> Vec<ExpectedTopic> {
        let application_id = &self.config.application_id;
        let expected = |name: String, role: Role, config: &[(&str, &str)]| ExpectedTopic {
            spec: TopicSpec {
                name,
                partitions: count.partitions,
                replication_factor: self.config.replication_factor,
                config: config
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect(),
            },
            role,
        };
        let changelogs = part
            .stores()
            .iter()
            .filter(|store| store.changelog)
            .map(|store| {
                expected(
                    SubTopology::changelog_topic(application_id, &store.name),
                    Role::Changelog {
                        input: count.input.clone(),
                    },
                    &[("cleanup.policy", "compact")],
                )
            });
        let repartition = part
            .inputs(application_id)
            .into_iter()
            .filter(|input| input.internal);
        // As Kafka Streams has them: what is purged is gone with its segment, so segments are small.
        let retention = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("segment.bytes", "52428800"),
        ];
        changelogs
            .chain(repartition.map(|input| expected(input.topic, Role::Repartition, &retention)))
            .collect()
    }

    /// Existing topics must be what state and keys rely on.
    fn validate(&mut self, topics: &[ExpectedTopic]) -> Result<(), Error> {
        let names: Vec<&str> = topics
            .iter()
            .map(|topic| topic.spec.name.as_str())
            .collect();
        for (expected, found) in topics.iter().zip(self.describe(&names)?) {
            let Some(found) = found else { continue };
            if let Some(refusal) = expected.refusal(&found) {
                return Err(refused(refusal));
            }
            if let Some(warning) = expected.warning(&found) {
                tracing::warn!("{warning}");
            }
        }
        Ok(())
    }

    fn known(&mut self) -> Result<KnownTopics, Error> {
        let application_id = &self.config.application_id;
        let parts = self.topology.subtopologies();
        let outputs = parts.iter().flat_map(|part| part.outputs(application_id));
        // Each once: a repartition topic is the output of one part and the input of another, and librdkafka takes an answer
        // that is shorter than its question for a broken one.
        let mut names: BTreeSet<String> = outputs.map(|output| output.topic).collect();
        for part in parts {
            names.extend(
                part.inputs(application_id)
                    .into_iter()
                    .map(|input| input.topic),
            );
            let logged = part.stores().iter().filter(|store| store.changelog);
            names.extend(
                logged.map(|store| SubTopology::changelog_topic(application_id, &store.name)),
            );
        }
        names.extend(self.topology.dead_letter_topic().map(str::to_owned));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut known = KnownTopics::new();
        for (name, topic) in names.iter().zip(self.describe(&names)?) {
            let Some(topic) = topic else {
                let detail = format!("topic {name} does not exist; create it, or correct its name");
                return Err(Error::fatal("check the topics", detail));
            };
            known.insert(topic.name.clone(), topic);
        }
        Ok(known)
    }
}
