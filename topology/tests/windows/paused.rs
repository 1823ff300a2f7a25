//! A task that is paused because of its dead letters holds the windows it has a part in open: what waits in its topics
//! is not late when it goes on.

use topology::runtime::{DeadLetterCircuit, Share};

use crate::windows::world::{NOW, World};

#[test]
fn windows_wait_for_a_paused_task_and_nothing_of_it_is_late() {
    let mut world = World::with(crate::windows::world::options(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
        config.streams.dead_letter_circuit = Some(DeadLetterCircuit {
            share: Share::of(0.1),
            window: 100,
            minimum: 5,
        });
    });
    world.clocks(0);
    world.pass(1);
    let append = |world: &World, partition, value: &str| {
        world.append_at("orders", partition, value, NOW + 3_000);
    };
    append(&world, 1, "window a 3");
    for _ in 0..5 {
        append(&world, 0, "bad a 3");
    }
    append(&world, 0, "window a 3");
    // Long beyond the grace, and beyond the time after which a quiet input is passed over.
    world.pass(90);
    let status = world.driver.status();
    assert!(
        status.detail.starts_with("task 0_0 is paused"),
        "{}",
        status.detail
    );
    assert_eq!(
        world.told(),
        ["a@0: 1 n=1 r1"],
        "the other task's, and not final"
    );
    assert_eq!(world.driver.resume_paused_tasks(), ["0_0"]);
    world.pass(1);
    world.clocks(80);
    world.pass(12);
    let told = world.told();
    assert_eq!(
        told.last().map(String::as_str),
        Some("a@0: 2 n=2 r2 final"),
        "{told:?}"
    );
    assert!(!told.iter().any(|line| line.contains("late")), "{told:?}");
}
