use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, KStream, Produced, Repartitioned, StreamsBuilder};
use topology::graph::StoreBuilder;
use topology::process::{ProcessError, Processor, ProcessorContext, Record};

fn stream(builder: &StreamsBuilder, topic: &str) -> KStream<String, String> {
    builder.stream(topic, Consumed::with(Utf8, Utf8))
}

fn mistakes(builder: &StreamsBuilder) -> Vec<String> {
    let error = builder.build().err().unwrap();
    error.mistakes.iter().map(ToString::to_string).collect()
}

struct Silent;

impl Processor for Silent {
    type Key = String;
    type Value = String;
    type OutKey = ();
    type OutValue = ();

    fn process(
        &mut self,
        _record: Record<'_, String, String>,
        _context: &mut ProcessorContext<'_, '_, (), ()>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_fix() {
    let builder = StreamsBuilder::new();
    let words = stream(&builder, "words");
    let strange = stream(&StreamsBuilder::new(), "strange");
    words
        .merge(&strange)
        .to("no topic", Produced::with(Utf8, Utf8));
    builder.add_state_store(StoreBuilder::persistent("seen"));
    words.process("silent", || Silent, &["sene"]);
    let mut split = words.split();
    split.branch("same", |_, _| true);
    split.default_branch("same");
    let grouped = words.group_by_key(Grouped::with(Utf8, Utf8));
    grouped
        .count("totals")
        .to("totals", Produced::with(Utf8, I64));
    grouped.reduce("totals", |one, _| one.clone());
    assert_eq!(
        mistakes(&builder),
        [
            "node words-merge: strange belongs to another StreamsBuilder; merge streams of one builder",
            "processor silent: there is no store sene; add it with add_state_store, or correct the name",
            "store seen: no processor uses it; name it where a processor is added, or leave it out",
            "node words-split-same: the name is used twice; give each node its own",
            "store totals: declared twice; declare it once and name all its processors",
            "sink words-merge-to: \"no topic\" is no legal topic name; use at most 249 of a-z A-Z 0-9 . _ -",
        ]
    );
}

#[test]
fn a_topic_that_two_streams_read_is_refused() {
    let builder = StreamsBuilder::new();
    stream(&builder, "words");
    builder.stream::<String, String, _, _>("words", Consumed::with(Utf8, Utf8).with_name("again"));
    assert_eq!(
        mistakes(&builder),
        ["topic words: read by two sources; let both children name one source as their parent"]
    );
}

#[test]
fn two_repartitions_of_one_name_are_refused() {
    let builder = StreamsBuilder::new();
    let words = stream(&builder, "words");
    words.repartition("again", Repartitioned::with(Utf8, Utf8));
    words.repartition("again", Repartitioned::with(Utf8, Utf8));
    assert_eq!(
        mistakes(&builder),
        ["node again-repartition: the name is used twice; give each node its own"]
    );
}

#[test]
fn a_builder_without_a_stream_is_refused() {
    assert_eq!(
        mistakes(&StreamsBuilder::new()),
        ["there is no source: nothing would ever be processed; add one with add_source"]
    );
}
