//! What a kill would leave of a task's state, for simulations of crashes.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::task_state::TaskState;
use crate::Error;

/// A copy of what a killed process would leave on disk: flushed tables, without live memtables.
#[derive(Debug)]
pub struct CrashCopy {
    copy: Option<PathBuf>,
    path: Option<PathBuf>,
}

impl TaskState {
    /// Copies what a kill of the process would leave on disk at this moment. (Dropping the state
    /// without [`TaskState::close`] leaves the same, but ends it.)
    ///
    /// # Errors
    ///
    /// Fatal if the files cannot be copied.
    pub fn crash_copy(&self) -> Result<CrashCopy, Error> {
        let (Some(path), Some(durable)) = (&self.path, &self.durable) else {
            return Ok(CrashCopy {
                copy: None,
                path: None,
            });
        };
        let copy = path.with_extension("crash-copy");
        remove_if_there(&copy).map_err(|error| self.error("copy state", error.to_string()))?;
        durable
            .crash_copy(&copy)
            .map_err(|error| self.error("copy state", error.message))?;
        Ok(CrashCopy {
            copy: Some(copy),
            path: Some(path.clone()),
        })
    }
}

impl CrashCopy {
    /// Puts the copy in the place of the task's directory. The state must have been dropped.
    ///
    /// # Errors
    ///
    /// Fatal if the files cannot be moved.
    pub fn put_back(self) -> Result<(), Error> {
        let (Some(copy), Some(path)) = (&self.copy, &self.path) else {
            return Ok(());
        };
        remove_if_there(path)
            .and_then(|()| fs::rename(copy, path))
            .map_err(|error| Error::fatal("put crash copy back", error.to_string()))
    }
}

fn remove_if_there(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
