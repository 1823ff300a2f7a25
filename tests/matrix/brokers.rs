//! Row 10: brokers that restart, freeze, move the coordinator or refuse for want of copies, in every step of a commit.

use std::thread;
use std::time::Duration;

use jumun_harness::{Broker, Cluster};

use crate::matrix::world::{APPLICATION, World, aside, long_form, wait_phase};
use crate::support::processor::tell;

/// So long in a step that the blow falls into it.
const LINGER: &str = "draining:60,offsets:60,committing:60,store_batch:60";
const PHASES: [&str; 5] = [
    "processing",
    "draining",
    "offsets",
    "committing",
    "store_batch",
];

#[test]
fn row_10_broker_dies_in_each_step_of_a_commit() {
    if !long_form() {
        return;
    }
    let mut broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 16_000);
    let one = world.instance("one").env("JUMUN_TEST_PAUSE", LINGER);
    let mut processor = one.start_ready();
    let id = processor.process.id();
    for phase in PHASES {
        let before = world.committed();
        wait_phase(&one, phase);
        broker.kill9().unwrap();
        broker.start_again().unwrap();
        world.wait_committed(before + 200);
    }
    // Connections stay, answers are late.
    wait_phase(&one, "committing");
    broker.pause().unwrap();
    thread::sleep(Duration::from_secs(4));
    broker.resume().unwrap();
    assert!(world.committed() < world.total(), "nothing was left to do");
    world.wait_consumed();
    processor.wait_ready();
    assert_eq!(processor.process.id(), id, "the program was started anew");
    processor.stop();
    world.assert_outputs();
    assert!(aside(&[&one]).is_empty(), "{:?}", aside(&[&one]));
}

#[test]
fn row_10_coordinator_moves_and_replicas_are_missing_during_commits() {
    if !long_form() {
        return;
    }
    let mut cluster = Cluster::start().unwrap();
    let world = World::with_load(&cluster, 20_000);
    let one = world
        .instance("one")
        .setting("topics.replication_factor", "3")
        .env("JUMUN_TEST_PAUSE", LINGER);
    let mut processor = one.start_ready();
    let id = format!("{APPLICATION}-one-0");
    for phase in ["offsets", "committing"] {
        let before = world.committed();
        let coordinator = cluster.transaction_coordinator(&id).unwrap();
        wait_phase(&one, phase);
        cluster.kill9(coordinator).unwrap();
        world.wait_committed(before + 200);
        let now = cluster.transaction_coordinator(&id).unwrap();
        tell(format!(
            "the coordinator moved from node {coordinator} to {now}"
        ));
        assert_ne!(now, coordinator);
        cluster.start_again(coordinator).unwrap();
        cluster.wait_ready().unwrap();
    }
    // NOT_ENOUGH_REPLICAS, and no quorum of controllers either.
    let before = world.committed();
    wait_phase(&one, "draining");
    cluster.stop(0).unwrap();
    cluster.pause(1).unwrap();
    thread::sleep(Duration::from_secs(8));
    cluster.resume(1).unwrap();
    cluster.start_again(0).unwrap();
    cluster.wait_ready().unwrap();
    world.wait_committed((before + 200).min(world.total()));
    world.wait_consumed();
    processor.wait_ready();
    processor.stop();
    world.assert_outputs();
    assert!(aside(&[&one]).is_empty(), "{:?}", aside(&[&one]));
}
