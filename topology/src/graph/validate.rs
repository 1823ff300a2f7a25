//! All mistakes of a topology at once, each naming the node and the fix.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::NodeArena;

use super::spec::{Mistake, NodeKind, NodeSpec, Topology};

pub(super) fn mistakes(topology: &Topology) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut say = |text: String| found.push(Mistake(text));
    let nodes: BTreeMap<&str, &NodeSpec> = topology
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node))
        .collect();

    if !topology
        .nodes
        .iter()
        .any(|node| matches!(node.kind, NodeKind::Source { .. }))
    {
        say(
            "there is no source: nothing would ever be processed; add one with add_source"
                .to_owned(),
        );
    }
    duplicates(
        topology.nodes.iter().map(|node| node.name.as_str()),
        &mut |name| {
            say(format!(
                "node {name}: the name is used twice; give each node its own"
            ));
        },
    );
    let mut ids: BTreeMap<u16, &str> = BTreeMap::new();
    for node in &topology.nodes {
        if let Some(other) = ids.insert(NodeArena::timer_id(&node.name), &node.name)
            && other != node.name
        {
            say(format!(
                "nodes {other} and {}: their timers could not be told apart; rename one",
                node.name
            ));
        }
    }
    let stores = topology
        .stores
        .iter()
        .map(|(store, _)| store.spec.name.as_str());
    duplicates(stores, &mut |name| {
        say(format!(
            "store {name}: declared twice; declare it once and name all its processors"
        ));
    });
    let topics = topology.nodes.iter().flat_map(source_topics);
    duplicates(
        topics.collect::<Vec<_>>().iter().map(String::as_str),
        &mut |topic| {
            say(format!(
                "topic {topic}: read by two sources; let both children name one source as their parent"
            ));
        },
    );

    for node in &topology.nodes {
        wiring(node, &nodes, &mut say);
    }
    for node in unreachable(topology) {
        say(format!(
            "node {node}: no source reaches it; name a parent that leads back to a source"
        ));
    }
    for (store, users) in &topology.stores {
        let name = &store.spec.name;
        topic_name(&format!("store {name}"), name, &mut say);
        if users.is_empty() {
            say(format!(
                "store {name}: no processor uses it; name its processors in add_store"
            ));
        }
        for user in users {
            match nodes.get(user.as_str()).map(|node| &node.kind) {
                Some(NodeKind::Processor) => {}
                Some(_) => say(format!(
                    "store {name}: {user} is not a processor; only processors use stores"
                )),
                None => say(format!(
                    "store {name}: there is no processor {user}; correct the name in add_store"
                )),
            }
        }
    }
    found
}

fn wiring(node: &NodeSpec, nodes: &BTreeMap<&str, &NodeSpec>, say: &mut impl FnMut(String)) {
    let name = &node.name;
    if name.is_empty() {
        say("a node has an empty name; give it one".to_owned());
    }
    match &node.kind {
        NodeKind::Source { topics } if topics.is_empty() => {
            say(format!(
                "source {name}: it reads no topic; name at least one"
            ));
        }
        NodeKind::Source { topics } => {
            topics
                .iter()
                .for_each(|topic| topic_name(&format!("source {name}"), &topic.short(), say));
        }
        NodeKind::Sink { topic } => topic_name(&format!("sink {name}"), &topic.short(), say),
        NodeKind::Processor => {}
    }
    if !matches!(node.kind, NodeKind::Source { .. }) && node.parents.is_empty() {
        say(format!(
            "node {name}: it has no parent; name the node whose records it takes"
        ));
    }
    for parent in &node.parents {
        match nodes.get(parent.as_str()) {
            None => say(format!(
                "node {name}: its parent {parent} does not exist; correct the name or add it"
            )),
            Some(parent) if matches!(parent.kind, NodeKind::Sink { .. }) => {
                say(format!(
                    "node {name}: its parent {} is a sink, which forwards nothing",
                    parent.name
                ));
            }
            Some(_) => {}
        }
    }
}

fn source_topics(node: &NodeSpec) -> Vec<String> {
    match &node.kind {
        NodeKind::Source { topics } => topics.iter().map(super::spec::TopicName::short).collect(),
        _ => Vec::new(),
    }
}

fn duplicates<'a>(names: impl Iterator<Item = &'a str>, say: &mut impl FnMut(&str)) {
    let mut seen = BTreeMap::new();
    for name in names {
        *seen.entry(name).or_insert(0) += 1;
    }
    seen.iter()
        .filter(|(_, times)| **times > 1)
        .for_each(|(name, _)| say(name));
}

/// Kafka's rule for topic names.
fn topic_name(of: &str, topic: &str, say: &mut impl FnMut(String)) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty()
        || topic == "."
        || topic == ".."
        || topic.len() > 249
        || !topic.chars().all(legal)
    {
        say(format!(
            "{of}: {topic:?} is no legal topic name; use at most 249 of a-z A-Z 0-9 . _ -"
        ));
    }
}

/// Nodes with parents that exist but that no source reaches: cycles, and what hangs on them.
fn unreachable(topology: &Topology) -> Vec<&str> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = reached.len();
        for node in &topology.nodes {
            let is_source = matches!(node.kind, NodeKind::Source { .. });
            if is_source
                || node
                    .parents
                    .iter()
                    .any(|parent| reached.contains(parent.as_str()))
            {
                reached.insert(&node.name);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let exists = |parent: &String| topology.nodes.iter().any(|node| &node.name == parent);
    topology
        .nodes
        .iter()
        .filter(|node| !reached.contains(node.name.as_str()))
        .filter(|node| node.parents.iter().any(exists))
        .map(|node| node.name.as_str())
        .collect()
}
