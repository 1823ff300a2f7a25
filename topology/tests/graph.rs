//! What a graph is refused for, how it is divided, and how it is described.

use topology::codec::Utf8;
use topology::graph::{StoreBuilder, Topology};
use topology::process::{ProcessError, Processor, ProcessorContext, Record};

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

fn source(topology: &mut Topology, name: &str, topics: &[&str]) {
    topology.add_source(name, topics, || Utf8, || Utf8);
}

fn processor(topology: &mut Topology, name: &str, parents: &[&str]) {
    topology.add_processor(name, || Pass, parents);
}

fn sink(topology: &mut Topology, name: &str, topic: &str, parents: &[&str]) {
    topology.add_sink(name, topic, || Utf8, || Utf8, parents);
}

fn repartition(topology: &mut Topology, name: &str, parents: &[&str]) {
    topology.add_repartition(name, || Utf8, || Utf8, parents);
}

fn mistakes(topology: &Topology) -> Vec<String> {
    match topology.build() {
        Ok(_) => Vec::new(),
        Err(error) => error.mistakes.iter().map(ToString::to_string).collect(),
    }
}

/// Source `in`, processor `work`, sink `out`: nothing wrong.
fn sound() -> Topology {
    let mut topology = Topology::new();
    source(&mut topology, "in", &["lines"]);
    processor(&mut topology, "work", &["in"]);
    sink(&mut topology, "out", "results", &["work"]);
    topology
}

#[test]
fn three_mistakes_are_refused_with_three_messages_each_naming_node_and_fix() {
    let mut topology = Topology::new();
    source(&mut topology, "in", &["lines"]);
    processor(&mut topology, "count", &["inn"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["cuont"]);
    sink(&mut topology, "out", "no topic", &["count"]);
    let error = topology.build().err().unwrap();
    assert_eq!(
        error.to_string(),
        "the topology has 3 mistake(s):\
         \n  - node count: its parent inn does not exist; correct the name or add it\
         \n  - sink out: \"no topic\" is no legal topic name; use at most 249 of a-z A-Z 0-9 . _ -\
         \n  - store counts: there is no processor cuont; correct the name in add_store"
    );
}

#[test]
fn a_sound_topology_is_built() {
    assert_eq!(mistakes(&sound()), [""; 0]);
}

#[test]
fn a_topology_without_source_is_refused() {
    assert_eq!(
        mistakes(&Topology::new()),
        ["there is no source: nothing would ever be processed; add one with add_source"]
    );
}

#[test]
fn a_name_used_twice_is_refused() {
    let mut topology = sound();
    processor(&mut topology, "work", &["in"]);
    assert_eq!(
        mistakes(&topology),
        ["node work: the name is used twice; give each node its own"]
    );
}

#[test]
fn a_repartition_declared_twice_is_one_mistake() {
    let mut topology = sound();
    repartition(&mut topology, "by-key", &["work"]);
    repartition(&mut topology, "by-key", &["work"]);
    assert_eq!(
        mistakes(&topology),
        ["node by-key: the name is used twice; give each node its own"]
    );
}

#[test]
fn a_node_with_the_name_of_an_edges_sink_is_refused() {
    let mut topology = sound();
    repartition(&mut topology, "by-key", &["work"]);
    processor(&mut topology, "by-key-sink", &["in"]);
    assert_eq!(
        mistakes(&topology),
        ["node by-key-sink: the name is used twice; give each node its own"]
    );
}

#[test]
fn two_nodes_whose_timers_could_not_be_told_apart_are_refused() {
    // Among so many names some share the 16 bits by which timers name their node.
    let mut many = sound();
    for number in 0..2_000 {
        processor(&mut many, &format!("p{number}"), &["in"]);
    }
    let found = mistakes(&many);
    let message = found.first().unwrap();
    let names = message.strip_prefix("nodes ").unwrap();
    let (names, fix) = names.split_once(':').unwrap();
    assert_eq!(fix, " their timers could not be told apart; rename one");
    let (one, other) = names.split_once(" and ").unwrap();
    let mut two = sound();
    processor(&mut two, one, &["in"]);
    processor(&mut two, other, &["in"]);
    assert_eq!(mistakes(&two), [message.as_str()]);
}

#[test]
fn a_store_declared_twice_is_refused() {
    let mut topology = sound();
    topology.add_store(StoreBuilder::persistent("counts"), &["work"]);
    topology.add_store(StoreBuilder::in_memory("counts"), &["work"]);
    assert_eq!(
        mistakes(&topology),
        ["store counts: declared twice; declare it once and name all its processors"]
    );
}

#[test]
fn a_topic_read_by_two_sources_is_refused() {
    let mut topology = sound();
    source(&mut topology, "again", &["lines"]);
    assert_eq!(
        mistakes(&topology),
        ["topic lines: read by two sources; let both children name one source as their parent"]
    );
}

#[test]
fn a_cycle_is_refused_whether_a_source_leads_into_it_or_not() {
    for entry in [&["in", "back"][..], &["back"]] {
        let mut topology = Topology::new();
        source(&mut topology, "in", &["lines"]);
        processor(&mut topology, "there", entry);
        processor(&mut topology, "back", &["there"]);
        sink(&mut topology, "out", "results", &["back"]);
        assert_eq!(
            mistakes(&topology),
            [
                "nodes there, back: they lead back to each other; take one out of the other's parents"
            ],
            "{entry:?}"
        );
    }
}

#[test]
fn a_node_that_is_its_own_parent_is_refused() {
    let mut topology = sound();
    processor(&mut topology, "narcissus", &["in", "narcissus"]);
    assert_eq!(
        mistakes(&topology),
        ["node narcissus: it leads back to itself; take it out of its parents"]
    );
}

#[test]
fn a_node_without_parent_is_refused_once_however_much_hangs_on_it() {
    let mut topology = sound();
    processor(&mut topology, "orphan", &[]);
    processor(&mut topology, "child", &["orphan"]);
    sink(&mut topology, "grandchild", "more", &["child"]);
    assert_eq!(
        mistakes(&topology),
        ["node orphan: it has no parent; name the node whose records it takes"]
    );
}

#[test]
fn a_repartition_without_parent_is_named_as_it_was_declared() {
    let mut topology = sound();
    repartition(&mut topology, "by-key", &[]);
    assert_eq!(
        mistakes(&topology),
        ["node by-key: it has no parent; name the node whose records it takes"]
    );
}

#[test]
fn a_sink_as_parent_is_refused() {
    let mut topology = sound();
    processor(&mut topology, "late", &["out"]);
    assert_eq!(
        mistakes(&topology),
        ["node late: its parent out is a sink, which forwards nothing; name another"]
    );
}

#[test]
fn an_empty_name_is_refused() {
    let mut topology = sound();
    processor(&mut topology, "", &["in"]);
    assert_eq!(
        mistakes(&topology),
        ["a node has an empty name; give it one"]
    );
}

#[test]
fn a_source_without_topics_is_refused() {
    let mut topology = sound();
    source(&mut topology, "deaf", &[]);
    assert_eq!(
        mistakes(&topology),
        ["source deaf: it reads no topic; name at least one"]
    );
}

#[test]
fn a_store_without_processor_is_refused() {
    let mut topology = sound();
    topology.add_store(StoreBuilder::persistent("counts"), &[]);
    assert_eq!(
        mistakes(&topology),
        ["store counts: no processor uses it; name its processors in add_store"]
    );
}

#[test]
fn a_store_of_a_node_that_is_no_processor_is_refused() {
    let mut topology = sound();
    topology.add_store(StoreBuilder::persistent("counts"), &["in"]);
    assert_eq!(
        mistakes(&topology),
        ["store counts: in is not a processor; only processors use stores, name one"]
    );
}

#[test]
fn names_that_no_topic_can_have_are_refused() {
    let long = "x".repeat(250);
    for illegal in ["", ".", "..", "a b", "주문", long.as_str()] {
        let expected = |of: &str| {
            format!(
                "{of}: {illegal:?} is no legal topic name; use at most 249 of a-z A-Z 0-9 . _ -"
            )
        };
        let mut topology = sound();
        source(&mut topology, "s", &[illegal]);
        assert_eq!(mistakes(&topology), [expected("source s")]);
        let mut topology = sound();
        sink(&mut topology, "s", illegal, &["in"]);
        assert_eq!(mistakes(&topology), [expected("sink s")]);
        let mut topology = sound();
        topology.add_store(StoreBuilder::persistent(illegal), &["work"]);
        assert_eq!(mistakes(&topology), [expected(&format!("store {illegal}"))]);
    }
    let mut topology = sound();
    repartition(&mut topology, "a b", &["in"]);
    assert_eq!(
        mistakes(&topology),
        [
            "source a b: \"a b-repartition\" is no legal topic name; use at most 249 of a-z A-Z 0-9 . _ -"
        ]
    );
}

/// Two sub-topologies joined by a repartition edge, with a branch and two stores.
fn two_parts() -> Topology {
    let mut topology = Topology::new();
    source(&mut topology, "lines", &["lines-a", "lines-b"]);
    processor(&mut topology, "split", &["lines"]);
    sink(&mut topology, "raw", "raw-words", &["split"]);
    processor(&mut topology, "clean", &["split"]);
    repartition(&mut topology, "by-word", &["clean"]);
    processor(&mut topology, "count", &["by-word"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.add_store(StoreBuilder::in_memory("seen"), &["count"]);
    sink(&mut topology, "counted", "counted", &["count"]);
    topology
}

#[test]
fn a_topology_is_described_in_the_text_format_of_kafka_streams() {
    // As `TopologyDescription#toString` writes it: three blanks before the first sub-topology and
    // two before the others, nodes by the size of what hangs on them, then by name.
    assert_eq!(
        two_parts().build().unwrap().describe(),
        "Topologies:
   Sub-topology: 0
    Source: lines (topics: [lines-a, lines-b])
      --> split
    Processor: split (stores: [])
      --> clean, raw
      <-- lines
    Processor: clean (stores: [])
      --> by-word-sink
      <-- split
    Sink: by-word-sink (topic: by-word-repartition)
      <-- clean
    Sink: raw (topic: raw-words)
      <-- split

  Sub-topology: 1
    Source: by-word (topics: [by-word-repartition])
      --> count
    Processor: count (stores: [counts, seen])
      --> counted
      <-- by-word
    Sink: counted (topic: counted)
      <-- count

"
    );
}

#[test]
fn a_node_without_children_is_described_with_none() {
    let mut topology = Topology::new();
    source(&mut topology, "in", &["lines"]);
    assert_eq!(
        topology.build().unwrap().describe(),
        "Topologies:\n   Sub-topology: 0\n    Source: in (topics: [lines])\n      --> none\n\n"
    );
}

#[test]
fn a_shared_store_joins_two_sources_into_one_sub_topology() {
    let mut topology = Topology::new();
    source(&mut topology, "orders", &["orders"]);
    source(&mut topology, "payments", &["payments"]);
    processor(&mut topology, "order", &["orders"]);
    processor(&mut topology, "payment", &["payments"]);
    assert_eq!(topology.build().unwrap().subtopologies().len(), 2);
    topology.add_store(StoreBuilder::persistent("state"), &["order", "payment"]);
    let built = topology.build().unwrap();
    assert_eq!(built.subtopologies().len(), 1);
    let inputs = built.subtopologies()[0].inputs("app");
    let topics: Vec<&str> = inputs.iter().map(|input| input.topic.as_str()).collect();
    assert_eq!(topics, ["orders", "payments"]);
}

#[test]
fn sub_topologies_are_numbered_in_the_order_in_which_their_first_nodes_were_declared() {
    let mut topology = Topology::new();
    source(&mut topology, "zebra", &["z"]);
    source(&mut topology, "ape", &["a"]);
    sink(&mut topology, "of-ape", "o-a", &["ape"]);
    sink(&mut topology, "of-zebra", "o-z", &["zebra"]);
    let built = topology.build().unwrap();
    let numbered: Vec<(u32, String)> = built
        .subtopologies()
        .iter()
        .map(|part| (part.index(), part.inputs("app")[0].topic.clone()))
        .collect();
    assert_eq!(numbered, [(0, "z".to_owned()), (1, "a".to_owned())]);
}

#[test]
fn children_may_be_declared_before_their_parents() {
    let mut topology = Topology::new();
    sink(&mut topology, "out", "results", &["work"]);
    processor(&mut topology, "work", &["in"]);
    source(&mut topology, "in", &["lines"]);
    assert_eq!(
        topology.build().unwrap().describe(),
        sound().build().unwrap().describe()
    );
}

#[test]
fn internal_topics_bear_the_application_id() {
    let built = two_parts().build().unwrap();
    let [first, second] = built.subtopologies() else {
        panic!("two parts");
    };
    let outputs = first.outputs("app");
    assert_eq!(
        outputs
            .iter()
            .map(|output| (output.topic.as_str(), output.internal))
            .collect::<Vec<_>>(),
        [("raw-words", false), ("app-by-word-repartition", true)]
    );
    let inputs = second.inputs("app");
    assert_eq!(inputs.len(), 1);
    assert_eq!(inputs[0].topic, "app-by-word-repartition");
    assert!(inputs[0].internal);
}
