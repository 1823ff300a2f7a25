use std::sync::Arc;
use std::time::Duration;

use super::input::{Input, InputChoice, Inputs};
use super::own::{COUNTERS, PROGRESS, Progress};
use super::{Circuit, DeadLetterCircuit, TaskId, TaskTopics};
use crate::error::{Error, ErrorClass};
use crate::graph::{BuiltTopology, SubTopology};
use crate::io::{HeaderBuffer, TopicPartition};
use crate::process::outputs::OutputBuffer;
use crate::process::{
    DeadLetterCounts, InitContext, NodeArena, ProcessError, ProcessingContext, RECORD_REFUSED,
    SourceRecord, TaskScope,
};
use crate::store::{SetAsideReason, StateDirectory, StoreId, TaskState, TimerBatch};
use crate::time::milliseconds;

/// Records between two looks at what is uncommitted.
const LOOK_EVERY: usize = 16;

/// Where a task stands; the names are Kafka Streams'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskPhase {
    Created,
    Restoring,
    Running,
    Suspended,
}

impl TaskPhase {
    /// All phases, for metrics that begin at zero.
    pub(crate) const ALL: [Self; 4] = [
        Self::Created,
        Self::Restoring,
        Self::Running,
        Self::Suspended,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Restoring => "RESTORING",
            Self::Running => "RUNNING",
            Self::Suspended => "SUSPENDED",
        }
    }
}

/// What all tasks of a thread share.
#[derive(Clone)]
pub(crate) struct TaskSettings {
    pub(crate) application_id: String,
    pub(crate) max_task_idle: Duration,
    /// How far a record's timestamp may lie ahead of the wall clock and still move stream time.
    pub(crate) future_tolerance: Duration,
    /// When a task pauses; `None`: never.
    pub(crate) dead_letter_circuit: Option<DeadLetterCircuit>,
    /// A task with so many uncommitted bytes waits for a commit.
    pub(crate) commit_bytes: usize,
}

/// One sub-topology on one partition: its nodes, state and input queues.
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) phase: TaskPhase,
    pub(crate) inputs: Inputs,
    pub(crate) scope: TaskScope,
    pub(super) nodes: NodeArena,
    subtopology: SubTopology,
    topics: TaskTopics,
    pub(super) settings: TaskSettings,
    /// Something was processed, or outputs were handed over, since the last commit.
    pub(crate) progressed: bool,
    /// Took part in the commit that is being made.
    pub(crate) wrote: bool,
    /// The last commit it took part in: when, by wall clock, and for how long, both in milliseconds.
    pub(crate) last_commit: Option<(i64, u64)>,
    /// When the inputs were last looked at, by wall clock.
    pub(super) looked_at: Option<i64>,
    /// What the last record or punctuation began is not finished: there is more than one commit is to hold.
    pub(crate) unfinished: bool,
}

impl Task {
    /// Opens the state of a task; its nodes are made once it is restored.
    pub(crate) fn open(
        id: TaskId,
        topology: &Arc<BuiltTopology>,
        directory: &Arc<StateDirectory>,
        settings: &TaskSettings,
        topics: TaskTopics,
    ) -> Result<Self, Error> {
        let subtopology = topology
            .subtopologies()
            .iter()
            .find(|part| part.index() == id.subtopology)
            .cloned()
            .ok_or_else(|| {
                Error::fatal("open a task", "there is no such sub-topology")
                    .at(format!("task {id}"))
            })?;
        let state = TaskState::take_over(directory, id, subtopology.stores())
            .map_err(|error| error.at(format!("task {id}")))?;
        let inputs = subtopology.inputs(&settings.application_id).into_iter();
        let inputs = inputs.map(|input| {
            Input::new(
                TopicPartition::new(input.topic, id.partition),
                input.node,
                input.internal,
            )
        });
        let dead_letters = topology
            .dead_letter_topic()
            .map(|_| subtopology.outputs(&settings.application_id).len());
        let scope = TaskScope {
            task: id,
            application_id: settings.application_id.clone(),
            state,
            outputs: OutputBuffer::default(),
            counters: crate::process::Counters::new(topology.counters()),
            schedules: Vec::new(),
            cancelled_timers: None,
            stream_time: None,
            wall_clock_ms: 0,
            current_node: 0,
            limits: topics.limits.clone(),
            dead_letters,
            dead_letter_headers: HeaderBuffer::default(),
            dead_lettered: DeadLetterCounts::default(),
            circuit: Circuit::new(settings.dead_letter_circuit, topology.dead_letter_topic()),
            watermark_ms: None,
            unit: 0,
            inputs: Vec::new(),
            going_on: Vec::new(),
            held: Vec::new(),
        };
        Ok(Self {
            id,
            phase: TaskPhase::Created,
            inputs: Inputs::new(inputs.collect(), settings.max_task_idle),
            scope,
            nodes: NodeArena::default(),
            subtopology,
            topics,
            settings: settings.clone(),
            progressed: false,
            wrote: false,
            last_commit: None,
            looked_at: None,
            unfinished: false,
        })
    }

    pub(crate) fn subtopology(&self) -> &SubTopology {
        &self.subtopology
    }

    /// The state is complete: take over the task's own values and make its nodes.
    pub(crate) fn complete_restoration(&mut self) -> Result<(), Error> {
        self.load_own()?;
        self.make_nodes()?;
        self.phase = TaskPhase::Running;
        Ok(())
    }

    fn load_own(&mut self) -> Result<(), Error> {
        if self.subtopology.stores().is_empty() {
            // Nothing is kept anywhere: what this instance has counted stands.
            return Ok(());
        }
        let progress = self.progress()?;
        self.scope.stream_time = progress.and_then(|progress| progress.stream_time);
        let counters = self.scope.state.own(COUNTERS);
        let read = self.scope.counters.decode(counters);
        read.map_err(|error| error.at(format!("task {}", self.id)))
    }

    /// How far the state says the task had come; `None` for a state without history.
    pub(crate) fn progress(&mut self) -> Result<Option<Progress>, Error> {
        let progress = self.scope.state.own(PROGRESS).map(Progress::decode);
        let progress = progress.transpose();
        progress.map_err(|error| error.at(format!("task {}", self.id)))
    }

    fn make_nodes(&mut self) -> Result<(), Error> {
        self.nodes = self.subtopology.instantiate(&self.settings.application_id);
        self.scope.schedules.clear();
        self.scope.going_on.clear();
        self.scope.held.clear();
        // Timers may be left that were due, and what nodes left for later.
        self.unfinished = true;
        for node in 0..self.nodes.len() {
            self.scope.current_node = node;
            let mut context = InitContext {
                nodes: &self.nodes,
                node,
                stores: &self.subtopology.store_users,
                schedules: &mut self.scope.schedules,
                going_on: &mut self.scope.going_on,
                task: self.id,
                topics: &self.topics,
                application_id: &self.settings.application_id,
            };
            let made = self
                .nodes
                .with(node, &mut context, |node, context| node.init(context));
            made.map_err(|error| self.fatal("start a processor", error, node))?;
        }
        Ok(())
    }

    fn place(&self, node: usize) -> String {
        format!("task {}, node {}", self.id, self.nodes.name(node))
    }

    /// An error outside any record: there is nothing to dead-letter.
    pub(super) fn fatal(&self, operation: &'static str, error: ProcessError, node: usize) -> Error {
        match error {
            ProcessError::Engine(error) => error.at(self.place(node)),
            ProcessError::Record { reason, message } => {
                Error::fatal(operation, format!("{reason}: {message}")).at(self.place(node))
            }
        }
    }

    /// Fetches the values of the records queued in `input` for stores keyed by record key.
    pub(crate) fn prefetch(&mut self, input: usize) -> Result<(), Error> {
        let Some(input) = self.inputs.all.get(input) else {
            return Ok(());
        };
        for (store, spec) in (0..).zip(self.subtopology.stores()) {
            if spec.key_prefetch {
                let mut keys = input.queue.iter().filter_map(|record| record.key);
                self.scope.state.prefetch(StoreId(store), &mut keys)?;
            }
        }
        Ok(())
    }

    /// Processes at most `max` records, each wholly or not at all; answers how many.
    pub(crate) fn process(
        &mut self,
        max: usize,
        now: Duration,
        due: &mut TimerBatch,
    ) -> Result<usize, Error> {
        let mut processed = 0;
        if self.unfinished {
            self.finish(due)?;
        }
        while processed < max && self.scope.circuit.takes_records() && !self.unfinished {
            if processed.is_multiple_of(LOOK_EVERY) && self.is_full() {
                break;
            }
            let InputChoice::Take(index) = self.inputs.choose(now) else {
                break;
            };
            self.process_one(index)?;
            self.finish(due)?;
            processed += 1;
        }
        self.progressed |= processed > 0;
        Ok(processed)
    }

    fn process_one(&mut self, index: usize) -> Result<(), Error> {
        let Self {
            inputs,
            nodes,
            scope,
            settings,
            ..
        } = self;
        let Some(input) = inputs.all.get_mut(index) else {
            return Ok(());
        };
        let Some(record) = input.queue.front() else {
            return Ok(());
        };
        let tolerance = milliseconds(settings.future_tolerance);
        if record.timestamp <= scope.wall_clock_ms.saturating_add(tolerance) {
            scope.stream_time = scope.stream_time.max(Some(record.timestamp));
        }
        scope.mark();
        let source = SourceRecord {
            input: index,
            topic: &input.partition.topic,
            partition: input.partition.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        let mut context = ProcessingContext {
            nodes,
            node: input.node,
            scope,
            source: Some(source),
        };
        let outcome = nodes.with(input.node, &mut context, |node, context| {
            node.feed(record, context)
        });
        match outcome {
            Ok(()) => {}
            Err(error) => {
                let (task, node) = (scope.task, nodes.name(scope.current_node));
                let place = || {
                    format!(
                        "task {task}, node {node}, {} offset {}",
                        input.partition, record.offset
                    )
                };
                let (reason, message) = match error {
                    ProcessError::Record { reason, message } => (reason, message),
                    ProcessError::Engine(error) if error.class() == ErrorClass::User => {
                        (RECORD_REFUSED, error.to_string())
                    }
                    ProcessError::Engine(error) => return Err(error.at(place())),
                };
                if input.internal {
                    // Invariant 10: what the engine itself wrote is never skipped.
                    return Err(Error::fatal(
                        "process a repartition record",
                        format!("{reason}: {message}"),
                    )
                    .at(place()));
                }
                scope.rollback();
                nodes.roll_back(scope.unit);
                scope.mark();
                if let Err(why) = scope.dead_letter(source, reason, "user", &message, node) {
                    let detail = format!("{reason}: {message}; {why}");
                    return Err(Error::fatal("process a record", detail).at(place()));
                }
                tracing::warn!(
                    %task, topic = source.topic, partition = source.partition, offset = source.offset, node, reason, "record dead-lettered: {message}"
                );
            }
        }
        let is_dead = scope.accept();
        scope.circuit.record(is_dead);
        input.taken.add(record.timestamp);
        input.position = record.offset + 1;
        input.queue.pop_front();
        Ok(())
    }

    /// Step 1 of the commit: operators hand over what they hold; the task's own values follow.
    pub(crate) fn before_commit(&mut self) -> Result<(), Error> {
        self.scope.mark();
        for node in 0..self.nodes.len() {
            let Self { nodes, scope, .. } = self;
            let mut context = ProcessingContext {
                nodes,
                node,
                scope,
                source: None,
            };
            let done = nodes.with(node, &mut context, |node, context| {
                node.before_commit(context)
            });
            done.map_err(|error| self.fatal("prepare a commit", error, node))?;
        }
        self.scope.held.clear();
        let is_dead = self.scope.accept();
        if is_dead {
            self.scope.circuit.record(true);
        }
        if self.subtopology.stores().is_empty() {
            return Ok(());
        }
        if self.progressed {
            let positions = self.inputs.iter();
            let positions = positions.map(|input| {
                (
                    input.partition.topic.clone(),
                    input.partition.partition,
                    input.position,
                )
            });
            let progress = Progress::encode(self.scope.stream_time, positions);
            self.scope.state.set_own(PROGRESS, &progress);
        }
        if self.scope.counters.is_dirty() {
            let counters = self.scope.counters.encode();
            self.scope.state.set_own(COUNTERS, &counters);
        }
        Ok(())
    }

    /// Whether a commit would have anything to do.
    pub(crate) fn is_dirty(&self) -> bool {
        self.progressed
            || self.scope.state.is_dirty()
            || self.scope.counters.is_dirty()
            || !self.scope.outputs.is_empty()
    }

    /// Step 6: one batch to the disk, and the positions become the committed ones.
    pub(crate) fn committed(
        &mut self,
        changelog_positions: &[(StoreId, i64)],
    ) -> Result<(), Error> {
        self.scope
            .state
            .commit(changelog_positions)
            .map_err(|error| error.at(format!("task {}", self.id)))?;
        self.scope.counters.committed();
        if let Some(reason) = self.scope.circuit.committed() {
            tracing::error!(task = %self.id, "paused: {reason}");
        }
        (self.progressed, self.wrote) = (false, true);
        for input in self.inputs.iter_mut() {
            input.committed = input.position;
        }
        Ok(())
    }

    /// Back to the last commit: overlay, outputs, counts and queues are dropped, and the nodes are
    /// made anew, because their fields may hold what was never committed.
    pub(crate) fn abort(&mut self) -> Result<(), Error> {
        self.scope.state.abort()?;
        self.scope.outputs.clear();
        self.scope.cancelled_timers = None;
        self.scope.counters.abort();
        self.scope.dead_lettered.clear();
        self.scope.circuit.abort();
        // What was caught up is not, until it is looked at again.
        self.scope.inputs.clear();
        self.progressed = false;
        for input in self.inputs.iter_mut() {
            input.reset(input.committed);
        }
        if self.phase == TaskPhase::Running {
            self.load_own()?;
            self.make_nodes()?;
        }
        Ok(())
    }

    /// Takes records again after a pause; answers whether there was one.
    pub(crate) fn resume(&mut self) -> bool {
        let resumed = self.scope.circuit.resume();
        if resumed {
            tracing::info!(task = %self.id, "resumed: takes records again");
        }
        resumed
    }

    /// Name of the node that ran last, for a panic's message.
    pub(crate) fn running_node(&self) -> &str {
        self.nodes.name(self.scope.current_node)
    }

    /// Moves the state aside, unchanged, and hands back the inputs.
    pub(crate) fn set_aside(self, reason: SetAsideReason, detail: &str) -> Result<Inputs, Error> {
        let id = self.id;
        self.scope
            .state
            .set_aside(reason, detail)
            .map_err(|error| error.at(format!("task {id}")))?;
        Ok(self.inputs)
    }

    /// Closes the state with a flush: nothing is replayed at the next start.
    pub(crate) fn close(self) -> Result<(), Error> {
        let id = self.id;
        self.scope
            .state
            .close()
            .map_err(|error| error.at(format!("task {id}")))
    }
}
