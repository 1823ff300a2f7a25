use std::sync::Arc;

use super::aggregator::{Adds, Merger};
use super::handover::{Handover, HandoverBytes, NoKey};
use super::merge_processor::MergeProcessor;
use super::partial_processor::{PartialProcessor, clock_store};
use super::{WindowedAggregator, WindowedOptions};
use crate::codec::{Deserializer, Serializer};
use crate::graph::{StoreBuilder, Topology};

impl Topology {
    /// A windowed aggregation in two stages of the records that `parents` forward. Records
    /// [`Windowed`](super::Windowed) group → [`WindowResult`](super::WindowResult) flow from the node
    /// `<name>-merge`, which children name as their parent.
    ///
    /// It makes the nodes `<name>-partial`, `<name>-sink`, `<name>` and `<name>-merge`, the topic
    /// `<application.id>-<name>-repartition`, and the stores `<name>-clocks` and `<name>`.
    ///
    /// # Errors in use
    /// A group key or an aggregate that its own serializer cannot read again ends the task.
    pub fn add_windowed_aggregation<A, CG, CA>(
        &mut self,
        name: &str,
        aggregator: impl Fn() -> A + Send + Sync + 'static,
        options: WindowedOptions,
        group: impl Fn() -> CG + Clone + Send + Sync + 'static,
        aggregate: impl Fn() -> CA + Clone + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        A: WindowedAggregator,
        CG: Serializer<A::Group> + Deserializer<A::Group> + 'static,
        CA: Serializer<A::Aggregate> + Deserializer<A::Aggregate> + 'static,
    {
        let merger: Merger<A::Aggregate> = Arc::new(A::merge);
        self.add_windowed_aggregation_of(
            name, aggregator, merger, options, group, aggregate, parents,
        )
    }

    #[expect(clippy::too_many_arguments, reason = "what an aggregation is made of")]
    pub(crate) fn add_windowed_aggregation_of<A, CG, CA>(
        &mut self,
        name: &str,
        aggregator: impl Fn() -> A + Send + Sync + 'static,
        merger: Merger<A::Aggregate>,
        options: WindowedOptions,
        group: impl Fn() -> CG + Clone + Send + Sync + 'static,
        aggregate: impl Fn() -> CA + Clone + Send + Sync + 'static,
        parents: &[&str],
    ) -> &mut Self
    where
        A: Adds,
        CG: Serializer<A::Group> + Deserializer<A::Group> + 'static,
        CA: Serializer<A::Aggregate> + Deserializer<A::Aggregate> + 'static,
    {
        let (partial, merge) = (format!("{name}-partial"), format!("{name}-merge"));
        let merge_parts = Arc::clone(&merger);
        let (owned, groups, aggregates) = (name.to_owned(), group.clone(), aggregate.clone());
        self.add_processor(
            &partial,
            move || {
                PartialProcessor::new(
                    &owned,
                    aggregator(),
                    Arc::clone(&merge_parts),
                    options,
                    groups(),
                    aggregates(),
                )
            },
            parents,
        );
        self.add_store(StoreBuilder::persistent(clock_store(name)), &[&partial]);
        self.add_repartition_with(
            name,
            options.partitions,
            Some(|_: &(), handover: &Handover| Some(handover.partition)),
            || NoKey,
            || HandoverBytes,
            &[&partial],
        );
        let owned = name.to_owned();
        self.add_processor(
            &merge,
            move || MergeProcessor::new(&owned, options, Arc::clone(&merger), group(), aggregate()),
            &[name],
        );
        self.add_store(StoreBuilder::persistent(name), &[&merge])
    }
}
