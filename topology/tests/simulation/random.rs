//! Many histories under seeds; `make simulate SEEDS=1000 FIRST=0` asks for these.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use topology::testing::TestDriverConfig;

use crate::simulation::{history, story};

const SEEDS: u64 = 150;
const WORKERS: usize = 2;
/// A broken protocol is to be noticed within so many.
const CONTROL_SEEDS: u64 = 100;

/// Of all histories together.
#[derive(Default)]
struct Tally {
    histories: u64,
    least: Option<u64>,
    sum: BTreeMap<&'static str, u64>,
    failed: Vec<(u64, String)>,
}

/// Plays a history; a panic is a violation too.
fn play(
    seed: u64,
    adjust: impl FnOnce(&mut TestDriverConfig),
) -> Result<BTreeMap<&'static str, u64>, String> {
    catch_unwind(AssertUnwindSafe(|| history::play(seed, adjust))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "a panic, told above".to_owned()))
    })
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

#[test]
fn seeded_histories_leave_no_trace() {
    let first = number("SIMULATION_FIRST").unwrap_or(0);
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    if seeds <= SEEDS {
        eprintln!("a short run; more of them: make simulate SEEDS=1000");
    }
    let next = AtomicU64::new(first);
    let tally = Mutex::new(Tally::default());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + seeds || tally.lock().unwrap().failed.len() >= 10 {
                        return;
                    }
                    let played = play(seed, |_| {});
                    tally.lock().unwrap().add(seed, played);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    tally.tell(began);
    assert!(
        tally.failed.is_empty(),
        "{} histories failed",
        tally.failed.len()
    );
    assert!(
        tally.least >= Some(history::FAULTS),
        "{:?} faults",
        tally.least
    );
}

impl Tally {
    fn add(&mut self, seed: u64, played: Result<BTreeMap<&'static str, u64>, String>) {
        match played {
            Ok(story) => {
                self.histories += 1;
                let faults = story::faults_of(&story);
                self.least = Some(self.least.map_or(faults, |least| least.min(faults)));
                for (what, times) in story {
                    *self.sum.entry(what).or_default() += times;
                }
            }
            Err(violation) => self.failed.push((seed, violation)),
        }
    }

    fn tell(&self, began: Instant) {
        let least = self.least.unwrap_or(0);
        let faults = story::faults_of(&self.sum);
        let took = began.elapsed();
        eprintln!(
            "{} histories in {took:.1?}, {faults} faults, at least {least} in each, {} violations",
            self.histories,
            self.failed.len()
        );
        for (what, times) in &self.sum {
            eprintln!("{times:8}  {what}");
        }
        for (seed, violation) in &self.failed {
            eprintln!("seed {seed}: {violation}\n  again: make simulate FIRST={seed} SEEDS=1");
        }
    }
}

/// The same seed is the same history, or a failing one could not be replayed.
#[test]
fn seeded_twice_alike() {
    for seed in [0, 1, 2, 3, 4] {
        assert_eq!(play(seed, |_| {}), play(seed, |_| {}), "seed {seed}");
    }
}

/// A simulation that passes a broken protocol proves nothing.
#[cfg(feature = "broken-controls")]
#[test]
fn seeded_controls_are_noticed() {
    use topology::runtime::BrokenControl;
    for broken in [
        BrokenControl::OffsetsOutsideTransaction,
        BrokenControl::StoreBeforeCommit,
        BrokenControl::OverlayKeptAfterAbort,
    ] {
        let noticed = (0..CONTROL_SEEDS).find_map(|seed| {
            let violation = play(seed, |config| config.streams.broken = Some(broken)).err()?;
            Some((seed, violation))
        });
        let (seed, violation) = noticed.unwrap_or_else(|| panic!("{broken:?} was not noticed"));
        eprintln!("{broken:?}: noticed by seed {seed}: {violation:.120}");
    }
}
