//! Orders that are looked at again together, because inputs lag: nothing may be told of them before, and in a backlog most
//! will have ended by then. So they share a timer, up to [`TOGETHER`] of them, whose key holds their numbers; a row and a
//! timer for each would be written and removed again for nothing. While the inputs lag as much, the timer is set again, and
//! no order is read.
//!
//! An order may stand in several: what is found when its turn comes is what counts.

use hashbrown::HashTable;
use topology::codec::varint;
use topology::process::{ProcessError, ProcessingContext};
use xxhash_rust::xxh3::xxh3_64;

use super::judge_processor::{Context, JudgeProcessor, timer};
use super::watching::{lag, look_again_after};

/// As many orders share a timer, which is dealt with between two records.
const TOGETHER: usize = 100;
/// What an order takes besides its number.
const ENTRY_BYTES: usize = 24;

/// The orders of this commit that are to be looked at later, each once.
#[derive(Debug, Default)]
pub(super) struct LookLater {
    /// One after the other, each behind its length.
    numbers: Vec<u8>,
    /// Where they begin.
    starts: Vec<usize>,
    known: HashTable<usize>,
}

impl LookLater {
    fn add(&mut self, order_no: &str) {
        let hash = xxh3_64(order_no.as_bytes());
        let numbers = &self.numbers;
        let is_known = |start: &usize| number_at(numbers, *start) == order_no.as_bytes();
        if self.known.find(hash, is_known).is_some() {
            return;
        }
        let start = self.numbers.len();
        varint::put_bytes(&mut self.numbers, order_no.as_bytes());
        self.starts.push(start);
        let numbers = &self.numbers;
        self.known
            .insert_unique(hash, start, |start| xxh3_64(number_at(numbers, *start)));
    }

    fn bytes(&self) -> usize {
        self.numbers.len() + ENTRY_BYTES * self.starts.len()
    }

    /// The keys of their timers.
    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let begins = self.starts.iter().step_by(TOGETHER).copied();
        let ends = begins.clone().skip(1).chain([self.numbers.len()]);
        begins
            .zip(ends)
            .map(|(begin, end)| self.numbers.get(begin..end).unwrap_or_default())
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.starts.clear();
        self.known.clear();
    }
}

fn number_at(numbers: &[u8], start: usize) -> &[u8] {
    let mut rest = numbers.get(start..).unwrap_or_default();
    varint::take_bytes(&mut rest).unwrap_or_default()
}

impl JudgeProcessor {
    /// The order at hand is looked at again later.
    pub(super) fn look_later(&mut self, context: &mut Context<'_, '_>) {
        self.later.add(&self.order_no);
        context.holds(self.later.bytes());
    }

    /// Sets timers for those of this commit.
    pub(super) fn set_looks(&mut self, context: &mut Context<'_, '_>) -> Result<(), ProcessError> {
        if self.later.starts.is_empty() {
            return Ok(());
        }
        let due = self.next_look(context);
        for key in self.later.keys() {
            context.set_timer(self.waits_by(), due, timer::LOOK_LATER, key)?;
        }
        self.later.clear();
        context.holds(0);
        Ok(())
    }

    /// When it is looked again whether anything may be told.
    fn next_look(&self, context: &ProcessingContext<'_>) -> i64 {
        let after = look_again_after(lag(context).unwrap_or(0));
        self.parking_clock(context).saturating_add(after)
    }

    /// The time of some of them has come.
    pub(super) fn look_at(
        &mut self,
        mut numbers: &[u8],
        context: &mut Context<'_, '_>,
    ) -> Result<(), ProcessError> {
        let Some(stores) = self.stores else {
            return Ok(());
        };
        if self.horizon(context).is_none() {
            // Nothing may be told of any of them: none is read.
            let due = self.next_look(context);
            return context.set_timer(self.waits_by(), due, timer::LOOK_LATER, numbers);
        }
        while let Some(number) = varint::take_bytes(&mut numbers) {
            if self.load(&String::from_utf8_lossy(number), stores, context)? {
                self.look(context)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut key: &[u8]) -> Vec<String> {
        let mut numbers = Vec::new();
        while let Some(number) = varint::take_bytes(&mut key) {
            numbers.push(String::from_utf8(number.to_vec()).unwrap());
        }
        numbers
    }

    #[test]
    fn each_order_stands_once_in_timers_of_a_hundred() {
        let mut later = LookLater::default();
        let number = |order: usize| format!("B{order}");
        for order in (0..250).chain(0..250) {
            later.add(&number(order));
        }
        let keys: Vec<_> = later.keys().map(read).collect();
        let sizes: Vec<usize> = keys.iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 100, 50]);
        assert_eq!(keys.concat(), (0..250).map(number).collect::<Vec<_>>());
        assert!(later.bytes() > 250 * ENTRY_BYTES);
        later.clear();
        assert_eq!((later.keys().count(), later.bytes()), (0, 0));
    }
}
