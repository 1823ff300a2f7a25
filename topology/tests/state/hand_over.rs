//! A task that another thread of the process still closes.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use topology::store::SetAsideReason;

use crate::state::support::*;

#[test]
fn a_task_is_opened_once_the_thread_that_has_it_closes_it() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    let mut changelog = Changelog::default();
    state.put(ORDERS, b"order-1", b"created").expect("put");
    changelog.commit(&mut state);
    let closing = Duration::from_millis(300);
    let began = Instant::now();
    let others = Arc::clone(&directory);
    let other = thread::spawn(move || {
        let mut state = open(&others);
        let value = state.get(ORDERS, b"order-1").expect("get");
        (value.map(<[u8]>::to_vec), began.elapsed())
    });
    // It takes its time to close; that it does not hurry is what is tested.
    thread::sleep(closing);
    state.close().expect("close");
    let (value, waited) = other.join().expect("the other thread");
    assert_eq!(value.as_deref(), Some(b"created".as_slice()));
    assert!(waited >= closing, "it was open twice");
    assert_eq!(directory.set_aside_count(SetAsideReason::Corrupt), 0);
}
