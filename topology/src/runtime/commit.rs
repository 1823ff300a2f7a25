//! The commit protocol, in seven steps:
//!
//! 1. operators hand over what they hold;
//! 2. one changelog record per dirty key is produced;
//! 3. everything in flight is acknowledged, which tells the last changelog offsets;
//! 4. the input position of every task that wrote is put into the transaction, under the membership
//!    of the assignment (this fences a zombie);
//! 5. the transaction is committed;
//! 6. one batch per task takes overlay, own values and changelog offsets to the store;
//! 7. the committed view is published. The next transaction begins with the next output.

use std::sync::Arc;
use std::time::Duration;

use super::clients::Clients;
use super::contain::contained;
use super::retry::{Patience, retry};
use super::stop::Purpose;
use super::stream_thread::{StreamThread, Uncommitted};
use super::{CommitPhase, ProcessingGuarantee};
use crate::io::{GroupProtocol, Headers, OutputRecord, Producer, TopicPartition};
use crate::process::outputs::Outgoing;
use crate::store::StoreId;
use crate::task::{Task, TaskPhase};
use crate::{Error, ErrorClass};

/// Breaks the protocol on purpose: a verifier that passes one of these is no verifier.
#[cfg(feature = "broken-controls")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenControl {
    /// Input offsets are committed before the transaction, outside of it.
    OffsetsOutsideTransaction,
    /// The state is written before the transaction is committed.
    StoreBeforeCommit,
    /// The overlay is kept after an abort.
    OverlayKeptAfterAbort,
}

impl StreamThread {
    /// Commits whatever has happened since the last commit; answers whether there was anything.
    pub(super) fn commit(&mut self) -> Result<bool, Error> {
        let started = self.clock.monotonic();
        self.last_commit = started;
        for task in self
            .tasks
            .values_mut()
            .filter(|task| task.phase == TaskPhase::Running)
        {
            contained(task, "prepare a commit", Task::before_commit)?;
        }
        if !self.clients()?.in_transaction && !self.running().any(|task| task.is_dirty()) {
            return Ok(false);
        }
        self.begin_transaction()?;
        self.enter(CommitPhase::Changelog)?;
        self.hand_over_all()?;
        self.produce_changelogs()?;

        self.enter(CommitPhase::Draining)?;
        self.drain()?;

        self.enter(CommitPhase::Offsets)?;
        let offsets = self.dirty_offsets();
        self.send_offsets(&offsets)?;

        #[cfg(feature = "broken-controls")]
        if self.config.broken == Some(BrokenControl::StoreBeforeCommit) {
            self.write_stores()?;
            // On disk, or a crash would take the evidence with it.
            self.flush_all()?;
        }

        self.enter(CommitPhase::Committing)?;
        self.commit_transaction(&offsets)?;

        self.enter(CommitPhase::StoreBatch)?;
        self.write_stores()?;

        self.publish(started);
        self.enter(CommitPhase::Idle)?;
        Ok(true)
    }

    /// Commits within `revocation_timeout`, which an abort and the end of the membership share: others wait for us.
    pub(super) fn commit_in_time(&mut self) -> Result<bool, Error> {
        self.revocation = Some(self.clock.monotonic());
        self.commit()
    }

    /// How long the brokers are waited for: `task_timeout`, or what a revocation or a stop leaves.
    pub(super) fn patience(&self, purpose: Purpose) -> Patience {
        let deadline = self.clock.monotonic() + self.config.task_timeout;
        let revocation = self
            .revocation
            .map(|since| since + purpose.share_of(self.config.revocation_timeout));
        Patience {
            clock: Arc::clone(&self.clock),
            stop: Arc::clone(&self.stop),
            purpose,
            deadline: revocation.map_or(deadline, |revocation| revocation.min(deadline)),
        }
    }

    fn running(&self) -> impl Iterator<Item = &Task> {
        self.tasks
            .values()
            .filter(|task| task.phase == TaskPhase::Running)
    }

    /// Begins a transaction unless one is open.
    pub(super) fn begin_transaction(&mut self) -> Result<(), Error> {
        if self.clients()?.in_transaction {
            return Ok(());
        }
        let exactly_once = self.exactly_once();
        let clients = self.clients_mut()?;
        if exactly_once {
            let begun = clients.producer.begin_transaction();
            begun.map_err(abort_unless_fenced)?;
        }
        // Without transactions it stands for what was handed over since the last commit.
        clients.in_transaction = true;
        self.enter(CommitPhase::Processing)
    }

    /// Hands over the accepted outputs of one task.
    pub(super) fn hand_over(&mut self, id: crate::task::TaskId) -> Result<(), Error> {
        if self
            .tasks
            .get(&id)
            .is_none_or(|task| task.scope.outputs.is_empty())
        {
            return Ok(());
        }
        self.begin_transaction()?;
        let Some(task) = self.tasks.get_mut(&id) else {
            return Ok(());
        };
        // Of a punctuation there may be nothing left but this: its transaction needs offsets too.
        task.progressed = true;
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        let uncommitted = &mut self.uncommitted;
        let outputs = &mut task.scope.outputs;
        outputs.drain(|record| send(clients, id.subtopology, record, uncommitted))
    }

    fn hand_over_all(&mut self) -> Result<(), Error> {
        let ids: Vec<_> = self.running().map(|task| task.id).collect();
        for id in ids {
            self.hand_over(id)?;
            let Some(task) = self.tasks.get_mut(&id) else {
                continue;
            };
            let clients = self.clients.as_mut().ok_or_else(no_clients)?;
            let uncommitted = &mut self.uncommitted;
            let outputs = &mut task.scope.outputs;
            outputs.drain_latest(|record| send(clients, id.subtopology, record, uncommitted))?;
        }
        Ok(())
    }

    fn produce_changelogs(&mut self) -> Result<(), Error> {
        let timestamp = self.clock.wall_clock_ms();
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        for task in self
            .tasks
            .values_mut()
            .filter(|task| task.phase == TaskPhase::Running)
        {
            let id = task.id;
            task.scope.state.changelog(&mut |store, key, value| {
                let output = clients.outputs.changelog(id.subtopology, store)?;
                self.uncommitted.count(output);
                let sent = clients.producer.send(OutputRecord {
                    output,
                    partition: Some(id.partition),
                    timestamp,
                    key: Some(key),
                    value,
                    headers: Headers::default(),
                });
                sent.map_err(|error| not_sent(clients.producer.as_mut(), error))
            })?;
        }
        Ok(())
    }

    /// Waits in short steps until everything is acknowledged: the client's own flush waits in
    /// steps of a hundred milliseconds.
    fn drain(&mut self) -> Result<(), Error> {
        let began = self.clock.monotonic();
        let patience = self.patience(Purpose::Commit);
        let clients = self.clients_mut()?;
        let served = clients.producer.poll(Duration::ZERO);
        served.map_err(abort_unless_fenced)?;
        while clients.producer.in_flight() > 0 {
            if patience.left().is_zero() {
                let detail = format!(
                    "{} records unacknowledged after {:.1?}",
                    clients.producer.in_flight(),
                    patience.clock.monotonic().saturating_sub(began),
                );
                return Err(Error::new(
                    ErrorClass::Abortable,
                    "drain the producer",
                    detail,
                ));
            }
            let served = clients.producer.flush(Duration::from_millis(1));
            served.map_err(abort_unless_fenced)?;
        }
        refusal(clients.producer.as_mut()).map_or(Ok(()), Err)
    }

    /// Every transaction carries the position of every task that wrote in it, even if unchanged:
    /// a transaction without offsets would not be fenced.
    fn dirty_offsets(&self) -> Vec<(TopicPartition, i64)> {
        let dirty = self.running().filter(|task| task.is_dirty());
        let inputs = dirty.flat_map(|task| task.inputs.iter());
        inputs
            .map(|input| (input.partition.clone(), input.position))
            .collect()
    }

    fn send_offsets(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), Error> {
        if !self.exactly_once() {
            return Ok(());
        }
        let patience = self.patience(Purpose::Commit);
        #[cfg(feature = "broken-controls")]
        if self.config.broken == Some(BrokenControl::OffsetsOutsideTransaction) {
            return self.clients_mut()?.consumer.commit(offsets);
        }
        let moves = self.config.group_protocol == GroupProtocol::Consumer;
        let clients = self.clients_mut()?;
        if moves && clients.group.is_some() {
            // The epoch moves with every reconciliation, of others too; who has lost the partitions has none.
            let metadata = clients.consumer.group_metadata();
            clients.group = Some(metadata.map_err(abort_unless_fenced)?);
        }
        let Some(group) = &clients.group else {
            return Err(Error::new(
                ErrorClass::Fenced,
                "send offsets",
                "there is no membership to send them under",
            ));
        };
        let producer = &mut clients.producer;
        retry(patience, |timeout| {
            producer.send_offsets(offsets, group, timeout)
        })
        .map_err(rebuild_unless_abortable)
    }

    fn commit_transaction(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), Error> {
        let patience = self.patience(Purpose::Commit);
        let exactly_once = self.config.processing_guarantee == ProcessingGuarantee::ExactlyOnceV2;
        let clients = self.clients_mut()?;
        if exactly_once {
            let producer = &mut clients.producer;
            // A lost answer is asked for again by the same call; if it never comes, the rebuild
            // finds out from the broker what became of the transaction.
            retry(patience, |timeout| producer.commit_transaction(timeout))
                .map_err(rebuild_unless_abortable)?;
        } else if !offsets.is_empty() {
            let consumer = &mut clients.consumer;
            retry(patience, |_| consumer.commit(offsets)).map_err(rebuild_unless_abortable)?;
        }
        clients.in_transaction = false;
        Ok(())
    }

    fn write_stores(&mut self) -> Result<(), Error> {
        // Behind a transaction's last record lies its marker; who begins behind it finds nothing to restore after a
        // clean stop. Nothing else can lie there: whoever writes next has waited for the marker.
        let to_next = if self.exactly_once() { 2 } else { 1 };
        let clients = self.clients.as_ref().ok_or_else(no_clients)?;
        for task in self
            .tasks
            .values_mut()
            .filter(|task| task.phase == TaskPhase::Running)
        {
            if !task.is_dirty() {
                continue;
            }
            let mut positions = Vec::new();
            for (store, spec) in (0..).map(StoreId).zip(task.subtopology().stores()) {
                if spec.changelog {
                    let output = clients.outputs.changelog(task.id.subtopology, store)?;
                    // The next offset to restore from.
                    let next = clients
                        .producer
                        .last_offset(output, task.id.partition)
                        .map(|last| last + to_next);
                    // Never back: the producer may remember an earlier ownership of the partition.
                    let next = next.max(task.scope.state.changelog_position(store));
                    positions.extend(next.map(|next| (store, next)));
                }
            }
            task.committed(&positions)?;
        }
        Ok(())
    }

    /// Drops the open transaction and everything that was caused in it, and reads again from the
    /// committed positions.
    pub(super) fn abort(&mut self) -> Result<(), Error> {
        self.uncommitted = Uncommitted::default();
        self.metrics
            .transactions
            .with_label_values(&["aborted"])
            .inc();
        let patience = self.patience(Purpose::Abort);
        let exactly_once = self.exactly_once();
        let clients = self.clients_mut()?;
        if clients.in_transaction {
            if exactly_once {
                let producer = &mut clients.producer;
                retry(patience, |timeout| producer.abort_transaction(timeout))
                    .map_err(rebuild_unless_abortable)?;
            }
            clients.in_transaction = false;
            let _ = clients.producer.delivery_error();
        }
        #[cfg(feature = "broken-controls")]
        if self.config.broken == Some(BrokenControl::OverlayKeptAfterAbort) {
            return Ok(());
        }
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        for task in self.tasks.values_mut() {
            contained(task, "start a processor", Task::abort)?;
            if task.phase != TaskPhase::Running {
                continue;
            }
            for input in task.inputs.iter() {
                if let Some(id) = input.id {
                    clients.consumer.seek(id, input.committed)?;
                }
            }
        }
        Ok(())
    }
}

/// Whatever is wrong with the producer beyond an abort: drop it and the tasks, rebuild.
fn rebuild_unless_abortable(error: Error) -> Error {
    match error.class() {
        ErrorClass::Abortable | ErrorClass::Fenced => error,
        _ => error.of_class(ErrorClass::Fenced),
    }
}

/// Some of a batch was handed over, and there is no telling which: handing it over again would
/// double it, so the transaction is aborted even for passing trouble. A producer beyond that is
/// replaced.
fn abort_unless_fenced(error: Error) -> Error {
    match error.class() {
        ErrorClass::Retriable => error.of_class(ErrorClass::Abortable),
        ErrorClass::Fatal => error.of_class(ErrorClass::Fenced),
        ErrorClass::User | ErrorClass::Abortable | ErrorClass::Fenced => error,
    }
}

/// What cannot be repeated from the middle is begun anew.
pub(super) fn rebuild_if_passing(error: Error) -> Error {
    match error.class() {
        ErrorClass::Retriable | ErrorClass::Abortable => error.of_class(ErrorClass::Fenced),
        ErrorClass::User | ErrorClass::Fenced | ErrorClass::Fatal => error,
    }
}

pub(super) fn no_clients() -> Error {
    Error::fatal("use the clients", "they are closed")
}

/// Hands one output over to the producer.
fn send(
    clients: &mut Clients,
    subtopology: u32,
    record: Outgoing<'_>,
    uncommitted: &mut Uncommitted,
) -> Result<(), Error> {
    let output = clients.outputs.sink(subtopology, record.output)?;
    uncommitted.records_out += 1;
    uncommitted.count(output);
    let sent = clients.producer.send(OutputRecord {
        output,
        partition: record.partition,
        timestamp: record.timestamp,
        key: record.key,
        value: record.value,
        headers: record.headers,
    });
    sent.map_err(|error| not_sent(clients.producer.as_mut(), error))
}

/// Why a record was not acknowledged, if one was not. What the log would refuse again ends the thread: it is neither
/// skipped nor tried for ever.
fn refusal(producer: &mut dyn Producer) -> Option<Error> {
    let error = producer.delivery_error()?;
    Some(match error.class() {
        ErrorClass::Fatal => error,
        _ => abort_unless_fenced(error),
    })
}

/// A transaction takes no more records once one was refused: then that refusal is what happened.
fn not_sent(producer: &mut dyn Producer, error: Error) -> Error {
    refusal(producer).unwrap_or_else(|| abort_unless_fenced(error))
}
