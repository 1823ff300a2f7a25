//! What a person sees of a record: which ones, and which parts of them.

mod condition;
mod line;

pub use condition::{Condition, ParseConditionError, at_path};
pub use line::{json_line, text_line};
