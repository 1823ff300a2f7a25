//! Records of repartition topics go once they have been processed, as in Kafka Streams: nobody else reads
//! them, and they are kept without limit of time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stream_thread::StreamThread;
use crate::io::TopicPartition;
use crate::task::TaskPhase;

/// What was asked for when.
#[derive(Debug, Default)]
pub(super) struct Purge {
    last: Duration,
    below: BTreeMap<TopicPartition, i64>,
}

impl StreamThread {
    /// Has the records deleted that every task has processed and committed, now and then.
    pub(super) fn purge(&mut self, now: Duration) {
        if now.saturating_sub(self.purge.last) < self.config.repartition_purge_interval {
            return;
        }
        self.purge.last = now;
        let running = self
            .tasks
            .values()
            .filter(|task| task.phase == TaskPhase::Running);
        let internal = running.flat_map(|task| task.inputs.iter().filter(|input| input.internal));
        let below: BTreeMap<TopicPartition, i64> = internal
            .map(|input| (input.partition.clone(), input.committed))
            .filter(|(partition, committed)| self.purge.below.get(partition) != Some(committed))
            .filter(|(_, committed)| *committed > 0)
            .collect();
        if below.is_empty() {
            return;
        }
        let asked: Vec<(TopicPartition, i64)> = below.clone().into_iter().collect();
        let Some(clients) = self.clients.as_mut() else {
            return;
        };
        if let Err(error) = clients.admin.delete_records(&asked) {
            // The topic is a little longer for a while; nothing depends on it.
            tracing::debug!(thread = self.name, "{error}");
        } else {
            self.purge.below.extend(below);
        }
    }
}
