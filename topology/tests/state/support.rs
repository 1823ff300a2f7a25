//! What the tests of a task's state share: a state with two stores, and its changelog.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use topology::store::{
    StateConfig, StateDirectory, StoreId, StoreSpec, TaskState, Timer, TimerClock,
};
use topology::task::TaskId;

pub const ORDERS: StoreId = StoreId(0);
pub const RIDERS: StoreId = StoreId(1);
pub const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 3,
};

pub type Rows = Vec<(String, Vec<u8>, Vec<u8>)>;

pub fn stores() -> [StoreSpec; 2] {
    [
        StoreSpec::persistent("orders"),
        StoreSpec::persistent("riders"),
    ]
}

pub fn directory(root: &Path) -> Arc<StateDirectory> {
    StateDirectory::open(root, StateConfig::default()).expect("state directory")
}

pub fn open(directory: &Arc<StateDirectory>) -> TaskState {
    TaskState::open(directory, TASK, &stores()).expect("state")
}

pub fn dump(state: &TaskState) -> Rows {
    let mut rows = Rows::new();
    state
        .dump(&mut |family, key, value| {
            rows.push((family.to_owned(), key.to_vec(), value.to_vec()))
        })
        .expect("dump");
    rows
}

pub fn order_timer(deadline_ms: i64, key: &[u8]) -> Timer<'_> {
    Timer {
        clock: TimerClock::StreamTime,
        deadline_ms,
        node: 1,
        kind: 0,
        key,
    }
}

pub type Record = (Vec<u8>, Option<Vec<u8>>);

/// The changelog topics: what was committed, in order; offsets are indices.
#[derive(Default, Clone)]
pub struct Changelog(pub BTreeMap<StoreId, Vec<Record>>);

impl Changelog {
    /// Steps 2 to 6 of the commit.
    pub fn commit(&mut self, state: &mut TaskState) {
        let before: BTreeMap<_, _> = self
            .0
            .iter()
            .map(|(id, records)| (*id, records.len()))
            .collect();
        state
            .changelog(&mut |store, key, value| {
                self.0
                    .entry(store)
                    .or_default()
                    .push((key.to_vec(), value.map(<[u8]>::to_vec)));
                Ok(())
            })
            .expect("changelog");
        let positions: Vec<(StoreId, i64)> = self
            .0
            .iter()
            .filter(|(id, records)| before.get(id).copied().unwrap_or(0) < records.len())
            .map(|(id, records)| (*id, records.len() as i64))
            .collect();
        state.commit(&positions).expect("commit");
    }

    pub fn end(&self, store: StoreId) -> i64 {
        self.0.get(&store).map_or(0, |records| records.len() as i64)
    }

    pub fn restore(&self, state: &mut TaskState) {
        let stores: Vec<StoreId> = state.specs().map(|(id, _)| id).collect();
        for store in stores {
            let end = self.end(store);
            self.restore_until(state, store, end);
        }
    }

    pub fn restore_until(&self, state: &mut TaskState, store: StoreId, end: i64) {
        let from = state.changelog_position(store).unwrap_or(0);
        let records = self.0.get(&store).map(Vec::as_slice).unwrap_or_default();
        let mut tail = records[from as usize..end as usize]
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()));
        state.restore(store, &mut tail, end).expect("restore");
    }

    /// The state that these records make, up to the positions given.
    pub fn fold(&self, specs: &[StoreSpec], positions: impl Fn(StoreId) -> i64) -> Rows {
        let nowhere = StateDirectory::in_memory(StateConfig::default());
        let mut state = TaskState::open(&nowhere, TASK, specs).expect("state");
        for index in 0..specs.len() {
            let store = StoreId(index as u32);
            self.restore_until(&mut state, store, positions(store));
        }
        dump(&state)
    }
}

pub fn fill(state: &mut TaskState, changelog: &mut Changelog) {
    for i in 0..50_i64 {
        let key = format!("order-{i}");
        state.put(ORDERS, key.as_bytes(), b"created").expect("put");
        state.put(RIDERS, key.as_bytes(), &[i as u8]).expect("put");
        state.set_timer(&order_timer(1_000 + i, key.as_bytes()));
        state.set_own(b"stream time", &i.to_be_bytes());
        if i % 7 == 0 {
            changelog.commit(state);
        }
    }
    state.delete(ORDERS, b"order-1").expect("delete");
    state.cancel_timer(&order_timer(1_001, b"order-1"));
    changelog.commit(state);
}
