use std::ops::Bound;
use std::time::Duration;

use super::node::NodeArena;
use super::processor::{PunctuationId, PunctuationType, Schedule};
use super::scope::CancelledTimer;
use super::{
    InputStatus, ProcessError, Record, STATE_TOO_LARGE, SourceRecord, TaskLimits, TaskScope,
};
use crate::Error;
use crate::graph::repartition_topic;
use crate::io::{Headers, TopicDescription};
use crate::store::{RowVisitor, StoreId, Timer, TimerClock};
use crate::task::{TaskId, TaskTopics};

/// A child of a node, resolved once in [`super::Processor::init`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child(pub(super) usize);

/// What a processor may do before its first record.
pub struct InitContext<'a> {
    pub(crate) nodes: &'a NodeArena,
    pub(crate) node: usize,
    pub(crate) stores: &'a [(String, Vec<String>)],
    pub(crate) schedules: &'a mut Vec<Schedule>,
    pub(crate) going_on: &'a mut Vec<usize>,
    pub(crate) task: TaskId,
    pub(crate) topics: &'a TaskTopics,
    pub(crate) application_id: &'a str,
}

impl InitContext<'_> {
    /// The store of this name; it must be connected to this processor.
    ///
    /// # Errors
    /// Fatal when it is not.
    pub fn store(&self, name: &str) -> Result<StoreId, ProcessError> {
        let me = self.nodes.name(self.node);
        let index = self
            .stores
            .iter()
            .position(|(store, users)| store == name && users.iter().any(|user| user == me))
            .ok_or_else(|| {
                Error::fatal(
                    "resolve a store",
                    format!(
                        "processor {me} is not connected to a store {name}; name it in add_store"
                    ),
                )
            })?;
        Ok(StoreId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// The child of this name.
    ///
    /// # Errors
    /// Fatal when this node has no such child.
    pub fn child(&self, name: &str) -> Result<Child, ProcessError> {
        let me = self.node;
        self.nodes
            .children(me)
            .iter()
            .find(|child| self.nodes.name(**child) == name)
            .map(|child| Child(*child))
            .ok_or_else(|| {
                let detail = format!(
                    "node {} has no child {name}; name it as a parent of {name}",
                    self.nodes.name(me)
                );
                ProcessError::Engine(Error::fatal("resolve a child", detail))
            })
    }

    /// Schedules [`super::Processor::on_punctuate`] every `interval`.
    pub fn schedule(&mut self, interval: Duration, kind: PunctuationType) -> PunctuationId {
        let id = PunctuationId(self.schedules.len());
        self.schedules.push(Schedule {
            id,
            node: self.node,
            interval,
            kind,
            next: None,
        });
        id
    }

    /// Calls [`super::Processor::go_on`] before the first record, for what may be left from before.
    pub fn go_on_later(&mut self) {
        self.going_on.push(self.node);
    }

    /// The task this instance belongs to.
    pub fn task_id(&self) -> TaskId {
        self.task
    }

    /// Topics of the task's inputs, by [`SourceRecord::input`].
    pub fn input_topics(&self) -> &[String] {
        &self.topics.inputs
    }

    /// All tasks that write to the topic of the repartition edge `name`, which this task reads.
    ///
    /// # Errors
    /// Fatal when the task does not read from such an edge.
    pub fn upstream_tasks(&self, name: &str) -> Result<&[TaskId], ProcessError> {
        let topic = repartition_topic(self.application_id, name);
        let tasks = self.topics.upstream.get(&topic).map(Vec::as_slice);
        tasks.ok_or_else(|| {
            let detail = format!("task {} does not read from {topic}", self.task);
            Error::fatal("resolve a repartition edge", detail).into()
        })
    }

    /// How many partitions the topic of the repartition edge `name` has, to which this task writes.
    ///
    /// # Errors
    /// Fatal when the task does not write to such an edge.
    pub fn repartition_partitions(&self, name: &str) -> Result<i32, ProcessError> {
        Ok(self.repartition_topic(name)?.partitions)
    }

    pub(crate) fn repartition_topic(&self, name: &str) -> Result<&TopicDescription, ProcessError> {
        let topic = repartition_topic(self.application_id, name);
        self.topics.outputs.get(&topic).ok_or_else(|| {
            let detail = format!("task {} does not write to {topic}", self.task);
            Error::fatal("resolve a repartition edge", detail).into()
        })
    }
}

/// What a processor may do while it runs, except to forward: stores, timers, time, the record it
/// works on. [`super::ProcessorContext`] adds forwarding.
pub struct ProcessingContext<'a> {
    pub(crate) nodes: &'a NodeArena,
    pub(crate) node: usize,
    pub(crate) scope: &'a mut TaskScope,
    pub(crate) source: Option<SourceRecord<'a>>,
}

impl<'a> ProcessingContext<'a> {
    /// Calls [`super::Processor::go_on`] before the next record, after a commit if one is due: for work that would make one
    /// commit too large.
    pub fn go_on_later(&mut self) {
        if !self.scope.going_on.contains(&self.node) {
            self.scope.going_on.push(self.node);
        }
    }

    /// Tells how many bytes this operator holds in fields until the next commit, which comes sooner when there is much.
    pub fn holds(&mut self, bytes: usize) {
        let held = &mut self.scope.held;
        if held.len() <= self.node {
            held.resize(self.node + 1, 0);
        }
        if let Some(held) = held.get_mut(self.node) {
            *held = bytes;
        }
    }

    /// Hands a record to every child.
    pub(super) fn forward<K: 'static, V: 'static>(
        &mut self,
        record: Record<'_, K, V>,
    ) -> Result<(), ProcessError> {
        let nodes = self.nodes;
        for child in nodes.children(self.node) {
            self.hand(*child, record)?;
        }
        Ok(())
    }

    /// Hands a record to one node.
    pub(super) fn hand<K: 'static, V: 'static>(
        &mut self,
        child: usize,
        record: Record<'_, K, V>,
    ) -> Result<(), ProcessError> {
        let mut context = ProcessingContext {
            nodes: self.nodes,
            node: child,
            scope: &mut *self.scope,
            source: self.source,
        };
        self.nodes.process(
            child,
            record.key,
            record.value,
            record.timestamp,
            record.headers,
            &mut context,
        )?;
        self.scope.current_node = self.node;
        Ok(())
    }

    /// The input record being processed; `None` in timers, punctuations and before a commit.
    pub fn source_record(&self) -> Option<SourceRecord<'a>> {
        self.source
    }

    /// The inputs of the task, by [`SourceRecord::input`], as of this turn of the loop. Empty until they were
    /// looked at for the first time since the task began, or was set back.
    pub fn inputs(&self) -> &[InputStatus] {
        &self.scope.inputs
    }

    /// Numbers what is done wholly or not at all: the present record, timer, punctuation or commit. For
    /// processors that keep fields, see [`super::Processor::on_rollback`].
    pub fn unit(&self) -> u64 {
        self.scope.unit
    }

    /// The task.
    pub fn task_id(&self) -> TaskId {
        self.scope.task
    }

    /// Wall-clock time, milliseconds since the epoch; read once per batch.
    pub fn wall_clock_ms(&self) -> i64 {
        self.scope.wall_clock_ms
    }

    /// The largest record timestamp seen by the task, that of the present record included; never
    /// moved by one further in the future than the tolerance configured.
    pub fn stream_time(&self) -> Option<i64> {
        self.scope.stream_time
    }

    /// Value of a key, as bytes.
    ///
    /// # Errors
    /// By class; a failed read of the disk is fatal for the task.
    pub fn get(&mut self, store: StoreId, key: &[u8]) -> Result<Option<&[u8]>, ProcessError> {
        Ok(self.scope.state.get(store, key)?)
    }

    /// Sets the value of a key, as bytes.
    ///
    /// # Errors
    /// As [`ProcessingContext::get`]; the record's fault when the store's changelog does not take so
    /// much.
    pub fn put(&mut self, store: StoreId, key: &[u8], value: &[u8]) -> Result<(), ProcessError> {
        let limits = &self.scope.limits.stores;
        if let Some((size, limit)) = TaskLimits::exceeded(
            limits,
            store.index(),
            key.len(),
            value.len(),
            Headers::default(),
        ) {
            let specs = self.scope.state.specs();
            let name = specs
                .filter(|(id, _)| *id == store)
                .map(|(_, spec)| spec.name.as_str());
            let name = name.last().unwrap_or("?");
            let message = format!(
                "state of {size} bytes; the changelog of store {name} takes {limit} (max.message.bytes)"
            );
            return Err(ProcessError::record(STATE_TOO_LARGE, message));
        }
        Ok(self.scope.state.put(store, key, value)?)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// As [`ProcessingContext::get`].
    pub fn delete(&mut self, store: StoreId, key: &[u8]) -> Result<(), ProcessError> {
        Ok(self.scope.state.delete(store, key)?)
    }

    /// Visits the rows between two keys, ascending, until told to stop.
    ///
    /// # Errors
    /// As [`ProcessingContext::get`].
    pub fn range(
        &mut self,
        store: StoreId,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> Result<(), ProcessError> {
        Ok(self.scope.state.range(store, from, to, visit)?)
    }

    /// Sets a persistent timer of this node: one per (clock, deadline, kind, key). It is part of
    /// the task's state, survives crash and move, and is delivered by
    /// [`super::Processor::on_timer`].
    ///
    /// # Errors
    /// Fatal when the task has no store whose changelog could hold it.
    pub fn set_timer(
        &mut self,
        clock: TimerClock,
        deadline_ms: i64,
        kind: u8,
        key: &[u8],
    ) -> Result<(), ProcessError> {
        let timer = self.timer(clock, deadline_ms, kind, key);
        if self.scope.state.carrier().is_none() {
            let detail =
                "the task has no store with a changelog to keep it in; connect one with add_store";
            return Err(Error::fatal("set a timer", detail)
                .at(format!("node {}", self.nodes.name(self.node)))
                .into());
        }
        self.scope.state.set_timer(&timer);
        Ok(())
    }

    /// Removes a timer set with the same arguments; one that is not set is no error.
    ///
    /// # Errors
    /// As [`ProcessingContext::set_timer`].
    pub fn cancel_timer(
        &mut self,
        clock: TimerClock,
        deadline_ms: i64,
        kind: u8,
        key: &[u8],
    ) -> Result<(), ProcessError> {
        let timer = self.timer(clock, deadline_ms, kind, key);
        self.scope.state.cancel_timer(&timer);
        if let Some(cancelled) = &mut self.scope.cancelled_timers {
            cancelled.push(CancelledTimer::of(&timer));
        }
        Ok(())
    }

    fn timer<'k>(&self, clock: TimerClock, deadline_ms: i64, kind: u8, key: &'k [u8]) -> Timer<'k> {
        Timer {
            clock,
            deadline_ms,
            node: NodeArena::timer_id(self.nodes.name(self.node)),
            kind,
            key,
        }
    }

    /// How far the windowed aggregation of this task has come in event time, epoch milliseconds: in a merging task all
    /// windows that it closes have been told when a punctuation runs. `None` before it is known, and in other tasks.
    pub fn watermark(&self) -> Option<i64> {
        self.scope.watermark_ms
    }

    /// How far the task has come in event time, epoch milliseconds.
    pub(crate) fn show_watermark(&mut self, watermark_ms: i64) {
        self.scope.watermark_ms = Some(watermark_ms);
    }

    /// Adds to a committed counter, by its index in the names given to
    /// [`crate::graph::Topology::counters`]: cumulative, part of the task's state, undone with the
    /// record and published only once committed.
    pub fn count(&mut self, counter: usize, by: u64) {
        self.scope.counters.add(counter, by);
    }

    /// What a counter of [`ProcessingContext::count`] stands at, the present record included.
    pub fn counter(&self, counter: usize) -> u64 {
        self.scope
            .counters
            .values()
            .get(counter)
            .copied()
            .unwrap_or(0)
    }

    /// Sends the record being processed, bytes untouched, to the dead-letter topic while keeping
    /// what it did to state. To undo that too, return [`ProcessError::Record`] instead.
    ///
    /// # Errors
    /// Fatal when there is no record, or no dead-letter topic.
    pub fn dead_letter(&mut self, reason: &'static str, message: &str) -> Result<(), ProcessError> {
        let Some(source) = self.source else {
            let detail = format!("{reason}: {message}; no record is being processed");
            return Err(Error::fatal("dead-letter a record", detail).into());
        };
        self.dead_letter_record(source, reason, message)
    }

    /// Sends a record that was kept in a store, bytes untouched, to the dead-letter topic: for
    /// processors that set records aside and come to them later.
    ///
    /// # Errors
    /// Fatal when there is no dead-letter topic, or it does not take the record.
    pub fn dead_letter_record(
        &mut self,
        record: SourceRecord<'_>,
        reason: &'static str,
        message: &str,
    ) -> Result<(), ProcessError> {
        let node = self.nodes.name(self.node);
        let sent = self
            .scope
            .dead_letter(record, reason, "user", message, node);
        sent.map_err(|why| {
            let detail = format!("{reason}: {message}; {why}");
            Error::fatal("dead-letter a record", detail).into()
        })
    }
}
