//! Pauses a task that dead-letters too many of its records.
//!
//! Every record is counted as it is processed, so the task stops at the very record that was one too many; the commit
//! that contains it makes the pause final. An abort takes the counts back to the last commit, because the records come
//! again. Nothing of it is kept: a restart, or a move to another instance, begins with an empty window.

use super::DeadLetterCircuit;

/// What a task's last records came to, and whether it may take more.
#[derive(Debug)]
pub(crate) struct Circuit {
    /// `None`: switched off.
    settings: Option<DeadLetterCircuit>,
    /// Where to look, for the reason.
    dead_letter_topic: Option<String>,
    window: Window,
    /// The window at the last commit.
    committed: Window,
    /// Dead letters and records when they became too many, until that is committed.
    tripped: Option<(usize, usize)>,
    paused: Option<String>,
}

impl Circuit {
    pub(crate) fn new(
        settings: Option<DeadLetterCircuit>,
        dead_letter_topic: Option<&str>,
    ) -> Self {
        let size = settings.map_or(0, |settings| settings.window);
        Self {
            settings,
            dead_letter_topic: dead_letter_topic.map(str::to_owned),
            window: Window::new(size),
            committed: Window::new(size),
            tripped: None,
            paused: None,
        }
    }

    /// A record was processed, and dead-lettered or not.
    pub(crate) fn record(&mut self, is_dead: bool) {
        let Some(settings) = &self.settings else {
            return;
        };
        self.window.add(is_dead);
        let (dead, seen) = (self.window.dead, self.window.seen);
        if is_dead && self.takes_records() && settings.is_exceeded(dead, seen) {
            self.tripped = Some((dead, seen));
        }
    }

    /// Whether the next record may be processed.
    pub(crate) fn takes_records(&self) -> bool {
        self.tripped.is_none() && self.paused.is_none()
    }

    /// Whether a commit is wanted now, to make the pause final.
    pub(crate) fn is_tripped(&self) -> bool {
        self.tripped.is_some()
    }

    /// Why the task is paused, if it is.
    pub(crate) fn paused(&self) -> Option<&str> {
        self.paused.as_deref()
    }

    /// What was counted stands; answers the reason if the task pauses now.
    pub(crate) fn committed(&mut self) -> Option<&str> {
        self.committed.copy_from(&self.window);
        let (dead, records) = self.tripped.take()?;
        self.paused = Some(self.reason(dead, records));
        self.paused()
    }

    /// The records since the last commit come again.
    pub(crate) fn abort(&mut self) {
        self.window.copy_from(&self.committed);
        self.tripped = None;
    }

    /// Takes records again, with an empty window; answers whether the task was stopped.
    pub(crate) fn resume(&mut self) -> bool {
        if self.takes_records() {
            return false;
        }
        self.window.clear();
        self.committed.clear();
        (self.tripped, self.paused) = (None, None);
        true
    }

    pub(crate) fn dead_letter_topic(&self) -> &str {
        self.dead_letter_topic.as_deref().unwrap_or_default()
    }

    fn reason(&self, dead: usize, records: usize) -> String {
        let DeadLetterCircuit { share, minimum, .. } = self.settings.unwrap_or_default();
        let topic = self.dead_letter_topic();
        format!(
            "{dead} of the last {records} records were dead-lettered, more than {share} and not fewer than {minimum}; \
             what follows waits in the input topics. See __streams.errors.reason and .message in {topic}, mend the \
             cause, then resume the task or restart"
        )
    }
}

/// The last records, one bit each.
#[derive(Debug)]
struct Window {
    bits: Vec<u64>,
    size: usize,
    /// The bit that the next record takes.
    next: usize,
    /// Records in the window.
    seen: usize,
    /// Those of them that were dead-lettered.
    dead: usize,
}

impl Window {
    fn new(size: usize) -> Self {
        Self {
            bits: vec![0; size.div_ceil(64)],
            size,
            next: 0,
            seen: 0,
            dead: 0,
        }
    }

    fn add(&mut self, is_dead: bool) {
        let bit = 1 << (self.next % 64);
        let Some(word) = self.bits.get_mut(self.next / 64) else {
            return;
        };
        self.dead -= usize::from(*word & bit != 0);
        self.dead += usize::from(is_dead);
        if is_dead {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.seen = (self.seen + 1).min(self.size);
        self.next += 1;
        if self.next == self.size {
            self.next = 0;
        }
    }

    fn clear(&mut self) {
        self.bits.fill(0);
        (self.next, self.seen, self.dead) = (0, 0, 0);
    }

    /// Without an allocation: the sizes are equal.
    fn copy_from(&mut self, other: &Self) {
        self.bits.clone_from(&other.bits);
        (self.next, self.seen, self.dead) = (other.next, other.seen, other.dead);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::super::Share;
    use super::*;

    fn circuit(share: f64, window: usize, minimum: usize) -> Circuit {
        let share = Share::of(share);
        let settings = DeadLetterCircuit {
            share,
            window,
            minimum,
        };
        Circuit::new(Some(settings), Some("dead"))
    }

    fn feed(circuit: &mut Circuit, records: impl IntoIterator<Item = bool>) -> usize {
        let mut taken = 0;
        for is_dead in records {
            if !circuit.takes_records() {
                break;
            }
            circuit.record(is_dead);
            taken += 1;
        }
        taken
    }

    #[test]
    fn the_record_that_is_one_too_many_is_the_last() {
        // 1 % of a thousand are ten, which is not more; the eleventh is.
        let mut circuit = circuit(0.01, 1_000, 10);
        assert_eq!(feed(&mut circuit, vec![false; 1_000]), 1_000);
        assert_eq!(feed(&mut circuit, vec![true; 50]), 11);
        assert_eq!(circuit.paused(), None, "not before the commit");
        let reason = circuit.committed().unwrap();
        assert!(
            reason.starts_with("11 of the last 1000 records"),
            "{reason}"
        );
        assert!(reason.contains("more than 1 %"), "{reason}");
        assert_eq!(circuit.committed(), None, "told once");
        assert!(circuit.paused().is_some());
    }

    #[test]
    fn records_that_fell_out_of_the_window_no_longer_count() {
        let mut circuit = circuit(0.5, 4, 1);
        let often = [true, true, false, false].repeat(1_000);
        assert_eq!(feed(&mut circuit, often.iter().copied().skip(2)), 3_998);
        assert_eq!(feed(&mut circuit, [true, true, true]), 3);
        assert!(!circuit.takes_records());
    }

    #[test]
    fn an_abort_goes_back_to_the_last_commit() {
        let mut circuit = circuit(0.1, 64, 5);
        assert_eq!(feed(&mut circuit, [true; 4]), 4);
        circuit.committed();
        for _ in 0..3 {
            assert_eq!(feed(&mut circuit, [false; 40]), 40);
            circuit.abort();
        }
        assert_eq!(feed(&mut circuit, [true, true]), 1);
        assert!(circuit.is_tripped());
        circuit.abort();
        assert!(circuit.takes_records(), "what tripped it was taken back");
        assert_eq!(feed(&mut circuit, [true]), 1);
        assert!(circuit.committed().is_some());
        circuit.abort();
        assert!(circuit.paused().is_some(), "a committed pause stays");
    }

    #[test]
    fn after_a_resume_the_window_is_empty() {
        let mut circuit = circuit(0.01, 1_000, 10);
        assert!(!circuit.resume());
        assert_eq!(feed(&mut circuit, [true; 10]), 10);
        circuit.committed();
        assert!(circuit.resume());
        assert_eq!(feed(&mut circuit, [true; 9]), 9);
        assert!(circuit.takes_records());
        circuit.abort();
        assert_eq!(feed(&mut circuit, [true; 20]), 10);
    }

    #[test]
    fn switched_off_it_never_stops() {
        let mut circuit = Circuit::new(None, Some("dead"));
        assert_eq!(feed(&mut circuit, [true; 5_000]), 5_000);
        assert_eq!(circuit.committed(), None);
    }

    #[test]
    fn the_window_counts_as_a_queue_does() {
        let mut window = Window::new(130);
        let mut queue = VecDeque::new();
        let mut random = 1_u64;
        for _ in 0..10_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let is_dead = random >> 61 == 0;
            window.add(is_dead);
            queue.push_back(is_dead);
            if queue.len() > 130 {
                queue.pop_front();
            }
            let dead = queue.iter().filter(|is_dead| **is_dead).count();
            assert_eq!((window.dead, window.seen), (dead, queue.len()));
        }
    }
}
