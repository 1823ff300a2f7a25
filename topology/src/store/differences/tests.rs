use std::collections::BTreeSet;

use super::*;
use crate::store::StoreSpec;

/// Sub-topologies with directories, and the timers of each node.
#[derive(Default)]
struct Disk(BTreeSet<u32>, u64);

impl OnDisk for Disk {
    fn has_tasks(&self, part: u32) -> bool {
        self.0.contains(&part)
    }

    fn timers(&self, _part: u32, _node: u16) -> u64 {
        self.1
    }
}

fn part(number: u32, stores: &[StoreSpec]) -> DescribedPart {
    DescribedPart {
        number,
        nodes: BTreeMap::from([("judge".to_owned(), 7)]),
        stores: stores.iter().map(DescribedStore::of).collect(),
        ..DescribedPart::default()
    }
}

fn persistent(name: &str) -> StoreSpec {
    StoreSpec::persistent(name)
}

fn check(
    before: &[DescribedPart],
    now: &[DescribedPart],
    disk: &Disk,
    expected: &[&str],
) -> Vec<Difference> {
    let topology = |parts: &[DescribedPart]| StateDescription::new(parts.to_vec(), Vec::new());
    let found = differences(&topology(before), &topology(now), disk);
    let told: Vec<String> = found.iter().map(Difference::to_string).collect();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(
            told.contains(expected),
            "{told:?} should contain {expected:?}"
        );
    }
    found
}

fn on_disk(parts: &[u32]) -> Disk {
    Disk(parts.iter().copied().collect(), 0)
}

#[test]
fn the_same_and_what_is_added_fit() {
    let before = [part(0, &[persistent("orders")])];
    check(&before, &before, &on_disk(&[0]), &[]);
    let mut more = part(0, &[persistent("orders"), persistent("riders")]);
    more.nodes.insert("new".to_owned(), 8);
    check(
        &before,
        &[more, part(1, &[persistent("sums")])],
        &on_disk(&[0]),
        &[],
    );
}

#[test]
fn a_store_that_is_gone_is_named_with_what_it_may_be_now() {
    let before = [part(0, &[persistent("orders"), persistent("riders")])];
    let now = [part(0, &[persistent("orders"), persistent("couriers")])];
    let expected = "store riders of sub-topology 0 is gone from the topology (if it is couriers now, name it riders again)";
    let found = check(&before, &now, &on_disk(&[0]), &[expected]);
    assert!(found[0].can_migrate());
    check(&before, &now, &on_disk(&[]), &[]);
    let nothing = check(
        &before,
        &[],
        &on_disk(&[0]),
        &["store orders", "store riders"],
    );
    assert!(nothing.iter().all(Difference::can_migrate));
}

#[test]
fn sub_topologies_that_change_numbers_can_be_migrated_and_others_cannot() {
    let before = [part(0, &[persistent("a")]), part(1, &[persistent("b")])];
    let now = [part(0, &[persistent("b")]), part(1, &[persistent("a")])];
    let expected = [
        "store a moved from sub-topology 0 to 1",
        "store b moved from sub-topology 1 to 0",
    ];
    let found = check(&before, &now, &on_disk(&[0, 1]), &expected);
    assert!(found.iter().all(Difference::can_migrate));
    let joined = [part(0, &[persistent("a"), persistent("b")])];
    let found = check(
        &before,
        &joined,
        &on_disk(&[0, 1]),
        &[
            "without those it was with",
            "the changelog of store b, but the topology would use that of a",
        ],
    );
    assert!(!found[0].can_migrate());
    let found = check(
        &joined,
        &before,
        &on_disk(&[0]),
        &["store b moved from sub-topology 0 to 1 without"],
    );
    assert!(!found[0].can_migrate());
}

#[test]
fn a_changelog_that_comes_or_goes_and_another_kind_are_refused() {
    let unlogged = StoreSpec {
        changelog: false,
        ..persistent("b")
    };
    let before = [part(0, &[persistent("a"), persistent("b")])];
    let off = [part(0, &[persistent("a"), unlogged])];
    let found = check(
        &before,
        &off,
        &on_disk(&[0]),
        &["store b had a changelog and has none"],
    );
    assert!(!found[0].can_migrate());
    check(
        &before,
        &off,
        &on_disk(&[]),
        &["store b had a changelog and has none"],
    );
    check(
        &off,
        &before,
        &on_disk(&[0]),
        &["store b had no changelog and has one"],
    );
    check(&off, &before, &on_disk(&[]), &[]);
    let memory = [part(0, &[persistent("a"), StoreSpec::in_memory("b")])];
    let found = check(
        &before,
        &memory,
        &on_disk(&[0]),
        &["store b was persistent and is not"],
    );
    assert!(!found[0].can_migrate());
}

#[test]
fn another_carrier_is_refused() {
    let before = [part(0, &[persistent("a"), persistent("b")])];
    let now = [part(0, &[persistent("b"), persistent("a")])];
    let found = check(
        &before,
        &now,
        &on_disk(&[]),
        &["declare a as the first persistent store"],
    );
    assert!(!found[0].can_migrate());
}

#[test]
fn a_node_that_is_gone_matters_if_timers_wait_for_it() {
    let before = [part(0, &[persistent("a")])];
    let mut now = before.clone();
    now[0].nodes.clear();
    check(&before, &now, &on_disk(&[0]), &[]);
    let disk = Disk(BTreeSet::from([0]), 12);
    let found = check(
        &before,
        &now,
        &disk,
        &["node judge of sub-topology 0 is gone, and 12 timers wait for it"],
    );
    assert!(found[0].can_migrate());
}
