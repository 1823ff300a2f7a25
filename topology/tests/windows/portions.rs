//! Thousands of rows that are closed or told at once: in as many commits as their size takes, and with the same outputs
//! and state as in one, also when the process dies in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use topology::runtime::{CommitPhase, PhaseObserver, StateRow};
use topology::task::TaskId;
use topology::window::WindowedOptions;
use topology::{Error, ErrorClass};

use crate::windows::world::{NOW, PARTITIONS, World, on_close, options};

const MINUTES: i64 = 60;
const GROUPS: i64 = 25;
/// Rows of each merging task take several commits of this size.
const COMMIT_BYTES: usize = 60_000;

/// Counts transactions, and dies in a phase of one of them.
#[derive(Default)]
struct Commits {
    done: AtomicUsize,
    crash: Option<(CommitPhase, usize)>,
    /// Crashes are told apart from the world before them.
    armed: AtomicUsize,
}

impl PhaseObserver for Commits {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if phase == CommitPhase::Committing {
            self.done.fetch_add(1, Ordering::SeqCst);
        }
        let Some((crash, number)) = self.crash else {
            return Ok(());
        };
        if phase == crash
            && self.armed.load(Ordering::SeqCst) > 0
            && self.armed.fetch_add(1, Ordering::SeqCst) == number
        {
            return Err(Error::new(ErrorClass::Fatal, "crash", "simulated"));
        }
        Ok(())
    }
}

struct Scene {
    world: World,
    commits: Arc<Commits>,
    crashes: usize,
    _state: TempDir,
}

impl Scene {
    fn new(
        options: WindowedOptions,
        commit_bytes: usize,
        crash: Option<(CommitPhase, usize)>,
    ) -> Self {
        let state = tempfile::tempdir().unwrap();
        let commits = Arc::new(Commits {
            crash,
            ..Commits::default()
        });
        let observer: Arc<dyn PhaseObserver> = commits.clone();
        let world = World::with(options, |config| {
            config.initial_wall_clock_ms = NOW + 86_400_000;
            config.state_dir = Some(state.path().to_owned());
            config.streams.commit_bytes = commit_bytes;
            config.streams.observer = Some(observer);
        });
        // The payments hold every window back.
        world.clocks(1);
        for minute in 0..MINUTES {
            for group in 0..GROUPS {
                for kind in ["window", "up"] {
                    append(&world, kind, group, minute);
                }
            }
        }
        Self {
            world,
            commits,
            crashes: 0,
            _state: state,
        }
    }

    fn arm(&self) {
        self.commits.armed.store(1, Ordering::SeqCst);
        self.commits.done.store(0, Ordering::SeqCst);
    }

    fn committed(&self) -> usize {
        self.commits.done.load(Ordering::SeqCst)
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let driver = &mut self.world.driver;
            let passed = driver
                .advance_wall_clock_time(Duration::from_secs(1))
                .and_then(|()| driver.commit());
            if let Err(error) = passed {
                assert_eq!(error.operation(), "crash", "{error}");
                self.crashes += 1;
                driver.crash();
                driver.start().unwrap();
            }
        }
    }

    /// Rows of the merging tasks' stores, in the order of keys.
    fn rows(&mut self) -> Vec<StateRow> {
        let mut rows = Vec::new();
        for partition in 0..PARTITIONS {
            for subtopology in 0..2 {
                let task = TaskId {
                    subtopology,
                    partition,
                };
                let all = self.world.driver.dump(task).unwrap();
                rows.extend(all.into_iter().filter(|(family, _, _)| family == "counts"));
            }
        }
        rows
    }
}

fn append(world: &World, kind: &str, group: i64, minute: i64) {
    let seconds = minute * 60 + 5;
    let value = format!("{kind} {kind}-{group} {seconds}");
    let partition = (group % i64::from(PARTITIONS)) as i32;
    world.append_at("orders", partition, &value, NOW + seconds * 1000);
}

/// Everything closes at once.
fn close(commit_bytes: usize, crash: Option<(CommitPhase, usize)>) -> (Scene, Vec<String>) {
    let mut scene = Scene::new(on_close(), commit_bytes, crash);
    scene.pass(3);
    assert_eq!(scene.world.told(), [""; 0], "nothing is closed yet");
    scene.arm();
    scene.world.clocks(MINUTES * 60 + 10);
    scene.pass(6);
    let told = scene.world.told();
    (scene, told)
}

#[test]
fn thousands_of_rows_are_closed_in_commits_of_a_bounded_size() {
    let (mut whole, expected) = close(usize::MAX, None);
    assert_eq!(expected.len() as i64, 2 * MINUTES * GROUPS);
    assert!(expected.iter().all(|line| line.ends_with(" final")));
    let (mut portions, told) = close(COMMIT_BYTES, None);
    assert_eq!(told, expected);
    assert_eq!(portions.rows(), whole.rows());
    assert!(!portions.rows().is_empty());
    let (few, many) = (whole.committed(), portions.committed());
    assert!(many >= few + 4, "{many} commits, and {few} in one piece");
}

#[test]
fn a_crash_between_portions_of_a_closing_changes_nothing() {
    let (mut whole, expected) = close(usize::MAX, None);
    let rows = whole.rows();
    for phase in [CommitPhase::Draining, CommitPhase::StoreBatch] {
        for number in 1..8 {
            let (mut scene, told) = close(COMMIT_BYTES, Some((phase, number)));
            assert_eq!(scene.crashes, 1, "{phase} {number}");
            assert_eq!(told, expected, "{phase} {number}");
            assert_eq!(scene.rows(), rows, "{phase} {number}");
        }
    }
}

/// Everything is told once; then some running aggregates move in the first windows, and with them in all later ones.
fn tell(
    commit_bytes: usize,
    crash: Option<(CommitPhase, usize)>,
    second: bool,
) -> (Scene, Vec<String>) {
    let mut options = options();
    // No window may close meanwhile, or it would depend on the crash which results are final.
    options.idle.after = Duration::from_secs(3_600);
    let mut scene = Scene::new(options, commit_bytes, crash);
    if !second {
        scene.arm();
    }
    scene.pass(22);
    if second {
        scene.arm();
    }
    for group in 0..GROUPS / 2 {
        append(&scene.world, "up", group, group);
    }
    scene.pass(22);
    let told = scene.world.told();
    (scene, told)
}

#[test]
fn thousands_of_rows_are_told_in_commits_of_a_bounded_size() {
    let (mut whole, expected) = tell(usize::MAX, None, false);
    let again = (0..GROUPS / 2).map(|since| MINUTES - since).sum::<i64>();
    assert_eq!(expected.len() as i64, 2 * MINUTES * GROUPS + again);
    let (mut portions, told) = tell(COMMIT_BYTES, None, false);
    assert_eq!(told, expected);
    assert_eq!(portions.rows(), whole.rows());
    let (few, many) = (whole.committed(), portions.committed());
    assert!(many >= few + 4, "{many} commits, and {few} in one piece");
}

#[test]
fn a_crash_between_portions_of_a_telling_loses_and_repeats_nothing() {
    let (mut whole, expected) = tell(usize::MAX, None, false);
    let rows = whole.rows();
    for second in [false, true] {
        let (undisturbed, _) = tell(COMMIT_BYTES, None, second);
        let commits = undisturbed.committed();
        assert!(commits >= 3, "{commits} commits");
        for phase in [CommitPhase::Draining, CommitPhase::StoreBatch] {
            for number in (1..=commits).step_by(if second { 1 } else { 3 }) {
                let (mut scene, told) = tell(COMMIT_BYTES, Some((phase, number)), second);
                assert_eq!(scene.crashes, 1, "{phase} {number} {second}");
                assert_eq!(told, expected, "{phase} {number} {second}");
                assert_eq!(scene.rows(), rows, "{phase} {number} {second}");
            }
        }
    }
}
