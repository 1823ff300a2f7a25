//! Whole days through a real Kafka: what the topics of aggregates told is what a batch over the same events counts,
//! window by window, however often the program was killed or its tasks moved.

use std::time::{Duration, Instant};

use jumun_harness::{Broker, Kafka};

use crate::support::aggregated::{
    Expected, Listener, assert_each_is_looked_at, batch_of_transitions, compare_all,
    expected_of_inputs,
};
use crate::support::kill::Ordeal;
use crate::support::live_day::LiveDay;
use crate::support::model::aggregates::compare::Report;
use crate::support::model::aggregates::grouping::{CREATED, PAID, TERMINAL};
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::recordings::{FAULTY, data_file, replay};
use crate::support::topics::wait_consumed;
use crate::support::{clocks, topics, turns};

const CLEAN: &str = "market-day-4.ndjson.gz";
const ORDERS: i64 = 1_185;
const PAID_ORDERS: i64 = 1_176;
const NOON: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00
const MINUTE: i64 = 60_000;
const PARTITIONS: i32 = 4;
/// So long after the end of a day all its windows are closed, those too that are kept open for an hour, and those of deadlines
/// a day behind it: by the wall clock, which is far ahead, these are over.
const CLOSED: i64 = 26 * 60 * MINUTE;

/// After a day all of whose windows are closed: orders of noon, which are late, then orders in time, in whose windows the
/// gauges contain the late ones, then the close of those, and orders that are half an hour late.
fn send_sequel(kafka: &Kafka, day: &Expected, after: i64) {
    clocks::send_belated_orders(kafka, "L", NOON, after + 10 * MINUTE);
    clocks::send_belated_orders(kafka, "T", after + 30 * MINUTE, after + 30 * MINUTE);
    let closed = after + 30 * MINUTE + CLOSED;
    clocks::advance(kafka, &day.orders, closed);
    clocks::send_belated_orders(kafka, "H", closed - 25 * MINUTE, closed + 5 * MINUTE);
    clocks::advance(kafka, &day.orders, closed + CLOSED);
}

#[track_caller]
fn assert_clean(name: &str, report: &Report, began: Instant) {
    let text = report.to_string();
    let summary = text.lines().next().unwrap_or_default();
    tell(format!("{name}, after {:.0?}: {summary}", began.elapsed()));
    assert!(report.is_clean(), "{name}: {report}");
}

/// Processes a backlog, closes its windows, and goes on with the sequel. Gives the reports of the day and of all.
fn at_full_speed(name: &str, file: &str, adjust: fn(Setup) -> Setup) -> Option<[Report; 2]> {
    let path = data_file(file, "")?;
    let _turn = turns::take();
    let began = Instant::now();
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    replay(&broker, &path);
    let setup = adjust(Setup::new(&broker, "aggregates", state.path()).strict());
    let processor = setup.start_ready();

    let day = expected_of_inputs(&broker, PARTITIONS);
    assert_eq!(day.orders.len(), PARTITIONS as usize);
    assert_eq!(day.batch.total(CREATED), ORDERS);
    let end = day.last_timestamp;
    wait_consumed(&broker, "aggregates", &day.ends, TIMEOUT);
    assert_eq!(batch_of_transitions(&broker).groups(), day.batch.groups());
    clocks::advance(&broker, &day.orders, end + CLOSED);
    let mut listener = Listener::new(&broker);
    let of_day = listener.wait_told(&day.batch, TIMEOUT);
    assert_clean(&format!("{name}, the day"), &of_day, began);

    send_sequel(&broker, &day, end + CLOSED);
    let all = expected_of_inputs(&broker, PARTITIONS).batch;
    assert!(all.total(TERMINAL) > day.batch.total(TERMINAL));
    let report = listener.wait_told(&all, TIMEOUT);
    assert_clean(&format!("{name}, with its sequel"), &report, began);
    assert!(report.late_records > of_day.late_records, "{report}");

    processor.stop();
    let at_end = compare_all(&broker, &all);
    assert_clean(&format!("{name}, at the end"), &at_end, began);
    assert_eq!(at_end.late_records, report.late_records);
    listener.listen();
    assert_each_is_looked_at(&mut listener, &all);
    Some([of_day, at_end])
}

#[test]
fn a_clean_day_at_full_speed_closes_no_window_early() {
    let reports = at_full_speed("clean, full speed", CLEAN, |setup| setup);
    if let Some([day, _]) = reports {
        assert_eq!(day.late_records, 0, "{day}");
    }
}

#[test]
fn a_faulty_day_at_full_speed_is_told_to_the_last_count() {
    at_full_speed("faulty, full speed", FAULTY, Setup::prompt);
}

#[test]
fn ten_kills_in_a_faulty_day_change_no_aggregate() {
    const KILLS: usize = 10;
    const AIMED: [&str; 4] = ["processing", "draining", "committing", "store_batch"];
    let Some(path) = data_file(FAULTY, "") else {
        return;
    };
    let _turn = turns::take();
    let began = Instant::now();
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    replay(&broker, &path);
    let day = expected_of_inputs(&broker, PARTITIONS);
    clocks::advance(&broker, &day.orders, day.last_timestamp + CLOSED);
    send_sequel(&broker, &day, day.last_timestamp + CLOSED);
    let Expected {
        batch: all, ends, ..
    } = expected_of_inputs(&broker, PARTITIONS);

    let setup = Setup::new(&broker, "killed", state.path())
        .strict()
        .prompt()
        .flag("--max-rate", "800");
    let mut ordeal = Ordeal::new(&broker, setup.clone(), &ends, 4);
    ordeal.run(|ordeal| {
        let (phase, _) = ordeal.least_hit(&AIMED)?;
        (ordeal.kills.len() < KILLS).then_some(phase)
    });
    let processor = setup.start_ready();
    let report = Listener::new(&broker).wait_told(&all, TIMEOUT);
    tell(&ordeal);
    assert_clean("faulty, killed", &report, began);
    processor.stop();
    assert_clean(
        "faulty, killed, at the end",
        &compare_all(&broker, &all),
        began,
    );
    ordeal.assert_no_state_was_wiped();
}

/// At 600 times its pace a second of the day passes in less than two milliseconds: without a moment's wait for an empty
/// input, payments would often be taken before their orders.
fn live(setup: Setup) -> Setup {
    setup
        .prompt()
        .setting("application.max_task_idle_ms", "200")
}

/// In the middle of the day: orders of the small hours, whose windows are closed.
fn send_belated_into_live_day(kafka: &Kafka) {
    clocks::send_belated_orders(kafka, "M", NOON - 480 * MINUTE, NOON);
}

/// Everything told against the transitions that the program really made; all orders are among them.
fn assert_told_of_live_day(name: &str, kafka: &Kafka, listener: &mut Listener, began: Instant) {
    let batch = batch_of_transitions(kafka);
    let report = listener.wait_told(&batch, CLOSING);
    assert_clean(name, &report, began);
    assert_eq!(batch.total(CREATED), ORDERS + clocks::BELATED_ORDERS);
    assert!(report.revised_windows > 0, "{report}");
    assert!(report.late_records > 0, "{report}");
}

/// A window, grace and idle distance take 63 seconds.
const CLOSING: Duration = Duration::from_secs(90);

#[test]
fn a_live_day_with_ten_kills_closes_by_the_wall_clock() {
    let Some(path) = data_file(CLEAN, "") else {
        return;
    };
    let _turn = turns::take();
    let began = Instant::now();
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    topics::create_inputs(&broker, PARTITIONS);
    let setup = live(Setup::new(&broker, "live", state.path()).strict());
    let mut processor = setup.start_ready();
    let day = LiveDay::begin(&broker, "live", PARTITIONS, &path, 13_089);
    for kill in 0..10 {
        day.wait_processed(5 + 9 * kill);
        if kill == 7 {
            send_belated_into_live_day(&broker);
        }
        processor.process.kill9().unwrap();
        processor = setup.start_ready();
    }
    day.wait_end();

    // The payments ended long before the deliveries, and at the pace of the wall clock they would need as long to catch
    // up. All clocks stand where the day ended; from there on nothing comes.
    let inputs = expected_of_inputs(&broker, PARTITIONS);
    clocks::advance(&broker, &inputs.orders, inputs.last_timestamp);
    let mut listener = Listener::new(&broker);
    listener.listen();
    assert!(listener.told.open_minutes() > 0);
    let batch = batch_of_transitions(&broker);
    let by_now = listener.wait_told_by_now(&batch, CLOSING);
    assert!(by_now.is_clean_by_now(), "{by_now}");
    assert!(listener.told.open_windows() > 0);
    // What is kept open for an hour would take one.
    clocks::advance(&broker, &inputs.orders, inputs.last_timestamp + CLOSED);
    assert_told_of_live_day("live, killed", &broker, &mut listener, began);
    processor.stop();
    let batch = batch_of_transitions(&broker);
    assert_clean(
        "live, killed, at the end",
        &compare_all(&broker, &batch),
        began,
    );
    assert!(batch.total(PAID) > PAID_ORDERS * 9 / 10);
}

#[test]
fn a_live_faulty_day_is_told_while_its_tasks_move() {
    let Some(path) = data_file(FAULTY, "") else {
        return;
    };
    let _turn = turns::take();
    let began = Instant::now();
    let broker = Broker::start().unwrap();
    let directory = tempfile::tempdir().unwrap();
    topics::create_inputs(&broker, PARTITIONS);
    let instance = |name: &str| {
        live(Setup::new(&broker, "moving", &directory.path().join(name)).strict())
            .flag("--instance-id", name)
            .setting("application.leave_on_stop", "true")
            .setting("application.session_timeout_ms", "6000")
    };
    let (first, second) = (instance("first"), instance("second"));
    let leaver = first.start_ready();
    let day = LiveDay::begin(&broker, "moving", PARTITIONS, &path, 13_251);
    day.wait_processed(15);
    let stayer = second.start_ready();
    day.wait_processed(35);
    // All tasks go to the second, those that merge with them; later some come back, and then all.
    leaver.stop();
    day.wait_processed(65);
    send_belated_into_live_day(&broker);
    let back = first.start_ready();
    day.wait_processed(80);
    stayer.stop();
    day.wait_end();

    let inputs = expected_of_inputs(&broker, PARTITIONS);
    clocks::advance(&broker, &inputs.orders, inputs.last_timestamp + CLOSED);
    let mut listener = Listener::new(&broker);
    assert_told_of_live_day("live, moving", &broker, &mut listener, began);
    back.stop();
    let batch = batch_of_transitions(&broker);
    assert_clean(
        "live, moving, at the end",
        &compare_all(&broker, &batch),
        began,
    );
}
