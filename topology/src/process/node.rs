use std::any::{Any, type_name};
use std::cell::RefCell;

use super::processor::{Punctuation, TimerEvent};
use super::{InitContext, ProcessError, ProcessingContext, Processor, ProcessorContext, Record};
use crate::Error;
use crate::io::{Headers, RecordView};

/// An operator with its types erased, so that a graph can hold operators of any type. A record
/// passes by reference: a check of two type ids per hop, no box, no clone.
///
/// Sources and sinks keep nothing between records, so only processors do more than pass them on.
pub(crate) trait Node: Send {
    fn init(&mut self, _context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    fn process(
        &mut self,
        key: &dyn Any,
        value: &dyn Any,
        timestamp: i64,
        headers: Headers<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError>;

    /// Sources only: bytes from the wire.
    fn feed(
        &mut self,
        _record: RecordView<'_>,
        _context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        Err(Error::fatal("feed a node", "only a source takes bytes").into())
    }

    fn on_timer(
        &mut self,
        _timer: TimerEvent<'_>,
        _context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    fn on_punctuate(
        &mut self,
        _punctuation: Punctuation,
        _context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    fn go_on(&mut self, _context: &mut ProcessingContext<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    fn before_commit(&mut self, _context: &mut ProcessingContext<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    fn roll_back(&mut self, _unit: u64) {}

    /// Names of the key and value types taken, for messages.
    fn takes(&self) -> (&'static str, &'static str);
}

/// A user's processor as a node.
pub(crate) struct ProcessorNode<P>(pub(crate) P);

impl<P: Processor> Node for ProcessorNode<P> {
    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.0.init(context)
    }

    fn process(
        &mut self,
        key: &dyn Any,
        value: &dyn Any,
        timestamp: i64,
        headers: Headers<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        match (key.downcast_ref(), value.downcast_ref()) {
            (Some(key), Some(value)) => self.0.process(
                Record {
                    key,
                    value,
                    timestamp,
                    headers,
                },
                &mut ProcessorContext::new(context),
            ),
            _ => Err(wrong_types(self.takes(), context)),
        }
    }

    fn on_timer(
        &mut self,
        timer: TimerEvent<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        self.0.on_timer(timer, &mut ProcessorContext::new(context))
    }

    fn on_punctuate(
        &mut self,
        punctuation: Punctuation,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        self.0
            .on_punctuate(punctuation, &mut ProcessorContext::new(context))
    }

    fn go_on(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessError> {
        self.0.go_on(&mut ProcessorContext::new(context))
    }

    fn before_commit(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessError> {
        self.0.before_commit(&mut ProcessorContext::new(context))
    }

    fn roll_back(&mut self, unit: u64) {
        self.0.on_rollback(unit);
    }

    fn takes(&self) -> (&'static str, &'static str) {
        (type_name::<P::Key>(), type_name::<P::Value>())
    }
}

pub(crate) fn wrong_types(takes: (&str, &str), context: &ProcessingContext<'_>) -> ProcessError {
    let node = context.nodes.name(context.node);
    let detail = format!(
        "it takes a key {} and a value {}; its parent forwarded other types",
        takes.0, takes.1
    );
    Error::fatal("forward a record", detail)
        .at(format!("node {node}"))
        .into()
}

struct Cell {
    name: String,
    children: Vec<usize>,
    node: RefCell<Box<dyn Node>>,
}

/// The nodes of one task. The graph has no cycles, so no node is entered twice at a time.
#[derive(Default)]
pub(crate) struct NodeArena {
    cells: Vec<Cell>,
}

impl NodeArena {
    pub(crate) fn push(&mut self, name: String, children: Vec<usize>, node: Box<dyn Node>) {
        self.cells.push(Cell {
            name,
            children,
            node: RefCell::new(node),
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn name(&self, node: usize) -> &str {
        self.cells.get(node).map_or("?", |cell| &cell.name)
    }

    /// Names a node in timers on disk. Of the name, not the position: a node added later must not
    /// inherit another's timers. Validation sees to it that no two are equal.
    pub(crate) fn timer_id(name: &str) -> u16 {
        (xxhash_rust::xxh3::xxh3_64(name.as_bytes()) & 0xFFFF) as u16
    }

    pub(crate) fn by_timer_id(&self, id: u16) -> Option<usize> {
        self.cells
            .iter()
            .position(|cell| Self::timer_id(&cell.name) == id)
    }

    /// A record failed: nodes take back what it did to their fields.
    pub(crate) fn roll_back(&self, unit: u64) {
        for cell in &self.cells {
            // None is entered while a task undoes a record.
            if let Ok(mut node) = cell.node.try_borrow_mut() {
                node.roll_back(unit);
            }
        }
    }

    pub(crate) fn children(&self, node: usize) -> &[usize] {
        self.cells.get(node).map_or(&[], |cell| &cell.children)
    }

    pub(crate) fn process<K: 'static, V: 'static>(
        &self,
        node: usize,
        key: &K,
        value: &V,
        timestamp: i64,
        headers: Headers<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        self.with(node, context, |node, context| {
            node.process(key, value, timestamp, headers, context)
        })
    }

    /// Runs `call` on a node, and remembers which node runs.
    pub(crate) fn with<'c, C>(
        &self,
        node: usize,
        context: &mut C,
        call: impl FnOnce(&mut dyn Node, &mut C) -> Result<(), ProcessError>,
    ) -> Result<(), ProcessError>
    where
        C: Entered + 'c,
    {
        context.entered(node);
        let cell = self
            .cells
            .get(node)
            .ok_or_else(|| Error::fatal("call a node", "there is no such node"))?;
        let mut entered = cell.node.try_borrow_mut().map_err(|_| {
            Error::fatal(
                "call a node",
                format!("node {} was entered twice", cell.name),
            )
        })?;
        call(entered.as_mut(), context)
    }
}

/// Remembers the node that runs, so that an error or a panic can name it.
pub(crate) trait Entered {
    fn entered(&mut self, node: usize);
}

impl Entered for ProcessingContext<'_> {
    fn entered(&mut self, node: usize) {
        self.scope.current_node = node;
    }
}

impl Entered for InitContext<'_> {
    fn entered(&mut self, _node: usize) {}
}
