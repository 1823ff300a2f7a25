use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};

use super::{describe, nodes};

#[test]
fn operators_are_named_after_their_parents_and_numbered_only_among_siblings() {
    let builder = StreamsBuilder::new();
    let events = builder.stream("events", Consumed::with(Utf8, Utf8));
    let one = events.filter(|_, _| true);
    let two = events.filter(|_, _| true);
    let three = events.filter(|_, _| true);
    let below = one.filter(|_, _| true);
    let names = [one.name(), two.name(), three.name(), below.name()];
    assert_eq!(
        names,
        [
            "events-filter",
            "events-filter-2",
            "events-filter-3",
            "events-filter-filter"
        ]
    );
}

#[test]
fn what_is_added_elsewhere_renames_nothing() {
    let program = |more: bool| {
        let builder = StreamsBuilder::new();
        if more {
            let other = builder.stream("other", Consumed::with(Utf8, Utf8));
            let _ = other
                .filter(|_, _| true)
                .map_values(|_, value| value.clone());
        }
        let events = builder.stream("events", Consumed::with(Utf8, Utf8));
        let counts = events
            .filter(|_, _| true)
            .select_key(|_, value| value.clone())
            .group_by_key(Grouped::with(Utf8, Utf8))
            .count("counts");
        counts.to("counted", Produced::with(Utf8, I64));
        nodes(&builder)
    };
    let before = program(false);
    let after = program(true);
    assert!(before.len() < after.len());
    let missing: Vec<_> = before.iter().filter(|node| !after.contains(node)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn sources_and_sinks_may_be_named() {
    let builder = StreamsBuilder::new();
    let inputs = ["orders.v1", "payments.v1"];
    let events = builder.stream(inputs, Consumed::with(Utf8, Utf8).with_name("events"));
    events.to("copies", Produced::with(Utf8, Utf8).with_name("archive"));
    let unnamed = builder.stream(["a", "b"], Consumed::with(Utf8, Utf8));
    unnamed.to("copies", Produced::with(Utf8, Utf8));
    assert_eq!(nodes(&builder), ["events", "archive", "a-b", "a-b-to"]);
}

#[test]
fn the_description_shows_edges_stores_and_topics() {
    let builder = StreamsBuilder::new();
    builder
        .stream("visits", Consumed::with(Utf8, Utf8))
        .group_by(
            "by-place",
            |_, place| place.clone(),
            Grouped::with(Utf8, Utf8),
        )
        .count("counts")
        .to("counted", Produced::with(Utf8, I64));
    assert_eq!(
        describe(&builder),
        "\
Topologies:
   Sub-topology: 0
    Source: visits (topics: [visits])
      --> visits-select-key
    Processor: visits-select-key (stores: [])
      --> by-place-repartition-sink
      <-- visits
    Sink: by-place-repartition-sink (topic: by-place-repartition)
      <-- visits-select-key

  Sub-topology: 1
    Source: by-place-repartition (topics: [by-place-repartition])
      --> counts-count
    Processor: counts-count (stores: [counts])
      --> counts-count-to
      <-- by-place-repartition
    Sink: counts-count-to (topic: counted)
      <-- counts-count

"
    );
}
