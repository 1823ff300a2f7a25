//! What happened in a history, counted by kind.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static STORY: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// What is no fault in itself.
const CONSEQUENCES: [&str; 4] = ["take-over", "restart", "join", "clean stop"];

/// It happened.
pub fn happened(what: &'static str) {
    STORY.with_borrow_mut(|story| *story.entry(what).or_default() += 1);
}

/// Begins a new story, and answers the one before.
pub fn begin() -> BTreeMap<&'static str, u64> {
    STORY.take()
}

/// Faults so far.
pub fn faults() -> u64 {
    STORY.with_borrow(faults_of)
}

/// Faults of a story.
pub fn faults_of(story: &BTreeMap<&'static str, u64>) -> u64 {
    let faults = story
        .iter()
        .filter(|(what, _)| !CONSEQUENCES.contains(what));
    faults.map(|(_, times)| times).sum()
}
