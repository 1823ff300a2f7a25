//! What a thread does about an error, by its class alone, and how it ends.

use std::time::Duration;

use super::State;
use super::commit::rebuild_if_passing;
use super::stop::Purpose;
use super::streak::TooLong;
use super::stream_thread::{Progress, StreamThread, Uncommitted};
use crate::{Error, ErrorClass};

/// Somewhat longer than between two heartbeats (`heartbeat.interval.ms`, 3 s).
const HEARTBEATS: Duration = Duration::from_secs(4);
/// For the clients of a thread that begins anew.
const CLOSE: Duration = Duration::from_secs(5);

/// For the abort of a thread that ends.
const LAST_ABORT: Duration = Duration::from_secs(5);

impl StreamThread {
    /// One turn; errors that can be mended are mended, by their class alone.
    ///
    /// # Errors
    /// What cannot be mended.
    pub fn run_once_or_recover(&mut self) -> Result<Progress, Error> {
        match self.run_once() {
            Ok(progress) => Ok(progress),
            Err(error) => self.recover(error).map(|()| Progress {
                records: 0,
                moved: true,
            }),
        }
    }

    pub(super) fn recover(&mut self, error: Error) -> Result<(), Error> {
        match error.class() {
            ErrorClass::Retriable => {
                tracing::warn!(thread = self.name, "{error}; trying again");
                self.clock.sleep(Duration::from_millis(100));
                Ok(())
            }
            ErrorClass::Abortable => {
                tracing::warn!(
                    thread = self.name,
                    "{error}; aborting the transaction and processing again"
                );
                self.count_abort(&error)?;
                // Half an abort leaves tasks between two commits: only a rebuild mends that.
                match self.abort().map_err(rebuild_if_passing) {
                    Err(error) if error.class() == ErrorClass::Fenced => self.rebuild(error),
                    other => other,
                }
            }
            ErrorClass::Fenced => self.rebuild(error),
            ErrorClass::User | ErrorClass::Fatal => Err(error),
        }
    }

    /// Slows down aborts that follow each other, and ends them.
    fn count_abort(&mut self, error: &Error) -> Result<(), Error> {
        let timeout = self.config.task_timeout;
        self.aborts
            .again(self.clock.as_ref(), timeout)
            .map_err(|TooLong { times, took }| {
                let detail = format!(
                    "{times} transactions aborted in {took:?} without a commit; last: {error}"
                );
                Error::fatal("process again", detail)
            })
    }

    /// Drops producer, consumer and tasks; the next turn makes them anew, restores what this
    /// instance is still assigned, and so finds out what became of the last transaction.
    fn rebuild(&mut self, error: Error) -> Result<(), Error> {
        self.metrics
            .transactions
            .with_label_values(&["fenced"])
            .inc();
        let timeout = self.config.task_timeout;
        self.rebuilds
            .again(self.clock.as_ref(), timeout)
            .map_err(|TooLong { times, took }| {
                let detail = format!("{times} times in {took:?} without a commit; last: {error}");
                Error::fatal("rebuild the thread", detail)
            })?;
        self.ask_whether_replaced()?;
        tracing::warn!(thread = self.name, "{error}; rebuilding clients and tasks");
        self.board.set_state(
            &self.name,
            State::Rebalancing,
            &format!("rebuilding after: {error}"),
        );
        self.abandon();
        Ok(())
    }

    /// A fenced producer is either a zombie's, which may come back, or that of a process whose
    /// instance id was given to another one, which must not: the two would fence each other for
    /// ever. The group tells with the next heartbeat, by a fatal error.
    fn ask_whether_replaced(&mut self) -> Result<(), Error> {
        const LOOK: Duration = Duration::from_millis(50);
        let looks = HEARTBEATS.as_millis() / LOOK.as_millis();
        let Some(clients) = self.clients.as_mut() else {
            return Ok(());
        };
        for _ in 0..looks {
            if self.stop.is_requested() {
                break;
            }
            match clients.consumer.poll(LOOK) {
                Err(error) if error.class() == ErrorClass::Fatal => return Err(error),
                // A zombie is told that its partitions are gone.
                Err(_) | Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
            }
        }
        Ok(())
    }

    /// On the way out: those who read outputs or changelogs need not wait until the transaction times out. If it cannot be
    /// aborted they do, or until this thread is started again.
    pub(super) fn abort_open_transaction(&mut self) {
        let exactly_once = self.exactly_once();
        if let Some(clients) = self
            .clients
            .as_mut()
            .filter(|it| it.in_transaction && exactly_once)
            && let Err(error) = clients.producer.abort_transaction(LAST_ABORT)
        {
            tracing::warn!(thread = self.name, "{error}");
        }
    }

    /// Closes tasks and clients without committing; what the disk holds stays at the last commit.
    pub(super) fn abandon(&mut self) {
        self.metrics.samples.forget_tasks(&self.name);
        self.restorations.clear();
        self.waiting.clear();
        self.uncommitted = Uncommitted::default();
        let broken = self.keeps_overlay();
        for (id, mut task) in std::mem::take(&mut self.tasks) {
            self.board.forget_task(id);
            let aborted = if broken {
                Ok(())
            } else {
                task.scope.state.abort()
            };
            if let Err(error) = aborted.and_then(|()| task.close()) {
                tracing::warn!(thread = self.name, task = %id, "{error}");
            }
        }
        if let Some(clients) = self.clients.take() {
            drop(clients.producer);
            let timeout = CLOSE.min(self.patience(Purpose::Close).left());
            if let Err(error) = clients.consumer.close(false, timeout) {
                tracing::debug!(thread = self.name, "{error}");
            }
        }
    }

    fn keeps_overlay(&self) -> bool {
        #[cfg(feature = "broken-controls")]
        return self.config.broken == Some(super::commit::BrokenControl::OverlayKeptAfterAbort);
        #[cfg(not(feature = "broken-controls"))]
        false
    }

    /// Commits, closes tasks with a flush, ends the membership as configured.
    ///
    /// # Errors
    /// Of the last commit; everything is closed all the same.
    pub fn close(&mut self) -> Result<(), Error> {
        let committed = if self.clients.is_some() {
            self.commit_in_time()
        } else {
            Ok(false)
        };
        if let Err(error) = &committed {
            tracing::warn!(thread = self.name, "{error}; stopping without this commit");
            if let Err(error) = self.abort() {
                tracing::debug!(thread = self.name, "{error}");
            }
        }
        let mut outcome = committed.map(|_| ());
        self.metrics.samples.forget_tasks(&self.name);
        for (_, mut task) in std::mem::take(&mut self.tasks) {
            let closed = task.scope.state.abort().and_then(|()| task.close());
            outcome = outcome.and(closed);
        }
        self.restorations.clear();
        if let Some(clients) = self.clients.take() {
            drop(clients.producer);
            let timeout = self.patience(Purpose::Close).left();
            let closed = clients.consumer.close(self.config.leave_on_stop, timeout);
            outcome = outcome.and(closed);
        }
        outcome
    }
}
