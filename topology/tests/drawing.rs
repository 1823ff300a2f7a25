//! A topology drawn, for Mermaid and for Graphviz.

use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
use topology::graph::{BuiltTopology, Topology};

/// Two sub-topologies with an internal topic between them, a store, and a topic that two sinks write.
fn visits() -> BuiltTopology {
    let builder = StreamsBuilder::new();
    let visits = builder.stream(["visits", "calls"], Consumed::with(Utf8, Utf8));
    let counts = visits
        .group_by(
            "by-place",
            |_person, place| place.clone(),
            Grouped::with(Utf8, Utf8),
        )
        .count("counts");
    counts.to("counted", Produced::with(Utf8, I64));
    let large = counts.filter(|_place, count| *count > 9);
    large.to("counted", Produced::with(Utf8, I64));
    builder.build().unwrap()
}

/// Names with everything that means something to Mermaid, HTML or Graphviz.
fn strange() -> BuiltTopology {
    let name = "a \"b\" #c <d> & `e` \\f\nü";
    let mut topology = Topology::new();
    topology.add_source(name, &["in"], || Utf8, || Utf8);
    topology.add_sink("out", "out", || Utf8, || Utf8, &[name]);
    topology.build().unwrap()
}

#[test]
fn a_mermaid_flowchart() {
    assert_eq!(
        visits().mermaid(),
        r#"flowchart TD
    t0[/"visits"/]
    t1[/"calls"/]
    t2[["by-place-repartition"]]
    t3[/"counted"/]
    subgraph sub0["Sub-topology: 0"]
        n0_0(["visits-calls"])
        n0_1["visits-calls-select-key"]
        n0_2(["by-place-repartition-sink"])
    end
    subgraph sub1["Sub-topology: 1"]
        n1_0(["by-place-repartition"])
        n1_1["counts-count"]
        n1_2(["counts-count-to"])
        n1_3["counts-count-filter"]
        n1_4(["counts-count-filter-to"])
        s1_0[("counts")]
    end
    t0 --> n0_0
    t1 --> n0_0
    n0_0 --> n0_1
    n0_1 --> n0_2
    n0_2 --> t2
    t2 --> n1_0
    n1_0 --> n1_1
    n1_1 -.- s1_0
    n1_1 --> n1_2
    n1_1 --> n1_3
    n1_2 --> t3
    n1_3 --> n1_4
    n1_4 --> t3
"#
    );
}

#[test]
fn a_graph_for_graphviz() {
    assert_eq!(
        visits().dot(),
        r#"digraph topology {
    t0 [label="visits", shape=cds];
    t1 [label="calls", shape=cds];
    t2 [label="by-place-repartition", shape=cds, style=dashed];
    t3 [label="counted", shape=cds];
    subgraph cluster_0 {
        label="Sub-topology: 0";
        n0_0 [label="visits-calls", shape=box, style=rounded];
        n0_1 [label="visits-calls-select-key", shape=box];
        n0_2 [label="by-place-repartition-sink", shape=box, style=rounded];
    }
    subgraph cluster_1 {
        label="Sub-topology: 1";
        n1_0 [label="by-place-repartition", shape=box, style=rounded];
        n1_1 [label="counts-count", shape=box];
        n1_2 [label="counts-count-to", shape=box, style=rounded];
        n1_3 [label="counts-count-filter", shape=box];
        n1_4 [label="counts-count-filter-to", shape=box, style=rounded];
        s1_0 [label="counts", shape=cylinder];
    }
    t0 -> n0_0;
    t1 -> n0_0;
    n0_0 -> n0_1;
    n0_1 -> n0_2;
    n0_2 -> t2;
    t2 -> n1_0;
    n1_0 -> n1_1;
    n1_1 -> s1_0 [dir=none, style=dashed];
    n1_1 -> n1_2;
    n1_1 -> n1_3;
    n1_2 -> t3;
    n1_3 -> n1_4;
    n1_4 -> t3;
}
"#
    );
}

#[test]
fn names_are_escaped() {
    let mermaid = strange().mermaid();
    let label = "n0_0([\"a #34;b#34; #35;c #60;d#62; #38; #96;e#96; #92;f ü\"])\n";
    assert!(mermaid.contains(label), "{mermaid}");
    let dot = strange().dot();
    let label = "n0_0 [label=\"a \\\"b\\\" #c <d> & `e` \\\\f ü\", shape=box, style=rounded];\n";
    assert!(dot.contains(label), "{dot}");
}
