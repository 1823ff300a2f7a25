use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, KStream, Produced, Repartitioned, StreamsBuilder};
use topology::process::{ProcessError, Processor, ProcessorContext, Record};

use super::{driver, nodes, numbers};

fn visits(builder: &StreamsBuilder) -> KStream<String, String> {
    builder.stream("visits", Consumed::with(Utf8, Utf8))
}

fn count(stream: &KStream<String, String>) {
    stream
        .group_by_key(Grouped::with(Utf8, Utf8))
        .count("counts")
        .to("counted", Produced::with(Utf8, I64));
}

/// The internal topics that a topology reads.
fn repartition_topics(builder: &StreamsBuilder) -> Vec<String> {
    let built = builder.build().unwrap();
    let inputs = built
        .subtopologies()
        .iter()
        .flat_map(|part| part.inputs("app"));
    let internal = inputs.filter(|input| input.internal);
    internal.map(|input| input.topic).collect()
}

#[test]
fn a_stream_whose_keys_are_those_of_its_topic_is_counted_where_it_is() {
    let builder = StreamsBuilder::new();
    let stream = visits(&builder)
        .filter(|_, _| true)
        .map_values(|_, place| place.clone())
        .flat_map_values(|_, place| vec![place.clone()])
        .peek(|_, _| {});
    count(&stream);
    assert_eq!(repartition_topics(&builder), [""; 0]);
    assert_eq!(builder.build().unwrap().subtopologies().len(), 1);
}

/// Forwards what it takes.
struct Pass;

impl Processor for Pass {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        context.forward(record)
    }
}

#[test]
fn after_an_operator_that_may_change_keys_it_is_repartitioned_under_the_name_of_the_store() {
    type Rekey = fn(&KStream<String, String>) -> KStream<String, String>;
    let operators: [(&str, Rekey); 4] = [
        ("select_key", |visits| {
            visits.select_key(|_, place| place.clone())
        }),
        ("map", |visits| {
            visits.map(|_, place| (place.clone(), place.clone()))
        }),
        ("flat_map", |visits| {
            visits.flat_map(|_, place| [(place.clone(), place.clone())])
        }),
        ("process", |visits| visits.process("pass", || Pass, &[])),
    ];
    for (operator, rekey) in operators {
        let builder = StreamsBuilder::new();
        // What comes after does not divide the records anew.
        let stream = rekey(&visits(&builder)).filter(|_, _| true);
        let other = visits_of(&builder, "more");
        count(&stream.merge(&other));
        assert_eq!(
            repartition_topics(&builder),
            ["app-counts-repartition"],
            "{operator}"
        );
    }
}

fn visits_of(builder: &StreamsBuilder, topic: &str) -> KStream<String, String> {
    builder.stream(topic, Consumed::with(Utf8, Utf8))
}

#[test]
fn what_was_repartitioned_explicitly_is_not_repartitioned_again() {
    let builder = StreamsBuilder::new();
    let by_place = visits(&builder)
        .select_key(|_, place| place.clone())
        .repartition("by-place", Repartitioned::with(Utf8, Utf8));
    count(&by_place);
    assert_eq!(repartition_topics(&builder), ["app-by-place-repartition"]);
}

#[test]
fn records_of_a_new_key_meet_in_one_task() {
    let builder = StreamsBuilder::new();
    count(&visits(&builder).select_key(|_, place| place.clone()));
    let mut driver = driver(&builder, 4);
    let input = driver.create_input_topic("visits", Utf8, Utf8);
    let mut counted = driver.create_output_topic("counted", Utf8, I64);
    let places = ["zoo", "museum", "zoo", "park", "zoo", "museum"];
    let people = (0..).map(|person: u32| format!("person {person}"));
    input
        .pipe_key_value_list(&mut driver, people.zip(places))
        .unwrap();
    let mut counts = counted.read_key_values_to_list(&mut driver).unwrap();
    counts.sort();
    let expected = [
        ("museum", 1),
        ("museum", 2),
        ("park", 1),
        ("zoo", 1),
        ("zoo", 2),
        ("zoo", 3),
    ];
    assert_eq!(counts, numbers(expected));
}

#[test]
fn all_aggregates_of_one_group_share_its_repartition_topic() {
    let builder = StreamsBuilder::new();
    let by_place = visits(&builder).group_by(
        "by-place",
        |_, place| place.clone(),
        Grouped::with(Utf8, Utf8),
    );
    let counts = by_place.count("counts");
    let first = by_place.reduce("first", |first, _| first.clone());
    counts.to("counted", Produced::with(Utf8, I64));
    first.to("first", Produced::with(Utf8, Utf8));
    assert_eq!(repartition_topics(&builder), ["app-by-place-repartition"]);
    assert_eq!(
        nodes(&builder),
        [
            "visits",
            "visits-select-key",
            "by-place-repartition-sink",
            "by-place-repartition",
            "counts-count",
            "first-reduce",
            "counts-count-to",
            "first-reduce-to"
        ]
    );
}

#[test]
fn a_repartition_topic_may_have_partitions_of_its_own() {
    let builder = StreamsBuilder::new();
    let by_place = visits(&builder)
        .select_key(|_, place| place.clone())
        .repartition(
            "by-place",
            Repartitioned::with(Utf8, Utf8).with_number_of_partitions(3),
        );
    by_place.to("places", Produced::with(Utf8, Utf8));
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("visits", Utf8, Utf8);
    let records = (0..30).map(|number: u32| (number.to_string(), format!("place {number}")));
    input.pipe_key_value_list(&mut driver, records).unwrap();
    let mut places = driver.create_output_topic("places", Utf8, Utf8);
    assert_eq!(places.read_values_to_list(&mut driver).unwrap().len(), 30);
    let sizes = (0..3).map(|partition| {
        let log = driver.log();
        log.last_stable_offset("app-by-place-repartition", partition)
            .unwrap()
    });
    assert!(
        sizes.clone().all(|size| size > 0),
        "{:?}",
        sizes.collect::<Vec<_>>()
    );
}
