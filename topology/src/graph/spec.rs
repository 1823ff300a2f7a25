use std::sync::Arc;

use super::built::BuiltTopology;
use super::mistake::{Mistake, TopologyError};
use super::store_builder::StoreBuilder;
use super::{subtopology, validate};
use crate::codec::{Deserializer, Serializer};
use crate::process::sink::SinkNode;
use crate::process::source::SourceNode;
use crate::process::{Node, Processor, ProcessorNode, SinkMode};

/// Makes a node of a task; sinks are told their topic's full name and index among the outputs.
pub(crate) type NodeSupplier = Arc<dyn Fn(&str, usize) -> Box<dyn Node> + Send + Sync>;

/// A topic by its own name, or an internal one whose name begins with the application id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TopicName {
    External(String),
    /// With a number of partitions, if it has one of its own.
    Repartition(String, Option<i32>),
}

impl TopicName {
    /// The name on the wire: internal topics are `<application.id>-<name>-repartition`.
    pub(crate) fn full(&self, application_id: &str) -> String {
        match self {
            Self::External(name) => name.clone(),
            Self::Repartition(name, _) => repartition_topic(application_id, name),
        }
    }

    /// The name as `describe` prints it, without the application id, as Kafka Streams does.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::External(name) => name.clone(),
            Self::Repartition(name, _) => format!("{name}-repartition"),
        }
    }
}

/// The name of an edge's topic.
pub(crate) fn repartition_topic(application_id: &str, name: &str) -> String {
    format!("{application_id}-{name}-repartition")
}

/// To which partition of a topic a record goes, as Kafka Streams' `StreamPartitioner`; `None` leaves it
/// to the key's hash.
pub type StreamPartitioner<K, V> = fn(&K, &V) -> Option<i32>;

#[derive(Clone)]
pub(crate) enum NodeKind {
    Source { topics: Vec<TopicName> },
    Processor,
    Sink { topic: TopicName },
}

#[derive(Clone)]
pub(crate) struct NodeSpec {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) parents: Vec<String>,
    pub(crate) supplier: NodeSupplier,
}

/// Declares a job node by node, as Kafka Streams' `Topology`; parents are named, and may be
/// declared later. Nothing is judged before [`Topology::build`], which tells all mistakes at once.
///
/// ```
/// use topology::codec::Utf8;
/// use topology::graph::Topology;
/// use topology::process::{ProcessError, Processor, ProcessorContext, Record};
///
/// struct Shout;
/// impl Processor for Shout {
///     type Key = String;
///     type Value = String;
///     type OutKey = String;
///     type OutValue = String;
///     fn process(&mut self, record: Record<'_, String, String>, context: &mut ProcessorContext<'_, '_, String, String>) -> Result<(), ProcessError> {
///         context.forward(record.with_value(&record.value.to_uppercase()))
///     }
/// }
///
/// let mut topology = Topology::new();
/// topology.add_source("words", &["words"], || Utf8, || Utf8);
/// topology.add_processor("shout", || Shout, &["words"]);
/// topology.add_sink("shouts", "shouts", || Utf8, || Utf8, &["shout"]);
/// let built = topology.build()?;
/// assert!(built.describe().contains("Processor: shout (stores: [])"));
/// # Ok::<(), topology::graph::TopologyError>(())
/// ```
#[derive(Clone, Default)]
pub struct Topology {
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) stores: Vec<(StoreBuilder, Vec<String>)>,
    pub(crate) dead_letter_topic: Option<String>,
    pub(crate) counters: Vec<String>,
    /// What whoever declares it has found wrong already.
    pub(crate) mistakes: Vec<Mistake>,
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Topology {
    /// A topology without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// A source: reads topics that are co-partitioned, merged by record timestamp; where two
    /// records have the same, the topic named first goes first.
    pub fn add_source<K, V, DK, DV>(
        &mut self,
        name: &str,
        topics: &[&str],
        key: impl Fn() -> DK + Send + Sync + 'static,
        value: impl Fn() -> DV + Send + Sync + 'static,
    ) -> &mut Self
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        DK: Deserializer<K> + 'static,
        DV: Deserializer<V> + 'static,
    {
        let topics = names(topics).into_iter().map(TopicName::External).collect();
        self.add_source_of(name, topics, key, value)
    }

    fn add_source_of<K, V, DK, DV>(
        &mut self,
        name: &str,
        topics: Vec<TopicName>,
        key: impl Fn() -> DK + Send + Sync + 'static,
        value: impl Fn() -> DV + Send + Sync + 'static,
    ) -> &mut Self
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        DK: Deserializer<K> + 'static,
        DV: Deserializer<V> + 'static,
    {
        let supplier: NodeSupplier = Arc::new(move |_, _| {
            Box::new(SourceNode {
                key_deserializer: Box::new(key()),
                value_deserializer: Box::new(value()),
                key: K::default(),
                value: V::default(),
            })
        });
        self.nodes.push(NodeSpec {
            name: name.to_owned(),
            kind: NodeKind::Source { topics },
            parents: Vec::new(),
            supplier,
        });
        self
    }

    /// A processor, made anew for each task by `supplier`.
    pub fn add_processor<P: Processor>(
        &mut self,
        name: &str,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self {
        let supplier: NodeSupplier = Arc::new(move |_, _| Box::new(ProcessorNode(supplier())));
        self.nodes.push(NodeSpec {
            name: name.to_owned(),
            kind: NodeKind::Processor,
            parents: names(parents),
            supplier,
        });
        self
    }

    /// Makes a processor that was added before in another way from now on.
    pub(crate) fn set_processor<P: Processor>(
        &mut self,
        name: &str,
        supplier: impl Fn() -> P + Send + Sync + 'static,
    ) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.name == name) {
            node.supplier = Arc::new(move |_, _| Box::new(ProcessorNode(supplier())));
        }
    }

    /// A store, used by the processors named.
    pub fn add_store(&mut self, store: StoreBuilder, processors: &[&str]) -> &mut Self {
        self.stores.push((store, names(processors)));
        self
    }

    /// A sink: writes every record that reaches it to a topic.
    pub fn add_sink<K, V, SK, SV>(
        &mut self,
        name: &str,
        topic: &str,
        key: impl Fn() -> SK + Send + Sync + 'static,
        value: impl Fn() -> SV + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        K: 'static,
        V: 'static,
        SK: Serializer<K> + 'static,
        SV: Serializer<V> + 'static,
    {
        self.add_sink_with(name, topic, SinkMode::Every, key, value, parents)
    }

    /// A sink with a [`SinkMode`].
    pub fn add_sink_with<K, V, SK, SV>(
        &mut self,
        name: &str,
        topic: &str,
        mode: SinkMode,
        key: impl Fn() -> SK + Send + Sync + 'static,
        value: impl Fn() -> SV + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        K: 'static,
        V: 'static,
        SK: Serializer<K> + 'static,
        SV: Serializer<V> + 'static,
    {
        let topic = TopicName::External(topic.to_owned());
        self.add_sink_of(name, topic, mode, None, key, value, parents)
    }

    #[expect(clippy::too_many_arguments, reason = "what a sink is made of")]
    pub(crate) fn add_sink_of<K, V, SK, SV>(
        &mut self,
        name: &str,
        topic: TopicName,
        mode: SinkMode,
        partitioner: Option<StreamPartitioner<K, V>>,
        key: impl Fn() -> SK + Send + Sync + 'static,
        value: impl Fn() -> SV + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        K: 'static,
        V: 'static,
        SK: Serializer<K> + 'static,
        SV: Serializer<V> + 'static,
    {
        let supplier: NodeSupplier = Arc::new(move |topic, output| {
            Box::new(SinkNode {
                key_serializer: Box::new(key()),
                value_serializer: Box::new(value()),
                topic: topic.to_owned(),
                output,
                mode,
                partitioner,
            })
        });
        let kind = NodeKind::Sink { topic };
        self.nodes.push(NodeSpec {
            name: name.to_owned(),
            kind,
            parents: names(parents),
            supplier,
        });
        self
    }

    /// A repartition edge: records go through the internal topic
    /// `<application.id>-<name>-repartition`, so that records of one key meet in one task whatever
    /// task they come from. Children name it as their parent; it begins another sub-topology.
    pub fn add_repartition<K, V, CK, CV>(
        &mut self,
        name: &str,
        key: impl Fn() -> CK + Clone + Send + Sync + 'static,
        value: impl Fn() -> CV + Clone + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        CK: Serializer<K> + Deserializer<K> + 'static,
        CV: Serializer<V> + Deserializer<V> + 'static,
    {
        self.add_repartition_with(name, None, None, key, value, parents)
    }

    /// As [`Topology::add_repartition`], with a number of partitions that is not that of the widest
    /// input, or with a partitioner of its own.
    pub fn add_repartition_with<K, V, CK, CV>(
        &mut self,
        name: &str,
        partitions: Option<i32>,
        partitioner: Option<StreamPartitioner<K, V>>,
        key: impl Fn() -> CK + Clone + Send + Sync + 'static,
        value: impl Fn() -> CV + Clone + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        CK: Serializer<K> + Deserializer<K> + 'static,
        CV: Serializer<V> + Deserializer<V> + 'static,
    {
        let source = name;
        self.add_repartition_of(source, name, partitions, partitioner, key, value, parents)
    }

    /// As [`Topology::add_repartition_with`]; children name `source` as their parent.
    #[expect(clippy::too_many_arguments, reason = "what an edge is made of")]
    pub(crate) fn add_repartition_of<K, V, CK, CV>(
        &mut self,
        source: &str,
        name: &str,
        partitions: Option<i32>,
        partitioner: Option<StreamPartitioner<K, V>>,
        key: impl Fn() -> CK + Clone + Send + Sync + 'static,
        value: impl Fn() -> CV + Clone + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        CK: Serializer<K> + Deserializer<K> + 'static,
        CV: Serializer<V> + Deserializer<V> + 'static,
    {
        let topic = TopicName::Repartition(name.to_owned(), partitions);
        let sink = format!("{source}-sink");
        let (key_of_sink, value_of_sink) = (key.clone(), value.clone());
        self.add_sink_of(
            &sink,
            topic.clone(),
            SinkMode::Every,
            partitioner,
            key_of_sink,
            value_of_sink,
            parents,
        );
        self.add_source_of(source, vec![topic], key, value)
    }

    /// Where records go that cannot be read or that an operator gave up.
    pub fn dead_letter_topic(&mut self, topic: &str) -> &mut Self {
        self.dead_letter_topic = Some(topic.to_owned());
        self
    }

    /// Names the committed counters that operators add to with
    /// [`crate::process::ProcessingContext::count`], by index.
    pub fn counters(&mut self, counters: impl IntoIterator<Item = String>) -> &mut Self {
        self.counters = counters.into_iter().collect();
        self
    }

    /// Checks the whole and divides it into sub-topologies.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn build(&self) -> Result<BuiltTopology, TopologyError> {
        let mistakes = validate::mistakes(self);
        if mistakes.is_empty() {
            Ok(subtopology::divide(self))
        } else {
            Err(TopologyError { mistakes })
        }
    }
}
