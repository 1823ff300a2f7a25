use std::sync::Arc;

use super::KStream;
use super::operator::pass;
use crate::process::{Child, InitContext, ProcessError, Processor, ProcessorContext, Record};

type Predicate<K, V> = Arc<dyn Fn(&K, &V) -> bool + Send + Sync>;

/// A stream that is being divided, from [`KStream::split`]: each record goes to the first branch, in the
/// order in which they were added, whose predicate it meets; one that meets none is dropped.
///
/// Each branch is handed out as it is added, where Kafka Streams answers a map of them by name: a name
/// that does not exist cannot be asked for.
pub struct BranchedKStream<K, V> {
    split: KStream<K, V>,
    branches: Vec<Branch<K, V>>,
}

struct Branch<K, V> {
    predicate: Predicate<K, V>,
    node: String,
}

impl<K, V> Clone for Branch<K, V> {
    fn clone(&self) -> Self {
        Self {
            predicate: Arc::clone(&self.predicate),
            node: self.node.clone(),
        }
    }
}

impl<K: 'static, V: 'static> BranchedKStream<K, V> {
    pub(super) fn new(stream: &KStream<K, V>) -> Self {
        let node = stream.wiring.name(&stream.node, "split");
        stream.wiring.declare(|topology| {
            topology.add_processor(&node, || Split::<K, V>::new(Vec::new()), &[&stream.node]);
        });
        Self {
            split: KStream::at(&stream.wiring, node, stream.repartition_required),
            branches: Vec::new(),
        }
    }

    /// The next branch, with the name of the node of the split and its own.
    pub fn branch(
        &mut self,
        name: &str,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
    ) -> KStream<K, V> {
        let split = &self.split;
        let node = format!("{}-{name}", split.node);
        self.branches.push(Branch {
            predicate: Arc::new(predicate),
            node: node.clone(),
        });
        let branches = self.branches.clone();
        split.wiring.declare(|topology| {
            topology.set_processor(&split.node, move || Split::new(branches.clone()));
            topology.add_processor(&node, pass::<K, V>(), &[&split.node]);
        });
        KStream::at(&split.wiring, node, split.repartition_required)
    }

    /// The branch of the records that meet no predicate.
    pub fn default_branch(mut self, name: &str) -> KStream<K, V> {
        self.branch(name, |_, _| true)
    }
}

/// Hands each record to the branch it belongs to.
struct Split<K, V> {
    branches: Vec<Branch<K, V>>,
    children: Vec<Child>,
}

impl<K, V> Split<K, V> {
    fn new(branches: Vec<Branch<K, V>>) -> Self {
        Self {
            branches,
            children: Vec::new(),
        }
    }
}

impl<K: 'static, V: 'static> Processor for Split<K, V> {
    type Key = K;
    type Value = V;
    type OutKey = K;
    type OutValue = V;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        let children = self.branches.iter();
        let children = children.map(|branch| context.child(&branch.node));
        self.children = children.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, K, V>,
        context: &mut ProcessorContext<'_, '_, K, V>,
    ) -> Result<(), ProcessError> {
        let branches = self.branches.iter().zip(&self.children);
        let mut meets = branches.filter(|(branch, _)| (branch.predicate)(record.key, record.value));
        match meets.next() {
            Some((_, child)) => context.forward_to(*child, record),
            None => Ok(()),
        }
    }
}
