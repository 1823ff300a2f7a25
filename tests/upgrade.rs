//! A rolling upgrade and a rollback with live state, on a real Kafka: three instances of an older program under load are
//! replaced one by one, one of them goes back, and what came out is what the model says.
//!
//! The older program is named by `JUMUN_UPGRADE_OLD`; `make upgrade FROM=<git ref>` builds it. The suite has none, and a
//! restart of one and the same program would prove nothing, so it is left out there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jumun_harness::{Broker, wait_for};

use crate::support::fleet::Fleet;
use crate::support::judged::compare_with_model;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::{load, topics};

const PARTITIONS: i32 = 6;
/// A backlog that outlasts the story.
const EVENTS: usize = 100_000;
const EVENTS_PER_SECOND: &str = "400";
const NAMES: [&str; 3] = ["a", "b", "c"];
const APPLICATION: &str = "upgraded";
/// What programs from before there was `aggregates.include` make and read: see docs/formats.md.
const FIRST_AGGREGATES: &str = "orders_created,orders_created_by_sigungu,orders_created_by_fulfilment,orders_paid,\
     orders_paid_by_sigungu,orders_paid_by_fulfilment,transitions,in_flight,terminal";

/// Waits until something more of every partition was processed.
fn wait_flow(broker: &Broker, when: &str) {
    let observer = topics::observer(broker, APPLICATION);
    let offsets = || topics::decided_offsets_of(&observer, PARTITIONS);
    let before = offsets();
    let flows = wait_for(when, TIMEOUT, || {
        let now = offsets();
        let moved = now
            .iter()
            .filter(|(place, offset)| before.get(*place) != Some(*offset));
        let partitions: BTreeSet<i32> = moved.map(|((_, partition), _)| *partition).collect();
        (partitions.len() == PARTITIONS as usize).then_some(())
    });
    flows.unwrap();
}

/// How many records the instance restored since its start: none, where it went on from what the other program left.
fn restored(fleet: &Fleet, name: &'static str) -> u64 {
    let lines = fleet.log_lines_of(name);
    let restores = lines
        .iter()
        .filter(|line| line["message"] == "state restored");
    restores.filter_map(|line| line["records"].as_u64()).sum()
}

#[test]
fn instances_are_replaced_one_by_one_and_one_goes_back_with_nothing_lost_or_repeated() {
    let Some(old) = std::env::var_os("JUMUN_UPGRADE_OLD").map(PathBuf::from) else {
        tell(
            "left out, because there is no older program here: make upgrade FROM=<git ref> builds one and runs it",
        );
        return;
    };
    assert!(old.is_file(), "{} is no program", old.display());
    let broker = Broker::start().unwrap();
    load::preload(&broker, EVENTS, PARTITIONS);
    let records = topics::input_records(&broker);
    let ends = topics::ends(&records);
    let state = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::new(&broker, APPLICATION, state.path(), &NAMES, |setup| {
        setup
            .program(Some(&old))
            .flag("--max-rate", EVENTS_PER_SECOND)
            .setting("topics.partitions", &PARTITIONS.to_string())
    });
    fleet.start(&NAMES[..1]);
    fleet.start(&NAMES[1..]);
    wait_flow(&broker, "the older program");
    let described = |name: &str| {
        let directory: &Path = &state.path().join(name).join(APPLICATION);
        directory.join("topology.json").is_file()
    };
    let old_describes = described("a");

    let mut table = String::new();
    let mut take_over = |fleet: &mut Fleet, name: &'static str, setup: Setup, what: &str| {
        fleet.replace(name, setup);
        wait_flow(&broker, what);
        let records = restored(fleet, name);
        table += &format!("  {what}, {name}: {records} records restored\n");
        assert_eq!(
            records, 0,
            "{what}: {name} did not go on from what was on its disk"
        );
    };
    // A program that compares topologies takes stores that it does not know off its disk only when asked.
    let older = match old_describes {
        true => fleet
            .setup("b")
            .clone()
            .setting("application.migrate_state", "true"),
        false => fleet.setup("b").clone(),
    };
    for name in NAMES {
        let newer = fleet.setup(name).clone().program(None);
        let newer = newer
            .setting("aggregates.include", FIRST_AGGREGATES)
            .setting("detectors.enabled", "false");
        take_over(&mut fleet, name, newer, "upgraded");
        assert!(described(name), "{name} describes what built its state");
    }
    take_over(&mut fleet, "b", older, "rolled back");
    let left = topics::decided_offsets(&broker, APPLICATION, PARTITIONS);
    let left = ends.values().sum::<i64>() - left.values().sum::<i64>();
    assert!(left > 0, "the backlog did not outlast the story");
    // Two programs share the work until its end.
    fleet.hurry();
    topics::wait_consumed(&broker, APPLICATION, &ends, TIMEOUT);
    let set_aside = fleet.set_aside();
    let counters = fleet.end();
    let comparison = compare_with_model(&broker, &records);
    let report = comparison.report;
    tell(format!(
        "{EVENTS} events, {left} left at the end of the story; the older program describes its state: {old_describes}\n{table}  {report}"
    ));
    assert!(report.is_clean(), "{report}");
    assert!(report.compared > EVENTS, "{report}");
    assert_eq!(counters, comparison.outcomes, "business counters");
    assert!(set_aside.is_empty(), "state was set aside: {set_aside:?}");
}
