use std::sync::Arc;

use crate::process::{ProcessError, Record};

/// What is aggregated: in which groups a record counts, and how two parts of an aggregate become one.
///
/// ```
/// use topology::process::{ProcessError, Record};
/// use topology::window::{Deltas, WindowedAggregator};
///
/// /// Counts words per window.
/// struct Words;
///
/// impl WindowedAggregator for Words {
///     type Key = String;
///     type Value = String;
///     type Group = String;
///     type Aggregate = i64;
///
///     fn add(&mut self, record: Record<'_, String, String>, deltas: &mut Deltas<'_, String, i64>) -> Result<(), ProcessError> {
///         for word in record.value.split(' ') {
///             deltas.add(&word.to_owned(), record.timestamp, &1)?;
///         }
///         Ok(())
///     }
///
///     fn merge(sum: &mut i64, delta: &i64) {
///         *sum += delta;
///     }
/// }
/// ```
pub trait WindowedAggregator: Send + 'static {
    /// Key of the records taken.
    type Key: 'static;
    /// Value of the records taken.
    type Value: 'static;
    /// Key of a group.
    type Group: Default + Send + 'static;
    /// A partial or whole aggregate. The default is that of nothing: merging it changes nothing.
    type Aggregate: Default + Clone + Send + 'static;

    /// When the record happened, epoch milliseconds: moves the clock of its input. `None` leaves the
    /// clock where it is. By default the record's timestamp.
    fn event_time(&self, record: Record<'_, Self::Key, Self::Value>) -> Option<i64> {
        Some(record.timestamp)
    }

    /// Adds what the record counts for.
    ///
    /// # Errors
    /// As of [`Processor::process`](crate::process::Processor::process).
    fn add(
        &mut self,
        record: Record<'_, Self::Key, Self::Value>,
        deltas: &mut Deltas<'_, Self::Group, Self::Aggregate>,
    ) -> Result<(), ProcessError>;

    /// Adds `delta` to `sum`. Deltas come in no particular order.
    fn merge(sum: &mut Self::Aggregate, delta: &Self::Aggregate);

    /// The part of a group's bytes that decides which task merges it: groups that have it in common are merged by one task. By
    /// default all of them. What it says of a group must not change while there is state.
    fn merged_by(group: &[u8]) -> &[u8] {
        group
    }
}

/// How two parts of an aggregate become one.
pub(crate) type Merger<A> = Arc<dyn Fn(&mut A, &A) + Send + Sync>;

/// A [`WindowedAggregator`] without its merging, which may not be known before there is a value that
/// does it.
pub(crate) trait Adds: Send + 'static {
    type Key: 'static;
    type Value: 'static;
    type Group: Default + Send + 'static;
    type Aggregate: Default + Clone + Send + 'static;

    fn event_time(&self, record: Record<'_, Self::Key, Self::Value>) -> Option<i64>;

    fn add(
        &mut self,
        record: Record<'_, Self::Key, Self::Value>,
        deltas: &mut Deltas<'_, Self::Group, Self::Aggregate>,
    ) -> Result<(), ProcessError>;

    fn merged_by<'g>(&self, group: &'g [u8]) -> &'g [u8] {
        group
    }
}

impl<A: WindowedAggregator> Adds for A {
    type Key = A::Key;
    type Value = A::Value;
    type Group = A::Group;
    type Aggregate = A::Aggregate;

    fn event_time(&self, record: Record<'_, A::Key, A::Value>) -> Option<i64> {
        WindowedAggregator::event_time(self, record)
    }

    fn add(
        &mut self,
        record: Record<'_, A::Key, A::Value>,
        deltas: &mut Deltas<'_, A::Group, A::Aggregate>,
    ) -> Result<(), ProcessError> {
        WindowedAggregator::add(self, record, deltas)
    }

    fn merged_by<'g>(&self, group: &'g [u8]) -> &'g [u8] {
        A::merged_by(group)
    }
}

/// Takes what a record counts for.
pub struct Deltas<'a, G, A> {
    pub(crate) sink: &'a mut dyn DeltaSink<G, A>,
}

/// Where a delta counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the windows of this number and moment.
    Window(u8, i64),
    /// In the windows of this moment and all later ones.
    Running(i64),
    /// In no window.
    Total,
}

pub(crate) trait DeltaSink<G, A> {
    fn caused_by(&mut self, cause: &[u8]);
    fn add(&mut self, group: &G, place: Place, delta: &A) -> Result<(), ProcessError>;
}

impl<G, A> Deltas<'_, G, A> {
    /// Names the cause of the deltas that follow: it is told with those that come too late.
    pub fn caused_by(&mut self, cause: &[u8]) {
        self.sink.caused_by(cause);
    }

    /// Adds to the aggregate of a group in each window that the moment lies in.
    ///
    /// # Errors
    /// Of the group's or the aggregate's serializer.
    pub fn add(&mut self, group: &G, timestamp: i64, delta: &A) -> Result<(), ProcessError> {
        self.sink.add(group, Place::Window(0, timestamp), delta)
    }

    /// As [`Deltas::add`], in the windows of this number of
    /// [`WindowedOptions::more_windows`](super::WindowedOptions::more_windows), from 1.
    ///
    /// # Errors
    /// As [`Deltas::add`]; fatal if there are no windows of this number.
    pub fn add_in(
        &mut self,
        windows: u8,
        group: &G,
        timestamp: i64,
        delta: &A,
    ) -> Result<(), ProcessError> {
        self.sink
            .add(group, Place::Window(windows, timestamp), delta)
    }

    /// Adds to a running aggregate, a gauge: that of a window includes all earlier ones. It is told of
    /// windows in which it moved, as it was when the window closed.
    ///
    /// # Errors
    /// As [`Deltas::add`].
    pub fn add_running(
        &mut self,
        group: &G,
        timestamp: i64,
        delta: &A,
    ) -> Result<(), ProcessError> {
        self.sink.add(group, Place::Running(timestamp), delta)
    }

    /// Adds to the aggregate of a group over all time, which is kept for queries and never told.
    ///
    /// # Errors
    /// As [`Deltas::add`].
    pub fn add_total(&mut self, group: &G, delta: &A) -> Result<(), ProcessError> {
        self.sink.add(group, Place::Total, delta)
    }
}
