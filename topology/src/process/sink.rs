use std::any::{Any, type_name};

use super::node::{Node, wrong_types};
use super::outputs::Destination;
use super::{OUTPUT_TOO_LARGE, ProcessError, ProcessingContext, TaskLimits};
use crate::codec::{Presence, Serializer};
use crate::graph::StreamPartitioner;
use crate::io::Headers;
use crate::io::batch::Span;

/// Which of the records that reach a sink are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SinkMode {
    /// Each of them, in order.
    #[default]
    Every,
    /// The last of each key per commit: for compacted topics that hold the latest state.
    LatestPerCommit,
}

/// Encodes records for an output topic into the task's output buffer.
pub(crate) struct SinkNode<K, V> {
    pub(crate) key_serializer: Box<dyn Serializer<K>>,
    pub(crate) value_serializer: Box<dyn Serializer<V>>,
    pub(crate) topic: String,
    pub(crate) output: usize,
    pub(crate) mode: SinkMode,
    pub(crate) partitioner: Option<StreamPartitioner<K, V>>,
}

impl<K: 'static, V: 'static> Node for SinkNode<K, V> {
    fn process(
        &mut self,
        key: &dyn Any,
        value: &dyn Any,
        timestamp: i64,
        headers: Headers<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let (Some(key), Some(value)) = (key.downcast_ref::<K>(), value.downcast_ref::<V>()) else {
            return Err(wrong_types(self.takes(), context));
        };
        let partition = self
            .partitioner
            .and_then(|partitioner| partitioner(key, value));
        let outputs = &mut context.scope.outputs;
        let (key_presence, key) = Span::write(outputs.arena(), |out| {
            self.key_serializer.serialize(key, out)
        })?;
        let (value_presence, value) = Span::write(outputs.arena(), |out| {
            self.value_serializer.serialize(value, out)
        })?;
        let limits = &context.scope.limits.outputs;
        // Checked here, where the culprit is known: a refusal by the broker names no record.
        if let Some((size, limit)) =
            TaskLimits::exceeded(limits, self.output, key.len(), value.len(), headers)
        {
            let message = format!(
                "output of {size} bytes; topic {} takes {limit} (max.message.bytes)",
                self.topic
            );
            return Err(ProcessError::record(OUTPUT_TOO_LARGE, message));
        }
        let to = Destination {
            output: self.output,
            mode: self.mode,
            partition,
            timestamp,
        };
        context.scope.outputs.add(
            to,
            (key_presence == Presence::Present).then_some(key),
            (value_presence == Presence::Present).then_some(value),
            headers,
        );
        Ok(())
    }

    fn takes(&self) -> (&'static str, &'static str) {
        (type_name::<K>(), type_name::<V>())
    }
}
