//! Operators are other people's code: their panics and passing errors stop at this door.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::task::Task;
use crate::{Error, ErrorClass};

/// Runs operators of a task; a panic becomes a fatal error that names task and node.
///
/// Nothing an operator did before its error is undone but by an abort, so there is no calling it
/// again: a passing error of it costs the transaction.
pub(super) fn contained<T>(
    task: &mut Task,
    operation: &'static str,
    call: impl FnOnce(&mut Task) -> Result<T, Error>,
) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(|| call(task))) {
        Ok(outcome) => outcome.map_err(|error| match error.class() {
            ErrorClass::Retriable => error.of_class(ErrorClass::Abortable),
            _ => error,
        }),
        Err(panic) => {
            let detail = format!("an operator panicked: {}", message(panic.as_ref()));
            Err(Error::fatal(operation, detail).at(format!(
                "task {}, node {}",
                task.id,
                task.running_node()
            )))
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
