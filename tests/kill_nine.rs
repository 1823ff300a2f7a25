//! SIGKILL at every step of the commit, on a real Kafka: what was committed is what an undisturbed run commits.
//!
//! The undisturbed run is the reference model over the records that lie in the input topics: the outputs have fixed
//! names, so a second run of the program itself would need a second cluster.

use std::time::Instant;

use jumun_harness::Broker;

use crate::support::judged::compare_with_model;
use crate::support::kill::Ordeal;
use crate::support::processor::{Setup, tell};
use crate::support::{load, topics};
const EVENTS: usize = 100_000;
const PARTITIONS: i32 = 4;
const AIMED: [&str; 4] = ["processing", "draining", "committing", "store_batch"];
const KILLS: usize = 20;
const KILLS_OF_EACH: usize = 3;
/// A blow may fall a moment late and hit the next step; but not for ever.
const MOST_KILLS: usize = 32;

#[test]
fn committed_output_survives_kill_nine_at_every_step_of_the_commit() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    let began = Instant::now();
    load::preload(&broker, EVENTS, PARTITIONS);
    let records = topics::input_records(&broker);
    let ends = topics::ends(&records);
    assert_eq!(ends.values().sum::<i64>(), EVENTS as i64);
    let loaded = began.elapsed();

    let setup = Setup::new(&broker, "killed", state.path())
        .strict()
        .flag("--max-rate", "2000");
    let mut ordeal = Ordeal::new(&broker, setup, &ends, 9);
    ordeal.run(|ordeal| {
        let counted = ordeal.by_phase().values().sum::<usize>();
        let (phase, hits) = ordeal.least_hit(&AIMED)?;
        let enough = counted >= KILLS && hits >= KILLS_OF_EACH;
        (!enough && ordeal.kills.len() < MOST_KILLS).then_some(phase)
    });
    let killed = began.elapsed();

    let report = compare_with_model(&broker, &records).report;
    tell(format!(
        "{ordeal}{report}loaded after {loaded:.1?}, processed after {killed:.1?}, compared after {:.1?}",
        began.elapsed()
    ));
    assert!(report.is_clean(), "{report}");
    assert!(report.compared > EVENTS, "{report}");
    ordeal.assert_no_state_was_wiped();
    for kill in &ordeal.kills {
        assert!(
            kill.replayed <= kill.tail,
            "more than the unflushed tail was replayed: {kill:?}"
        );
    }
    let by_phase = ordeal.by_phase();
    assert!(by_phase.values().sum::<usize>() >= KILLS, "{by_phase:?}");
    for phase in AIMED {
        assert!(
            by_phase.get(phase).copied().unwrap_or(0) >= KILLS_OF_EACH,
            "{phase}: {by_phase:?}"
        );
    }
}
