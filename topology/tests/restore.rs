//! How state comes back from its changelog, beside tasks that run and after kills.

mod beside_running;
pub mod job;
mod resumes;
