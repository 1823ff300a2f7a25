//! One copy: its place in the changelogs, and how it goes on in them.

use std::sync::Arc;

use super::super::restore_plan::{INGEST_FROM, Logged, begin_at, discontinued};
use super::super::status::StandbyTaskStatus;
use crate::Error;
use crate::graph::SubTopology;
use crate::io::{InputId, Position, Reader, RecordBatch, TopicPartition, Watermarks};
use crate::store::{StandbyStates, StateDirectory, StoreId, TaskState};
use crate::task::TaskId;

/// Records read of one changelog before the others have their turn; a thread that wants the copy waits until they are
/// written.
const TURN: usize = 10_000;

/// A copy that is being kept up to date.
pub(super) struct Copy {
    task: TaskId,
    changelogs: Vec<Followed>,
}

/// A changelog of it.
struct Followed {
    store: StoreId,
    partition: TopicPartition,
    input: InputId,
    /// Up to where it was read.
    position: i64,
    /// Where it ends, as far as is known.
    end: i64,
    /// Its rows are collected and written as sorted files until its end is seen.
    ingests: bool,
}

/// What came of a slice of work.
pub(super) enum Slice {
    /// So many records were read.
    Read(u64),
    /// A stream thread has the state now.
    TakenOver,
}

impl Copy {
    /// Opens the state as it is on disk, or empty, and goes on from there; `None` if a thread of this process has it. What
    /// does not continue in the changelogs is set aside first.
    ///
    /// # Errors
    /// Of the disk and of the reader; whoever began it takes the state away.
    pub(super) fn begin(
        directory: &Arc<StateDirectory>,
        task: TaskId,
        part: &SubTopology,
        logged: &[Logged],
        reader: &mut dyn Reader,
    ) -> Result<Option<Self>, Error> {
        let standbys = directory.standbys();
        let open = || {
            if directory.is_open(task) {
                return Ok(None);
            }
            let mut state = TaskState::open(directory, task, part.stores())?;
            if let Some((reason, why)) = discontinued(&mut state, logged)? {
                state.set_aside(reason, &why)?;
                state = TaskState::open(directory, task, part.stores())?;
            }
            Ok(Some(state))
        };
        if !standbys.begin(task, open)? {
            return Ok(None);
        }
        let mut copy = Self {
            task,
            changelogs: Vec::new(),
        };
        for logged in logged {
            // Decided while nobody else has the state, told to the reader while anybody may.
            let begun = standbys.with(task, |state| {
                let begin = begin_at(state, logged)?;
                let ingests = logged.marks.high - begin >= INGEST_FROM;
                if ingests {
                    state.begin_ingest(logged.store)?;
                }
                Ok::<_, Error>((begin, ingests))
            });
            let Some(begun) = begun else {
                copy.forget(reader);
                return Ok(None);
            };
            let added = begun.and_then(|(begin, ingests)| {
                let input = reader.add(&logged.partition, Position::Offset(begin))?;
                Ok((begin, ingests, input))
            });
            match added {
                Ok((begin, ingests, input)) => copy.changelogs.push(Followed {
                    store: logged.store,
                    partition: logged.partition.clone(),
                    input,
                    position: begin,
                    end: logged.marks.high,
                    ingests,
                }),
                Err(error) => {
                    copy.forget(reader);
                    return Err(error);
                }
            }
        }
        Ok(Some(copy))
    }

    /// Reads on in each changelog.
    ///
    /// # Errors
    /// Of the reader and of the disk: the copy is to be closed, and begun anew.
    pub(super) fn slice(
        &mut self,
        standbys: &StandbyStates,
        reader: &mut dyn Reader,
        batch: &mut RecordBatch,
    ) -> Result<Slice, Error> {
        let mut records = 0;
        for followed in &mut self.changelogs {
            batch.clear();
            let fetched = reader.fetch(followed.input, TURN, batch)?;
            let last = batch.iter().last().map(|record| record.offset + 1);
            // Past the markers, so that nothing of this is read again.
            let next = fetched.end_of_partition.or(last);
            // Written only where it has moved: a copy of a task that stands still costs the disk nothing.
            let Some(next) = next.filter(|next| *next > followed.position) else {
                if let Some(end) = fetched.end_of_partition {
                    followed.end = end;
                }
                // Nothing was written to look for.
                if standbys.with(self.task, |_| ()).is_none() {
                    return Ok(Slice::TakenOver);
                }
                continue;
            };
            let is_end = fetched.end_of_partition.is_some();
            let store = followed.store;
            let written = standbys.with(self.task, |state| {
                let mut rows = batch
                    .iter()
                    .filter_map(|record| Some((record.key?, record.value)));
                state.restore(store, &mut rows, next)?;
                match is_end && followed.ingests {
                    true => state.end_ingest(store),
                    false => Ok(()),
                }
            });
            match written {
                Some(written) => written?,
                None => return Ok(Slice::TakenOver),
            }
            followed.ingests &= !is_end;
            followed.position = next;
            followed.end = match is_end {
                true => next,
                false => followed.end.max(next),
            };
            records += fetched.records as u64;
        }
        Ok(Slice::Read(records))
    }

    /// The ends of its changelogs as the brokers tell them, in order.
    pub(super) fn told_ends(&mut self, marks: &mut impl Iterator<Item = Watermarks>) {
        for (followed, marks) in self.changelogs.iter_mut().zip(marks) {
            followed.end = followed.end.max(marks.high);
        }
    }

    /// Its changelogs, in order.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.changelogs.iter().map(|followed| &followed.partition)
    }

    /// Whether the end of each changelog was reached, as far as it is known.
    pub(super) fn is_caught_up(&self) -> bool {
        self.lag() == 0
    }

    /// Whether rows are collected in memory at present.
    pub(super) fn ingests(&self) -> bool {
        self.changelogs.iter().any(|followed| followed.ingests)
    }

    fn lag(&self) -> i64 {
        let behind = self
            .changelogs
            .iter()
            .map(|followed| (followed.end - followed.position).max(0));
        behind.sum()
    }

    /// For whoever looks.
    pub(super) fn status(&self) -> StandbyTaskStatus {
        StandbyTaskStatus {
            id: self.task.to_string(),
            lag: self.lag(),
        }
    }

    /// Reads no more. That a client gives a partition up late is no harm.
    pub(super) fn forget(self, reader: &mut dyn Reader) {
        for followed in self.changelogs {
            if let Err(error) = reader.remove(followed.input) {
                tracing::debug!(task = %self.task, %error, "a changelog is read no more");
            }
        }
    }
}
