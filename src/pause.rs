//! Hooks of test builds, steered by environment variables: they say in which step of its commit a thread is, linger
//! there, or break the order of the steps, so that a kill can be aimed and a verifier be tried.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `JUMUN_TEST_PHASE_FILE` | file whose first [`PHASE_WIDTH`] bytes name the step, also after a SIGKILL |
//! | `JUMUN_TEST_PAUSE` | `step:milliseconds,…` to linger on entering a step |
//! | `JUMUN_TEST_FLUSH_MS` | milliseconds between two flushes of the stores, so that they fall into open transactions |
//! | `JUMUN_TEST_BROKEN` | `offsets-outside-transaction`, `store-before-commit` or `overlay-kept` |
//!
//! Compiled only with the feature `pause-hooks`. A process that uses one of them says so in its log.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use topology::Error;
use topology::runtime::{BrokenControl, CommitPhase, PhaseObserver, StreamsConfig};
use topology::store::StateConfig;

const PHASE_FILE: &str = "JUMUN_TEST_PHASE_FILE";
const PAUSE: &str = "JUMUN_TEST_PAUSE";
const FLUSH: &str = "JUMUN_TEST_FLUSH_MS";
const BROKEN: &str = "JUMUN_TEST_BROKEN";

/// Bytes of a step's name in the phase file, filled up with spaces: one write in place is never seen by halves.
pub const PHASE_WIDTH: usize = 16;

const CONTROLS: [(&str, BrokenControl); 3] = [
    (
        "offsets-outside-transaction",
        BrokenControl::OffsetsOutsideTransaction,
    ),
    ("store-before-commit", BrokenControl::StoreBeforeCommit),
    ("overlay-kept", BrokenControl::OverlayKeptAfterAbort),
];

/// What the environment asks for.
#[derive(Debug, Default)]
pub struct Hooks {
    phase_file: Option<File>,
    pauses: Vec<(CommitPhase, Duration)>,
    flush_interval: Option<Duration>,
    broken: Option<BrokenControl>,
}

impl Hooks {
    /// Reads the environment.
    ///
    /// # Errors
    /// What cannot be read or is not known, named with its variable: a hook that is silently off makes a test void.
    pub fn of_environment() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let phase_file = variable(PHASE_FILE).map(|path| {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path);
            file.map_err(|error| format!("{PHASE_FILE}: {path}: {error}"))
        });
        let pauses = variable(PAUSE).map_or_else(|| Ok(Vec::new()), |text| pauses(&text));
        let broken = variable(BROKEN).map(|name| {
            let known = CONTROLS.iter().find(|(known, _)| *known == name);
            known.map(|(_, control)| *control).ok_or_else(|| {
                let names = CONTROLS.map(|(name, _)| name).join(", ");
                format!("{BROKEN}: {name} is none of {names}")
            })
        });
        let flush_interval = variable(FLUSH).map(|text| {
            let milliseconds = text.parse().map(Duration::from_millis);
            milliseconds.map_err(|error| format!("{FLUSH}: {text}: {error}"))
        });
        Ok(Self {
            flush_interval: flush_interval.transpose()?,
            phase_file: phase_file.transpose()?,
            pauses: pauses.map_err(|error| format!("{PAUSE}: {error}"))?,
            broken: broken.transpose()?,
        })
    }

    /// Puts the hooks into the settings of the stores, and a warning into the log.
    pub fn install_in_state(&self, state: &mut StateConfig) {
        if let Some(interval) = self.flush_interval {
            tracing::warn!(
                ?interval,
                "test hook: stores are flushed in open transactions too"
            );
            state.flush_interval = interval;
        }
    }

    /// Puts the hooks into the settings of the streams, and a warning for each into the log.
    pub fn install(self, streams: &mut StreamsConfig) {
        for (phase, pause) in &self.pauses {
            tracing::warn!(%phase, ?pause, "test hook: lingering");
        }
        if let Some(control) = self.broken {
            tracing::warn!(
                ?control,
                "test hook: the commit protocol is BROKEN on purpose"
            );
        }
        streams.broken = self.broken;
        if self.phase_file.is_some() || !self.pauses.is_empty() {
            tracing::warn!("test hook: steps of the commit are observed");
            streams.observer = Some(Arc::new(self));
        }
    }
}

impl PhaseObserver for Hooks {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if let Some(file) = &self.phase_file {
            let name = format!("{:PHASE_WIDTH$}", phase.as_str());
            file.write_all_at(name.as_bytes(), 0)
                .map_err(|error| Error::fatal("write the phase file", error.to_string()))?;
        }
        if let Some((_, pause)) = self.pauses.iter().find(|(paused, _)| *paused == phase) {
            std::thread::sleep(*pause);
        }
        Ok(())
    }
}

fn pauses(text: &str) -> Result<Vec<(CommitPhase, Duration)>, String> {
    let pause = |item: &str| {
        let (name, milliseconds) = item.split_once(':')?;
        let phase = CommitPhase::ALL
            .into_iter()
            .find(|phase| phase.as_str() == name.trim())?;
        Some((
            phase,
            Duration::from_millis(milliseconds.trim().parse().ok()?),
        ))
    };
    let read = |item| pause(item).ok_or_else(|| format!("{item} is not step:milliseconds"));
    text.split(',').map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(set: &[(&str, &str)]) -> Result<Hooks, String> {
        Hooks::read(|name| {
            set.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_step_reached_can_be_read_from_the_phase_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("phase");
        let hooks = hooks(&[(PHASE_FILE, path.to_str().unwrap())]).unwrap();
        for phase in CommitPhase::ALL {
            hooks.reached(phase).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!((text.len(), text.trim_end()), (PHASE_WIDTH, phase.as_str()));
        }
    }

    #[test]
    fn pauses_and_controls_are_read() {
        let hooks = hooks(&[
            (PAUSE, "draining:40, store_batch:5"),
            (BROKEN, "store-before-commit"),
        ])
        .unwrap();
        let expected = [
            (CommitPhase::Draining, Duration::from_millis(40)),
            (CommitPhase::StoreBatch, Duration::from_millis(5)),
        ];
        assert_eq!(hooks.pauses, expected);
        assert_eq!(hooks.broken, Some(BrokenControl::StoreBeforeCommit));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (name, value) in [
            (PAUSE, "drinking:40"),
            (PAUSE, "draining"),
            (BROKEN, "everything"),
        ] {
            let error = hooks(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
