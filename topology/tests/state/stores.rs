//! Stores that come, go or change places.

use topology::store::{
    ChangedTopology, StateConfig, StateDirectory, StoreId, StoreSpec, TaskState,
};

use crate::state::support::*;

#[test]
fn removed_stores_are_refused_by_name_or_dropped() {
    let root = tempfile::tempdir().expect("directory");
    let mut changelog = Changelog::default();
    {
        let directory = directory(root.path());
        let mut state = open(&directory);
        fill(&mut state, &mut changelog);
        state.close().expect("close");
        let error =
            TaskState::open(&directory, TASK, &stores()[..1]).expect_err("riders is unknown");
        assert!(
            error.to_string().contains("does not have: riders"),
            "{error}"
        );
    }
    let config = StateConfig {
        changed_topology: ChangedTopology::Migrate,
        ..StateConfig::default()
    };
    let directory = StateDirectory::open(root.path(), config).expect("state directory");
    let state = TaskState::open(&directory, TASK, &stores()[..1]).expect("riders dropped");
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(changelog.end(ORDERS))
    );
    assert!(dump(&state).iter().all(|(family, _, _)| family != "riders"));
    // Crashes right after dropping and right after creating the store anew must not bring back
    // the position of the rows that are gone.
    drop(state);
    drop(open(&directory));
    let mut state = open(&directory);
    assert_eq!(state.changelog_position(RIDERS), None);
    changelog.restore(&mut state);
    assert!(dump(&state).iter().any(|(family, _, _)| family == "riders"));
}

#[test]
fn an_added_store_begins_empty_and_keeps_the_others() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    let mut changelog = Changelog::default();
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    state.close().expect("close");
    let [orders, riders] = stores();
    let specs = [orders, riders, StoreSpec::persistent("added")];
    let state = TaskState::open(&directory, TASK, &specs).expect("state");
    assert_eq!(dump(&state), before);
    assert_eq!(state.changelog_position(StoreId(2)), None);
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(changelog.end(ORDERS))
    );
}

#[test]
fn the_tasks_own_rows_do_not_silently_change_their_changelog() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    state.close().expect("close");
    let [orders, riders] = stores();
    let error =
        TaskState::open(&directory, TASK, &[riders.clone(), orders.clone()]).expect_err("carrier");
    assert!(
        error.to_string().contains("declare orders as the first"),
        "{error}"
    );

    let nowhere = StateDirectory::in_memory(StateConfig::default());
    let mut state = TaskState::open(&nowhere, TASK, &[riders, orders]).expect("state");
    let records = changelog.0.get(&ORDERS).expect("records");
    let mut records = records
        .iter()
        .map(|(key, value)| (key.as_slice(), value.as_deref()));
    let error = state
        .restore(StoreId(1), &mut records, 9)
        .expect_err("not the carrier");
    assert!(
        error
            .to_string()
            .contains("belong to another store's changelog"),
        "{error}"
    );
}

#[test]
fn reserved_names_and_doubles_are_refused() {
    let nowhere = StateDirectory::in_memory(StateConfig::default());
    for names in [["_task", "a"], ["a", "a"], ["a", "default"]] {
        let specs = names.map(StoreSpec::persistent);
        let error = TaskState::open(&nowhere, TASK, &specs).expect_err("refused");
        assert!(
            error.to_string().contains("reserved or used twice"),
            "{error}"
        );
    }
}

#[test]
fn changes_without_a_changelog_position_are_refused_before_anything_is_written() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    state.put(RIDERS, b"k", b"v").expect("put");
    let error = state
        .commit(&[(ORDERS, 1)])
        .expect_err("riders has no position");
    assert!(
        error
            .to_string()
            .contains("store riders has changes but no changelog position"),
        "{error}"
    );
    state
        .commit(&[(ORDERS, 1), (RIDERS, 1)])
        .expect("the state is not poisoned");
}
