//! Tasks that take no records because too many were dead-lettered: when the thread commits for them, and lets them go on.

use super::status::TaskStatus;
use super::stream_thread::StreamThread;

impl StreamThread {
    /// Whether a task has just dead-lettered one record too many; a commit makes its pause final.
    pub(super) fn is_tripped(&self) -> bool {
        let mut tasks = self.tasks.values();
        tasks.any(|task| task.scope.circuit.is_tripped())
    }

    /// Does what somebody asked of the status board; answers whether a task goes on.
    pub(super) fn resume_paused_tasks(&mut self) -> bool {
        let asked = self.board.resumes();
        if asked == self.resumed {
            return false;
        }
        self.resumed = asked;
        let resumed = self
            .tasks
            .values_mut()
            .filter_map(|task| task.resume().then_some(()));
        if resumed.count() == 0 {
            return false;
        }
        self.last_status = None;
        true
    }
}

/// Which tasks are paused, and why the first one is; empty when none is.
pub(super) fn reason_of_pauses(tasks: &[TaskStatus]) -> String {
    let paused = tasks
        .iter()
        .filter_map(|task| Some((task.id.as_str(), task.paused.as_deref()?)));
    let (ids, reasons): (Vec<&str>, Vec<&str>) = paused.unzip();
    match (ids.as_slice(), reasons.first()) {
        ([id], Some(reason)) => format!("task {id} is paused: {reason}"),
        (ids @ [first, ..], Some(reason)) => {
            format!("tasks {} are paused; {first}: {reason}", ids.join(", "))
        }
        _ => String::new(),
    }
}
