//! Orders that may have been sent twice (A23): of one customer at one store for one amount, created at most five minutes apart,
//! both on their way when the later one was created.
//!
//! Orders of one kind meet in a group of their own, whatever partitions they are in:
//!
//! ```text
//! 7E                  no aggregate and no counter has this code
//! hash of customer, store and amount    8 bytes
//! ```
//!
//! A hash for three texts: among all pairs of orders within five minutes, two of different kinds have the same one with a
//! chance of one in 10^19.

use xxhash_rust::xxh3::Xxh3Default;

use super::aggregate::BusinessAggregate;
use super::deltas::DeltaBuffer;
use super::distinct::member;
use super::value::{AggregateValue, Thing};
use crate::domain::action::Action;
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Transition;
use crate::domain::order::{Milestone, Order, OrderFlag};
use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

/// Two orders further apart are not suspect, milliseconds.
pub const SUSPECT_MS: i64 = 300_000;

const TAG: u8 = 0x7e;
/// So many marks of one kind are known at a time, the first ones, of a minute and of minutes that are put together: nobody must
/// fill a row, or the time of a task, by sending the same order for ever.
const MOST_MARKS: usize = 1_000;

/// Whether a group's key is that of orders of one customer, store and amount.
#[must_use]
pub fn is_suspected(group: &[u8]) -> bool {
    group.first() == Some(&TAG)
}

/// The part of a group's key that says which task merges it: all suspects meet in one, which counts their pairs.
#[must_use]
pub fn merged_by(group: &[u8]) -> &[u8] {
    match group {
        [TAG, ..] => group.get(..1).unwrap_or_default(),
        _ => group,
    }
}

/// The key of the group by which the number of pairs is told.
pub const PAIRS: [u8; 1] = [BusinessAggregate::DupOrderSuspect.code()];

/// What is known of an order among others of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When, epoch milliseconds.
    pub at: i64,
    /// It was created then, or it ended.
    pub created: bool,
    /// The hash of its number.
    pub order: u64,
}

/// Marks, each once, by time; of the same moment ends come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// Adds one.
    pub fn add(&mut self, mark: Mark) {
        if let Err(place) = self.0.binary_search(&mark)
            && place < MOST_MARKS
        {
            self.0.insert(place, mark);
            // Always the smallest ones, so that parts come to the same in whatever order they are merged.
            self.0.truncate(MOST_MARKS);
        }
    }

    /// Adds those of another.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|mark| self.add(*mark));
    }

    /// Adds those of a value.
    pub fn take_in(&mut self, value: &AggregateValue) {
        match value.thing() {
            Thing::Mark(mark) => self.add(*mark),
            Thing::Marks(marks) => self.merge(marks),
            _ => {}
        }
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether an order was created.
    #[must_use]
    pub fn has_created(&self) -> bool {
        self.0.iter().any(|mark| mark.created)
    }

    /// Calls for each order that is the later one of suspect pairs: with the moment of its creation, and the number of pairs.
    pub fn for_each_pair(&self, mut each: impl FnMut(i64, i64)) {
        if self.0.len() < 2 {
            return;
        }
        let mut live: Vec<Mark> = Vec::new();
        for (place, mark) in self.0.iter().enumerate() {
            if !mark.created {
                live.retain(|known| known.order != mark.order);
                continue;
            }
            live.retain(|known| mark.at.saturating_sub(known.at) <= SUSPECT_MS);
            // By clocks that differ it may have ended before.
            let mut before = self.0.iter().take(place);
            if before.any(|known| !known.created && known.order == mark.order) {
                continue;
            }
            if !live.is_empty() {
                each(mark.at, live.len() as i64);
            }
            live.push(*mark);
        }
    }

    /// Appends its bytes: number of marks, then of each its moment, less that of the one before, whether it is a creation, and
    /// the order's hash.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.number(self.0.len() as u64);
        let mut before = 0;
        for mark in &self.0 {
            writer.signed(mark.at.wrapping_sub(before));
            writer.byte(u8::from(mark.created));
            writer.out.extend_from_slice(&mark.order.to_le_bytes());
            before = mark.at;
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, OrderCodecError> {
        const IMPOSSIBLE: OrderCodecError = OrderCodecError::Impossible("marks of orders");
        let marks = reader.number("marks")?;
        let mut read = Self::default();
        let mut before = 0_i64;
        for _ in 0..marks {
            before = reader.signed("moment")?.wrapping_add(before);
            let created = match reader.byte("mark")? {
                0 => false,
                1 => true,
                _ => return Err(IMPOSSIBLE),
            };
            let mark = Mark {
                at: before,
                created,
                order: u64::from_le_bytes(reader.array("order")?),
            };
            if read.0.last().is_some_and(|last| *last >= mark) {
                return Err(IMPOSSIBLE);
            }
            read.0.push(mark);
        }
        match read.0.is_empty() {
            true => Err(IMPOSSIBLE),
            false => Ok(read),
        }
    }
}

/// Adds what an applied event that happened at this moment (epoch milliseconds) says of an order that others may be like.
pub(super) fn count(
    order: &Order,
    event: &OrderEvent,
    at: i64,
    transition: &Transition,
    deltas: &mut DeltaBuffer,
) {
    let created = transition.action == Action::OrderCreated;
    let ended = transition.main_before.is_some() && order.regions.main.is_terminal();
    if !(created || ended) || !deltas.wants(BusinessAggregate::DupOrderSuspect) {
        return;
    }
    // Of an order that ends later it does not matter any more.
    let made = order.times.get(Milestone::Created).unwrap_or(at);
    if (ended && at.saturating_sub(made) > SUSPECT_MS) || !is_known(order) {
        return;
    }
    let mut hash = Xxh3Default::new();
    for part in [order.customer_id.as_bytes(), order.store_id.as_bytes()] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(&order.amount.to_le_bytes());
    let mut group = [TAG, 0, 0, 0, 0, 0, 0, 0, 0];
    let [_, kind @ ..] = &mut group;
    *kind = hash.digest().to_be_bytes();
    let mark = Mark {
        at,
        created,
        order: member(event.order_no().as_bytes()),
    };
    deltas.suspect(&group, AggregateValue::default().with(Thing::Mark(mark)));
}

/// Whether it is known of an order who wants what from whom.
fn is_known(order: &Order) -> bool {
    let is_known = !order.customer_id.is_empty() && !order.store_id.is_empty();
    is_known && !order.flags.contains(OrderFlag::AmountUnknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Pairs by the minute of their later order; `+` created, `-` ended.
    fn pairs(marks: &[(char, u64, i64)]) -> Vec<(i64, i64)> {
        let mut all = Marks::default();
        for (kind, order, at) in marks {
            all.add(Mark {
                at: *at,
                created: *kind == '+',
                order: *order,
            });
        }
        let mut pairs = Vec::new();
        all.for_each_pair(|at, number| pairs.push((at / MINUTE, number)));
        pairs
    }

    #[test]
    fn two_orders_within_five_minutes_are_a_pair_of_the_later_ones_minute() {
        let at = 100 * MINUTE;
        assert_eq!(pairs(&[('+', 1, at)]), []);
        let later = at + 5 * MINUTE;
        assert_eq!(pairs(&[('+', 1, at), ('+', 2, later)]), [(105, 1)]);
        assert_eq!(pairs(&[('+', 1, at), ('+', 2, later + 1)]), []);
        let three = [('+', 1, at), ('+', 2, at + 1), ('+', 3, at + MINUTE)];
        assert_eq!(pairs(&three), [(100, 1), (101, 2)]);
        let same = [('+', 2, at), ('+', 1, at)];
        assert_eq!(pairs(&same), [(100, 1)], "of one moment too");
    }

    #[test]
    fn the_first_ones_are_known_of_any_number_in_whatever_order_they_come() {
        let mark = |order: u64| Mark {
            at: 100 * MINUTE + order as i64,
            created: true,
            order,
        };
        let most = MOST_MARKS as u64;
        let (mut one, mut other) = (Marks::default(), Marks::default());
        for order in 0..2 * most {
            let marks = if order % 3 == 0 { &mut one } else { &mut other };
            marks.add(mark(order));
        }
        let mut first = one.clone();
        first.merge(&other);
        other.merge(&one);
        assert_eq!(first, other);
        let expected: Vec<Mark> = (0..most).map(mark).collect();
        assert_eq!(first, Marks(expected));
    }

    #[test]
    fn what_has_ended_by_then_is_no_part_of_a_pair() {
        let at = 100 * MINUTE;
        assert_eq!(
            pairs(&[('+', 1, at), ('-', 1, at + 5), ('+', 2, at + 5)]),
            []
        );
        let after = [('+', 1, at), ('-', 1, at + 6), ('+', 2, at + 5)];
        assert_eq!(pairs(&after), [(100, 1)]);
        assert_eq!(
            pairs(&[('+', 1, at), ('+', 2, at + 5), ('-', 2, at + 5)]),
            []
        );
    }

    #[test]
    fn one_task_counts_all_of_them() {
        assert!(is_suspected(&[TAG, 1, 2]) && !is_suspected(&[0x7f, 1]));
        assert_eq!(merged_by(&[TAG, 1, 2]), [TAG]);
        assert_eq!(merged_by(&[3, 1, 2]), [3, 1, 2]);
        assert!(super::super::Group::parse(&[TAG; 9]).is_err());
    }
}
