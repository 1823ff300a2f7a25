//! What a backlog, a stop or a crash may not do: tell of a breach that was none, twice, or never.

use std::time::Duration;

use jumun::domain::ordering::OrderingPolicy;
use serde_json::{Value, json};
use topology::task::TaskId;

use super::scene::*;
use crate::edge_cases::world::*;

const SECONDS: i64 = 1_000;
const MINUTES: i64 = 60 * SECONDS;

/// Events of several orders, to be put into their topics in the order of their times, as relays do.
#[derive(Default)]
struct Log(Vec<(i64, Value)>);

impl Log {
    /// An event that happened at that moment.
    fn add(&mut self, world: &mut World, at: i64, step: &str, info: Value) {
        let mut event = world.event(step, info);
        event["time"] = json!({"occurredAt": rfc3339(at), "recordedAt": rfc3339(at)});
        self.0.push((at, event));
    }

    fn append(mut self, world: &mut World) {
        self.0.sort_by_key(|(at, _)| *at);
        for (at, event) in self.0 {
            let order_no = event["target"]["orderNo"].as_str().unwrap();
            let key = Some(order_no.as_bytes().to_vec());
            let value = Some(event.to_string().into_bytes());
            world.append(topic_of(&event), key, value, at);
        }
    }
}

/// An order that went through its life in forty minutes; its last event tells how it ended.
fn add_life(log: &mut Log, world: &mut World, order_no: &str, from: i64, delivered: bool) {
    world.order_no = order_no.to_owned();
    let at = |minutes: i64| from + minutes * MINUTES;
    log.add(world, at(0), "CUSTOMER order.created 1", created("CARD"));
    log.add(
        world,
        from + 5 * SECONDS,
        "PG payment.approved 1",
        json!({"amount": 10_000}),
    );
    log.add(world, from + 8 * SECONDS, "SYSTEM order.relayed 2", none());
    log.add(
        world,
        at(1),
        "STORE order.accepted 3",
        acceptance(15, at(60)),
    );
    log.add(world, at(2), "SYSTEM delivery.requested 1", none());
    log.add(world, at(4), "DISPATCH delivery.assigned 2", none());
    log.add(world, at(10), "RIDER delivery.arrived_store 3", none());
    log.add(world, at(14), "STORE cooking.completed 4", none());
    log.add(world, at(16), "RIDER delivery.picked_up 4", none());
    if delivered {
        log.add(world, at(30), "RIDER delivery.delivered 5", none());
    }
}

/// The processor is stopped for so long, and records come meanwhile.
fn stopped_for(world: &mut World, milliseconds: i64, records: impl FnOnce(&mut World)) {
    world.job.commit();
    world.job.driver.crash();
    records(world);
    let stop = Duration::from_millis(milliseconds as u64);
    world.job.driver.clock().advance(stop);
    world.job.driver.start().unwrap();
}

#[test]
fn a_backlog_of_an_hour_tells_of_nothing_but_what_is_late_now() {
    const LIVES: i64 = 2_000;
    let mut world = world();
    let began = world.job.now();
    let stopped = began + 60 * MINUTES;
    stopped_for(&mut world, 60 * MINUTES, |world| {
        let mut log = Log::default();
        add_life(&mut log, world, "LATE", began, false);
        for number in 0..LIVES {
            let from = began + number * 30 * MINUTES / LIVES;
            add_life(&mut log, world, &format!("B{number}"), from, true);
        }
        log.append(world);
    });
    go_on_until(&mut world, stopped + 2 * MINUTES);
    assert_eq!(world.job.counter("consumed"), LIVES as u64 * 10 + 9);
    let late = world.job.values(SLA);
    assert!(
        late.iter().all(|value| value["orderNo"] == "LATE"),
        "{late:?}"
    );
    assert_eq!(
        told(&world),
        ["ride_late WARN", "ride_late BREACH", "promise_broken WARN"],
    );
    assert_eq!(found(&world), Vec::<String>::new());
    assert_eq!(counted(&world, "sla/").len(), 3);
}

/// Rows of the job's state: of the store `watches`, and timers.
fn rows(world: &mut World) -> [usize; 2] {
    let task = TaskId {
        subtopology: 0,
        partition: 0,
    };
    let rows = world.job.driver.dump(task).unwrap();
    let watches = rows.iter().filter(|(family, _, _)| family == "watches");
    // The own rows of a task are its timers and a few values.
    let own = rows.iter().filter(|(family, _, _)| family == "_task");
    [watches.count(), own.count()]
}

#[test]
fn orders_of_a_backlog_share_timers_and_a_crash_loses_none() {
    const UNPAID: usize = 250;
    let mut world = world();
    let began = world.job.now();
    stopped_for(&mut world, 60 * MINUTES, |world| {
        let mut log = Log::default();
        for (number, after) in (0..UNPAID).zip((0..).step_by(100)) {
            world.order_no = format!("B{number}");
            let at = began + 45 * MINUTES + after;
            log.add(world, at, "CUSTOMER order.created 1", created("CARD"));
        }
        log.append(world);
    });
    world.job.run();
    world.job.commit();
    assert_eq!(told(&world), Vec::<String>::new());
    let [watches, own] = rows(&mut world);
    // One timer of each is for its retention.
    let timers = own - UNPAID;
    assert!(
        watches == 0 && timers < 20,
        "{watches} watches, {timers} rows"
    );
    // Their timers are due when it starts, and there is a backlog again.
    stopped_for(&mut world, 60 * MINUTES, |world| {
        let mut log = Log::default();
        for number in 0..1_000 {
            let from = began + 65 * MINUTES + number * SECONDS;
            add_life(&mut log, world, &format!("L{number}"), from, true);
        }
        log.append(world);
    });
    go_on_until(&mut world, began + 122 * MINUTES);
    let mut levels: Vec<String> = told(&world);
    levels.sort();
    let expected = ["BREACH", "WARN"].map(|level| vec![format!("payment_wait {level}"); UNPAID]);
    assert_eq!(levels, expected.concat());
    // What was told of each is kept until it ends.
    assert_eq!(rows(&mut world)[0], UNPAID);
}

#[test]
fn an_order_that_was_under_way_when_the_processor_stopped_is_judged_by_what_came_meanwhile() {
    let mut world = world();
    let since = world.job.now();
    world.create("APPLIED");
    let order = world.order_no.clone();
    stopped_for(&mut world, 60 * MINUTES, |world| {
        let paid = json!({"amount": 10_000});
        let mut log = Log::default();
        let mut add = |seconds: i64, step: &str, info: Value| {
            log.add(world, since + seconds * SECONDS, step, info);
        };
        add(120, "PG payment.approved 1", paid.clone());
        add(121, "SYSTEM order.relayed 2", none());
        add(300, "STORE order.rejected 3", json!({"reason": "OTHER"}));
        add(360, "PG payment.refunded 2", paid);
        log.append(world);
    });
    go_on_until(&mut world, since + 65 * MINUTES);
    assert_eq!(world.state("/status"), "REJECTED", "{order}");
    assert_eq!(told(&world), Vec::<String>::new());
}

#[test]
fn a_restart_neither_forgets_nor_repeats() {
    let mut world = World::with(&options(OrderingPolicy::DEFAULT));
    let since = world.job.now();
    world.create("APPLIED");
    for (until, expected) in [
        (2, &[][..]),
        (4, &["payment_wait WARN"]),
        (9, &["payment_wait WARN"]),
        (11, &["payment_wait WARN", "payment_wait BREACH"]),
        (60, &["payment_wait WARN", "payment_wait BREACH"]),
    ] {
        world.job.crash_and_restart();
        go_on_until(&mut world, since + until * MINUTES);
        assert_eq!(told(&world), expected, "after {until} minutes");
        world.job.crash_and_restart();
    }
    world.approve("APPLIED");
    assert_eq!(world.job.counter("sla-left/payment_wait"), 1);
}

#[test]
fn a_log_that_is_processed_anew_has_its_own_time() {
    let mut options = job_options();
    options.rebuild = true;
    let mut world = World::with(&options);
    let began = world.job.now() - 24 * 60 * MINUTES;
    let mut log = Log::default();
    add_life(&mut log, &mut world, "LATE", began, false);
    add_life(&mut log, &mut world, "NEXT", began + 45 * MINUTES, true);
    log.append(&mut world);
    world.job.run();
    world.job.commit();
    // The last event of the log is 75 minutes after the order's first.
    assert_eq!(
        told(&world),
        [
            "ride_late WARN",
            "ride_late BREACH",
            "promise_broken WARN",
            "promise_broken BREACH"
        ],
    );
}

#[test]
fn what_was_told_before_they_were_switched_off_ends_with_the_order() {
    let on = job_options();
    let mut off = job_options();
    off.watching.watches = jumun::domain::watching::WatchSet::EMPTY;
    off.minutes.enabled = false;
    let mut world = World::with(&on);
    let since = world.job.now();
    world.create("APPLIED");
    go_on_until(&mut world, since + 11 * MINUTES);
    world.job.restart_with(&off);
    world.step("CUSTOMER order.cancelled 2", none(), "APPLIED");
    world.job.restart_with(&on);
    go_on_until(&mut world, since + 30 * MINUTES);
    assert_eq!(told(&world), ["payment_wait WARN", "payment_wait BREACH"]);
    assert_eq!(world.job.counter("sla-left/payment_wait"), 1);
}

#[test]
fn timers_and_detectors_that_are_off_leave_nothing() {
    let mut options = job_options();
    options.watching.watches = jumun::domain::watching::WatchSet::EMPTY;
    let mut world = World::with(&options);
    let since = world.job.now();
    world.create("APPLIED");
    go_on_until(&mut world, since + 60 * MINUTES);
    assert_eq!(counted(&world, "sla"), Vec::<String>::new());
}
