//! The instances of a test, where a hook inside one of them can reach the others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use topology::Error;
use topology::io::Headers;
use topology::io::memory::Operation;
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};

use crate::job::{self, BAD};

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

pub struct World {
    driver: TestDriver,
    instances: BTreeMap<&'static str, TestInstance>,
    /// Good and bad records appended, by key.
    pub good: BTreeMap<String, i64>,
    pub bad: i64,
    number: i64,
}

/// The world of this test; never across a turn.
pub fn with<T>(call: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| call(world.as_mut().unwrap()))
}

/// A new world without instances.
pub fn begin(config: TestDriverConfig) {
    let mut driver = TestDriver::new(job::topology(), config).unwrap();
    driver.close().unwrap();
    WORLD.set(Some(World {
        driver,
        instances: BTreeMap::new(),
        good: BTreeMap::new(),
        bad: 0,
        number: 0,
    }));
}

/// Ends the world, so that its directory may go.
pub fn end() {
    with(|world| world.log().clear_faults());
    drop(WORLD.take());
}

pub fn log() -> std::sync::Arc<topology::io::memory::MemoryLog> {
    with(|world| std::sync::Arc::clone(world.log()))
}

pub fn start(name: &'static str) {
    with(|world| {
        let instance = world.driver.instance(name).unwrap();
        world.instances.insert(name, instance);
    });
}

/// A process of several threads, each under a name of its own.
pub fn start_threads(process: &str, names: &[&'static str]) {
    with(|world| {
        let threads = world.driver.threads(process).unwrap();
        assert_eq!(threads.len(), names.len());
        world.instances.extend(names.iter().copied().zip(threads));
    });
}

/// One turn of an instance, if it is there; it is reachable for nobody meanwhile.
pub fn turn(name: &'static str) -> Result<bool, Error> {
    let Some(mut instance) = take(name) else {
        return Ok(false);
    };
    instance.turn()?;
    put(name, instance);
    Ok(true)
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
    let mut quiet = 0;
    for _ in 0..20_000 {
        for name in names {
            turn(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        advance(Duration::from_millis(if quiet > 3 { 1_000 } else { 100 }));
        let done = with(|world| {
            let done = |name| world.instances[name].has_processed_everything();
            names.iter().all(done)
        });
        // Long enough for sessions and transactions of the dead, timers and a commit.
        quiet = if done { quiet + 1 } else { 0 };
        if quiet > 18 && log().open_transactions().is_empty() {
            return;
        }
    }
    panic!("no rest");
}

pub fn advance(duration: Duration) {
    with(|world| world.driver.clock().advance(duration));
}

pub fn append(records: usize) {
    with(|world| {
        for _ in 0..records {
            world.number += 1;
            let key = format!("k{}", world.number % 11);
            let value = if world.number % 17 == 0 { BAD } else { "x" };
            let stamp = 1_577_836_800_000 + world.number;
            let (key_bytes, value_bytes) = (Some(key.as_bytes()), Some(value.as_bytes()));
            let headers = Headers::default();
            let log = world.driver.log();
            log.append("words", None, key_bytes, value_bytes, stamp, headers)
                .unwrap();
            if value == BAD {
                world.bad += 1;
            } else {
                *world.good.entry(key).or_default() += 1;
            }
        }
    });
}

impl World {
    pub fn log(&self) -> &std::sync::Arc<topology::io::memory::MemoryLog> {
        self.driver.log()
    }

    pub fn instances(&mut self) -> &mut BTreeMap<&'static str, TestInstance> {
        &mut self.instances
    }
}

/// Whether a client of this instance makes the call: the group member's name begins with the instance's, that of others
/// has it in the middle.
pub fn is_of(operation: &Operation<'_>, instance: &str) -> bool {
    let client_id = operation.client_id;
    client_id.starts_with(&format!("{instance}-")) || client_id.contains(&format!("-{instance}-"))
}
