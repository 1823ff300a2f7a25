use super::super::backend::BatchWriter;
use super::super::memory::MemoryBackend;
use super::*;
use TimerClock::{StreamTime, WallClock};
use proptest::prelude::*;

const FAMILY: FamilyIndex = FamilyIndex(0);

fn timer(clock: TimerClock, deadline_ms: i64, key: &[u8]) -> Timer<'_> {
    Timer {
        clock,
        deadline_ms,
        node: 3,
        kind: 1,
        key,
    }
}

fn commit(timers: &mut Timers, backend: &MemoryBackend) {
    let written = backend.write(0, &mut |batch: &mut dyn BatchWriter| {
        for (row, value) in timers.overlay.changes() {
            batch.apply(FAMILY, row, value);
        }
    });
    assert!(written.is_ok());
    timers.committed();
}

fn take(
    timers: &mut Timers,
    backend: &MemoryBackend,
    clock: TimerClock,
    now: i64,
    max: usize,
) -> Vec<i64> {
    let mut due = TimerBatch::default();
    timers
        .take_due(clock, now, max, &mut due, backend, FAMILY)
        .expect("take due");
    due.iter().map(|timer| timer.deadline_ms).collect()
}

fn next(timers: &mut Timers, backend: &MemoryBackend, clock: TimerClock) -> Option<i64> {
    timers
        .next_deadline(clock, backend, FAMILY)
        .expect("next deadline")
}

#[test]
fn due_timers_come_in_order_from_overlay_and_committed_rows() {
    let (mut timers, backend) = (Timers::new(), MemoryBackend::new(1));
    for deadline in [50, -10, 30] {
        timers.set(&timer(WallClock, deadline, b"k"));
    }
    timers.set(&timer(StreamTime, 1, b"k"));
    commit(&mut timers, &backend);
    timers.set(&timer(WallClock, 40, b"k"));
    timers.set(&timer(WallClock, -20, b"k"));
    timers.cancel(&timer(WallClock, 30, b"k"));
    assert_eq!(next(&mut timers, &backend, WallClock), Some(-20));
    assert_eq!(take(&mut timers, &backend, WallClock, 40, 2), [-20, -10]);
    assert_eq!(take(&mut timers, &backend, WallClock, 40, 2), [40]);
    assert_eq!(take(&mut timers, &backend, WallClock, 40, 2), [0; 0]);
    assert_eq!(next(&mut timers, &backend, WallClock), Some(50));
    assert_eq!(next(&mut timers, &backend, StreamTime), Some(1));
}

#[test]
fn rollback_and_abort_bring_taken_timers_back() {
    let (mut timers, backend) = (Timers::new(), MemoryBackend::new(1));
    timers.set(&timer(WallClock, 10, b"k"));
    commit(&mut timers, &backend);
    timers.mark();
    assert_eq!(take(&mut timers, &backend, WallClock, 10, 9), [10]);
    timers.set(&timer(WallClock, 5, b"k"));
    timers.rollback();
    assert_eq!(next(&mut timers, &backend, WallClock), Some(10));
    assert_eq!(take(&mut timers, &backend, WallClock, 10, 9), [10]);
    timers.abort();
    assert_eq!(take(&mut timers, &backend, WallClock, 10, 9), [10]);
}

proptest! {
    #[test]
    fn the_order_of_rows_is_the_order_of_timers(
        a in (any::<i64>(), any::<u16>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..4)),
        b in (any::<i64>(), any::<u16>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..4)),
    ) {
        let one = Timer { clock: WallClock, deadline_ms: a.0, node: a.1, kind: a.2, key: &a.3 };
        let two = Timer { clock: WallClock, deadline_ms: b.0, node: b.1, kind: b.2, key: &b.3 };
        let (mut row_one, mut row_two) = (Vec::new(), Vec::new());
        one.encode(&mut row_one);
        two.encode(&mut row_two);
        prop_assert_eq!(one.cmp(&two), row_one.cmp(&row_two));
        prop_assert_eq!(Timer::decode(&row_one), Some(one));
    }

    #[test]
    fn timers_equal_a_sorted_set(steps in proptest::collection::vec((0..5_u8, -20_i64..20), 1..60)) {
        let (mut timers, backend) = (Timers::new(), MemoryBackend::new(1));
        let mut model = std::collections::BTreeSet::new();
        for (step, deadline) in steps {
            match step {
                0 | 1 => {
                    timers.set(&timer(StreamTime, deadline, b"k"));
                    model.insert(deadline);
                }
                2 => {
                    timers.cancel(&timer(StreamTime, deadline, b"k"));
                    model.remove(&deadline);
                }
                3 => commit(&mut timers, &backend),
                _ => {
                    let expected: Vec<i64> = model.range(..=deadline).copied().take(3).collect();
                    model.retain(|deadline| !expected.contains(deadline));
                    prop_assert_eq!(take(&mut timers, &backend, StreamTime, deadline, 3), expected);
                }
            }
            prop_assert_eq!(next(&mut timers, &backend, StreamTime), model.first().copied());
        }
    }
}

#[test]
fn the_bytes_of_a_timer_are_pinned() {
    let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "timer-1.hex");
    let mut row = Vec::new();
    for (name, clock, deadline_ms) in [
        ("wall-clock", TimerClock::WallClock, 1_763_539_200_000),
        ("stream-time", TimerClock::StreamTime, -1),
    ] {
        let timer = Timer {
            clock,
            deadline_ms,
            node: 0xBEEF,
            kind: 2,
            key: b"B1",
        };
        timer.encode(&mut row);
        pinned.assert_written(name, &row);
        assert_eq!(Timer::decode(pinned.bytes(name)), Some(timer));
    }
}
