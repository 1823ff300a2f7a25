use std::cell::RefCell;
use std::rc::Rc;

use crate::graph::{Mistake, StoreBuilder, Topology};

/// What has been declared so far; streams and tables of one builder share it.
#[derive(Clone, Default)]
pub(super) struct Wiring(Rc<RefCell<Declared>>);

#[derive(Default)]
struct Declared {
    topology: Topology,
    stores: Vec<StoreBuilder>,
    /// Processors and the stores they name.
    connections: Vec<(String, String)>,
}

impl Wiring {
    /// Declares something; what `declare` calls must not come back here.
    pub(super) fn declare<T>(&self, declare: impl FnOnce(&mut Topology) -> T) -> T {
        declare(&mut self.0.borrow_mut().topology)
    }

    /// A name for a node that nobody named: that of its parent and what it does, with a number only
    /// where it is taken. No count over the whole topology: what is added elsewhere renames nothing.
    pub(super) fn name(&self, parent: &str, operation: &str) -> String {
        let name = format!("{parent}-{operation}");
        let nodes = &self.0.borrow().topology.nodes;
        let is_free = |name: &String| nodes.iter().all(|node| &node.name != name);
        let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(is_free).unwrap_or(name)
    }

    pub(super) fn add_store(&self, store: StoreBuilder) {
        self.0.borrow_mut().stores.push(store);
    }

    pub(super) fn connect(&self, processor: &str, store: &str) {
        let connection = (processor.to_owned(), store.to_owned());
        self.0.borrow_mut().connections.push(connection);
    }

    /// Notes what is wrong, to be told with everything else when the topology is built.
    pub(super) fn mistake(&self, mistake: String) {
        self.declare(|topology| topology.mistakes.push(Mistake(mistake)));
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The topology, with every store connected to its processors.
    pub(super) fn topology(&self) -> Topology {
        let declared = self.0.borrow();
        let mut topology = declared.topology.clone();
        for (processor, store) in &declared.connections {
            if declared
                .stores
                .iter()
                .all(|known| known.spec.name != *store)
            {
                topology.mistakes.push(Mistake(format!(
                    "processor {processor}: there is no store {store}; add it with add_state_store, or correct the name"
                )));
            }
        }
        for store in &declared.stores {
            let name = &store.spec.name;
            let users: Vec<&str> = declared
                .connections
                .iter()
                .filter(|(_, used)| used == name)
                .map(|(processor, _)| processor.as_str())
                .collect();
            if users.is_empty() {
                topology.mistakes.push(Mistake(format!(
                    "store {name}: no processor uses it; name it where a processor is added, or leave it out"
                )));
            } else {
                topology.add_store(store.clone(), &users);
            }
        }
        topology
    }
}
