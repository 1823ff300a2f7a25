//! Crashes, zombies, rebalances and failing calls at random, under a seed.
//!
//! One seed: `SIMULATION_SEED=17 cargo test --release -p topology --test simulation random`; more of
//! them: `SIMULATION_SEEDS=5000`.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::time::Duration;

use topology::ErrorClass;
use topology::io::memory::{Fault, Operation, OperationKind};
use topology::testing::TestDriverConfig;

use crate::{job, verify, world};

const NAMES: [&str; 3] = ["a", "b", "c"];
const SEEDS: u64 = 200;
const STEPS: usize = 120;

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random(1)) };
    /// A fault about every so many calls; 0: none.
    static FAULTS: Cell<u64> = const { Cell::new(0) };
    static NESTED: Cell<bool> = const { Cell::new(false) };
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn below(bound: u64) -> u64 {
    RANDOM.with_borrow_mut(Random::next) % bound
}

/// What may go wrong with a call, as a broker and its client could make it go wrong.
fn fault(operation: &Operation<'_>) -> Option<Fault> {
    use OperationKind as Kind;
    let rate = FAULTS.get();
    if rate == 0 || NESTED.get() {
        return None;
    }
    // There are few of these, and most depends on them.
    let ends = matches!(operation.kind, Kind::SendOffsets | Kind::CommitTransaction);
    let rate = if ends { rate.div_ceil(10) } else { rate };
    if below(rate * 4) == 0 {
        others_go_on();
    }
    if below(rate) != 0 {
        return None;
    }
    let retriable = Fault::Fail(ErrorClass::Retriable);
    let abortable = Fault::Fail(ErrorClass::Abortable);
    let fenced = Fault::Fail(ErrorClass::Fenced);
    let choices: &[Fault] = match operation.kind {
        Kind::Send => &[
            retriable,
            abortable,
            fenced,
            Fault::LoseAnswer(ErrorClass::Abortable),
        ],
        Kind::SendOffsets => &[
            retriable,
            abortable,
            fenced,
            Fault::LoseAnswer(ErrorClass::Retriable),
        ],
        Kind::CommitTransaction => &[
            retriable,
            abortable,
            fenced,
            Fault::LoseAnswer(ErrorClass::Retriable),
            Fault::LoseAnswer(ErrorClass::Fenced),
            Fault::Prepare(ErrorClass::Retriable),
            Fault::Prepare(ErrorClass::Fenced),
        ],
        Kind::AbortTransaction => &[
            retriable,
            fenced,
            Fault::LoseAnswer(ErrorClass::Retriable),
            Fault::Prepare(ErrorClass::Fenced),
        ],
        Kind::BeginTransaction | Kind::PollProducer => &[retriable, abortable, fenced],
        Kind::InitTransactions => &[retriable, fenced, Fault::LoseAnswer(ErrorClass::Retriable)],
        Kind::CreateTopics | Kind::CloseConsumer | Kind::CreateAdmin => return None,
        _ => &[retriable, fenced],
    };
    Some(choices[below(choices.len() as u64) as usize])
}

/// In the middle of a call of one instance the process stops, and the others go on, perhaps for
/// longer than its session or its transaction lasts.
fn others_go_on() {
    NESTED.set(true);
    let step = [10, 200, 2_000][below(3) as usize];
    for _ in 0..below(12) {
        world::advance(Duration::from_millis(step));
        for name in world::names() {
            turn(name);
        }
    }
    NESTED.set(false);
}

fn turn(name: &'static str) {
    if let Err(error) = world::turn(name) {
        // With a fault in every few calls a thread may give up by itself, which is one more death.
        let gave_up = error.operation() == "rebuild the thread" && FAULTS.get() > 0;
        assert!(gave_up, "{name} ended: {error}");
    }
}

fn simulate(seed: u64, config: TestDriverConfig) {
    RANDOM.set(Random(seed));
    FAULTS.set(0);
    NESTED.set(false);
    let dir = tempfile::tempdir().unwrap();
    let mut config = config;
    // A few on disk: waiting for it is what takes the time.
    let on_disk = seed.is_multiple_of(25);
    if on_disk {
        config = config.state_dir(dir.path());
    }
    world::begin(config);
    world::log().on_operation(Box::new(fault));
    FAULTS.set(20 + below(400));
    for _ in 0..STEPS {
        let name = NAMES[below(3) as usize];
        let present = world::names().contains(&name);
        match below(24) {
            0 if present => drop(world::take(name)),
            1 if present => {
                let instance = world::take(name).unwrap();
                // What could not be committed is done again by whoever comes after.
                let _ = instance.close();
            }
            0..4 if !present => world::start(name),
            2 => world::append(below(40) as usize),
            3 if on_disk && present => {
                let mut instance = world::take(name).unwrap();
                instance.flush().unwrap();
                world::put(name, instance);
            }
            4 => world::advance(Duration::from_millis(below(8_000))),
            5..8 => world::advance(Duration::from_millis(below(300))),
            8..12 => {
                for name in world::names() {
                    turn(name);
                }
            }
            12..14 => world::append(below(5) as usize),
            _ => turn(name),
        }
    }
    FAULTS.set(0);
    for name in NAMES {
        if !world::names().contains(&name) && below(2) == 0 {
            world::start(name);
        }
    }
    if world::names().is_empty() {
        world::start("a");
    }
    world::settle(&world::names());
    verify::verify();
    world::end();
}

#[test]
fn random_crashes_zombies_rebalances_and_faults_leave_no_trace() {
    let one = std::env::var("SIMULATION_SEED").ok();
    let seeds = match one.as_deref().map(str::parse) {
        Some(seed) => {
            let seed = seed.expect("SIMULATION_SEED is a number");
            seed..seed + 1
        }
        None => {
            0..std::env::var("SIMULATION_SEEDS").map_or(SEEDS, |seeds| {
                seeds.parse().expect("SIMULATION_SEEDS is a number")
            })
        }
    };
    let mut failed = Vec::new();
    for seed in seeds {
        if catch_unwind(|| simulate(seed, job::config())).is_err() {
            eprintln!(
                "seed {seed} failed; again: SIMULATION_SEED={seed} cargo test --release -p topology --test simulation random"
            );
            failed.push(seed);
            if failed.len() == 10 {
                break;
            }
        }
    }
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

/// A simulation that passes a broken protocol proves nothing.
#[cfg(feature = "broken-controls")]
#[test]
fn every_broken_control_is_noticed() {
    use topology::runtime::BrokenControl;
    for broken in [
        BrokenControl::OffsetsOutsideTransaction,
        BrokenControl::StoreBeforeCommit,
        BrokenControl::OverlayKeptAfterAbort,
    ] {
        let noticed = (1..100).find(|seed| {
            let simulated = catch_unwind(|| {
                let mut config = job::config();
                config.streams.broken = Some(broken);
                simulate(*seed, config);
            });
            simulated.is_err()
        });
        assert!(noticed.is_some(), "{broken:?} was not noticed");
        eprintln!("{broken:?}: noticed by seed {noticed:?}");
    }
}
