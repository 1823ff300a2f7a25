//! What one event costs in each step, by itself: `make bench-steps`.
//!
//! A quiet machine tells times; how many instructions a step takes is steadier:
//! `valgrind --tool=callgrind target/production/deps/steps-… --bench --profile-time 1 <step>`.

#![expect(clippy::panic, reason = "measures; a panic ends it")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jumun::domain::aggregates::{DeltaBuffer, count};
use jumun::domain::decode::decode;
use jumun::domain::event::OrderEvent;
use jumun::domain::judge::{JudgingPolicy, judge};
use jumun::domain::judgement::{Judgement, RecordContext};
use jumun::domain::order::Order;
use jumun::domain::{order_codec, records};
use jumun::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit};
use topology::codec::Utf8;
use topology::dsl::{Consumed, Grouped, StreamsBuilder};
use topology::io::Headers;
use topology::store::{StateConfig, StateDirectory, StoreId, StoreSpec, TaskState};
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::window::TimeWindows;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Friday 2026-11-20, noon in Seoul.
const NOON: u64 = 1_795_143_600_000;
const ORDERS: u64 = 3_000;
/// Events before those that are measured: by then orders are in all stages of their lives.
const BEFORE: usize = 8_000;
const MEASURED: usize = 4_000;

/// An event at its order, before and after.
struct Case {
    payload: Vec<u8>,
    event: OrderEvent,
    context: RecordContext,
    before: Order,
    after: Order,
    row: Vec<u8>,
    judgement: Judgement,
}

fn cases() -> Vec<Case> {
    let mut generator = Generator::new(GeneratorConfig {
        limit: Limit::Orders(ORDERS),
        ..GeneratorConfig::new(7, NOON)
    });
    let (mut generated, policy) = (GeneratedEvent::default(), JudgingPolicy::default());
    let (mut orders, mut cases) = (HashMap::<String, Order>::new(), Vec::new());
    for number in 0..BEFORE + MEASURED {
        assert!(generator.next_into(&mut generated), "too few events");
        let mut event = OrderEvent::default();
        assert!(decode(Some(&generated.value), &mut event).is_ok());
        let order = orders.entry(event.order_no().to_owned()).or_default();
        let at = generated.timestamp.cast_signed();
        let context = RecordContext {
            timestamp: at,
            wall_clock: at,
            parking_clock: at,
            ..RecordContext::default()
        };
        let before = order.clone();
        let judgement = judge(order, &event, &context, &policy);
        if number >= BEFORE {
            let mut row = Vec::new();
            order_codec::encode(&before, &mut row);
            cases.push(Case {
                payload: generated.value.clone(),
                event,
                context,
                before,
                after: order.clone(),
                row,
                judgement,
            });
        }
    }
    cases
}

/// The steps of the domain.
fn domain(criterion: &mut Criterion) {
    let (cases, policy) = (cases(), JudgingPolicy::default());
    let mut group = criterion.benchmark_group("domain");
    group.throughput(Throughput::Elements(MEASURED as u64));
    let mut event = OrderEvent::default();
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for case in &cases {
                let _ = black_box(decode(Some(&case.payload), &mut event));
            }
        });
    });
    let mut order = Order::default();
    group.bench_function("read_row", |bencher| {
        bencher.iter(|| {
            for case in cases.iter().filter(|case| !case.before.is_empty()) {
                let _ = black_box(order_codec::decode(&case.row, &mut order));
            }
        });
    });
    group.bench_function("judge", |bencher| {
        let orders = || cases.iter().map(|case| case.before.clone()).collect();
        let judge_all = |orders: &mut Vec<Order>| {
            for (case, order) in cases.iter().zip(orders) {
                black_box(judge(order, &case.event, &case.context, &policy));
            }
        };
        bencher.iter_batched_ref(orders, judge_all, BatchSize::LargeInput);
    });
    let mut out = Vec::new();
    let mut encode = |name: &str, write: fn(&mut Vec<u8>, &Case)| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for case in &cases {
                    out.clear();
                    write(&mut out, case);
                    black_box(&out);
                }
            });
        });
    };
    encode("write_row", |out, case| {
        order_codec::encode(&case.after, out);
    });
    encode("write_transition", |out, case| {
        records::write_transition(out, &case.after, &case.event, &case.judgement, false);
    });
    encode("write_state", |out, case| {
        records::write_state(out, case.event.order_no(), &case.after);
    });
    let mut deltas = DeltaBuffer::default();
    group.bench_function("count", |bencher| {
        bencher.iter(|| {
            for case in &cases {
                deltas.clear();
                count(&case.after, &case.event, &case.judgement, &mut deltas);
                black_box(&deltas);
            }
        });
    });
    group.finish();
}

/// The overlay of a store whose keys are all known to it, and a commit of as many changes.
fn overlay(criterion: &mut Criterion) {
    const KEYS: usize = 10_000;
    let directory = StateDirectory::in_memory(StateConfig::default());
    let (task, store) = (
        TaskId {
            subtopology: 0,
            partition: 0,
        },
        StoreId(0),
    );
    let opened = TaskState::open(&directory, task, &[StoreSpec::persistent("orders")]);
    let mut state = opened.unwrap_or_else(|error| panic!("{error}"));
    let keys: Vec<String> = (0..KEYS).map(|key| format!("B2XJ{key:06}")).collect();
    let row = [7; 340];
    let mut group = criterion.benchmark_group("overlay");
    group.throughput(Throughput::Elements(KEYS as u64));
    group.bench_function("read_and_write", |bencher| {
        bencher.iter(|| {
            for key in &keys {
                state.mark();
                assert!(black_box(state.get(store, key.as_bytes())).is_ok());
                assert!(state.put(store, key.as_bytes(), &row).is_ok());
            }
        });
    });
    group.bench_function("changelog_and_commit", |bencher| {
        bencher.iter(|| {
            for key in &keys {
                assert!(state.put(store, key.as_bytes(), &row).is_ok());
            }
            let told = state.changelog(&mut |_, key, value| {
                black_box((key, value));
                Ok(())
            });
            assert!(told.is_ok() && state.commit(&[(store, 1)]).is_ok());
        });
    });
    group.finish();
}

/// A record through the engine in memory, and through a windowed count besides: the difference is the count's.
fn windows(criterion: &mut Criterion) {
    const RECORDS: i64 = 10_000;
    let mut group = criterion.benchmark_group("engine");
    // The log in memory keeps every record.
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(RECORDS.unsigned_abs()));
    for (name, counts) in [("pass", false), ("windowed_count", true)] {
        let builder = StreamsBuilder::new();
        let visits = builder.stream("visits", Consumed::with(Utf8, Utf8));
        if counts {
            let grouped = visits.group_by_key(Grouped::with(Utf8, Utf8));
            let minutes = TimeWindows::of_size(Duration::from_secs(60));
            let counted = grouped.windowed_by(minutes).count("counts");
            let _ = counted.peek(|key, count| {
                black_box((key, count));
            });
        } else {
            let _ = visits.peek(|key, value| {
                black_box((key, value));
            });
        }
        let built = builder.build().unwrap_or_else(|error| panic!("{error}"));
        let driver = TestDriver::new(built, TestDriverConfig::new("steps").partitions(1));
        let mut driver = driver.unwrap_or_else(|error| panic!("{error}"));
        let mut at = NOON.cast_signed();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for number in 0..RECORDS {
                    at += 10;
                    let key = format!("{}", number % 100);
                    let (key, value) = (Some(key.as_bytes()), Some(b"visit".as_slice()));
                    let headers = Headers::default();
                    let appended = driver.log().append("visits", None, key, value, at, headers);
                    assert!(appended.is_ok());
                }
                assert!(driver.run_until_idle().is_ok() && driver.commit().is_ok());
            });
        });
    }
    group.finish();
}

criterion_group!(steps, domain, overlay, windows);
criterion_main!(steps);
