use std::time::Duration;

use crate::time::Clock;
use crate::{Error, ErrorClass};

const PAUSE: Duration = Duration::from_millis(20);

/// Repeats a call while its error is retriable, until `timeout` has passed or as many pauses were
/// made as fit into it (a virtual clock does not move while we wait).
pub(super) fn retry<T>(
    clock: &dyn Clock,
    timeout: Duration,
    mut call: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let deadline = clock.monotonic() + timeout;
    let mut pauses = timeout.as_millis() / PAUSE.as_millis();
    loop {
        match call() {
            Err(error) if error.class() == ErrorClass::Retriable => {
                if clock.monotonic() >= deadline || pauses == 0 {
                    return Err(error);
                }
                tracing::debug!(%error, "trying again");
                pauses -= 1;
                clock.sleep(PAUSE);
            }
            other => return other,
        }
    }
}
