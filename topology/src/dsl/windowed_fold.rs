use std::marker::PhantomData;
use std::sync::Arc;

use crate::process::{ProcessError, Record};
use crate::window::{Adds, Deltas};

/// Adds each record to the aggregate of its key, in the windows of its timestamp.
pub(super) struct WindowedFold<K, V, A, F> {
    add: Arc<F>,
    /// What one record counts for; used again.
    delta: A,
    types: PhantomData<fn(K, V)>,
}

impl<K, V, A: Default, F> WindowedFold<K, V, A, F> {
    pub(super) fn new(add: Arc<F>) -> Self {
        Self {
            add,
            delta: A::default(),
            types: PhantomData,
        }
    }
}

impl<K, V, A, F> Adds for WindowedFold<K, V, A, F>
where
    K: Default + Send + 'static,
    V: 'static,
    A: Default + Clone + Send + 'static,
    F: Fn(&K, &V, &mut A) + Send + Sync + 'static,
{
    type Key = K;
    type Value = V;
    type Group = K;
    type Aggregate = A;

    fn event_time(&self, record: Record<'_, K, V>) -> Option<i64> {
        Some(record.timestamp)
    }

    fn add(
        &mut self,
        record: Record<'_, K, V>,
        deltas: &mut Deltas<'_, K, A>,
    ) -> Result<(), ProcessError> {
        self.delta = A::default();
        (self.add)(record.key, record.value, &mut self.delta);
        deltas.add(record.key, record.timestamp, &self.delta)
    }
}
