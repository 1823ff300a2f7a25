//! A producer, transactional or not.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, State};
use super::faults::{Fault, Operation, OperationKind};
use super::group::Membership;
use super::partition::{NewRecord, ProducerEpoch};
use super::topics::Place;
use super::transactions::TransactionId;
use crate::io::murmur2;
use crate::io::{
    GroupMetadata, IoResult, OutputId, OutputRecord, Producer, ProducerConfig, TopicPartition,
};
use crate::{Error, ErrorClass};

/// Where the client stands, by what it knows; the coordinator may be further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Uninitialized,
    Ready,
    /// `touched`: the coordinator knows of the transaction.
    InTransaction {
        touched: bool,
    },
    /// Ending it was asked for, and the answer is outstanding.
    Ending {
        commit: bool,
    },
}

/// A registered topic and what has been acknowledged of it, by partition; -1 for nothing.
#[derive(Debug)]
struct Output {
    name: String,
    topic: Option<usize>,
    last: Vec<i64>,
    appended: Vec<i64>,
}

pub(super) struct MemoryProducer {
    cluster: Arc<Cluster>,
    config: ProducerConfig,
    outputs: Vec<Output>,
    identity: Option<(TransactionId, ProducerEpoch)>,
    phase: Phase,
    in_flight: usize,
    /// The first refusal, acknowledged or not.
    refused: Option<Error>,
    /// A record of the transaction was refused: it can only be aborted.
    must_abort: bool,
    /// Fenced: what every further call answers.
    fenced: Option<Error>,
    /// Records without a key go round.
    next_partition: i32,
}

impl MemoryProducer {
    pub(super) fn new(cluster: Arc<Cluster>, config: &ProducerConfig) -> Self {
        Self {
            cluster,
            config: config.clone(),
            outputs: Vec::new(),
            identity: None,
            phase: Phase::Uninitialized,
            in_flight: 0,
            refused: None,
            must_abort: false,
            fenced: None,
            next_partition: 0,
        }
    }

    fn operation<'a>(
        &'a self,
        kind: OperationKind,
        partition: Option<(&'a str, i32)>,
    ) -> Operation<'a> {
        Operation {
            kind,
            client_id: &self.config.client_id,
            transactional_id: self.config.transactional_id.as_deref(),
            partition,
        }
    }

    fn ask(&self, kind: OperationKind) -> Option<Fault> {
        self.cluster.faults.ask(&self.operation(kind, None))
    }

    /// A call that reaches nobody but the client.
    fn local(&self, kind: OperationKind) -> IoResult<()> {
        self.fenced.clone().map_or(Ok(()), Err)?;
        self.ask(kind)
            .map_or(Ok(()), |fault| Err(fault.error(kind)))
    }

    fn keep_fenced<T>(&mut self, result: IoResult<T>) -> IoResult<T> {
        if let Err(error) = &result
            && error.class() == ErrorClass::Fenced
            && error.detail().starts_with("PRODUCER_FENCED")
        {
            self.fenced = Some(error.clone());
        }
        result
    }

    fn acknowledge(&mut self) {
        if self.in_flight == 0 {
            return;
        }
        self.in_flight = 0;
        self.must_abort |= self.refused.is_some() && self.identity.is_some();
        for output in &mut self.outputs {
            output.last.clone_from(&output.appended);
        }
    }

    fn state_error(&self, kind: OperationKind) -> Error {
        let detail = match self.phase {
            Phase::Uninitialized => "the producer is not initialized; call init_transactions first",
            Phase::Ready => "no transaction is open; call begin_transaction first",
            Phase::InTransaction { .. } => "a transaction is open already",
            Phase::Ending { commit: true } => {
                "the answer to a commit is outstanding; repeat commit_transaction"
            }
            Phase::Ending { commit: false } => {
                "the answer to an abort is outstanding; repeat abort_transaction"
            }
        };
        Error::fatal(kind.as_str(), detail)
    }

    fn abort_first(kind: OperationKind) -> Error {
        Error::new(
            ErrorClass::Abortable,
            kind.as_str(),
            "a record of the transaction was refused; abort it",
        )
    }

    /// Where a record goes: topic and partition, and the number of the partition.
    fn place(&mut self, state: &State, record: &OutputRecord<'_>) -> IoResult<(Place, i32)> {
        const OPERATION: &str = OperationKind::Send.as_str();
        let output = self.outputs.get_mut(record.output.0 as usize);
        let output = output.ok_or_else(|| {
            let detail = format!("output {} is not registered", record.output.0);
            Error::fatal(OPERATION, detail)
        })?;
        let mut topic = output.topic.and_then(|topic| state.topics.topic(topic));
        if topic.is_none() {
            // Created since it was registered, or created anew.
            output.topic = state.topics.index(&output.name);
            topic = output.topic.and_then(|topic| state.topics.topic(topic));
        }
        let count = topic.map_or(0, |topic| topic.partitions.len());
        let number = match (record.partition, record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => {
                murmur2::partition_of(key, i32::try_from(count).unwrap_or(i32::MAX))
            }
            (None, None) => {
                self.next_partition = self.next_partition.wrapping_add(1) & i32::MAX;
                let count = i32::try_from(count).unwrap_or(i32::MAX);
                self.next_partition.checked_rem(count).unwrap_or(0)
            }
        };
        match (output.topic, usize::try_from(number)) {
            (Some(topic), Ok(partition)) if partition < count => {
                if output.appended.len() < count {
                    output.appended.resize(count, -1);
                }
                Ok((Place { topic, partition }, number))
            }
            _ => Err(Error::fatal(
                OPERATION,
                "UNKNOWN_TOPIC_OR_PARTITION: create the topic, with this many partitions",
            )
            .at(TopicPartition::new(&output.name, number).to_string())),
        }
    }

    /// Appends to the log; a refusal is kept for the acknowledgement.
    fn append(
        &mut self,
        state: &mut State,
        now: Duration,
        record: &OutputRecord<'_>,
    ) -> IoResult<()> {
        const OPERATION: &str = OperationKind::Send.as_str();
        let place = match self.place(state, record) {
            Ok((place, _)) => place,
            Err(missing) => {
                self.in_flight += 1;
                self.refused.get_or_insert(missing);
                return Ok(());
            }
        };
        let new = NewRecord {
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        if let Some((id, producer)) = self.identity {
            state.transactions.check(OPERATION, id, producer)?;
        }
        let topic = state.topics.topic(place.topic);
        if let Some(refusal) = topic.and_then(|topic| topic.refusal(&new)) {
            self.in_flight += 1;
            self.refused.get_or_insert(refusal);
            return Ok(());
        }
        let State {
            topics,
            transactions,
            ..
        } = state;
        let Some(partition) = topics.partition_mut(place) else {
            return Ok(());
        };
        let mut due = None;
        if let Some((id, producer)) = self.identity {
            if !partition.has_transaction(producer.id) {
                due = Some(transactions.add_partition(OPERATION, id, producer, place, now)?);
                partition.open_transaction(producer.id);
            }
            self.phase = Phase::InTransaction { touched: true };
        }
        let producer = self.identity.map(|(_, producer)| producer);
        let offset = partition.append(new, producer);
        self.in_flight += 1;
        let visible = partition.last_stable_offset() > offset || state.read_uncommitted;
        if let Some(due) = due {
            state.due_at(due);
        }
        if producer.is_none() {
            let retention = state.retention;
            if let Some(topic) = state.topics.topic_mut(place.topic) {
                topic.clean(place.partition, retention, now);
            }
        }
        let output = self.outputs.get_mut(record.output.0 as usize);
        if let Some(last) = output.and_then(|output| output.appended.get_mut(place.partition)) {
            *last = offset;
        }
        if visible {
            self.cluster.notify();
        }
        Ok(())
    }

    /// Offsets to both coordinators. A stale membership costs the transaction, as in librdkafka.
    fn send_offsets_to(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        membership: &Membership,
        id: TransactionId,
        producer: ProducerEpoch,
    ) -> IoResult<()> {
        const OPERATION: &str = OperationKind::SendOffsets.as_str();
        let (mut state, now) = self.cluster.lock();
        let State {
            transactions,
            groups,
            ..
        } = &mut *state;
        let name = &membership.group_id;
        let due = transactions.add_group(OPERATION, id, producer, name, now)?;
        self.phase = Phase::InTransaction { touched: true };
        let group = groups.group_mut(name);
        let valid = group.validate(OPERATION, membership);
        if valid.is_ok() {
            group.offsets.add_pending(producer.id, offsets);
        } else {
            self.must_abort = true;
        }
        state.due_at(due);
        valid
    }

    /// Ends the transaction at the coordinator; the client learns of it unless the answer is lost.
    fn end(&mut self, kind: OperationKind, commit: bool) -> IoResult<()> {
        self.fenced.clone().map_or(Ok(()), Err)?;
        let touched = match self.phase {
            Phase::InTransaction { touched } => touched,
            Phase::Ending { commit: asked } if asked == commit => true,
            Phase::Uninitialized | Phase::Ready | Phase::Ending { .. } => {
                return Err(self.state_error(kind));
            }
        };
        let fault = self.ask(kind);
        if let Some(fault @ Fault::Fail(_)) = fault {
            return Err(fault.error(kind));
        }
        self.acknowledge();
        if commit && self.must_abort {
            return Err(Self::abort_first(kind));
        }
        let mut result = Ok(());
        if let (true, Some((id, producer))) = (touched, self.identity) {
            self.phase = Phase::Ending { commit };
            let (mut state, now) = self.cluster.lock();
            let (transactions, mut effects) = state.transactions(now);
            let prepare = matches!(fault, Some(Fault::Prepare(_)));
            result = transactions.end(kind.as_str(), id, producer, commit, prepare, &mut effects);
            if prepare {
                state.due_at(now);
            }
            drop(state);
            self.cluster.notify();
        }
        if let Some(fault) = fault {
            return Err(fault.error(kind));
        }
        self.keep_fenced(result)?;
        self.phase = Phase::Ready;
        self.must_abort = false;
        if !commit {
            self.refused = None;
        }
        Ok(())
    }
}

impl Producer for MemoryProducer {
    fn register(&mut self, topic: &str) -> IoResult<OutputId> {
        self.local(OperationKind::RegisterTopic)?;
        let known = self.outputs.iter().position(|output| output.name == topic);
        let index = known.unwrap_or_else(|| {
            let (state, _) = self.cluster.lock();
            self.outputs.push(Output {
                name: topic.to_owned(),
                topic: state.topics.index(topic),
                last: Vec::new(),
                appended: Vec::new(),
            });
            self.outputs.len() - 1
        });
        let id = u32::try_from(index).map(OutputId);
        id.map_err(|_| Error::fatal(OperationKind::RegisterTopic.as_str(), "too many topics"))
    }

    fn init_transactions(&mut self, _timeout: Duration) -> IoResult<()> {
        const KIND: OperationKind = OperationKind::InitTransactions;
        self.fenced.clone().map_or(Ok(()), Err)?;
        let Some(name) = &self.config.transactional_id else {
            return Err(Error::fatal(
                KIND.as_str(),
                "the producer has no transactional id",
            ));
        };
        if self.phase != Phase::Uninitialized {
            return Err(Error::fatal(
                KIND.as_str(),
                "the producer is initialized already",
            ));
        }
        let operation = self.operation(KIND, None);
        let identity = self.cluster.faults.run(&operation, || {
            let (mut state, now) = self.cluster.lock();
            let (transactions, mut effects) = state.transactions(now);
            let identity = transactions.init(name, self.config.transaction_timeout, &mut effects);
            self.cluster.notify();
            Ok(identity)
        })?;
        self.identity = Some(identity);
        self.phase = Phase::Ready;
        Ok(())
    }

    /// The coordinator learns of a transaction with its first record or offset, not before.
    fn begin_transaction(&mut self) -> IoResult<()> {
        const KIND: OperationKind = OperationKind::BeginTransaction;
        self.local(KIND)?;
        if self.phase != Phase::Ready {
            return Err(self.state_error(KIND));
        }
        self.refused = None;
        self.must_abort = false;
        self.phase = Phase::InTransaction { touched: false };
        Ok(())
    }

    fn send(&mut self, record: OutputRecord<'_>) -> IoResult<()> {
        const KIND: OperationKind = OperationKind::Send;
        self.fenced.clone().map_or(Ok(()), Err)?;
        if self.config.transactional_id.is_some() {
            if !matches!(self.phase, Phase::InTransaction { .. }) {
                return Err(self.state_error(KIND));
            }
            if self.must_abort {
                return Err(Self::abort_first(KIND));
            }
        }
        let mut fault = None;
        if self.cluster.faults.armed() {
            let partition = {
                let cluster = Arc::clone(&self.cluster);
                let (state, _) = cluster.lock();
                self.place(&state, &record).map_or(-1, |(_, number)| number)
            };
            let output = self.outputs.get(record.output.0 as usize);
            let topic = output.map_or("", |output| output.name.as_str());
            let operation = self.operation(KIND, Some((topic, partition)));
            fault = self.cluster.faults.ask(&operation);
        }
        if let Some(fault @ Fault::Fail(_)) = fault {
            return Err(fault.error(KIND));
        }
        let cluster = Arc::clone(&self.cluster);
        let (mut state, now) = cluster.lock();
        let sent = self.append(&mut state, now, &record);
        drop(state);
        if let Some(fault) = fault {
            self.in_flight += 1;
            self.refused.get_or_insert(fault.error(KIND));
            return Ok(());
        }
        self.keep_fenced(sent)
    }

    fn poll(&mut self, _timeout: Duration) -> IoResult<()> {
        if let Some(fault) = self.ask(OperationKind::PollProducer) {
            return Err(fault.error(OperationKind::PollProducer));
        }
        self.acknowledge();
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn delivery_error(&mut self) -> Option<Error> {
        if self.in_flight > 0 {
            // Not acknowledged yet, neither way.
            return None;
        }
        self.refused.take()
    }

    fn last_offset(&self, output: OutputId, partition: i32) -> Option<i64> {
        let output = self.outputs.get(output.0 as usize)?;
        let last = *output.last.get(usize::try_from(partition).ok()?)?;
        (last >= 0).then_some(last)
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
        _timeout: Duration,
    ) -> IoResult<()> {
        const KIND: OperationKind = OperationKind::SendOffsets;
        const OPERATION: &str = KIND.as_str();
        self.fenced.clone().map_or(Ok(()), Err)?;
        if !matches!(self.phase, Phase::InTransaction { .. }) {
            return Err(self.state_error(KIND));
        }
        if self.must_abort {
            return Err(Self::abort_first(KIND));
        }
        let Some(membership) = group.0.downcast_ref::<Membership>() else {
            let detail = "the group metadata is not of a consumer of this log";
            return Err(Error::fatal(OPERATION, detail));
        };
        let Some((id, producer)) = self.identity else {
            return Err(self.state_error(KIND));
        };
        let fault = self.ask(KIND);
        if let Some(fault @ Fault::Fail(_)) = fault {
            return Err(fault.error(KIND));
        }
        // As librdkafka: with nothing to send nobody is asked, and nobody is fenced.
        if !offsets.is_empty() {
            let sent = self.send_offsets_to(offsets, membership, id, producer);
            if fault.is_none() {
                self.keep_fenced(sent)?;
            }
        }
        fault.map_or(Ok(()), |fault| Err(fault.error(KIND)))
    }

    fn commit_transaction(&mut self, _timeout: Duration) -> IoResult<()> {
        self.end(OperationKind::CommitTransaction, true)
    }

    fn abort_transaction(&mut self, _timeout: Duration) -> IoResult<()> {
        self.end(OperationKind::AbortTransaction, false)
    }
}
