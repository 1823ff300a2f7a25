//! Partitions that a consumer or reader has opened, and how far it has read.

use super::topics::{Place, Topics};
use crate::Error;
use crate::io::{Fetched, InputId, IoResult, Position, RecordBatch, TopicPartition, Watermarks};

#[derive(Debug)]
struct Input {
    partition: TopicPartition,
    place: Place,
    position: i64,
    /// The end that was told last; told again only when it has moved, as librdkafka does.
    told_end: Option<i64>,
    /// The end as of the last wait.
    noticed_end: i64,
    /// As of the last fetch.
    watermarks: Option<Watermarks>,
}

#[derive(Debug)]
pub(super) struct Inputs {
    read_committed: bool,
    /// Id of the first slot; ids before it are void.
    first: u32,
    open: Vec<Option<Input>>,
}

impl Inputs {
    pub(super) fn new(read_committed: bool) -> Self {
        Self {
            read_committed,
            first: 0,
            open: Vec::new(),
        }
    }

    /// Opens a partition.
    ///
    /// # Errors
    /// Fatal if it does not exist.
    pub(super) fn open(
        &mut self,
        operation: &'static str,
        topics: &Topics,
        partition: &TopicPartition,
        position: Position,
    ) -> IoResult<InputId> {
        let place = topics.place(operation, &partition.topic, partition.partition)?;
        let log = topics.partition(place);
        let position = match position {
            Position::Beginning => log.map_or(0, |log| log.low()),
            Position::End => log.map_or(0, |log| log.end(self.read_committed)),
            Position::Offset(offset) => offset,
        };
        let id = u32::try_from(self.open.len()).ok();
        let id = id.and_then(|slots| self.first.checked_add(slots));
        let id = id.ok_or_else(|| Error::fatal(operation, "too many assignments"))?;
        self.open.push(Some(Input {
            partition: partition.clone(),
            place,
            position,
            told_end: None,
            noticed_end: position,
            watermarks: None,
        }));
        Ok(InputId(id))
    }

    /// Whether a partition is open.
    pub(super) fn is_open(&self, partition: &TopicPartition) -> bool {
        let mut open = self.open.iter().flatten();
        open.any(|input| input.partition == *partition)
    }

    /// Voids all ids.
    pub(super) fn close_all(&mut self) {
        let slots = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.first = self.first.saturating_add(slots);
        self.open.clear();
    }

    /// Voids one id.
    pub(super) fn close(&mut self, operation: &'static str, id: InputId) -> IoResult<()> {
        self.input(operation, id)?;
        if let Some(slot) = self.slot(id) {
            *slot = None;
        }
        Ok(())
    }

    /// Voids the ids of these partitions.
    pub(super) fn close_partitions(&mut self, partitions: &[TopicPartition]) {
        for slot in &mut self.open {
            slot.take_if(|input| partitions.contains(&input.partition));
        }
    }

    fn slot(&mut self, id: InputId) -> Option<&mut Option<Input>> {
        let index = id.0.checked_sub(self.first)?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    fn input(&mut self, operation: &'static str, id: InputId) -> IoResult<&mut Input> {
        self.slot(id).and_then(Option::as_mut).ok_or_else(|| {
            let detail = format!("input {} is not of the present assignment", id.0);
            Error::fatal(operation, detail)
        })
    }

    /// Which partition an id means.
    pub(super) fn partition(
        &mut self,
        operation: &'static str,
        id: InputId,
    ) -> IoResult<&TopicPartition> {
        Ok(&self.input(operation, id)?.partition)
    }

    pub(super) fn seek(
        &mut self,
        operation: &'static str,
        id: InputId,
        offset: i64,
    ) -> IoResult<()> {
        let input = self.input(operation, id)?;
        input.position = offset;
        input.told_end = None;
        Ok(())
    }

    pub(super) fn cached_watermarks(&mut self, id: InputId) -> Option<Watermarks> {
        self.slot(id)?.as_ref()?.watermarks
    }

    /// Appends at most `max` records to `batch`. The second answer: there is more.
    ///
    /// # Errors
    /// Fatal if the position is not in the log any more, or the topic is gone.
    pub(super) fn fetch(
        &mut self,
        operation: &'static str,
        topics: &Topics,
        id: InputId,
        max: usize,
        batch: &mut RecordBatch,
    ) -> IoResult<(Fetched, bool)> {
        let read_committed = self.read_committed;
        let input = self.input(operation, id)?;
        let failed = |detail: &str| {
            let place = format!("{} offset {}", input.partition, input.position);
            Err(Error::fatal(operation, detail).at(place))
        };
        let Some(log) = topics.partition(input.place) else {
            return failed(
                "UNKNOWN_TOPIC_OR_PARTITION: the topic does not exist any more; create it or remove it from the topology",
            );
        };
        if input.position < log.low() || input.position > log.high() {
            return failed(
                "OFFSET_OUT_OF_RANGE: the offset is not in the partition any more: retention or truncation removed it, or \
                 the topic was made anew; set the group's offset and start again",
            );
        }
        let end = log.end(read_committed);
        input.watermarks = Some(Watermarks {
            low: log.low(),
            high: end,
        });
        let (records, position) = log.read(input.position, read_committed, max, |record, _| {
            batch.push(
                record.offset,
                record.timestamp,
                record.key,
                record.value,
                record.headers,
            );
        });
        input.position = position;
        let reached = position == end && input.told_end != Some(end);
        if reached {
            input.told_end = Some(end);
        }
        let fetched = Fetched {
            records,
            end_of_partition: reached.then_some(end),
        };
        Ok((fetched, position < end))
    }

    /// Whether an end has moved since the last time this was asked.
    pub(super) fn notice(&mut self, topics: &Topics) -> bool {
        let mut moved = false;
        for input in self.open.iter_mut().flatten() {
            let log = topics.partition(input.place);
            let end = log.map_or(i64::MAX, |log| log.end(self.read_committed));
            moved |= end > input.noticed_end;
            input.noticed_end = end;
        }
        moved
    }
}
