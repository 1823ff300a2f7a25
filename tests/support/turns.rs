//! At most so many brokers at once, however many threads run the tests of a file.

use std::sync::{Condvar, Mutex, PoisonError};

/// A JVM and a processor each; two keep two cores busy.
const TURNS: usize = 2;

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// Ends when it is dropped: to be taken before the broker is started.
pub struct Turn(());

/// Waits for a turn.
pub fn take() -> Turn {
    // A test that failed poisons the lock, and the count stays true.
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut taken = GIVEN_BACK
        .wait_while(taken, |taken| *taken >= TURNS)
        .unwrap_or_else(PoisonError::into_inner);
    *taken += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        GIVEN_BACK.notify_one();
    }
}
