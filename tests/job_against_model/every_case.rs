//! Every reachable state × action × actor, and every way in which a version can be wrong, under every policy.

use std::collections::BTreeMap;

use super::model::{Choice, Policy, Settings};
use super::side_by_side::{ACCEPTING, SideBySide};
use super::state_space::{ACTORS, Deed, StateSpace, record};

/// 2026-11-20T12:00:00+09:00.
const MIDDAY: i64 = 1_795_143_600_000;
/// So long even money does not wait.
const EVERYTHING_TIMES_OUT: u64 = 601_000;
/// Fewer than an order may have parked.
const BATCH: usize = 60;

/// Walks through the states with a new order each time, and knows the versions of the present one.
struct Walk<'a> {
    space: &'a StateSpace,
    both: SideBySide,
    order_no: String,
    orders: usize,
    events: usize,
    versions: BTreeMap<String, u64>,
}

impl Walk<'_> {
    fn new(space: &StateSpace, policy: Policy) -> Walk<'_> {
        Walk {
            space,
            both: SideBySide::new(Settings::new(policy), MIDDAY),
            order_no: String::new(),
            orders: 0,
            events: 0,
            versions: BTreeMap::new(),
        }
    }

    /// A new order in that state.
    fn begin(&mut self, state: usize) {
        self.orders += 1;
        self.order_no = format!("B{}", self.orders);
        self.versions.clear();
        for deed in self.space.path_to(state) {
            self.do_in_sequence(deed);
        }
    }

    fn next_version(&self, deed: &Deed) -> u64 {
        self.versions.get(&deed.cursor()).copied().unwrap_or(0) + 1
    }

    /// The deed as the next event of its aggregate. Whether its version was consumed is for the model to say.
    fn do_in_sequence(&mut self, deed: usize) {
        let space = self.space;
        let deed = &space.deeds[deed];
        let version = self.next_version(deed);
        self.do_with_version(deed, version);
        self.both.catch_up();
        let order = self.both.model.order(&self.order_no);
        self.versions = order
            .map(|order| order.versions.clone())
            .unwrap_or_default();
    }

    fn do_with_version(&mut self, deed: &Deed, version: u64) -> String {
        self.events += 1;
        let id = format!("e{}", self.events);
        let event = deed.record(&self.order_no, &id, version, MIDDAY);
        self.both.feed(event);
        id
    }

    /// Everything that is not accepted in this state: it leaves the state as it is.
    fn do_what_is_refused(&mut self, state: usize, versioned: bool) {
        let legal = &self.space.legal[state];
        let refused = (0..self.space.deeds.len())
            .filter(|deed| legal.iter().all(|edge| edge.deed != *deed))
            .collect::<Vec<_>>();
        for batch in refused.chunks(BATCH) {
            for deed in batch {
                match versioned {
                    true => self.do_in_sequence(*deed),
                    false => {
                        self.do_with_version(&self.space.deeds[*deed], 0);
                    }
                }
            }
            self.both.wait(EVERYTHING_TIMES_OUT);
        }
    }

    /// Of each action one event beyond a gap, the same again, another one under its id, and one of a version that is
    /// taken. Then the gaps are filled: before or after the time of what waits is over.
    fn do_with_wrong_versions(&mut self, in_time: bool) {
        let space = self.space;
        let of_one_actor = space.deeds.iter().step_by(ACTORS.len());
        let deeds: Vec<&Deed> = of_one_actor.collect();
        for batch in deeds.chunks(BATCH) {
            for (turn, deed) in batch.iter().enumerate() {
                let mut deed = (*deed).clone();
                deed.actor = ACTORS[turn % ACTORS.len()];
                let last = self.next_version(&deed) - 1;
                let id = self.do_with_version(&deed, last + 2);
                let mut event = deed.event(&self.order_no, &id, last + 2, MIDDAY);
                self.both.feed(record(&event, MIDDAY));
                event["actor"]["id"] = "somebody else".into();
                self.both.feed(record(&event, MIDDAY));
                if last > 0 {
                    self.do_with_version(&deed, last);
                }
            }
            if !in_time {
                self.both.wait(EVERYTHING_TIMES_OUT);
            }
            for target in ["order", "payment", "delivery", "claim"] {
                let note = Deed {
                    action: "order.note_added",
                    target,
                    info: serde_json::json!({}),
                    actor: "CS",
                };
                let version = self.next_version(&note);
                self.do_with_version(&note, version);
            }
            self.both.wait(EVERYTHING_TIMES_OUT);
            let order = self.both.model.order(&self.order_no);
            self.versions = order
                .map(|order| order.versions.clone())
                .unwrap_or_default();
        }
    }
}

fn check(name: &str, policy: Policy) {
    let space = StateSpace::explore(MIDDAY);
    let mut walk = Walk::new(&space, policy);
    // Where violations wait, one that is in sequence would keep the next from being so.
    let versioned = policy.violation == Choice::Reject;
    for state in 0..space.legal.len() {
        walk.begin(state);
        walk.do_what_is_refused(state, versioned);
        if state % 4 == 0 {
            walk.begin(state);
            walk.do_with_wrong_versions(state % 8 == 0);
        }
        if state % 100 == 99 {
            walk.both.check(name);
            walk = Walk::new(&space, policy);
        }
    }
    walk.both.check(name);
    let done = walk_every_edge(&space, policy, name);
    assert_eq!(done, space.legal.iter().map(Vec::len).sum::<usize>());
}

/// Every accepted deed in every state, in walks that go on as long as they find one that was not done.
fn walk_every_edge(space: &StateSpace, policy: Policy, name: &str) -> usize {
    let mut left: Vec<Vec<(usize, usize)>> = Vec::new();
    for edges in &space.legal {
        left.push(edges.iter().map(|edge| (edge.deed, edge.to)).collect());
    }
    let mut walk = Walk::new(space, policy);
    let mut done = 0;
    for state in 0..left.len() {
        while !left[state].is_empty() {
            walk.begin(state);
            let mut at = state;
            while let Some((deed, to)) = left[at].pop() {
                walk.do_in_sequence(deed);
                (at, done) = (to, done + 1);
            }
            if walk.events > 20_000 {
                walk.both.check(name);
                walk = Walk::new(space, policy);
            }
        }
    }
    walk.both.check(name);
    done
}

#[test]
fn every_state_action_and_actor_by_default() {
    check("default", Policy::DEFAULT);
}

#[test]
fn every_state_action_and_actor_under_strict() {
    check("strict", Policy::STRICT);
}

#[test]
fn every_state_action_and_actor_under_park() {
    check("park", Policy::PARK);
}

#[test]
fn every_state_action_and_actor_where_gaps_are_accepted() {
    check("gap = accept", ACCEPTING);
}
