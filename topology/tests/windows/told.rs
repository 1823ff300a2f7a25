//! What is told of windows.

use std::ops::ControlFlow;

use topology::codec::I64;
use topology::store::{CommittedView, StoreId};
use topology::window::current_aggregates;

use crate::windows::world::{NOW, World};

fn append(world: &World, value: &str) {
    let seconds: i64 = value.split(' ').next_back().unwrap().parse().unwrap();
    world.append_at("orders", 0, value, NOW + seconds * 1000);
}

fn later() -> World {
    let mut world = World::with(crate::windows::world::options(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    });
    world.clocks(0);
    world.pass(1);
    world
}

#[test]
fn updates_every_ten_seconds_of_what_changed_and_one_final() {
    let mut world = later();
    append(&world, "window a 1");
    append(&world, "window b 2");
    world.pass(10);
    assert_eq!(world.told(), ["a@0: 1 n=1 r1", "b@0: 1 n=1 r1"]);
    append(&world, "window a 3");
    append(&world, "window a 61");
    world.pass(10);
    assert_eq!(world.told(), ["a@0: 2 n=2 r2", "a@60: 1 n=1 r1"]);
    world.pass(10);
    assert_eq!(world.told(), [""; 0], "nothing changed");
    append(&world, "window a 4");
    world.pass(1);
    world.clocks(70);
    world.pass(12);
    assert_eq!(world.told(), ["a@0: 3 n=3 r3 final", "b@0: 1 n=1 r2 final"]);
}

#[test]
fn what_comes_for_a_closed_window_is_told_with_its_cause() {
    let mut world = later();
    append(&world, "window a 1");
    world.pass(1);
    world.clocks(70);
    world.pass(2);
    append(&world, "window a 2");
    append(&world, "window a 3");
    append(&world, "window a 64");
    world.pass(2);
    world.clocks(130);
    world.pass(2);
    assert_eq!(
        world.told(),
        [
            "a@0: 1 n=1 r1 final",
            "a@0: late +1 of window a 2 closed before 60",
            "a@0: late +1 of window a 3 closed before 60",
            "a@60: 1 n=1 r1 final"
        ]
    );
}

#[test]
fn further_windows_close_by_their_own_grace_and_have_their_own_late_deltas() {
    let mut world = later();
    append(&world, "window a 1");
    append(&world, "patient a 1");
    append(&world, "patient b 1");
    world.pass(1);
    world.clocks(70);
    world.pass(2);
    assert_eq!(world.told(), ["a@0: 1 n=1 r1 final"]);
    append(&world, "window a 2");
    append(&world, "patient a 2");
    world.pass(10);
    assert_eq!(
        world.told(),
        [
            "a@0: late +1 of window a 2 closed before 60",
            "a@0: 2 n=2 r1",
            "b@0: 1 n=1 r1"
        ]
    );
    world.clocks(129);
    world.pass(2);
    assert_eq!(world.told(), [""; 0]);
    world.clocks(130);
    world.pass(2);
    assert_eq!(world.told(), ["a@0: 2 n=2 r2 final", "b@0: 1 n=1 r2 final"]);
    append(&world, "patient a 3");
    append(&world, "patient a 64");
    world.pass(2);
    world.clocks(190);
    world.pass(2);
    assert_eq!(
        world.told(),
        [
            "a@0: late +1 of patient a 3 closed before 60",
            "a@60: 1 n=1 r1",
            "a@60: 1 n=1 r2 final"
        ]
    );
}

#[test]
fn a_gauge_tells_what_moved_it_in_the_window() {
    let mut world = later();
    for value in [
        "up gauge 1",
        "up gauge 2",
        "up gauge 61",
        "up gauge 62",
        "down gauge 63",
    ] {
        append(&world, value);
    }
    world.pass(1);
    world.clocks(130);
    world.pass(2);
    assert_eq!(
        world.told(),
        [
            "gauge@0: 2 by +2 n=2 r1 final",
            "gauge@60: 3 by +1 n=3 r1 final"
        ]
    );
}

/// What was closed by an earlier report stays closed, though the task's watermark is lower now.
#[test]
fn an_input_that_begins_late_does_not_hide_causes() {
    let mut world = World::with(crate::windows::world::on_close(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    });
    append(&world, "window a 1");
    append(&world, "clock - 70");
    world.pass(2);
    assert_eq!(world.told(), ["a@0: 1 n=1 r1 final"]);
    // The first payment ever, of the same task.
    world.append_at("payments", 0, "clock - 2", NOW + 2_000);
    world.pass(2);
    append(&world, "window a 3");
    append(&world, "window a 4");
    world.pass(2);
    assert_eq!(
        world.told(),
        [
            "a@0: late +1 of window a 3 closed before 60",
            "a@0: late +1 of window a 4 closed before 60"
        ]
    );
}

/// Others closed windows while nobody waited for it.
#[test]
fn a_task_that_was_empty_does_not_hide_causes() {
    let mut world = World::with(crate::windows::world::on_close(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    });
    append(&world, "window a 1");
    append(&world, "clock - 70");
    world.pass(2);
    assert_eq!(world.told(), ["a@0: 1 n=1 r1 final"]);
    let mut late = Vec::new();
    for seconds in 2..6 {
        let value = format!("window a {seconds}");
        world.append_at("orders", 1, &value, NOW + seconds * 1000);
        late.push(format!("a@0: late +1 of {value} closed before 60"));
        world.pass(2);
        if seconds == 3 {
            world.driver.crash();
            world.driver.start().unwrap();
        }
    }
    assert_eq!(world.told(), late);
}

#[test]
fn a_running_aggregate_includes_all_earlier_windows() {
    let mut world = later();
    append(&world, "up g 1");
    append(&world, "up g 2");
    append(&world, "up g 61");
    append(&world, "up other 1");
    world.pass(10);
    assert_eq!(
        world.told(),
        ["g@0: 2 n=2 r1", "g@60: 3 n=1 r1", "other@0: 1 n=1 r1"]
    );
    // What moves an earlier window moves the later one too.
    append(&world, "down g 3");
    world.pass(10);
    assert_eq!(world.told(), ["g@0: 1 n=3 r2", "g@60: 2 n=1 r2"]);
    world.clocks(70);
    world.pass(2);
    assert_eq!(
        world.told(),
        ["g@0: 1 n=3 r3 final", "other@0: 1 n=1 r2 final"]
    );
    // Late: of no closed window, but of all that close from here on.
    append(&world, "down g 4");
    append(&world, "up g 121");
    world.pass(2);
    world.clocks(190);
    world.pass(2);
    let told = world.told();
    assert_eq!(
        told,
        [
            "g@0: late -1 of down g 4 closed before 60",
            "g@120: 2 n=1 r1 final",
            "g@60: 1 n=1 r3 final"
        ]
    );
}

#[test]
fn totals_are_never_told_and_can_be_queried_with_running_aggregates() {
    let mut world = later();
    append(&world, "total t 1");
    append(&world, "up g 1");
    append(&world, "total t 200");
    append(&world, "up g 200");
    world.pass(1);
    assert_eq!(current(&world), [("g".to_owned(), 2), ("t".to_owned(), 2)]);
    append(&world, "down g 1");
    world.driver.run_until_idle().unwrap();
    assert_eq!(
        current(&world),
        [("g".to_owned(), 2), ("t".to_owned(), 2)],
        "what is not committed is not seen"
    );
    world.pass(1);
    assert_eq!(current(&world), [("g".to_owned(), 1), ("t".to_owned(), 2)]);
}

fn current(world: &World) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    for (view, store) in world.driver.stores("counts") {
        visit(&view, store, &mut found);
    }
    found.sort();
    found
}

fn visit(view: &CommittedView, store: StoreId, found: &mut Vec<(String, i64)>) {
    current_aggregates(view, store, I64, &mut |group: &[u8], aggregate: &i64| {
        found.push((String::from_utf8(group.to_vec()).unwrap(), *aggregate));
        ControlFlow::Continue(())
    })
    .unwrap();
}

#[test]
fn a_failed_record_counts_nowhere() {
    let mut world = later();
    append(&world, "window a 1");
    append(&world, "bad a 1");
    append(&world, "window a 1");
    world.pass(10);
    assert_eq!(world.told(), ["a@0: 2 n=2 r1"]);
    assert_eq!(current(&world), []);
    assert_eq!(
        world.driver.log().records("dead", 0, true).unwrap().len()
            + world.driver.log().records("dead", 1, true).unwrap().len(),
        1
    );
}

/// At the commit nobody would know which record it was, and the task would die of it again and again.
#[test]
fn a_group_too_large_to_be_handed_over_is_its_records_fault() {
    let mut world = later();
    // By itself it would just fit; together with what is in the record before it does not.
    for bytes in (6_000..6_010).chain([1_035_000]) {
        append(&world, &format!("window {} 1", "g".repeat(bytes)));
    }
    world.pass(10);
    let told = world.told();
    let sizes: Vec<usize> = told.iter().map(|line| line.find('@').unwrap()).collect();
    assert_eq!(sizes.len(), 10, "{sizes:?}");
    assert!(sizes.iter().all(|size| (6_000..6_010).contains(size)));
    let dead: usize = (0..2)
        .map(|partition| {
            let log = world.driver.log();
            log.records("dead", partition, true).unwrap().len()
        })
        .sum();
    assert_eq!(dead, 1);
}
