//! The processes of a test, where a hook inside one of them can reach the others.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use topology::Error;
use topology::graph::BuiltTopology;
use topology::io::memory::{MemoryLog, Operation};
use topology::runtime::StateRow;
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};

use crate::simulation::invariants::{Counters, Outcome, ensure};
use crate::simulation::{job, story};

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
    /// The instances that are in a turn, the innermost last.
    static RUNNING: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    static NESTED: Cell<bool> = const { Cell::new(false) };
}

/// What is run, and what must come of it.
pub trait Job {
    fn topology(&self) -> BuiltTopology;

    /// Some more input.
    fn append(&mut self, log: &MemoryLog, records: usize);

    /// No more input: whatever waits for time to pass need not wait any longer.
    fn finish(&mut self, _log: &MemoryLog) {}

    /// What holds at any time.
    fn so_far(&self, log: &MemoryLog) -> Outcome;

    /// What holds when everything is processed and committed: `states` has the state of every task, `counters` their
    /// sum.
    fn outcome(
        &self,
        log: &MemoryLog,
        states: &BTreeMap<TaskId, Vec<StateRow>>,
        counters: &[u64],
    ) -> Outcome;

    /// The tasks.
    fn tasks(&self) -> Vec<TaskId>;
}

pub struct World {
    driver: TestDriver,
    job: Box<dyn Job>,
    /// By name; a thread of a process of several is `<process>-<number>`.
    instances: BTreeMap<&'static str, TestInstance>,
    /// Processes that were killed while a thread of theirs was in a turn.
    dead: BTreeSet<&'static str>,
    counters: Counters,
    owners: BTreeMap<TaskId, &'static str>,
    /// Processes that were started before.
    known: BTreeSet<String>,
    /// The first invariant that did not hold in between.
    violation: Option<String>,
}

/// How a turn ended.
pub enum Turn {
    Done,
    /// It is not there.
    Absent,
    Killed,
    Ended(Error),
}

/// A process ends, wherever it is: what unwinds.
struct Killed;

/// The world of this test; never across a turn.
pub fn with<T>(call: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| call(world.as_mut().unwrap()))
}

/// A new world of the counting job, without instances.
pub fn begin(config: TestDriverConfig) {
    begin_with(Box::new(job::Counting::default()), config);
}

pub fn begin_with(job: Box<dyn Job>, config: TestDriverConfig) {
    RUNNING.take();
    NESTED.set(false);
    let mut driver = TestDriver::new(job.topology(), config).unwrap();
    driver.close().unwrap();
    WORLD.set(Some(World {
        driver,
        job,
        instances: BTreeMap::new(),
        dead: BTreeSet::new(),
        counters: Counters::default(),
        owners: BTreeMap::new(),
        known: BTreeSet::new(),
        violation: None,
    }));
}

/// Ends the world, so that its directory may go.
pub fn end() {
    with(|world| world.log().clear_faults());
    drop(WORLD.take());
}

pub fn log() -> Arc<MemoryLog> {
    with(|world| Arc::clone(world.log()))
}

pub fn start(name: &'static str) {
    with(|world| {
        let instance = world.driver.instance(name).unwrap();
        world.instances.insert(name, instance);
        world.known.insert(name.to_owned());
    });
}

/// Whether the process was started before.
pub fn was_here(process: &str) -> bool {
    with(|world| world.known.contains(process))
}

/// A process of several threads, each under a name of its own.
pub fn start_threads(process: &str, names: &[&'static str]) {
    with(|world| {
        let threads = world.driver.threads(process).unwrap();
        assert_eq!(threads.len(), names.len());
        world.instances.extend(names.iter().copied().zip(threads));
        world.known.insert(process.to_owned());
    });
}

/// The process of an instance.
fn process_of(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// Ends the process whose thread is in the innermost turn, as `kill -9` does.
pub fn kill_running() -> Box<dyn Any + Send> {
    Box::new(Killed)
}

/// Whether the process of the innermost turn was killed by one that ran inside it.
pub fn is_dead() -> bool {
    let running = RUNNING.with_borrow(|running| running.last().copied());
    running.is_some_and(|name| with(|world| world.dead.contains(process_of(name))))
}

/// Whether a turn runs inside a call of another.
pub fn is_nested() -> bool {
    NESTED.get()
}

/// Runs `call` while the instance of the innermost turn stands still in the middle of one.
pub fn standing_still(call: impl FnOnce()) {
    NESTED.set(true);
    call();
    NESTED.set(false);
}

/// One turn of an instance, if it is there; it is reachable for nobody meanwhile.
pub fn live(name: &'static str) -> Turn {
    let Some(mut instance) = take(name) else {
        return Turn::Absent;
    };
    RUNNING.with_borrow_mut(|running| running.push(name));
    let turn = catch_unwind(AssertUnwindSafe(|| instance.turn()));
    RUNNING.with_borrow_mut(Vec::pop);
    match turn {
        Ok(Ok(_)) => {
            with(|world| world.look_at(name, &instance));
            put(name, instance);
            Turn::Done
        }
        Ok(Err(error)) => {
            drop(instance);
            kill(name);
            Turn::Ended(error)
        }
        Err(panic) if panic.is::<Killed>() => {
            drop(instance);
            kill(name);
            Turn::Killed
        }
        Err(panic) => resume_unwind(panic),
    }
}

/// One turn that nothing may end but an error; whether the instance is there.
pub fn turn(name: &'static str) -> Result<bool, Error> {
    match live(name) {
        Turn::Done => Ok(true),
        Turn::Absent => Ok(false),
        Turn::Killed => panic!("{name} was killed"),
        Turn::Ended(error) => Err(error),
    }
}

/// Ends the whole process of an instance without a word.
pub fn kill(name: &'static str) {
    let process = process_of(name);
    let killed: Vec<_> = with(|world| {
        if RUNNING.with_borrow(|running| running.iter().any(|other| process_of(other) == process)) {
            world.dead.insert(process);
        } else {
            world.dead.remove(process);
        }
        let of_process: Vec<&str> = world
            .instances
            .keys()
            .copied()
            .filter(|other| process_of(other) == process)
            .collect();
        let take = |name| world.instances.remove(name);
        of_process.into_iter().filter_map(take).collect()
    });
    drop(killed);
}

/// Stops a whole process in order. What could not be committed is done again by whoever comes after.
pub fn stop(process: &str) {
    for name in names() {
        if process_of(name) != process {
            continue;
        }
        let instance = take(name).unwrap();
        RUNNING.with_borrow_mut(|running| running.push(name));
        let closed = catch_unwind(AssertUnwindSafe(|| instance.close()));
        RUNNING.with_borrow_mut(Vec::pop);
        match closed {
            Ok(_) => {}
            Err(panic) if panic.is::<Killed>() => return kill(name),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Forces memtables to disk in the middle of whatever is going on. A disk that fails ends the process.
pub fn flush(name: &'static str) {
    let Some(mut instance) = take(name) else {
        return;
    };
    RUNNING.with_borrow_mut(|running| running.push(name));
    let flushed = catch_unwind(AssertUnwindSafe(|| instance.flush()));
    RUNNING.with_borrow_mut(Vec::pop);
    match flushed {
        Ok(Ok(())) => put(name, instance),
        Err(panic) if !panic.is::<Killed>() => resume_unwind(panic),
        _ => {
            drop(instance);
            kill(name);
        }
    }
}

/// Takes an instance out of the world, for example to kill it.
pub fn take(name: &'static str) -> Option<TestInstance> {
    with(|world| world.instances.remove(name))
}

pub fn put(name: &'static str, instance: TestInstance) {
    with(|world| world.instances.insert(name, instance));
}

pub fn names() -> Vec<&'static str> {
    with(|world| world.instances.keys().copied().collect())
}

/// Lets the given instances run, time passing, until all have processed and committed everything.
pub fn settle(names: &[&'static str]) {
    rest(names).unwrap_or_else(|violation| panic!("{violation}"));
}

/// As [`settle`]; what keeps them from it is told.
pub fn rest(names: &[&'static str]) -> Outcome {
    let mut quiet = 0;
    for _ in 0..20_000 {
        for name in names {
            if let Turn::Ended(error) = live(name) {
                return Err(format!("{name}: {error}"));
            }
        }
        advance(Duration::from_millis(if quiet > 3 { 1_000 } else { 100 }));
        let done = with(|world| {
            let done = |name: &&str| {
                let instance = world.instances.get(name);
                instance.is_some_and(TestInstance::has_processed_everything)
            };
            names.iter().all(done)
        });
        // Long enough for sessions and transactions of the dead, timers and a commit.
        quiet = if done { quiet + 1 } else { 0 };
        if quiet > 18 && log().open_transactions().is_empty() {
            return Ok(());
        }
    }
    Err("no rest".to_owned())
}

/// What the job says of how it ended. All instances have settled.
pub fn outcome() -> Outcome {
    with(|world| {
        if let Some(violation) = &world.violation {
            return Err(violation.clone());
        }
        let mut states = BTreeMap::new();
        for task in world.job.tasks() {
            let mut owners = world.instances.values_mut();
            let rows = owners.find_map(|instance| instance.dump(task).ok());
            ensure(rows.is_some(), || format!("nobody has task {task}"))?;
            states.extend(rows.map(|rows| (task, rows)));
        }
        let mut counters = vec![0; world.job.topology().counters().len()];
        for instance in world.instances.values() {
            for values in instance.counters().values() {
                counters
                    .iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += value);
            }
        }
        let log = Arc::clone(world.log());
        world.job.outcome(&log, &states, &counters)
    })
}

/// What the job says of how it stands, in the middle of everything.
pub fn so_far() -> Outcome {
    with(|world| {
        let violation = world.violation.clone();
        violation.map_or(Ok(()), Err)?;
        world.job.so_far(&world.log().clone())
    })
}

pub fn advance(duration: Duration) {
    with(|world| world.driver.clock().advance(duration));
}

pub fn append(records: usize) {
    with(|world| {
        let log = Arc::clone(world.log());
        world.job.append(&log, records);
    });
}

pub fn finish() {
    with(|world| {
        let log = Arc::clone(world.log());
        world.job.finish(&log);
    });
}

impl World {
    pub fn log(&self) -> &Arc<MemoryLog> {
        self.driver.log()
    }

    /// After each turn of an instance.
    fn look_at(&mut self, name: &'static str, instance: &TestInstance) {
        for (task, values) in instance.counters() {
            let seen = self.counters.never_fall(name, task, &values);
            if let Err(violation) = seen {
                self.violation.get_or_insert(violation);
            }
            let before = self.owners.insert(task, name);
            if before.is_some_and(|before| before != name) {
                story::happened("take-over");
            }
        }
    }
}

/// Whether a client of this instance makes the call: the group member's name begins with the instance's, that of others
/// has it in the middle.
pub fn is_of(operation: &Operation<'_>, instance: &str) -> bool {
    let client_id = operation.client_id;
    client_id.starts_with(&format!("{instance}-")) || client_id.contains(&format!("-{instance}-"))
}
