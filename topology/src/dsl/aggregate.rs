use std::marker::PhantomData;
use std::sync::Arc;

use super::any_codec::AnyCodec;
use super::store::Store;
use crate::process::{InitContext, ProcessError, Processor, ProcessorContext, Record};

/// How the aggregate of a key begins and goes on.
pub(super) struct Fold<First, Next> {
    /// The aggregate of a key's first record.
    pub(super) first: First,
    /// Adds a further record.
    pub(super) next: Next,
}

/// Keeps an aggregate per key and forwards each as it becomes: what a table is told.
pub(super) struct Aggregate<K, V, A, F> {
    store: Store<K, A>,
    fold: Arc<F>,
    /// Decoded into again and again.
    aggregate: Option<A>,
    values: PhantomData<fn(V)>,
}

impl<K, V, A, F> Aggregate<K, V, A, F> {
    pub(super) fn new(
        name: &str,
        keys: AnyCodec<K>,
        aggregates: AnyCodec<A>,
        fold: Arc<F>,
    ) -> Self {
        Self {
            store: Store::new(name, keys, aggregates),
            fold,
            aggregate: None,
            values: PhantomData,
        }
    }
}

impl<K, V, A, First, Next> Processor for Aggregate<K, V, A, Fold<First, Next>>
where
    K: 'static,
    V: 'static,
    A: Send + 'static,
    First: Fn(&K, &V) -> A + Send + Sync + 'static,
    Next: Fn(&K, &V, &mut A) + Send + Sync + 'static,
{
    type Key = K;
    type Value = V;
    type OutKey = K;
    type OutValue = Option<A>;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store.open(context)
    }

    fn process(
        &mut self,
        record: Record<'_, K, V>,
        context: &mut ProcessorContext<'_, '_, K, Option<A>>,
    ) -> Result<(), ProcessError> {
        let (key, value) = (record.key, record.value);
        let store = self.store.opened()?;
        let is_known = match &mut self.aggregate {
            Some(aggregate) => store.get(context, key, aggregate)?,
            None => store.get(
                context,
                key,
                self.aggregate.insert((self.fold.first)(key, value)),
            )?,
        };
        let aggregate = match &mut self.aggregate {
            Some(aggregate) if is_known => {
                (self.fold.next)(key, value, aggregate);
                aggregate
            }
            aggregate => aggregate.insert((self.fold.first)(key, value)),
        };
        store.put(context, key, aggregate)?;
        context.forward(record.with_value(&self.aggregate))
    }
}
