use crate::Error;
use crate::graph::{BuiltTopology, SubTopology};
use crate::io::{OutputId, Producer};
use crate::store::StoreId;

/// The topics a thread writes to, registered once with its producer.
pub(super) struct Outputs {
    parts: Vec<PartOutputs>,
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
        let mut parts = Vec::new();
        for part in topology.subtopologies() {
            let mut registered = PartOutputs {
                index: part.index(),
                ..PartOutputs::default()
            };
            for output in part.outputs(application_id) {
                registered.sinks.push(producer.register(&output.topic)?);
            }
            if let Some(topic) = topology.dead_letter_topic() {
                registered.sinks.push(producer.register(topic)?);
            }
            for store in part.stores() {
                let topic = SubTopology::changelog_topic(application_id, &store.name);
                registered.changelogs.push(if store.changelog {
                    Some(producer.register(&topic)?)
                } else {
                    None
                });
            }
            parts.push(registered);
        }
        Ok(Self { parts })
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
