//! Partitions are given up within `revocation_timeout`, however slow the brokers are, and nothing is lost or doubled by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use topology::ErrorClass;
use topology::codec::Utf8;
use topology::graph::{BuiltTopology, Topology};
use topology::io::memory::{Fault, OperationKind};
use topology::io::{GroupProtocol, Headers};
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};
use topology::time::Clock;

const BUDGET: Duration = Duration::from_secs(4);
const PARTITIONS: i32 = 4;
/// What a call takes that fails in the end.
const CALL: Duration = Duration::from_millis(20);
/// One more call may be under way when the time is over, in each step.
const SLACK: Duration = Duration::from_millis(200);

fn copy() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &["lines"], || Utf8, || Utf8);
    topology.add_sink("out", "copies", || Utf8, || Utf8, &["in"]);
    topology.build().unwrap()
}

fn append(driver: &TestDriver, from: usize, to: usize) {
    for number in from..to {
        let value = number.to_string();
        let key = Some(value.as_bytes());
        driver
            .log()
            .append(
                "lines",
                None,
                key,
                key,
                1_577_836_800_000,
                Headers::default(),
            )
            .unwrap();
    }
}

/// Turns until all is processed and committed, longer than a session.
fn settle(driver: &TestDriver, instances: &mut [&mut TestInstance]) {
    let mut quiet = 0;
    for _ in 0..5_000 {
        for instance in &mut *instances {
            instance.turn().unwrap();
        }
        driver.clock().advance(Duration::from_millis(100));
        let done = instances.iter().all(|it| it.has_processed_everything());
        quiet = if done { quiet + 1 } else { 0 };
        if quiet > 120 && driver.log().open_transactions().is_empty() {
            return;
        }
    }
    panic!("no rest");
}

/// Two instances; the brokers answer these calls of the first one with errors from the moment the second one joins.
fn give_up_while(slow: &'static [OperationKind], protocol: GroupProtocol) {
    let mut config = TestDriverConfig::new("slow").partitions(PARTITIONS);
    config.streams.group_protocol = protocol;
    config.streams.revocation_timeout = BUDGET;
    config.streams.session_timeout = Duration::from_secs(10);
    config.streams.leave_on_stop = true;
    let mut driver = TestDriver::new(copy(), config).unwrap();
    driver.close().unwrap();
    let mut first = driver.instance("a").unwrap();
    append(&driver, 0, 40);
    settle(&driver, &mut [&mut first]);

    let is_slow = Arc::new(AtomicBool::new(false));
    let given_up = Arc::new(AtomicBool::new(false));
    let (slows, gives_up) = (Arc::clone(&is_slow), Arc::clone(&given_up));
    let clock = Arc::clone(driver.clock());
    driver.log().on_operation(Box::new(move |operation| {
        let of_first =
            operation.client_id.contains("a-StreamThread") || operation.client_id.starts_with("a-");
        if of_first && operation.kind == OperationKind::Unassign {
            gives_up.store(true, Ordering::SeqCst);
        }
        let fails = of_first && slow.contains(&operation.kind) && slows.load(Ordering::SeqCst);
        fails.then(|| {
            clock.advance(CALL);
            Fault::Fail(ErrorClass::Retriable)
        })
    }));
    // Something is to be committed when the partitions are asked for.
    append(&driver, 40, 60);
    first.turn().unwrap();
    // Time stands still, so this turn commits nothing.
    append(&driver, 60, 80);
    first.turn().unwrap();
    is_slow.store(true, Ordering::SeqCst);
    let mut second = driver.instance("b").unwrap();
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        second.turn().unwrap();
        let before = driver.clock().monotonic();
        first.turn().unwrap();
        if given_up.load(Ordering::SeqCst) {
            longest = driver.clock().monotonic() - before;
            break;
        }
    }
    assert!(given_up.load(Ordering::SeqCst), "never given up");
    assert!(longest >= BUDGET / 4, "{slow:?} was not waited for");
    assert!(longest <= BUDGET + SLACK, "{slow:?}: {longest:?}");
    is_slow.store(false, Ordering::SeqCst);
    settle(&driver, &mut [&mut first, &mut second]);

    let read = |partition| driver.log().records("copies", partition, true).unwrap();
    let mut copies: Vec<usize> = (0..PARTITIONS)
        .flat_map(read)
        .map(|record| String::from_utf8(record.value.unwrap()).unwrap())
        .map(|value| value.parse().unwrap())
        .collect();
    copies.sort_unstable();
    assert_eq!(
        copies,
        (0..80).collect::<Vec<_>>(),
        "{slow:?}, {protocol:?}"
    );
}

#[test]
fn partitions_are_given_up_in_time_while_offsets_are_not_taken() {
    const SLOW: &[OperationKind] = &[OperationKind::SendOffsets];
    give_up_while(SLOW, GroupProtocol::Classic);
    give_up_while(SLOW, GroupProtocol::Consumer);
}

#[test]
fn partitions_are_given_up_in_time_while_commits_are_not_answered() {
    const SLOW: &[OperationKind] = &[OperationKind::CommitTransaction];
    give_up_while(SLOW, GroupProtocol::Classic);
    give_up_while(SLOW, GroupProtocol::Consumer);
}

#[test]
fn partitions_are_given_up_in_time_while_nothing_can_be_aborted_either() {
    const SLOW: &[OperationKind] = &[
        OperationKind::SendOffsets,
        OperationKind::CommitTransaction,
        OperationKind::AbortTransaction,
    ];
    give_up_while(SLOW, GroupProtocol::Classic);
    give_up_while(SLOW, GroupProtocol::Consumer);
}
