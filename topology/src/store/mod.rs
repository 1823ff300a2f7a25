//! State of a task.
