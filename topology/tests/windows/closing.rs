//! When windows close.

use std::time::Duration;

use topology::ErrorClass;
use topology::io::memory::{Fault, OperationKind};
use topology::testing::TestInstance;
use topology::time::Clock;
use topology::window::{TimeWindows, WindowedOptions};

use crate::windows::world::{INPUTS, NOW, PARTITIONS, World, on_close, options};

/// A world whose clock stands well after the events, as in a replay, so that no timestamp is capped.
fn later() -> World {
    World::with(on_close(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    })
}

fn append(world: &World, topic: &str, partition: i32, seconds: i64) {
    let value = format!("window a {seconds}");
    world.append_at(topic, partition, &value, NOW + seconds * 1000);
}

#[test]
fn a_window_closes_once_every_input_has_passed_its_end_and_grace() {
    let mut world = later();
    world.clocks(1);
    append(&world, "orders", 0, 3);
    append(&world, "payments", 1, 59);
    append(&world, "orders", 1, 60);
    world.pass(2);
    world.clocks(69);
    world.pass(2);
    assert_eq!(world.told(), [""; 0], "nobody has passed 70");
    for (topic, partition) in [("orders", 0), ("orders", 1), ("payments", 0)] {
        append(&world, topic, partition, 70);
        world.pass(2);
        assert_eq!(
            world.told(),
            [""; 0],
            "payments of partition 1 hold it back"
        );
    }
    append(&world, "payments", 1, 70);
    world.pass(2);
    assert_eq!(world.told(), ["a@0: 2 n=2 r1 final"]);
}

#[test]
fn no_window_closes_before_every_upstream_task_has_reported() {
    let mut world = World::with(on_close(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
        config.streams.session_timeout = Duration::from_secs(6);
    });
    // Before anything was reported; the backlog is there before anyone looks.
    world.driver.crash();
    for topic in INPUTS {
        for partition in 0..PARTITIONS {
            append(&world, topic, partition, 1);
            append(&world, topic, partition, 500);
        }
    }
    // One of two instances cannot commit: its task may be EMPTY, or have any watermark.
    world.driver.log().on_operation(Box::new(|operation| {
        let is_b = operation.transactional_id == Some("app-b-0");
        let commits = operation.kind == OperationKind::SendOffsets;
        (is_b && commits).then_some(Fault::Fail(ErrorClass::Abortable))
    }));
    let mut instances = ["a", "b"].map(|name| world.driver.instance(name).unwrap());
    let turns = |world: &World, instances: &mut [TestInstance]| {
        for _ in 0..400 {
            world.driver.clock().advance(Duration::from_millis(100));
            for instance in instances.iter_mut() {
                instance.turn().unwrap();
            }
        }
    };
    turns(&world, &mut instances);
    let partition_0 = world
        .driver
        .log()
        .records("app-counts-repartition", 0, true);
    let partition_1 = world
        .driver
        .log()
        .records("app-counts-repartition", 1, true);
    let committed = partition_0.unwrap().len() + partition_1.unwrap().len();
    assert!(committed > 0, "the other one does commit");
    assert_eq!(world.told(), [""; 0]);
    world.driver.log().clear_faults();
    turns(&world, &mut instances);
    assert_eq!(world.told(), ["a@0: 4 n=4 r1 final"]);
}

#[test]
fn an_input_that_never_had_a_record_does_not_hold_windows_back() {
    let mut world = later();
    append(&world, "orders", 0, 3);
    append(&world, "orders", 0, 70);
    world.pass(3);
    // Neither the payments nor partition 1 ever had one.
    assert_eq!(world.told(), ["a@0: 1 n=1 r1 final"]);
}

#[test]
fn the_first_record_of_an_empty_task_may_come_late() {
    let mut world = later();
    append(&world, "orders", 0, 3);
    append(&world, "orders", 0, 70);
    world.pass(3);
    append(&world, "orders", 1, 5);
    world.pass(3);
    assert_eq!(
        world.told(),
        [
            "a@0: 1 n=1 r1 final",
            "a@0: late +1 of window a 5 closed before 60"
        ]
    );
    // From here on it is waited for.
    append(&world, "orders", 0, 900);
    append(&world, "orders", 1, 69);
    world.pass(3);
    assert_eq!(world.told(), [""; 0]);
}

#[test]
fn idle_partitions_let_their_clocks_run_on_and_windows_close() {
    let mut world = later();
    world.clocks(1);
    append(&world, "orders", 0, 3);
    // Its task alone goes on: the other inputs have nothing new.
    append(&world, "orders", 1, 40);
    world.pass(1);
    let began = world.driver.clock().wall_clock_ms();
    let told = loop {
        world.pass(1);
        let told = world.told();
        if !told.is_empty() {
            break told;
        }
    };
    assert_eq!(told, ["a@0: 2 n=2 r1 final"]);
    // The slowest clock stands at 1 s; 60 s behind the wall clock it needs to reach 70 s.
    let took = (world.driver.clock().wall_clock_ms() - began) / 1000;
    assert!((126..=131).contains(&took), "{took} s");
}

#[test]
fn an_input_of_which_nothing_reaches_the_aggregation_is_idle_however_much_comes() {
    let mut world = later();
    world.clocks(1);
    append(&world, "orders", 0, 3);
    world.pass(1);
    // Every second something comes everywhere, and none of it says anything of the time.
    let mut seconds = 0;
    let told = loop {
        for topic in INPUTS {
            for partition in 0..PARTITIONS {
                world.append(topic, partition, "noise - 0");
            }
        }
        world.pass(1);
        seconds += 1;
        let told = world.told();
        if !told.is_empty() || seconds > 200 {
            break told;
        }
    };
    assert_eq!(told, ["a@0: 1 n=1 r1 final"]);
    assert!(seconds > 90, "{seconds} s");
}

#[test]
fn an_input_with_lag_is_not_idle() {
    let mut world = later();
    world.clocks(1);
    world.pass(2);
    append(&world, "orders", 0, 3);
    // It is there, but cannot be read: the relay goes on, the brokers do not answer.
    world.driver.close().unwrap();
    world.driver.log().on_operation(Box::new(|operation| {
        let is_first = operation.partition == Some(("orders", 0));
        let is_fetch = operation.kind == OperationKind::Fetch;
        (is_fetch && is_first).then_some(Fault::Fail(ErrorClass::Retriable))
    }));
    let mut instance = world.driver.instance("test").unwrap();
    let mut turns = |world: &World, seconds: i32| {
        for _ in 0..seconds * 10 {
            world.driver.clock().advance(Duration::from_millis(100));
            instance.turn().unwrap();
        }
    };
    turns(&world, 300);
    assert_eq!(world.told(), [""; 0]);
    world.driver.log().clear_faults();
    turns(&world, 20);
    assert_eq!(world.told(), [""; 0], "it is caught up, but not yet idle");
    turns(&world, 130);
    assert_eq!(world.told(), ["a@0: 1 n=1 r1 final"]);
}

#[test]
fn a_future_timestamp_closes_nothing_and_is_counted_in_its_window() {
    let mut world = World::with(on_close(), |_| {});
    world.append("orders", 0, "window a 1");
    // A day ahead by the event's clock, and another by the producer's too.
    world.append("orders", 0, "window b 86400");
    world.append_at("payments", 0, "window c 86400", NOW + 86_400_000);
    world.pass(60);
    assert_eq!(world.told(), [""; 0]);
    // The day passes.
    world
        .driver
        .advance_wall_clock_time(Duration::from_secs(86_400))
        .unwrap();
    world.clocks(86_400 + 70);
    world.pass(3);
    assert_eq!(
        world.finals(),
        [
            "a@0: 1 n=1 r1 final",
            "b@86400: 1 n=1 r1 final",
            "c@86400: 1 n=1 r1 final"
        ]
    );
}

#[test]
fn a_closed_window_never_opens_again() {
    let mut world = later();
    world.clocks(1);
    append(&world, "orders", 0, 3);
    world.pass(2);
    world.clocks(70);
    world.pass(2);
    assert_eq!(world.finals(), ["a@0: 1 n=1 r1 final"]);
    for round in 0..3 {
        append(&world, "orders", 1, 4 + round);
        world.pass(3);
        world.driver.crash();
        world.driver.start().unwrap();
    }
    world.clocks(400);
    world.pass(3);
    let told = world.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|line| line.starts_with("a@0: late +1")));
}

#[test]
fn hopping_windows_overlap_and_close_one_after_the_other() {
    let windows = TimeWindows::of_size(Duration::from_secs(60))
        .advance_by(Duration::from_secs(20))
        .grace(Duration::from_secs(10));
    let hopping = WindowedOptions {
        windows,
        ..on_close()
    };
    let mut world = World::with(hopping, |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    });
    world.clocks(1);
    append(&world, "orders", 0, 65);
    world.pass(2);
    world.clocks(91);
    world.pass(2);
    assert_eq!(world.finals(), ["a@20: 1 n=1 r1 final"]);
    append(&world, "orders", 1, 65);
    world.pass(2);
    world.clocks(131);
    world.pass(2);
    assert_eq!(
        world.told(),
        [
            "a@20: late +1 of window a 65 closed before 40",
            "a@40: 2 n=2 r1 final",
            "a@60: 2 n=2 r1 final"
        ]
    );
}

#[test]
fn a_running_aggregate_of_a_hopping_window_is_as_it_was_at_its_end() {
    let windows = TimeWindows::of_size(Duration::from_secs(60))
        .advance_by(Duration::from_secs(20))
        .grace(Duration::from_secs(10));
    let hopping = WindowedOptions {
        windows,
        ..on_close()
    };
    let mut world = World::with(hopping, |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    });
    for seconds in [59, 60, 79, 80] {
        let value = format!("up g {seconds}");
        world.append_at("orders", 0, &value, NOW + seconds * 1000);
    }
    world.pass(2);
    world.clocks(190);
    world.pass(2);
    assert_eq!(
        world.told(),
        [
            "g@0: 1 n=1 r1 final",
            "g@20: 3 n=2 r1 final",
            "g@40: 4 n=1 r1 final"
        ]
    );
}

#[test]
fn as_many_merging_tasks_as_asked_for() {
    let three = WindowedOptions {
        partitions: Some(3),
        ..options()
    };
    let mut world = World::with(three, |_| {});
    for (group, partition) in [("a", 0), ("b", 1), ("c", 0), ("d", 1), ("e", 0)] {
        world.append("orders", partition, &format!("window {group} 1"));
    }
    world.pass(12);
    assert_eq!(world.told().len(), 5);
    let partitions = |topic: &str| {
        (0..8)
            .take_while(|partition| world.driver.log().watermarks(topic, *partition).is_ok())
            .count()
    };
    assert_eq!(partitions("app-counts-repartition"), 3);
    assert_eq!(partitions("app-counts-changelog"), 3);
    assert_eq!(
        partitions("app-counts-clocks-changelog"),
        PARTITIONS as usize
    );
}

/// A watermark never goes back. While records come whose times are of the future to the clock that went back, nothing
/// closes; afterwards every window does, once, with all that came meanwhile.
#[test]
fn row_19_a_wall_clock_that_goes_back_an_hour_closes_windows_later_and_once() {
    let mut world = World::with(on_close(), |config| config.initial_wall_clock_ms = NOW);
    world.clocks(1);
    append(&world, "orders", 0, 3);
    world.pass(5);
    world.driver.clock().set_back(Duration::from_secs(3_600));
    append(&world, "orders", 0, 4);
    append(&world, "orders", 1, 63);
    for second in (20..200).step_by(20) {
        world.clocks(second);
        world.pass(20);
        assert_eq!(world.told(), [""; 0], "{second}");
    }
    world.pass(3_600);
    assert_eq!(
        world.told(),
        ["a@0: 2 n=2 r1 final", "a@60: 1 n=1 r1 final"]
    );
    world.driver.clock().set_back(Duration::from_secs(3_600));
    world.pass(3_700);
    assert_eq!(world.told(), [""; 0], "each once");
}
