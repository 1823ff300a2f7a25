//! The newest of what topics tell, newest first, and no more than so many. Partitions are read side by side, so records come in
//! any order.

use std::collections::VecDeque;

/// What was told at some time.
pub(super) trait ToldAt {
    /// Milliseconds since the epoch.
    fn at(&self) -> i64;
}

/// The newest, at most so many.
#[derive(Debug)]
pub(super) struct Latest<T, const MOST: usize>(VecDeque<T>);

impl<T, const MOST: usize> Default for Latest<T, MOST> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: ToldAt + Clone, const MOST: usize> Latest<T, MOST> {
    /// Whether something told at this time is among the newest, so that it is worth making.
    pub(super) fn takes(&self, at: i64) -> bool {
        self.place(at) < MOST
    }

    /// Takes what was told, unless it is too old.
    pub(super) fn add(&mut self, told: T) {
        let place = self.place(told.at());
        if place < MOST {
            self.0.insert(place, told);
            self.0.truncate(MOST);
        }
    }

    /// So many of them, newest first.
    pub(super) fn newest(&self, count: usize) -> Vec<T> {
        self.0.iter().take(count).cloned().collect()
    }

    fn place(&self, at: i64) -> usize {
        self.0.partition_point(|known| known.at() > at)
    }
}
