//! A directory that a program of version 1 left is read as it was written.

use std::fs;
use std::path::{Path, PathBuf};

use topology::store::TaskState;

use crate::state::support::*;

/// The files of a database that was closed in order.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state-1")
}

fn build(state: &mut TaskState) {
    state.put(ORDERS, b"order-1", b"created").expect("put");
    state.put(RIDERS, b"order-1", &[7]).expect("put");
    state.set_timer(&order_timer(1_001, b"order-1"));
    state.set_own(b"stream time", &[1, 2, 3]);
    state.commit(&[(ORDERS, 4), (RIDERS, 2)]).expect("commit");
}

#[test]
fn a_directory_of_version_1_is_read() {
    let root = tempfile::tempdir().expect("directory");
    let task = root.path().join(TASK.to_string());
    fs::create_dir(&task).expect("task's directory");
    for entry in fs::read_dir(fixture()).expect("fixture") {
        let entry = entry.expect("entry");
        fs::copy(entry.path(), task.join(entry.file_name())).expect("copy");
    }
    let state = open(&directory(root.path()));
    assert!(state.set_aside_at_open().is_none());
    assert_eq!(state.changelog_position(ORDERS), Some(4));
    assert_eq!(state.changelog_position(RIDERS), Some(2));
    let row =
        |family: &str, key: &[u8], value: &[u8]| (family.to_owned(), key.to_vec(), value.to_vec());
    let timer = [
        &[2, 1, 0x80, 0, 0, 0, 0, 0, 3, 0xE9, 0, 1, 0][..],
        b"order-1",
    ]
    .concat();
    let expected = [
        row("orders", b"order-1", b"created"),
        row("riders", b"order-1", &[7]),
        row("_task", b"\x01stream time", &[1, 2, 3]),
        row("_task", &timer, b""),
    ];
    assert_eq!(dump(&state), expected);

    // What is written today is the same, row for row.
    let today = tempfile::tempdir().expect("directory");
    let mut written = open(&directory(today.path()));
    build(&mut written);
    assert_eq!(
        dump(&written),
        expected,
        "raise the version (docs/formats.md), and keep the old fixture and its reading"
    );
}
