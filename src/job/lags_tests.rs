//! How far behind events come is counted once of each that arrives, and of no replay.

use topology::io::HeaderBuffer;

use super::counters;
use super::lags::Lag;
use super::parking_tests::{Desk, desk};
use crate::domain::judge::JudgingPolicy;
use crate::domain::tests::fixture::{accepted, ev};

/// The events in each bucket of a lag, and the milliseconds of all.
fn counted(desk: &Desk, lag: Lag) -> (Vec<u64>, u64) {
    let counts = desk.driver.counters();
    let [(_, _, lateness), (_, _, relay)] = Lag::ALL;
    let places = match lag {
        Lag::Lateness => lateness.names().count(),
        Lag::OutboxRelay => relay.names().count(),
    };
    let buckets = (0..places).map(|place| counts[counters::lag(lag, place)]);
    (buckets.collect(), counts[counters::lag_sum(lag)])
}

#[test]
fn lags_are_counted_once_of_each_event_that_arrives() {
    let mut desk = desk(JudgingPolicy::default());
    let events = accepted();
    desk.send("B1", &events[0].clone().at(0.0).recorded(10.0));
    desk.send("B1", &events[1].clone().at(0.0).recorded(10.001));
    // Its clock is ahead.
    let ahead = ev("order.note_added", "CS", 2).at(13.0).recorded(11.0);
    desk.send("B1", &ahead);
    desk.send(
        "B1",
        &ev("order.note_added", "CS", 3).at(0.0).recorded(130.0),
    );
    assert_eq!(
        counted(&desk, Lag::Lateness),
        (vec![2, 1, 1], 10_000 + 10_001 + 130_000)
    );
    // The fixture's records are as old as what recorded them says.
    assert_eq!(counted(&desk, Lag::OutboxRelay), (vec![4, 0, 0, 0], 0));
}

#[test]
fn what_was_parked_is_counted_when_it_arrives_and_not_again() {
    let mut desk = desk(JudgingPolicy::default());
    let events = accepted();
    desk.send("B1", &events[2].clone().at(0.0).recorded(1.0));
    assert_eq!(counted(&desk, Lag::Lateness).0, [1, 0, 0]);
    desk.send("B1", &events[0].clone().at(0.0).recorded(2.0));
    desk.send("B1", &events[1].clone().at(0.0).recorded(3.0));
    desk.wait(1);
    assert_eq!(counted(&desk, Lag::Lateness), (vec![3, 0, 0], 6_000));
}

#[test]
fn a_replay_is_late_on_purpose() {
    let mut desk = desk(JudgingPolicy::default());
    let mut headers = HeaderBuffer::default();
    headers.push("x-replay", Some(b"true"));
    let event = accepted()[0].clone().at(0.0).recorded(3_600.0);
    desk.send_with("B1", &event, headers.view());
    assert_eq!(counted(&desk, Lag::Lateness), (vec![0, 0, 0], 0));
}
