//! Members of the group that freeze, die and come: rows 8, 9 and 16.

use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Message, wait_for};
use serde_json::Value;

use crate::matrix::world::{
    APPLICATION, PARTITIONS, SESSION_TIMEOUT, World, aside, long_form, wait_phase,
};
use crate::support::load;
use crate::support::model::InputRecord;
use crate::support::processor::{TIMEOUT, tell};
use crate::support::topics;

/// Waits until every partition of the first input, or so many, are with another: their offsets move on.
fn wait_all_move(world: &World) {
    let before = world.committed_by_partition();
    wait_for("every partition to move on", TIMEOUT, || {
        let now = world.committed_by_partition();
        let moved = |partition: &(String, i32)| now.get(partition) > before.get(partition);
        let moves = |number: i32| world.ends.keys().filter(|it| it.1 == number).any(moved);
        (0..PARTITIONS).all(moves).then_some(())
    })
    .unwrap();
}

/// Frozen for longer than the session timeout, and then it goes on as if nothing had happened.
#[test]
fn row_8_zombie_is_fenced_and_its_state_kept() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 30_000);
    let (one, two) = (world.instance("one"), world.instance("two"));
    let mut first = one.start_ready();
    let mut second = two.start_ready();
    wait_all_move(&world);
    wait_phase(&one, "processing");
    first.process.sigstop().unwrap();
    thread::sleep(SESSION_TIMEOUT + Duration::from_secs(1));
    // The other one has all of them now, once the transaction of the zombie has timed out.
    wait_all_move(&world);
    first.process.sigcont().unwrap();
    world.wait_consumed();
    wait_for("the zombie to be a member again", TIMEOUT, || {
        (first.readiness().0 == 200).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}:\n{}", first.process.stderr()));
    second.wait_ready();
    first.stop();
    second.stop();
    world.assert_outputs();
    assert!(
        aside(&[&one, &two]).is_empty(),
        "{:?}",
        aside(&[&one, &two])
    );
}

/// Nothing comes any more, but an event waits and its time runs out while its owner is frozen: whoever has the order by
/// then rejects it, and the one that wakes has nothing but a timer that is due.
#[test]
fn row_8_zombie_that_wakes_with_a_due_timer_only_is_fenced() {
    if !long_form() {
        return;
    }
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    let early = early_events(&broker);
    let instance = |name: &str| {
        crate::support::processor::Setup::new(&broker, APPLICATION, &state.path().join(name))
            .flag("--instance-id", name)
            .flag("--ordering", "park")
            .setting("application.session_timeout_ms", "6000")
            .setting("parking.wait_ms", "9000")
    };
    let (one, two) = (instance("one"), instance("two"));
    let mut first = one.start_ready();
    broker
        .produce(early.iter().map(|record| {
            let (key, value) = (record.key.as_ref().unwrap(), record.value.as_ref().unwrap());
            Message::new(&record.topic, key, value)
        }))
        .unwrap();
    wait_for("parked events", TIMEOUT, || {
        (first.sum("order_parked") as usize == early.len()).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", first.outcomes()));
    first.process.sigstop().unwrap();
    let mut second = two.start_ready();
    let rejected = || {
        let records = broker
            .consume_all(topics::REJECTED, jumun_harness::Isolation::ReadCommitted)
            .unwrap();
        let ids: Vec<String> = records
            .iter()
            .map(|record| {
                let value: Value =
                    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
                value["offset"].to_string() + &value["partition"].to_string()
            })
            .collect();
        ids
    };
    wait_for("the other one's rejections", TIMEOUT, || {
        (rejected().len() == early.len()).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", rejected()));
    first.process.sigcont().unwrap();
    wait_for("the zombie to be a member again", TIMEOUT, || {
        (first.readiness().0 == 200).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}:\n{}", first.process.stderr()));
    // Long enough for a second rejection to be committed.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(rejected().len(), early.len(), "{:?}", rejected());
    let fenced = first.metric("topology_transactions_total{result=\"fenced\"}");
    tell(format!("the zombie was fenced {fenced} times"));
    second.wait_ready();
    first.stop();
    second.stop();
    assert!(aside(&[&one, &two]).is_empty());
}

/// Events of orders whose first ones are never sent.
fn early_events(broker: &Broker) -> Vec<InputRecord> {
    let scratch = Broker::start().unwrap();
    load::preload(&scratch, 400, PARTITIONS);
    topics::create_inputs(broker, PARTITIONS);
    let records = topics::input_records(&scratch);
    let is_second = |record: &&InputRecord| {
        let value = record.value.as_deref().unwrap_or_default();
        record.topic == topics::ORDERS
            && serde_json::from_slice::<Value>(value)
                .is_ok_and(|value| value["target"]["version"].as_i64() == Some(2))
    };
    let early: Vec<InputRecord> = records.iter().filter(is_second).take(8).cloned().collect();
    assert_eq!(early.len(), 8, "no second events");
    early
}

/// A member comes while the batch of the other is under way, and goes again.
#[test]
fn row_9_rebalance_in_the_middle_of_a_batch() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 16_000);
    let one = world
        .instance("one")
        .env("JUMUN_TEST_PAUSE", "draining:40,offsets:40,committing:40");
    let two = world
        .instance("two")
        .setting("application.leave_on_stop", "true");
    let mut first = one.start_ready();
    for phase in ["processing", "draining", "committing"] {
        wait_phase(&one, phase);
        let second = two.start_ready();
        wait_all_move(&world);
        second.stop();
        first.wait_ready();
        assert!(world.committed() < world.total(), "nothing was left to do");
    }
    world.wait_consumed();
    first.stop();
    world.assert_outputs();
    assert!(aside(&[&one, &two]).is_empty());
}

/// The dead owner's transaction is open on the changelog until it times out: whoever takes over must not run before.
#[test]
fn row_16_take_over_waits_for_the_dead_owners_transaction() {
    if !long_form() {
        return;
    }
    const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(18);
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 12_000);
    let one = world
        .instance("one")
        .setting(
            "application.transaction_timeout_ms",
            &TRANSACTION_TIMEOUT.as_millis().to_string(),
        )
        .env("JUMUN_TEST_PAUSE", "committing:400");
    let two = world.instance("two");
    let mut first = one.start_ready();
    world.wait_committed(2_000);
    wait_phase(&one, "processing");
    wait_phase(&one, "committing");
    first.process.kill9().unwrap();
    let died = Instant::now();
    let committed = world.committed();
    let mut second = two.start();
    // It has the partitions after the session timeout, and waits.
    wait_for("the take-over", TIMEOUT, || {
        let (_, body) = second.readiness();
        body.to_string().contains("RESTORING").then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", second.readiness()));
    while died.elapsed() < TRANSACTION_TIMEOUT - Duration::from_secs(4) {
        assert_eq!(world.committed(), committed, "it did not wait");
        thread::sleep(Duration::from_millis(200));
    }
    second.wait_ready();
    let waited = died.elapsed();
    assert!(
        waited < TRANSACTION_TIMEOUT + Duration::from_secs(20),
        "{waited:?}"
    );
    world.wait_consumed();
    second.stop();
    world.assert_outputs();
    assert!(aside(&[&one, &two]).is_empty());
}
