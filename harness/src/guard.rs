//! A child process that does not outlive this one, however this one ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Doing, Error, Result};
use crate::wait::wait_for;

/// Waits for the end of its standard input, which comes when the process holding the other end is gone, be it by
/// SIGKILL; then kills the group and removes the directory. `PR_SET_PDEATHSIG` would not do: it fires when the
/// *thread* that started the child ends, and each test has a thread of its own.
const WATCHDOG: &str =
    r#"cat >/dev/null; kill -s KILL -- "-$1" 2>/dev/null; [ -z "$2" ] || rm -rf -- "$2""#;

/// A child in a process group of its own, and the watchdog that ends it if this process cannot.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    watchdog: Child,
    group: Pid,
    exit: Option<ExitStatus>,
}

impl Guard {
    /// Starts `command`; `directory` is removed if this process is killed before it drops the guard.
    pub(crate) fn spawn(command: &mut Command, directory: &Path) -> Result<Self> {
        let mut child = command
            .process_group(0)
            .spawn()
            .doing(|| format!("starting {:?}", command.get_program()))?;
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog", &child.id().to_string()])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match watchdog {
            Ok(watchdog) => {
                let group = Pid::from_child(&child);
                Ok(Self {
                    child,
                    watchdog,
                    group,
                    exit: None,
                })
            }
            Err(source) => {
                // Without its watchdog the child must not stay; its own end is awaited so that it leaves no zombie.
                let _ = child.kill();
                let _ = child.wait();
                Err(Error::Io {
                    what: "starting the watchdog".to_owned(),
                    source,
                })
            }
        }
    }

    /// Process id of the child, which is the id of its group too.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to the whole group; a group that is already gone is no error.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.exit_status()?.is_some() {
            return Ok(());
        }
        kill_process_group(self.group, signal)
            .map_err(std::io::Error::from)
            .doing(|| format!("sending {signal:?} to process {}", self.child.id()))
    }

    /// The child's exit status if it has ended.
    pub(crate) fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.exit.is_none() {
            self.exit = self
                .child
                .try_wait()
                .doing(|| "asking for an exit status".to_owned())?;
            if self.exit.is_some() {
                self.end_watchdog();
            }
        }
        Ok(self.exit)
    }

    /// Waits for the child's end.
    pub(crate) fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let what = format!("the end of process {}", self.child.id());
        wait_for(&what, timeout, || self.exit_status().transpose())?
    }

    /// Kills the group with SIGKILL and waits for its end.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait_exit(Duration::from_secs(30))
    }

    /// The watchdog must go before the child's id can be given to another process.
    fn end_watchdog(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.kill();
        self.end_watchdog();
    }
}
