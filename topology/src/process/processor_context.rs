use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::{Child, ProcessError, ProcessingContext, Record};

/// [`ProcessingContext`], and forwarding records of the types that the processor says it forwards.
pub struct ProcessorContext<'c, 'a, K, V> {
    context: &'c mut ProcessingContext<'a>,
    forwards: PhantomData<fn(&K, &V)>,
}

impl<'c, 'a, K: 'static, V: 'static> ProcessorContext<'c, 'a, K, V> {
    pub(super) fn new(context: &'c mut ProcessingContext<'a>) -> Self {
        Self {
            context,
            forwards: PhantomData,
        }
    }

    /// Hands a record to every child.
    ///
    /// # Errors
    /// What a child answered, or a fatal error naming the child when it takes other types, which
    /// can happen only in a topology that was declared node by node.
    pub fn forward(&mut self, record: Record<'_, K, V>) -> Result<(), ProcessError> {
        self.context.forward(record)
    }

    /// Hands a record to one child.
    ///
    /// # Errors
    /// As [`ProcessorContext::forward`].
    pub fn forward_to(
        &mut self,
        child: Child,
        record: Record<'_, K, V>,
    ) -> Result<(), ProcessError> {
        self.context.hand(child.0, record)
    }
}

impl<'a, K, V> Deref for ProcessorContext<'_, 'a, K, V> {
    type Target = ProcessingContext<'a>;

    fn deref(&self) -> &ProcessingContext<'a> {
        self.context
    }
}

impl<'a, K, V> DerefMut for ProcessorContext<'_, 'a, K, V> {
    fn deref_mut(&mut self) -> &mut ProcessingContext<'a> {
        self.context
    }
}
