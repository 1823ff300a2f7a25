//! What one event adds, in a buffer that is used again for the next one.

use super::aggregate::{BusinessAggregate, BusinessAggregateSet};
use super::counter::BusinessCounter;
use super::group::{Counted, write_code, write_text, write_value};
use super::value::{AggregateValue, Thing};
use crate::domain::detection::{Measure, write_measured};

/// Where a delta counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaKind {
    /// In the window of its moment.
    Window,
    /// In the window of its moment, which is kept open for an hour longer.
    Cohort,
    /// In the window of its moment and in all later ones.
    Running,
    /// Over all time.
    Total,
    /// In the window of its moment, which closes early: its group is a measure's of the detectors, or that of orders which may
    /// have been sent twice.
    Measured,
}

/// What is added to one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    /// The group's key, to be read by [`Group::parse`](super::Group::parse) unless it is measured or suspected.
    pub group: &'a [u8],
    /// Where it counts.
    pub kind: DeltaKind,
    /// Its moment, where that is not the event's; epoch milliseconds.
    pub at: Option<i64>,
    /// What is added.
    pub value: &'a AggregateValue,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Where the group's key ends; it begins where the one before ends.
    end: usize,
    kind: DeltaKind,
    at: Option<i64>,
    value: AggregateValue,
}

/// The deltas of one event. Once it has grown, filling it allocates nothing.
#[derive(Clone, Debug)]
pub struct DeltaBuffer {
    groups: Vec<u8>,
    entries: Vec<Entry>,
    wanted: BusinessAggregateSet,
}

impl Default for DeltaBuffer {
    /// Takes everything.
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            entries: Vec::new(),
            wanted: BusinessAggregateSet::ALL,
        }
    }
}

impl DeltaBuffer {
    /// Of the aggregates takes only these, from here on; counters it takes always.
    pub fn want(&mut self, wanted: BusinessAggregateSet) {
        self.wanted = wanted;
    }

    /// Whether this aggregate is taken.
    #[must_use]
    pub const fn wants(&self, aggregate: BusinessAggregate) -> bool {
        self.wanted.contains(aggregate)
    }

    /// Forgets all deltas, keeps the memory.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.entries.clear();
    }

    /// Begins a delta: the values of all dims follow, in their order, then what is added.
    pub fn group(&mut self, counted: Counted) -> GroupWriter<'_> {
        let is_wanted = match counted {
            Counted::Aggregate(aggregate) => self.wants(aggregate),
            Counted::Counter(_) => true,
        };
        if is_wanted {
            write_code(&mut self.groups, counted);
        }
        GroupWriter {
            buffer: is_wanted.then_some(self),
            kind: counted.kind(),
        }
    }

    /// Adds a sample to a histogram; nothing to a counter that is none.
    pub fn sample(&mut self, counter: BusinessCounter, sample: i64) {
        if let Some(buckets) = counter.buckets() {
            let thing = buckets.thing(sample);
            self.group(Counted::Counter(counter)).thing([sample], thing);
        }
    }

    /// Adds to what is measured for the detectors, in a scope.
    pub fn measure(&mut self, measure: Measure, scope: [&str; 2], sums: [i64; 2]) {
        write_measured(&mut self.groups, measure, scope);
        self.entries.push(Entry {
            end: self.groups.len(),
            kind: match measure {
                Measure::Queue => DeltaKind::Running,
                _ => DeltaKind::Measured,
            },
            at: None,
            value: AggregateValue::of(sums),
        });
    }

    /// Adds what is known of an order among those that it may be one of twice.
    pub(super) fn suspect(&mut self, group: &[u8], value: AggregateValue) {
        self.groups.extend_from_slice(group);
        self.entries.push(Entry {
            end: self.groups.len(),
            kind: DeltaKind::Measured,
            at: None,
            value,
        });
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// The deltas in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Delta<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let group = self.groups.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            Delta {
                group,
                kind: entry.kind,
                at: entry.at,
                value: &entry.value,
            }
        })
    }
}

/// Writes the key of a group into a [`DeltaBuffer`]; of an aggregate that is not wanted nothing is written.
#[must_use = "a delta is there only once it has an amount"]
pub struct GroupWriter<'a> {
    buffer: Option<&'a mut DeltaBuffer>,
    kind: DeltaKind,
}

impl GroupWriter<'_> {
    /// The next dim, of free text; an empty one is [`UNKNOWN`](super::UNKNOWN).
    pub fn text(mut self, text: &str) -> Self {
        if let Some(buffer) = &mut self.buffer {
            write_text(&mut buffer.groups, text);
        }
        self
    }

    /// The next dim, of a closed list, by the value's code; none where there is no value.
    pub fn value(mut self, code: Option<u8>) -> Self {
        if let Some(buffer) = &mut self.buffer {
            write_value(&mut buffer.groups, code);
        }
        self
    }

    /// Ends the delta, of a count.
    pub fn add(self, number: i64) {
        self.put(None, AggregateValue::count(number));
    }

    /// Ends the delta, of sums.
    pub fn sums<const N: usize>(self, first: [i64; N]) {
        self.put(None, AggregateValue::of(first));
    }

    /// Ends the delta, of sums in the window of another moment than the event's, epoch milliseconds.
    pub fn sums_at<const N: usize>(self, at: i64, first: [i64; N]) {
        self.put(Some(at), AggregateValue::of(first));
    }

    /// Ends the delta, of sums and something else, in the window of another moment than the event's, epoch milliseconds.
    pub fn thing_at<const N: usize>(self, at: i64, first: [i64; N], thing: Thing) {
        self.put(Some(at), AggregateValue::of(first).with(thing));
    }

    /// Ends the delta, of sums and something else.
    pub fn thing<const N: usize>(self, first: [i64; N], thing: Thing) {
        self.put(None, AggregateValue::of(first).with(thing));
    }

    fn put(self, at: Option<i64>, value: AggregateValue) {
        if let Some(buffer) = self.buffer {
            buffer.entries.push(Entry {
                end: buffer.groups.len(),
                kind: self.kind,
                at,
                value,
            });
        }
    }
}
