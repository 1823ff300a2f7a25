//! Persistent timers and punctuations of a task.

use super::Task;
use crate::Error;
use crate::process::{InputStatus, ProcessingContext, Punctuation, PunctuationType, TimerEvent};
use crate::store::{TimerBatch, TimerClock};

/// Due timers handled in one go, so that a wave of them does not hold up the records.
const TIMERS_AT_ONCE: usize = 1_000;
/// An input that was caught up so short a time ago keeps up with what comes.
const KEEPING_UP_MS: i64 = 1_000;
/// Longer between two turns of the loop: the process stood still.
const STANDSTILL_MS: i64 = 5_000;

impl Task {
    /// Runs what is due; answers how many timers and punctuations ran.
    pub(crate) fn punctuate(&mut self, due: &mut TimerBatch) -> Result<usize, Error> {
        let mut ran = self.finish(due)?;
        if self.unfinished {
            return Ok(ran);
        }
        let now = self.scope.wall_clock_ms;
        ran += self.run_timers(TimerClock::WallClock, now, due)?;
        // A timer that ran is gone from the state, so there is something to commit. A punctuation that did
        // nothing leaves nothing.
        ran += self.run_schedules(PunctuationType::WallClockTime, now)?;
        self.unfinished |= !self.scope.going_on.is_empty();
        Ok(ran)
    }

    /// Takes note of which inputs are caught up. A process that stood still, or whose clock jumped, does
    /// not know what it missed: like one that has lost its brokers, it begins anew.
    pub(crate) fn look_at_inputs(&mut self, brokers_answer: bool) {
        let now = self.scope.wall_clock_ms;
        let last = self.looked_at.replace(now);
        let stood_still = last.is_some_and(|last| (now - last).abs() > STANDSTILL_MS);
        let statuses = &mut self.scope.inputs;
        statuses.resize(self.inputs.all.len(), InputStatus::default());
        for (status, input) in statuses.iter_mut().zip(self.inputs.iter_mut()) {
            if input.caught_up() {
                input.caught_up_at = Some(now);
            }
            let at = input.caught_up_at.filter(|_| brokers_answer);
            let keeps_up = at.is_some_and(|at| (now - at).abs() <= KEEPING_UP_MS);
            status.caught_up_since = match status.caught_up_since {
                _ if !keeps_up => None,
                Some(since) if !stood_still => Some(since),
                _ => Some(now),
            };
            status.lag_ms = if keeps_up {
                input.keeps_up();
                Some(0)
            } else if brokers_answer {
                input.lag_ms(now)
            } else {
                None
            };
        }
    }

    /// Whether the task is to wait for a commit.
    pub(super) fn is_full(&self) -> bool {
        self.scope.uncommitted_bytes() >= self.settings.commit_bytes
    }

    /// What stream time has made due, and what nodes have left for later. Called after every record, so that it happens
    /// between the same two records whatever came in one fetch. Where there is more than one commit is to hold, the rest
    /// comes behind the commit, and before the next record. Answers how many timers, punctuations and portions ran.
    pub(super) fn finish(&mut self, due: &mut TimerBatch) -> Result<usize, Error> {
        let mut ran = 0;
        if self.unfinished && self.is_full() {
            return Ok(ran);
        }
        self.unfinished = true;
        if let Some(now) = self.scope.stream_time {
            loop {
                let timers = self.run_timers(TimerClock::StreamTime, now, due)?;
                ran += timers;
                if timers < TIMERS_AT_ONCE {
                    break;
                }
                if self.is_full() {
                    return Ok(ran);
                }
            }
            ran += self.run_schedules(PunctuationType::StreamTime, now)?;
        }
        while let Some(node) = self.scope.going_on.first().copied() {
            if self.is_full() {
                return Ok(ran);
            }
            self.scope.going_on.remove(0);
            self.run(node, "go on", |node, context| node.go_on(context))?;
            ran += 1;
        }
        self.unfinished = false;
        Ok(ran)
    }

    fn run_timers(
        &mut self,
        clock: TimerClock,
        now: i64,
        due: &mut TimerBatch,
    ) -> Result<usize, Error> {
        if self
            .scope
            .state
            .next_deadline(clock)?
            .is_none_or(|deadline| deadline > now)
        {
            return Ok(0);
        }
        self.scope.state.take_due(clock, now, TIMERS_AT_ONCE, due)?;
        self.scope.cancelled_timers = Some(Vec::new());
        for timer in due.iter() {
            // Taken together, but one may have cancelled another since.
            let mut cancelled = self.scope.cancelled_timers.iter().flatten();
            if cancelled.any(|cancelled| cancelled.is(&timer)) {
                continue;
            }
            let event = TimerEvent {
                key: timer.key,
                kind: timer.kind,
                deadline_ms: timer.deadline_ms,
                clock,
            };
            let Some(node) = self.nodes.by_timer_id(timer.node) else {
                if self.scope.state.drops_what_is_gone() {
                    tracing::warn!(task = %self.id, deadline_ms = timer.deadline_ms, "dropping a timer whose node is gone");
                    continue;
                }
                let detail =
                    "its node is gone from the topology; bring it back, or reset the application";
                return Err(Error::fatal("run a timer", detail).at(format!("task {}", self.id)));
            };
            self.run(node, "run a timer", |node, context| {
                node.on_timer(event, context)
            })?;
        }
        self.scope.cancelled_timers = None;
        Ok(due.len())
    }

    fn run_schedules(&mut self, kind: PunctuationType, now: i64) -> Result<usize, Error> {
        let mut ran = 0;
        for index in 0..self.scope.schedules.len() {
            let Some(schedule) = self.scope.schedules.get_mut(index) else {
                break;
            };
            if schedule.kind != kind || !schedule.take_due(now) {
                continue;
            }
            let (node, id) = (schedule.node, schedule.id);
            let punctuation = Punctuation { id, timestamp: now };
            self.run(node, "punctuate", |node, context| {
                node.on_punctuate(punctuation, context)
            })?;
            ran += 1;
        }
        Ok(ran)
    }

    fn run(
        &mut self,
        node: usize,
        operation: &'static str,
        call: impl FnOnce(
            &mut dyn crate::process::Node,
            &mut ProcessingContext<'_>,
        ) -> Result<(), crate::process::ProcessError>,
    ) -> Result<(), Error> {
        self.scope.mark();
        let Self { nodes, scope, .. } = self;
        let mut context = ProcessingContext {
            nodes,
            node,
            scope,
            source: None,
        };
        let done = nodes.with(node, &mut context, call);
        done.map_err(|error| self.fatal(operation, error, node))?;
        if self.scope.accept() {
            // A record that was kept until now was given up now.
            self.scope.circuit.record(true);
        }
        Ok(())
    }
}
