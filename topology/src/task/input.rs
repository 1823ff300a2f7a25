//! Queues of a task's inputs, and which record is next.
//!
//! Co-partitioned inputs are merged by smallest record timestamp. An empty queue whose partition is
//! not caught up is always waited for, a caught-up one for at most `max.task.idle.ms` (KIP-695), so
//! that a backlog is processed in the same order every time.

use std::time::Duration;

use super::taken::Taken;
use crate::io::{Fetched, InputId, RecordBatch, TopicPartition};

/// Full fetches in a row, after which an input counts as far behind.
const BEHIND: u32 = 8;

/// One partition that a task reads.
pub(crate) struct Input {
    pub(crate) partition: TopicPartition,
    /// The source node that takes its records.
    pub(crate) node: usize,
    /// Whether the engine itself writes it (repartition): its errors are fatal, never skipped.
    pub(crate) internal: bool,
    pub(crate) id: Option<InputId>,
    pub(crate) queue: RecordBatch,
    /// End of partition was seen since the last record.
    pub(crate) at_end: bool,
    /// Fetches since its end was last seen that brought as many records as were asked for.
    full_fetches: u32,
    /// Timestamp of what was next when it was last looked at, while there is lag.
    next_at: Option<i64>,
    /// When, by wall clock, everything that was in the partition had been processed.
    pub(crate) caught_up_at: Option<i64>,
    /// Offset of the next record to process.
    pub(crate) position: i64,
    /// Position at the last commit.
    pub(crate) committed: i64,
    /// Since the last commit.
    pub(crate) taken: Taken,
}

impl Input {
    pub(crate) fn new(partition: TopicPartition, node: usize, internal: bool) -> Self {
        Self {
            partition,
            node,
            internal,
            id: None,
            queue: RecordBatch::default(),
            at_end: false,
            full_fetches: 0,
            next_at: None,
            caught_up_at: None,
            position: 0,
            committed: 0,
            taken: Taken::default(),
        }
    }

    /// Takes note of what a fetch of at most `max` records brought.
    pub(crate) fn fetched(&mut self, fetched: Fetched, max: usize) {
        if fetched.end_of_partition.is_some() {
            self.at_end = true;
            self.full_fetches = 0;
        } else if fetched.records > 0 {
            self.at_end = false;
            self.full_fetches = self
                .full_fetches
                .saturating_add(u32::from(fetched.records >= max));
        }
    }

    /// How far behind this moment the next record is, in milliseconds. One that is on its way is taken to be no older than the
    /// one that was last seen here; `None` where none was.
    pub(crate) fn lag_ms(&mut self, now: i64) -> Option<i64> {
        let next = self.queue.front().map(|record| record.timestamp);
        self.next_at = next.or(self.next_at);
        let lag = now.saturating_sub(self.next_at?);
        Some(lag.max(0))
    }

    /// Everything that comes is processed at once.
    pub(crate) fn keeps_up(&mut self) {
        self.next_at = None;
    }

    /// Continues at `position`, with nothing read ahead.
    pub(crate) fn reset(&mut self, position: i64) {
        self.queue.clear();
        self.at_end = false;
        self.full_fetches = 0;
        self.next_at = None;
        self.caught_up_at = None;
        self.taken.clear();
        self.position = position;
        self.committed = position;
    }

    /// Everything that was in the partition has been processed.
    pub(crate) fn caught_up(&self) -> bool {
        self.queue.is_empty() && self.at_end
    }
}

/// What the inputs say about the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputChoice {
    /// Take the head of this input.
    Take(usize),
    /// An empty input is waited for.
    Wait,
    /// All inputs are empty.
    Empty,
}

/// All inputs of a task.
pub(crate) struct Inputs {
    pub(crate) all: Vec<Input>,
    max_task_idle: Duration,
    /// Since when an input is empty and caught up while another has records.
    idle_since: Option<Duration>,
}

impl Inputs {
    pub(crate) fn new(all: Vec<Input>, max_task_idle: Duration) -> Self {
        Self {
            all,
            max_task_idle,
            idle_since: None,
        }
    }

    /// Which record is next at `now` (monotonic).
    pub(crate) fn choose(&mut self, now: Duration) -> InputChoice {
        let mut head: Option<(i64, usize)> = None;
        let mut lagging = false;
        let mut idle = false;
        for (index, input) in self.all.iter().enumerate() {
            match input.queue.front() {
                Some(record) if head.is_none_or(|(smallest, _)| record.timestamp < smallest) => {
                    head = Some((record.timestamp, index));
                }
                Some(_) => {}
                None if input.caught_up() => idle = true,
                None => lagging = true,
            }
        }
        if !idle {
            // Every input has had records again.
            self.idle_since = None;
        }
        let Some((_, index)) = head else {
            return InputChoice::Empty;
        };
        if lagging {
            return InputChoice::Wait;
        }
        if idle && !self.max_task_idle.is_zero() {
            let since = *self.idle_since.get_or_insert(now);
            if now.saturating_sub(since) < self.max_task_idle {
                return InputChoice::Wait;
            }
        }
        InputChoice::Take(index)
    }

    /// Whether some input is far behind: since its end was last seen, several fetches were full.
    pub(crate) fn is_behind(&self) -> bool {
        self.all.iter().any(|input| input.full_fetches >= BEHIND)
    }

    /// Whether everything that was in the log has been processed.
    pub(crate) fn caught_up(&self) -> bool {
        self.all.iter().all(Input::caught_up)
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Input> {
        self.all.iter_mut()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Input> {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Headers;

    fn inputs(idle_ms: u64) -> Inputs {
        let input = |topic: &str| Input::new(TopicPartition::new(topic, 0), 0, false);
        Inputs::new(
            vec![input("order"), input("payment")],
            Duration::from_millis(idle_ms),
        )
    }

    fn push(inputs: &mut Inputs, input: usize, timestamp: i64) {
        inputs.all[input]
            .queue
            .push(0, timestamp, None, None, Headers::default());
        inputs.all[input].fetched(
            Fetched {
                records: 1,
                end_of_partition: None,
            },
            10,
        );
    }

    fn end(inputs: &mut Inputs, input: usize) {
        inputs.all[input].fetched(
            Fetched {
                records: 0,
                end_of_partition: Some(1),
            },
            10,
        );
    }

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn the_smallest_timestamp_goes_first_and_ties_go_to_the_topic_named_first() {
        let mut inputs = inputs(0);
        push(&mut inputs, 0, 20);
        push(&mut inputs, 1, 10);
        assert_eq!(inputs.choose(NOW), InputChoice::Take(1));
        inputs.all[1].queue.pop_front();
        push(&mut inputs, 1, 20);
        assert_eq!(inputs.choose(NOW), InputChoice::Take(0));
    }

    #[test]
    fn an_empty_input_that_is_not_caught_up_is_always_waited_for() {
        let mut inputs = inputs(0);
        push(&mut inputs, 0, 20);
        assert_eq!(inputs.choose(NOW), InputChoice::Wait);
        end(&mut inputs, 1);
        assert_eq!(inputs.choose(NOW), InputChoice::Take(0));
    }

    #[test]
    fn what_is_on_its_way_is_no_older_than_what_was_here() {
        let mut inputs = inputs(0);
        assert_eq!(inputs.all[0].lag_ms(1_000), None);
        push(&mut inputs, 0, 400);
        let input = &mut inputs.all[0];
        assert_eq!(input.lag_ms(1_000), Some(600));
        input.queue.pop_front();
        assert_eq!(input.lag_ms(1_100), Some(700));
        input.keeps_up();
        assert_eq!(input.lag_ms(1_200), None);
        push(&mut inputs, 0, 1_500);
        let input = &mut inputs.all[0];
        assert_eq!(input.lag_ms(1_200), Some(0));
        input.reset(0);
        assert_eq!(input.lag_ms(1_300), None);
    }

    #[test]
    fn an_input_is_far_behind_after_some_full_fetches_until_its_end_is_seen() {
        let mut inputs = inputs(0);
        let fetched = |records, end_of_partition| Fetched {
            records,
            end_of_partition,
        };
        let input = &mut inputs.all[0];
        for _ in 1..BEHIND {
            input.fetched(fetched(10, None), 10);
        }
        input.fetched(fetched(9, None), 10);
        assert!(!inputs.is_behind());
        inputs.all[0].fetched(fetched(10, None), 10);
        assert!(inputs.is_behind());
        inputs.all[0].fetched(fetched(0, None), 10);
        assert!(inputs.is_behind());
        inputs.all[0].fetched(fetched(10, Some(20)), 10);
        assert!(!inputs.is_behind());
    }

    #[test]
    fn a_caught_up_input_is_waited_for_no_longer_than_max_task_idle() {
        let mut inputs = inputs(50);
        push(&mut inputs, 0, 20);
        end(&mut inputs, 1);
        assert_eq!(inputs.choose(NOW), InputChoice::Wait);
        let later = NOW + Duration::from_millis(50);
        assert_eq!(inputs.choose(later), InputChoice::Take(0));
        // Once expired, processing goes on until every input has had records again.
        assert_eq!(inputs.choose(later), InputChoice::Take(0));
        push(&mut inputs, 1, 30);
        assert_eq!(inputs.choose(later), InputChoice::Take(0));
        inputs.all[1].queue.pop_front();
        end(&mut inputs, 1);
        assert_eq!(inputs.choose(later), InputChoice::Wait);
    }
}
