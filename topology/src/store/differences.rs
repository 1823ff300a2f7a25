//! In what a topology differs from the one that built the state, as far as state hangs on it. Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::description::{DescribedKind, DescribedPart, DescribedStore, StateDescription};

/// What does not fit, and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// A store belongs to another sub-topology now.
    Moved {
        store: String,
        from: u32,
        to: u32,
        /// All stores of the one go to the other and it gets no others, so that directories only need new numbers.
        together: bool,
    },
    /// A store is gone from the topology, and there is state of it.
    Gone {
        store: String,
        part: u32,
        /// A new store that may be it under another name.
        perhaps: Option<String>,
    },
    Kind {
        store: String,
        was: DescribedKind,
    },
    Changelog {
        store: String,
        had: bool,
    },
    /// Timers and the task's own values would go to another changelog.
    Carrier {
        was: String,
        is: Option<String>,
    },
    /// A node is gone, and timers wait for it.
    Node {
        node: String,
        part: u32,
        timers: u64,
    },
}

impl Difference {
    /// Whether it can be done when asked for.
    pub fn can_migrate(&self) -> bool {
        match self {
            Self::Moved { together, .. } => *together,
            Self::Gone { .. } | Self::Node { .. } => true,
            Self::Kind { .. } | Self::Changelog { .. } | Self::Carrier { .. } => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved {
                store,
                from,
                to,
                together,
            } => {
                write!(f, "store {store} moved from sub-topology {from} to {to}")?;
                match together {
                    true => f.write_str(" (a migration gives its directories the new number)"),
                    false => f.write_str(
                        " without those it was with, which cannot be migrated: declare them as before",
                    ),
                }
            }
            Self::Gone {
                store,
                part,
                perhaps,
            } => {
                write!(
                    f,
                    "store {store} of sub-topology {part} is gone from the topology"
                )?;
                if let Some(new) = perhaps {
                    write!(f, " (if it is {new} now, name it {store} again)")?;
                }
                f.write_str("; a migration drops it from the disk")
            }
            Self::Kind { store, was } => {
                let was = match was {
                    DescribedKind::Persistent => "persistent",
                    DescribedKind::InMemory => "in memory",
                };
                write!(
                    f,
                    "store {store} was {was} and is not any more: declare it as before"
                )
            }
            Self::Changelog { store, had: true } => write!(
                f,
                "store {store} had a changelog and has none: give it one again, or its state stays behind when its task moves"
            ),
            Self::Changelog { store, had: false } => write!(
                f,
                "store {store} had no changelog and has one: what it holds is not in it; take it away again, or give the \
                 store a new name"
            ),
            Self::Carrier { was, is } => write!(
                f,
                "timers and clocks travel in the changelog of store {was}, but the topology would use that of {}: declare \
                 {was} as the first persistent store with a changelog",
                is.as_deref().unwrap_or("no store")
            ),
            Self::Node { node, part, timers } => write!(
                f,
                "node {node} of sub-topology {part} is gone, and {timers} timers wait for it; a migration drops them when \
                 they are due"
            ),
        }
    }
}

/// What is known of the disk.
pub(crate) trait OnDisk {
    /// Whether there are directories of tasks of this sub-topology.
    fn has_tasks(&self, part: u32) -> bool;
    /// How many timers of the sub-topology wait for the node with this id.
    fn timers(&self, part: u32, node: u16) -> u64;
}

/// All differences that matter.
pub(crate) fn differences(
    before: &StateDescription,
    now: &StateDescription,
    disk: &dyn OnDisk,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let moves = moves(before, now);
    for part in &before.subtopologies {
        let on_disk = disk.has_tasks(part.number);
        for store in &part.stores {
            store_differences(part, store, now, on_disk, &moves, &mut found);
        }
        let Some(successor) = successor(part, now) else {
            continue;
        };
        if let Some(was) = part
            .carrier()
            .filter(|was| successor.carrier() != Some(was))
        {
            let is_still_there = successor
                .stores
                .iter()
                .any(|store| store.name == was && part.stores.contains(store));
            if is_still_there {
                found.push(Difference::Carrier {
                    was: was.to_owned(),
                    is: successor.carrier().map(str::to_owned),
                });
            }
        }
        for (node, id) in &part.nodes {
            if !on_disk || successor.nodes.contains_key(node) {
                continue;
            }
            let timers = disk.timers(part.number, *id);
            if timers > 0 {
                found.push(Difference::Node {
                    node: node.clone(),
                    part: part.number,
                    timers,
                });
            }
        }
    }
    found
}

fn store_differences(
    part: &DescribedPart,
    store: &DescribedStore,
    now: &StateDescription,
    on_disk: bool,
    moves: &BTreeMap<u32, u32>,
    found: &mut Vec<Difference>,
) {
    let name = || store.name.clone();
    let Some((to, declared)) = place_of(&store.name, now) else {
        if on_disk && store.kind == DescribedKind::Persistent {
            let perhaps =
                successor(part, now).and_then(|successor| renamed(part, store, successor));
            found.push(Difference::Gone {
                store: name(),
                part: part.number,
                perhaps,
            });
        }
        return;
    };
    if on_disk && to != part.number {
        found.push(Difference::Moved {
            store: name(),
            from: part.number,
            to,
            together: moves.get(&part.number) == Some(&to),
        });
    }
    if on_disk && declared.kind != store.kind {
        found.push(Difference::Kind {
            store: name(),
            was: store.kind,
        });
    }
    // Without a directory here, what had a changelog is in it all the same.
    if declared.changelog != store.changelog && (on_disk || store.changelog) {
        found.push(Difference::Changelog {
            store: name(),
            had: store.changelog,
        });
    }
}

/// A store of the successor that is new and otherwise like the one that is gone.
fn renamed(
    part: &DescribedPart,
    gone: &DescribedStore,
    successor: &DescribedPart,
) -> Option<String> {
    let is_new = |store: &&DescribedStore| part.stores.iter().all(|known| known.name != store.name);
    let mut new = successor.stores.iter().filter(is_new);
    new.find(|store| store.kind == gone.kind && store.changelog == gone.changelog)
        .map(|store| store.name.clone())
}

fn place_of<'a>(store: &str, topology: &'a StateDescription) -> Option<(u32, &'a DescribedStore)> {
    topology.subtopologies.iter().find_map(|part| {
        let declared = part.stores.iter().find(|declared| declared.name == store)?;
        Some((part.number, declared))
    })
}

/// The sub-topology that has the first of the stores that are still there.
fn successor<'a>(part: &DescribedPart, now: &'a StateDescription) -> Option<&'a DescribedPart> {
    let (number, _) = part
        .stores
        .iter()
        .find_map(|store| place_of(&store.name, now))?;
    now.subtopologies.iter().find(|part| part.number == number)
}

/// Old number → new number of the sub-topologies whose stores stay together and among themselves.
pub(crate) fn moves(before: &StateDescription, now: &StateDescription) -> BTreeMap<u32, u32> {
    let targets = |part: &DescribedPart| {
        let places = part
            .stores
            .iter()
            .filter_map(|store| place_of(&store.name, now));
        let mut targets: Vec<u32> = places.map(|(number, _)| number).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    };
    let all: Vec<(u32, Vec<u32>)> = before
        .subtopologies
        .iter()
        .map(|part| (part.number, targets(part)))
        .collect();
    let is_shared = |target: u32| all.iter().filter(|(_, to)| to.contains(&target)).count() > 1;
    all.iter()
        .filter_map(|(from, to)| match to.as_slice() {
            [to] if !is_shared(*to) => Some((*from, *to)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
