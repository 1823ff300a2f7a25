//! Several aggregations in one topology, several groups in one task.

use std::time::Duration;

use topology::codec::{I64, Utf8};
use topology::graph::Topology;

use crate::windows::world::{Count, INPUTS, NOW, Tell, World, on_close};

#[test]
fn aggregations_of_different_inputs_may_meet_in_one_node() {
    let mut topology = Topology::new();
    for input in INPUTS {
        let counts = format!("{input}-counts");
        topology.add_source(input, &[input], || Utf8, || Utf8);
        topology.add_windowed_aggregation(&counts, || Count, on_close(), || Utf8, || I64, &[input]);
    }
    let merged = INPUTS.map(|input| format!("{input}-counts-merge"));
    topology.add_processor("tell", || Tell, &[merged[0].as_str(), merged[1].as_str()]);
    topology.add_sink("results", "results", || Utf8, || Utf8, &["tell"]);
    topology.dead_letter_topic("dead");
    let mut world = World::of(topology, |config| {
        let later = Duration::from_secs(86_400).as_millis() as i64;
        config.initial_wall_clock_ms = NOW + later;
    });
    // Neither is waited for by the other's merging task, to which it never reports.
    world.append_at("orders", 0, "window a 3", NOW + 3_000);
    world.append_at("payments", 1, "window b 3", NOW + 3_000);
    world.clocks(70);
    world.pass(3);
    assert_eq!(
        world.finals(),
        ["a@0: 1 n=1 r1 final", "b@0: 1 n=1 r1 final"]
    );
}

#[test]
fn groups_may_be_merged_by_a_part_of_their_key() {
    let mut world = World::with(on_close(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
    });
    for (group, partition) in ["a", "b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip([0, 1].repeat(4))
    {
        world.append("orders", partition, &format!("window herd-{group} 3"));
        world.append("payments", 1 - partition, &format!("window herd-{group} 4"));
        world.append("orders", partition, &format!("window {group} 3"));
    }
    world.clocks(70);
    world.pass(3);
    let finals = world.finals();
    let tasks: Vec<&str> = finals
        .iter()
        .filter_map(|line| {
            line.strip_prefix("herd-")?
                .split_once(": 2 n=2 r1 in task ")
        })
        .map(|(_, task)| task)
        .collect();
    assert_eq!((finals.len(), tasks.len()), (16, 8), "{finals:?}");
    assert!(tasks.iter().all(|task| *task == tasks[0]), "{finals:?}");
}
