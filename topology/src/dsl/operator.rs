use std::marker::PhantomData;
use std::sync::Arc;

use crate::process::{ProcessError, Processor, ProcessorContext, Record};

/// An operator that is a closure and keeps nothing between records; its copies in the tasks share the
/// closure.
pub(super) struct Operator<F, I, O> {
    process: Arc<F>,
    types: PhantomData<fn(I) -> O>,
}

impl<F, I, O> Operator<F, I, O> {
    pub(super) fn new(process: F) -> Self {
        Self {
            process: Arc::new(process),
            types: PhantomData,
        }
    }
}

impl<F, I, O> Clone for Operator<F, I, O> {
    fn clone(&self) -> Self {
        Self {
            process: Arc::clone(&self.process),
            types: PhantomData,
        }
    }
}

impl<F, K, V, KO, VO> Processor for Operator<F, (K, V), (KO, VO)>
where
    F: Fn(Record<'_, K, V>, &mut ProcessorContext<'_, '_, KO, VO>) -> Result<(), ProcessError>
        + Send
        + Sync
        + 'static,
    K: 'static,
    V: 'static,
    KO: 'static,
    VO: 'static,
{
    type Key = K;
    type Value = V;
    type OutKey = KO;
    type OutValue = VO;

    fn process(
        &mut self,
        record: Record<'_, K, V>,
        context: &mut ProcessorContext<'_, '_, KO, VO>,
    ) -> Result<(), ProcessError> {
        (self.process)(record, context)
    }
}

/// Supplies an operator that forwards what it takes.
pub(super) fn pass<K: 'static, V: 'static>() -> impl Fn() -> Pass<K, V> + Send + Sync + 'static {
    || Pass(PhantomData)
}

/// Forwards what it takes: a place in the graph that several streams lead to, or that one branch has.
pub(super) struct Pass<K, V>(PhantomData<fn(K, V)>);

impl<K: 'static, V: 'static> Processor for Pass<K, V> {
    type Key = K;
    type Value = V;
    type OutKey = K;
    type OutValue = V;

    fn process(
        &mut self,
        record: Record<'_, K, V>,
        context: &mut ProcessorContext<'_, '_, K, V>,
    ) -> Result<(), ProcessError> {
        context.forward(record)
    }
}
