//! Two instances: `a` has the only task, `b` a copy of it.

use std::path::Path;
use std::time::Duration;

use topology::runtime::{StateRow, StoreQuery};
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};

use crate::restore::job::{append, topology};

pub const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 0,
};
const STEP: Duration = Duration::from_millis(100);
const SESSION: Duration = Duration::from_secs(6);

pub struct Pair {
    pub driver: TestDriver,
    pub a: Option<TestInstance>,
    pub b: Option<TestInstance>,
    /// How often each key was sent.
    rounds: i64,
    keys: usize,
}

impl Pair {
    /// Both are up, and nothing was sent yet.
    pub fn begin(root: Option<&Path>, replicas: usize) -> Self {
        let mut config = TestDriverConfig::new("app");
        if let Some(root) = root {
            config = config.state_dir(root);
        }
        config.streams.num_standby_replicas = replicas;
        config.streams.session_timeout = SESSION;
        config.state.hand_over_timeout = Duration::ZERO;
        config.streams.leave_on_stop = true;
        let mut driver = TestDriver::new(topology(), config).unwrap();
        driver.close().unwrap();
        let mut pair = Self {
            a: Some(driver.instance("a").unwrap()),
            b: Some(driver.instance("b").unwrap()),
            driver,
            rounds: 0,
            keys: 0,
        };
        pair.live(5);
        pair
    }

    /// Once more for each of so many keys.
    pub fn send(&mut self, keys: usize) {
        assert!(self.rounds == 0 || keys == self.keys);
        append(&self.driver, 0, keys);
        (self.rounds, self.keys) = (self.rounds + 1, keys);
    }

    /// So many turns of those that are there, time passing.
    pub fn live(&mut self, turns: usize) {
        for _ in 0..turns {
            for instance in [&mut self.a, &mut self.b].into_iter().flatten() {
                instance.turn().unwrap();
            }
            self.driver.clock().advance(STEP);
        }
    }

    /// Until everything is processed and committed and, where there is one, the copy has it all.
    pub fn settle(&mut self) {
        for _ in 0..400 {
            self.live(3);
            let done = |it: &Option<TestInstance>| {
                it.as_ref().is_none_or(|it| it.has_processed_everything())
            };
            if done(&self.a) && done(&self.b) && self.owner().is_some() {
                // What is processed is committed, and what is committed is followed.
                self.live(30);
                return;
            }
        }
        panic!("no rest");
    }

    pub fn owner(&mut self) -> Option<&mut TestInstance> {
        let mut there = [&mut self.a, &mut self.b].into_iter().flatten();
        there.find(|it| matches!(it.store("counts", 0), StoreQuery::Here(..)))
    }

    /// `a` is gone without a word, and the group has noticed.
    pub fn kill_a(&mut self) {
        drop(self.a.take());
        self.let_session_pass();
    }

    pub fn let_session_pass(&mut self) {
        let until = self.driver.clock().clone();
        for _ in 0..SESSION.as_millis() / STEP.as_millis() + 20 {
            if let Some(b) = &mut self.b {
                b.turn().unwrap();
            }
            until.advance(STEP);
        }
    }

    pub fn restart_a(&mut self) {
        self.a = Some(self.driver.instance("a").unwrap());
    }

    /// What `b` says of its copies: task and lag.
    pub fn copies(&self) -> Vec<(String, i64)> {
        let status = self.b.as_ref().unwrap().status();
        let copies = status.standby_tasks.into_iter();
        copies.map(|copy| (copy.id, copy.lag)).collect()
    }

    /// Every key was counted as often as it was sent, by whoever has the task.
    pub fn verify(&mut self) {
        let (rounds, keys) = (self.rounds, self.keys);
        let rows: Vec<StateRow> = self.owner().unwrap().dump(TASK).unwrap();
        let counts = rows.iter().filter(|(family, _, _)| family == "counts");
        let counts: Vec<i64> = counts
            .map(|(_, _, value)| i64::from_be_bytes(value.as_slice().try_into().unwrap()))
            .collect();
        assert_eq!(counts.len(), keys);
        assert!(counts.iter().all(|count| *count == rounds));
    }
}
