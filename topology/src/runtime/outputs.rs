use crate::Error;
use crate::graph::{BuiltTopology, SubTopology};
use crate::io::{OutputId, Producer};
use crate::store::StoreId;

/// What an output topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputKind {
    Sink,
    Repartition,
    Changelog,
    DeadLetter,
}

impl OutputKind {
    /// Of a topic that sinks write to, by whether the engine created it.
    pub(crate) const fn of_sink(internal: bool) -> Self {
        if internal {
            Self::Repartition
        } else {
            Self::Sink
        }
    }

    /// The name as a metric label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sink => "sink",
            Self::Repartition => "repartition",
            Self::Changelog => "changelog",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// The topics a thread writes to, registered once with its producer.
#[derive(Default)]
pub(super) struct Outputs {
    parts: Vec<PartOutputs>,
    /// Topic and kind of every output.
    topics: Vec<(OutputId, String, OutputKind)>,
}

#[derive(Default)]
struct PartOutputs {
    index: u32,
    /// By index among the sub-topology's outputs; the dead-letter topic follows the last.
    sinks: Vec<OutputId>,
    /// By store; `None` without changelog.
    changelogs: Vec<Option<OutputId>>,
}

impl Outputs {
    pub(super) fn register(
        producer: &mut dyn Producer,
        topology: &BuiltTopology,
        application_id: &str,
    ) -> Result<Self, Error> {
        let mut outputs = Self::default();
        for part in topology.subtopologies() {
            let mut registered = PartOutputs {
                index: part.index(),
                ..PartOutputs::default()
            };
            for output in part.outputs(application_id) {
                let kind = OutputKind::of_sink(output.internal);
                let sink = outputs.output(producer, &output.topic, kind)?;
                registered.sinks.push(sink);
            }
            if let Some(topic) = topology.dead_letter_topic() {
                let sink = outputs.output(producer, topic, OutputKind::DeadLetter)?;
                registered.sinks.push(sink);
            }
            for store in part.stores() {
                let topic = SubTopology::changelog_topic(application_id, &store.name);
                registered.changelogs.push(if store.changelog {
                    Some(outputs.output(producer, &topic, OutputKind::Changelog)?)
                } else {
                    None
                });
            }
            outputs.parts.push(registered);
        }
        Ok(outputs)
    }

    fn output(
        &mut self,
        producer: &mut dyn Producer,
        topic: &str,
        kind: OutputKind,
    ) -> Result<OutputId, Error> {
        let output = producer.register(topic)?;
        if self.topics.iter().all(|(known, ..)| *known != output) {
            self.topics.push((output, topic.to_owned(), kind));
        }
        Ok(output)
    }

    /// Every output with its topic and kind.
    pub(super) fn topics(&self) -> impl Iterator<Item = (OutputId, &str, OutputKind)> {
        let topics = self.topics.iter();
        topics.map(|(output, topic, kind)| (*output, topic.as_str(), *kind))
    }

    fn part(&self, subtopology: u32) -> Result<&PartOutputs, Error> {
        self.parts
            .iter()
            .find(|part| part.index == subtopology)
            .ok_or_else(|| {
                Error::fatal(
                    "find an output",
                    format!("sub-topology {subtopology} has none"),
                )
            })
    }

    pub(super) fn sink(&self, subtopology: u32, output: usize) -> Result<OutputId, Error> {
        let sink = self.part(subtopology)?.sinks.get(output).copied();
        sink.ok_or_else(|| {
            Error::fatal(
                "find an output",
                format!("sub-topology {subtopology} has no output {output}"),
            )
        })
    }

    pub(super) fn changelog(&self, subtopology: u32, store: StoreId) -> Result<OutputId, Error> {
        let changelog = self
            .part(subtopology)?
            .changelogs
            .get(store.0 as usize)
            .copied()
            .flatten();
        changelog.ok_or_else(|| {
            Error::fatal(
                "find a changelog",
                format!("sub-topology {subtopology}, store {} has none", store.0),
            )
        })
    }
}
