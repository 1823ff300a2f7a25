//! Every reachable state × action × actor, and every way in which a version can be wrong, under every policy.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::state_space::{ACTORS, Deed, StateSpace, key, record};
use crate::support::model::order::Order;
use crate::support::model::{Policy, Settings};
use crate::support::side_by_side::{ACCEPTING, SideBySide};

/// 2026-11-20T12:00:00+09:00: everything happens at this moment.
const MIDDAY: i64 = 1_795_143_600_000;
/// When the job starts: later than any record says that it was written.
const START: i64 = MIDDAY + 600_000;
/// So long even money does not wait.
const EVERYTHING_TIMES_OUT: u64 = 601_000;
/// Orders that are refused something at the same time: with one event per aggregate parked, fewer than a task may have.
const LANES: usize = 14;
/// Events after which outputs are compared, and job and model begin anew. More would cost memory, fewer new jobs.
const COMPARED_TOGETHER: usize = 6_000;

static SPACE: LazyLock<StateSpace> = LazyLock::new(|| StateSpace::explore(MIDDAY));

/// A walk through the states, with a new order for every beginning.
struct Walk {
    name: &'static str,
    policy: Policy,
    both: SideBySide,
    orders: usize,
    events: usize,
    /// Pairs of a state and a deed that both have judged.
    done: usize,
}

/// An order in a state, and by aggregate the deeds that are still to be refused in it.
struct Lane {
    order_no: String,
    state: usize,
    refused: BTreeMap<&'static str, Vec<usize>>,
}

impl Walk {
    fn new(name: &'static str, policy: Policy) -> Walk {
        Walk {
            name,
            policy,
            both: SideBySide::new(Settings::new(policy), START),
            orders: 0,
            events: 0,
            done: 0,
        }
    }

    /// Compares everything that was emitted, and begins anew.
    fn compare(&mut self) {
        self.both.check(self.name);
        let full = self.both.model.counts().remove("REJECTED/PARK_LIMIT");
        assert_eq!(full, None, "{}: something was not judged", self.name);
        self.both = SideBySide::new(Settings::new(self.policy), START);
        (self.orders, self.events) = (0, 0);
    }

    fn compare_if_many(&mut self) {
        if self.events >= COMPARED_TOGETHER {
            self.compare();
        }
    }

    /// A new order in that state.
    fn begin(&mut self, state: usize) -> String {
        self.orders += 1;
        let order_no = format!("B{}", self.orders);
        for deed in SPACE.path_to(state) {
            self.do_in_sequence(&order_no, deed);
        }
        self.check_state(&order_no, state);
        order_no
    }

    #[track_caller]
    fn check_state(&self, order_no: &str, state: usize) {
        let found = match self.both.model.order(order_no) {
            Some(order) => key(order),
            None => key(&Order::nothing(order_no)),
        };
        assert_eq!(found, SPACE.keys[state], "{}: {order_no}", self.name);
    }

    fn last_version(&self, order_no: &str, deed: &Deed) -> u64 {
        let order = self.both.model.order(order_no);
        order.map_or(0, |order| order.last_version(&deed.cursor()))
    }

    /// The deed as the next event of its aggregate.
    fn do_in_sequence(&mut self, order_no: &str, deed: usize) {
        let deed = &SPACE.deeds[deed];
        let version = self.last_version(order_no, deed) + 1;
        self.do_with_version(order_no, deed, version);
    }

    /// Answers the event.
    fn do_with_version(&mut self, order_no: &str, deed: &Deed, version: u64) -> serde_json::Value {
        let id = format!("e{}", self.events + 1);
        let event = deed.event(order_no, &id, version, MIDDAY);
        self.send(&event);
        event
    }

    fn send(&mut self, event: &serde_json::Value) {
        self.events += 1;
        let written_at = MIDDAY + self.events as i64;
        self.both.append(record(event, written_at));
    }

    /// Everything that is not accepted in these states, each at the version that is next or without one. It leaves the
    /// orders in their states.
    fn do_what_is_refused(&mut self, states: &[usize], versioned: bool) {
        let mut lanes: Vec<Lane> = Vec::new();
        for state in states {
            lanes.push(Lane {
                order_no: self.begin(*state),
                state: *state,
                refused: refused_in(*state),
            });
        }
        while lanes.iter().any(|lane| !lane.refused.is_empty()) {
            for lane in &mut lanes {
                for deeds in lane.refused.values_mut() {
                    let deed = deeds.pop().unwrap();
                    match versioned {
                        true => self.do_in_sequence(&lane.order_no, deed),
                        false => {
                            self.do_with_version(&lane.order_no, &SPACE.deeds[deed], 0);
                        }
                    }
                    self.done += 1;
                }
                lane.refused.retain(|_, deeds| !deeds.is_empty());
            }
            if self.both.model.parked_in_all() > 0 {
                self.both.wait(EVERYTHING_TIMES_OUT);
            }
            for lane in &lanes {
                self.check_state(&lane.order_no, lane.state);
            }
        }
        self.compare_if_many();
    }

    /// Every accepted deed in every state, in walks that go on as long as they find one that was not done.
    fn walk_every_edge(&mut self) {
        let mut left = SPACE.legal.clone();
        for state in 0..left.len() {
            while !left[state].is_empty() {
                let order_no = self.begin(state);
                let mut at = state;
                while let Some(edge) = left[at].pop() {
                    self.do_in_sequence(&order_no, edge.deed);
                    self.check_state(&order_no, edge.to);
                    self.done += 1;
                    at = edge.to;
                }
                self.compare_if_many();
            }
        }
    }

    /// Of each action one event beyond a gap, the same again, another one under its id, and one of a version that is
    /// taken. Then the gaps are filled: before or after the time of what waits is over.
    fn do_with_wrong_versions(&mut self, state: usize, in_time: bool) {
        let order_no = self.begin(state);
        for (turn, deed) in SPACE.deeds.iter().step_by(ACTORS.len()).enumerate() {
            let mut deed = deed.clone();
            deed.actor = ACTORS[(turn + state) % ACTORS.len()];
            let last = self.last_version(&order_no, &deed);
            let mut event = self.do_with_version(&order_no, &deed, last + 2);
            self.send(&event);
            event["actor"]["id"] = "somebody else".into();
            self.send(&event);
            if last > 0 {
                self.do_with_version(&order_no, &deed, last);
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
            let version = self.last_version(&order_no, &note) + 1;
            self.do_with_version(&order_no, &note, version);
        }
        self.both.wait(EVERYTHING_TIMES_OUT);
        self.compare_if_many();
    }
}

/// The deeds that are not accepted in a state, by the aggregate whose version they take.
fn refused_in(state: usize) -> BTreeMap<&'static str, Vec<usize>> {
    let mut refused: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (deed, told) in SPACE.deeds.iter().enumerate() {
        if SPACE.legal[state].iter().all(|edge| edge.deed != deed) {
            refused.entry(told.target).or_default().push(deed);
        }
    }
    refused
}

/// Which states are met with every deed.
#[derive(Clone, Copy, PartialEq)]
enum States {
    All,
    /// One in so many, unless `JUMUN_EVERY_CASE` is set: the policy differs from one that meets all in few verdicts.
    OneIn(usize),
}

fn check(name: &'static str, policy: Policy, which: States) {
    let states: Vec<usize> = (0..SPACE.legal.len()).collect();
    assert!(states.len() > 1_000, "{} states", states.len());
    let one_in = match which {
        States::OneIn(number) if std::env::var_os("JUMUN_EVERY_CASE").is_none() => {
            println!("{name}: one state in {number}; JUMUN_EVERY_CASE=1 meets all");
            number
        }
        States::All | States::OneIn(_) => 1,
    };
    let met: Vec<usize> = states.iter().copied().step_by(one_in).collect();
    let mut walk = Walk::new(name, policy);
    for states in met.chunks(LANES) {
        walk.do_what_is_refused(states, true);
    }
    if one_in == 1 {
        walk.walk_every_edge();
        assert_eq!(walk.done, states.len() * SPACE.deeds.len(), "{name}");
    } else {
        let refused = |state: &usize| refused_in(*state).values().map(Vec::len).sum::<usize>();
        assert_eq!(walk.done, met.iter().map(refused).sum::<usize>(), "{name}");
    }
    for state in states.iter().step_by(4 * one_in) {
        walk.do_with_wrong_versions(*state, state % 8 == 0);
    }
    let some: Vec<usize> = states.into_iter().step_by(8 * one_in).collect();
    for states in some.chunks(LANES) {
        walk.do_what_is_refused(states, false);
    }
    walk.compare();
}

#[test]
fn every_state_action_and_actor_by_default() {
    check("default", Policy::DEFAULT, States::All);
}

#[test]
fn every_state_action_and_actor_under_strict() {
    check("strict", Policy::STRICT, States::OneIn(5));
}

#[test]
fn every_state_action_and_actor_under_park() {
    check("park", Policy::PARK, States::OneIn(5));
}

#[test]
fn every_state_action_and_actor_where_gaps_are_accepted() {
    check("gap = accept", ACCEPTING, States::OneIn(5));
}
