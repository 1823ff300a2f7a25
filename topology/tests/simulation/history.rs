//! One history under a seed: processes that come, go, die and stand still, and calls that fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use topology::testing::TestDriverConfig;

use crate::simulation::windowed::{self, Windowed};
use crate::simulation::world::Job;
use crate::simulation::{dice, faults, job, story, world};

/// Processes and the names of their threads; one thread alone has the name of its process.
const PROCESSES: [(&str, [&str; 2]); 3] = [
    ("a", ["a-0", "a-1"]),
    ("b", ["b-0", "b-1"]),
    ("c", ["c-0", "c-1"]),
];
const STEPS: usize = 120;
/// A history counts only with so many faults that really happened; it goes on until it has them.
pub const FAULTS: u64 = 3;

/// What a seed chooses before anything happens.
struct Shape {
    threads: usize,
    /// A few on disk: that is what takes the time.
    on_disk: bool,
    windowed: bool,
    standbys: bool,
}

impl Shape {
    fn of(seed: u64) -> Self {
        Self {
            threads: 1 + usize::from(seed % 4 == 2),
            on_disk: seed % 8 == 5 || seed % 16 == 2,
            windowed: seed % 3 == 1,
            standbys: seed % 5 < 2,
        }
    }
}

/// Plays the history of a seed; what happened, by kind.
///
/// # Errors
/// The invariant that did not hold.
pub fn play(
    seed: u64,
    adjust: impl FnOnce(&mut TestDriverConfig),
) -> Result<BTreeMap<&'static str, u64>, String> {
    dice::seed(seed);
    story::begin();
    faults::stop();
    let shape = Shape::of(seed);
    let dir = scratch();
    let (job, mut config): (Box<dyn Job>, _) = if shape.windowed {
        (Box::new(Windowed::default()), windowed::config())
    } else {
        (Box::new(job::Counting::default()), job::config())
    };
    config.streams.num_stream_threads = shape.threads;
    config.streams.num_standby_replicas = usize::from(shape.standbys);
    config.streams.observer = Some(Arc::new(faults::Phases));
    if dice::below(3) == 0 {
        config.streams.poll_records = 1 + dice::below(5) as usize;
    }
    if shape.on_disk {
        config = config.state_dir(dir.path());
        config.state.faults = Some(Arc::new(faults::on_store));
        // Memtables go to disk in the middle of transactions.
        config.state.flush_bytes = dice::one_of(&[1, 2_000, 32 << 20]);
    }
    adjust(&mut config);
    let application = config.streams.application_id.clone();
    world::begin_with(job, config);
    world::log().on_operation(Box::new(faults::on_call));
    faults::every(20 + dice::below(400));
    let played = act(&shape, dir.path(), &application).and_then(|()| settle(&shape));
    faults::stop();
    world::end();
    played.map(|()| story::begin())
}

/// In memory where the machine has such a place: nothing here outlives the machine anyway.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn act(shape: &Shape, root: &Path, application: &str) -> Result<(), String> {
    let mut steps = 0;
    while steps < STEPS || story::faults() < FAULTS {
        steps += 1;
        step(shape, root, application);
        if steps % 10 == 0 {
            world::so_far()?;
        }
        if steps > 100 * STEPS {
            return Err("it has no faults".to_owned());
        }
    }
    Ok(())
}

fn step(shape: &Shape, root: &Path, application: &str) {
    let (process, threads) = dice::one_of(&PROCESSES);
    let present = is_present(process);
    let thread = match shape.threads {
        1 => process,
        _ => dice::one_of(&threads),
    };
    match dice::below(26) {
        0 if present => {
            world::kill(thread);
            story::happened("kill between turns");
        }
        1 if present => {
            world::stop(process);
            story::happened("clean stop");
        }
        0..4 if !present => start(shape, process, threads),
        2 => world::append(dice::below(40) as usize),
        3 if shape.on_disk && present => world::flush(thread),
        4 => pass(8_000),
        5..8 => pass(300),
        8..12 => {
            for name in world::names() {
                faults::turn(name);
            }
        }
        12..14 => world::append(dice::below(5) as usize),
        14 if dice::below(4) == 0 => {
            let id = format!("{application}-{process}-0");
            if world::log().forget_transactional_id(&id) {
                story::happened("transactional id expired");
            }
        }
        15 if shape.on_disk && !present && dice::below(4) == 0 => {
            if tear(&root.join(process).join(application)) {
                story::happened("torn file");
            }
        }
        _ => faults::turn(thread),
    }
}

fn is_present(process: &str) -> bool {
    let of_process = |name: &&str| name.split('-').next() == Some(process);
    world::names().iter().any(of_process)
}

fn start(shape: &Shape, process: &'static str, threads: [&'static str; 2]) {
    story::happened(if world::was_here(process) {
        "restart"
    } else {
        "join"
    });
    match shape.threads {
        1 => world::start(process),
        _ => world::start_threads(process, &threads),
    }
}

fn pass(most: u64) {
    world::advance(Duration::from_millis(dice::below(most)));
}

/// What was written last to one of the databases of a dead process is there in part only.
fn tear(states: &Path) -> bool {
    let paths = |path: &Path| -> Vec<_> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let databases = paths(states).into_iter();
    let databases: Vec<_> = databases
        .filter(|path| path.join("CURRENT").exists())
        .collect();
    if databases.is_empty() {
        return false;
    }
    let kind = dice::one_of(&[".sst", "MANIFEST"]);
    let database = &databases[dice::below(databases.len() as u64) as usize];
    let mut files = paths(database).into_iter();
    let last = files.rfind(|path| path.to_string_lossy().contains(kind));
    let Some(bytes) = last.as_ref().and_then(|path| fs::read(path).ok()) else {
        return false;
    };
    let kept = dice::below(bytes.len().max(1) as u64) as usize;
    fs::write(last.unwrap(), &bytes[..kept]).is_ok()
}

/// Without faults, until everything is committed.
fn settle(shape: &Shape) -> Result<(), String> {
    faults::stop();
    for (process, threads) in PROCESSES {
        if !is_present(process) && dice::below(2) == 0 {
            start(shape, process, threads);
        }
    }
    if world::names().is_empty() {
        let (process, threads) = PROCESSES[0];
        start(shape, process, threads);
    }
    world::rest(&world::names())?;
    world::finish();
    world::rest(&world::names())?;
    world::outcome()
}
