//! Divides a topology into sub-topologies: the connected parts, where an edge or a shared store
//! connects and a topic between a sink and a source does not.

use super::built::{BuiltKind, BuiltNode, BuiltTopology, SubTopology};
use super::spec::{NodeKind, NodeSpec, Topology};

/// Only called once validated: every name resolves.
pub(super) fn divide(topology: &Topology) -> BuiltTopology {
    let nodes = parents_first(&topology.nodes);
    let index_of = |name: &str| nodes.iter().position(|node| node.name == name);

    let mut parts = Parts((0..nodes.len()).collect());
    for (child, node) in nodes.iter().enumerate() {
        node.parents
            .iter()
            .filter_map(|parent| index_of(parent))
            .for_each(|parent| parts.join(parent, child));
    }
    for (_, users) in &topology.stores {
        let users: Vec<usize> = users.iter().filter_map(|user| index_of(user)).collect();
        users
            .iter()
            .zip(users.iter().skip(1))
            .for_each(|(one, other)| parts.join(*one, *other));
    }

    let mut roots: Vec<usize> = (0..nodes.len()).map(|node| parts.root(node)).collect();
    roots.sort_unstable();
    roots.dedup();
    let subtopologies = roots.iter().zip(0..).map(|(root, index)| {
        let members: Vec<usize> = (0..nodes.len())
            .filter(|node| parts.root(*node) == *root)
            .collect();
        part(topology, &nodes, &members, index)
    });
    BuiltTopology {
        subtopologies: subtopologies.collect(),
        dead_letter_topic: topology.dead_letter_topic.clone(),
        counters: topology.counters.clone(),
    }
}

fn part(topology: &Topology, nodes: &[&NodeSpec], members: &[usize], index: u32) -> SubTopology {
    let members: Vec<&NodeSpec> = members
        .iter()
        .filter_map(|member| nodes.get(*member).copied())
        .collect();
    let stores: Vec<_> = topology
        .stores
        .iter()
        .filter(|(_, users)| {
            users
                .iter()
                .any(|user| members.iter().any(|member| &member.name == user))
        })
        .collect();
    let built = members.iter().map(|node| {
        let children = members
            .iter()
            .enumerate()
            .filter(|(_, child)| child.parents.contains(&node.name));
        let kind = match &node.kind {
            NodeKind::Source { topics } => BuiltKind::Source(topics.clone()),
            NodeKind::Sink { topic } => BuiltKind::Sink(topic.clone()),
            NodeKind::Processor => {
                let used = stores
                    .iter()
                    .filter(|(_, users)| users.contains(&node.name));
                BuiltKind::Processor {
                    stores: used.map(|(store, _)| store.spec.name.clone()).collect(),
                }
            }
        };
        BuiltNode {
            name: node.name.clone(),
            kind,
            children: children.map(|(child, _)| child).collect(),
            supplier: node.supplier.clone(),
        }
    });
    SubTopology {
        index,
        nodes: built.collect(),
        stores: stores.iter().map(|(store, _)| store.spec.clone()).collect(),
        store_users: stores
            .iter()
            .map(|(store, users)| (store.spec.name.clone(), users.clone()))
            .collect(),
    }
}

/// Declaration order, except that parents go before children.
fn parents_first(nodes: &[NodeSpec]) -> Vec<&NodeSpec> {
    let mut placed: Vec<&NodeSpec> = Vec::with_capacity(nodes.len());
    while placed.len() < nodes.len() {
        let next = nodes.iter().find(|node| {
            let is_placed = |name: &str| placed.iter().any(|placed| placed.name == name);
            !is_placed(&node.name) && node.parents.iter().all(|parent| is_placed(parent))
        });
        match next {
            Some(node) => placed.push(node),
            None => break,
        }
    }
    placed
}

/// Union-find; the smallest index of a part is its root, so parts are numbered in node order.
struct Parts(Vec<usize>);

impl Parts {
    fn root(&self, mut node: usize) -> usize {
        while let Some(parent) = self.0.get(node).copied().filter(|parent| *parent != node) {
            node = parent;
        }
        node
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.0.get_mut(one.max(other)) {
            *slot = one.min(other);
        }
    }
}
