//! Row 9: rebalances in the middle of batches and restores.

use std::time::Duration;

use crate::simulation::{job, verify, world};

#[test]
fn row_9_an_instance_that_joins_and_leaves_in_mid_batch_costs_nothing() {
    for on_disk in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = job::config();
        config.streams.poll_records = 3;
        if on_disk {
            config = config.state_dir(dir.path());
        }
        world::begin(config);
        world::start("b");
        for round in 0..12 {
            world::append(60);
            for turn in 0..4 {
                world::turn("b").unwrap();
                if turn == 1 {
                    world::start("a");
                }
                world::turn("a").unwrap();
                world::advance(Duration::from_millis(30));
            }
            match round % 3 {
                0 => world::take("a").unwrap().close().unwrap(),
                1 => drop(world::take("a")),
                _ => {
                    world::settle(&["a", "b"]);
                    world::take("a").unwrap().close().unwrap();
                }
            }
        }
        world::settle(&["b"]);
        verify::verify();
        world::end();
    }
}

#[test]
fn a_rebalance_in_the_middle_of_a_restore_begins_it_again() {
    world::begin(job::config());
    world::start("b");
    world::append(200);
    world::settle(&["b"]);
    world::take("b").unwrap().close().unwrap();
    // Restores hang while the changelog brings nothing.
    let stalled = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let hook = std::sync::Arc::clone(&stalled);
    world::log().on_operation(Box::new(move |operation| {
        let restores = operation.client_id.contains("restore");
        let fetches = operation.kind == topology::io::memory::OperationKind::Fetch;
        let fault = topology::io::memory::Fault::Fail(topology::ErrorClass::Retriable);
        (restores && fetches && hook.load(std::sync::atomic::Ordering::SeqCst)).then_some(fault)
    }));
    world::start("b");
    for _ in 0..5 {
        world::turn("b").unwrap();
    }
    world::start("c");
    for _ in 0..5 {
        world::turn("c").unwrap();
        world::turn("b").unwrap();
    }
    stalled.store(false, std::sync::atomic::Ordering::SeqCst);
    world::append(20);
    world::settle(&["b", "c"]);
    verify::verify();
    world::end();
}

#[test]
fn a_task_may_move_between_two_threads_of_a_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = job::config().state_dir(dir.path());
    config.streams.num_stream_threads = 2;
    world::begin(config);
    world::start_threads("m", &["m-0", "m-1"]);
    world::append(60);
    world::settle(&["m-0", "m-1"]);
    // Sorted before the others, it takes the first task, and theirs move on by one.
    world::start("a");
    world::append(60);
    world::settle(&["a", "m-0", "m-1"]);
    world::take("a").unwrap().close().unwrap();
    world::append(60);
    world::settle(&["m-0", "m-1"]);
    verify::verify();
    world::end();
}
