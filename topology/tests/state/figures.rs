//! Figures of the state's record path. Run with
//! `cargo test --release -p topology --test state figures -- --ignored --nocapture`.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::time::{Duration, Instant};

use topology::store::{
    StateConfig, StateDirectory, StoreId, StoreSpec, TaskState, Timer, TimerBatch, TimerClock,
};
use topology::task::TaskId;

const ORDERS: StoreId = StoreId(0);
const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 0,
};
const ROWS: u64 = 1_000_000;
const OPERATIONS: u64 = 200_000;
const COMMIT: u64 = 10_000;
const VALUE: [u8; 200] = [7; 200];

fn key(number: u64) -> [u8; 8] {
    // Spread, so that neighbours in time are not neighbours in the table.
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()
}

fn open(directory: &Arc<StateDirectory>) -> TaskState {
    TaskState::open(directory, TASK, &[StoreSpec::persistent("orders")]).expect("state")
}

fn report(what: &str, operations: u64, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    let elapsed = start.elapsed();
    let each = elapsed.as_nanos() as f64 / operations as f64;
    println!(
        "{what:<52} {each:>10.0} ns each, {:>8.2} ms in all",
        elapsed.as_secs_f64() * 1e3
    );
}

/// A million rows in batches as they are fetched.
fn restore_rows(state: &mut TaskState, key: &impl Fn(u64) -> [u8; 8]) {
    for batch in 0..ROWS / COMMIT {
        let keys: Vec<[u8; 8]> = (batch * COMMIT..(batch + 1) * COMMIT).map(key).collect();
        let mut records = keys
            .iter()
            .map(|key| (key.as_slice(), Some(VALUE.as_slice())));
        state
            .restore(ORDERS, &mut records, ((batch + 1) * COMMIT) as i64)
            .expect("restore");
        state
            .maybe_flush(Duration::from_millis(batch))
            .expect("flush");
    }
}

/// The same with the flush at the end.
fn restore_a_million(what: &str, by_files: bool, key: impl Fn(u64) -> [u8; 8]) {
    let root = tempfile::tempdir().expect("directory");
    let directory = StateDirectory::open(root.path(), StateConfig::default()).expect("directory");
    let mut state = open(&directory);
    report(what, ROWS, || {
        if by_files {
            state.begin_ingest(ORDERS).expect("begin");
        }
        restore_rows(&mut state, &key);
        state.end_ingest(ORDERS).expect("end");
        state.flush().expect("flush");
    });
}

#[test]
#[ignore = "prints figures, checks nothing"]
fn restores_row_by_row_and_by_files() {
    for _ in 0..3 {
        restore_a_million("row by row, keys spread", false, key);
        restore_a_million("by files, keys spread", true, key);
        restore_a_million("row by row, keys ascending", false, u64::to_be_bytes);
        restore_a_million("by files, keys ascending", true, u64::to_be_bytes);
    }
}

#[test]
#[ignore = "prints figures, checks nothing"]
fn figures() {
    let root = tempfile::tempdir().expect("directory");
    let directory = StateDirectory::open(root.path(), StateConfig::default()).expect("directory");
    let mut state = open(&directory);
    let value = VALUE;
    report(
        "restore, 1 M rows of 200 B in batches of 10 000",
        ROWS,
        || restore_rows(&mut state, &key),
    );
    report("close (flush)", 1, || state.close().expect("close"));
    let mut opened = None;
    report("open, 1 M rows", 1, || opened = Some(open(&directory)));
    let mut state = opened.expect("state");

    report("get, first time (RocksDB)", COMMIT, || {
        for number in 0..COMMIT {
            assert!(state.get(ORDERS, &key(number * 97)).expect("get").is_some());
        }
    });
    report("get, cached", OPERATIONS, || {
        for number in 0..OPERATIONS {
            assert!(
                state
                    .get(ORDERS, &key((number % COMMIT) * 97))
                    .expect("get")
                    .is_some()
            );
        }
    });
    report("get, absent, first time (bloom filter)", COMMIT, || {
        for number in 0..COMMIT {
            assert!(
                state
                    .get(ORDERS, &key(ROWS + number))
                    .expect("get")
                    .is_none()
            );
        }
    });
    let keys: Vec<[u8; 8]> = (0..COMMIT).map(|number| key(number * 89 + 13)).collect();
    report("prefetch, batches of 500 (RocksDB)", COMMIT, || {
        for batch in keys.chunks(500) {
            state
                .prefetch(ORDERS, &mut batch.iter().map(<[u8; 8]>::as_slice))
                .expect("prefetch");
        }
    });

    let mut offset = ROWS as i64;
    for round in 0..3 {
        report("mark + put, 10 000 keys", COMMIT, || {
            for number in 0..COMMIT {
                state.mark();
                state.put(ORDERS, &key(number), &value).expect("put");
            }
        });
        report(
            "mark + get + put + put again, 10 000 dirty keys",
            COMMIT,
            || {
                for number in 0..COMMIT {
                    state.mark();
                    state.get(ORDERS, &key(number)).expect("get");
                    state.put(ORDERS, &key(number), &value).expect("put");
                    state.put(ORDERS, &key(number), &value).expect("put");
                }
            },
        );
        let mut bytes = 0;
        report("changelog of 10 000 dirty keys", COMMIT, || {
            state
                .changelog(&mut |_, key, value| {
                    bytes += key.len() + value.map_or(0, <[u8]>::len);
                    Ok(())
                })
                .expect("changelog");
        });
        assert!(bytes > 0);
        offset += COMMIT as i64;
        report("commit of 10 000 dirty keys", COMMIT, || {
            state.commit(&[(ORDERS, offset)]).expect("commit");
        });
        report("begin flush", 1, || {
            state
                .maybe_flush(Duration::from_secs(100 + round * 100))
                .expect("flush");
        });
    }

    report("mark + set timer + cancel timer", COMMIT, || {
        for number in 0..COMMIT {
            state.mark();
            let key = key(number);
            let timer = |deadline_ms| Timer {
                clock: TimerClock::WallClock,
                deadline_ms,
                node: 1,
                kind: 0,
                key: &key,
            };
            state.set_timer(&timer(number as i64));
            state.cancel_timer(&timer(number as i64 - 1));
        }
    });
    state.commit(&[(ORDERS, offset + 1)]).expect("commit");
    report("next deadline, known", OPERATIONS, || {
        for _ in 0..OPERATIONS {
            state.next_deadline(TimerClock::WallClock).expect("next");
        }
    });
    let mut due = TimerBatch::default();
    report("take due, batches of 100", COMMIT, || {
        let mut taken = 0;
        while taken < COMMIT as usize {
            state.mark();
            state
                .take_due(TimerClock::WallClock, i64::MAX - 1, 100, &mut due)
                .expect("take");
            taken += due.len();
        }
    });
    report("range of 10 rows, with 1 000 dirty keys", 1_000, || {
        for number in 0..1_000 {
            state.put(ORDERS, &key(number), &value).expect("put");
            let mut rows = 0;
            state
                .range(
                    ORDERS,
                    Bound::Included(&key(number)),
                    Bound::Unbounded,
                    &mut |_, _| {
                        rows += 1;
                        if rows < 10 {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    },
                )
                .expect("range");
        }
    });
    report("range of 10 rows, the same ones again", 1_000, || {
        for _ in 0..1_000 {
            let mut rows = 0;
            state
                .range(
                    ORDERS,
                    Bound::Included(&key(7)),
                    Bound::Unbounded,
                    &mut |_, _| {
                        rows += 1;
                        if rows < 10 {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    },
                )
                .expect("range");
        }
    });
    println!("{:?}", state.statistics());
    println!("{:?}", directory.statistics());
}
