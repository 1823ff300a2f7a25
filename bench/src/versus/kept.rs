//! Runs that are done: a bench that was interrupted goes on with those that are missing. Each part keeps a file of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::measured::Measured;
use crate::error::{Error, Result};
use crate::progress::say;
use crate::results;

/// What is kept, and where.
pub(super) struct Kept {
    path: PathBuf,
    work: Work,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Work {
    /// Of what the runs are; others do not stand beside them.
    stamp: String,
    runs: Vec<Numbered>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Numbered {
    number: u32,
    run: Measured,
}

impl Kept {
    /// Takes what is there if it is of the same stamp; else it begins anew. Of a round in which not each of these
    /// programs had its turn nothing is taken: only what ran side by side may be compared.
    pub(super) fn open(path: &Path, stamp: &str, programs: usize) -> Result<Self> {
        let anew = Work {
            stamp: stamp.to_owned(),
            ..Work::default()
        };
        let known = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice::<Work>(&bytes).map_err(|error| {
                let path = path.display();
                Error::failed(format!("{path}: {error}; remove it to begin anew"))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Work::default(),
            Err(error) => return Err(Error::file("reading", path)(error)),
        };
        let work = match known {
            mut work if work.stamp == stamp => {
                let mut turns: BTreeMap<u32, usize> = BTreeMap::new();
                for run in &work.runs {
                    *turns.entry(run.number).or_default() += 1;
                }
                work.runs
                    .retain(|run| turns.get(&run.number) == Some(&programs));
                say(&format!(
                    "{} runs lie in {}; remove it to begin anew",
                    work.runs.len(),
                    path.display()
                ));
                work
            }
            other => {
                if !other.runs.is_empty() {
                    let path = path.display();
                    say(&format!(
                        "{path}: runs of other programs or settings; beginning anew"
                    ));
                }
                anew
            }
        };
        Ok(Self {
            path: path.to_owned(),
            work,
        })
    }

    pub(super) fn has(&self, program: &str, number: u32) -> bool {
        let is = |kept: &Numbered| kept.number == number && kept.run.program == program;
        self.work.runs.iter().any(is)
    }

    /// Keeps a run; what was there before is there whenever this is interrupted.
    pub(super) fn add(&mut self, number: u32, run: Measured) -> Result<()> {
        self.work.runs.push(Numbered { number, run });
        self.write()
    }

    /// Forgets all runs, because the next ones are of something else.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.work.runs.clear();
        self.write()
    }

    fn write(&self) -> Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory).map_err(Error::file("creating", directory))?;
        }
        let new = self.path.with_extension("new");
        fs::write(&new, results::json(&self.work)?).map_err(Error::file("writing", &new))?;
        fs::rename(&new, &self.path).map_err(Error::file("writing", &self.path))
    }

    /// All runs.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Measured> {
        self.work.runs.iter().map(|kept| &kept.run)
    }

    pub(super) fn into_runs(self) -> Vec<Measured> {
        self.work.runs.into_iter().map(|kept| kept.run).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_bench_goes_on_and_another_begins_anew() -> Result<()> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("work/1.json");
        let mut kept = Kept::open(&path, "a", 1)?;
        let run = Measured::new("jumun", "all".to_owned()).with("cpu", 3.0);
        kept.add(1, run)?;
        let again = Kept::open(&path, "a", 1)?;
        assert!(again.has("jumun", 1) && !again.has("jumun", 2) && !again.has("peer", 1));
        let runs = again.into_runs();
        assert_eq!(runs[0].get("cpu"), Some(3.0));
        assert_eq!(runs[0].verified, "all");
        assert!(!Kept::open(&path, "b", 1)?.has("jumun", 1));
        assert!(!Kept::open(&path, "a", 2)?.has("jumun", 1), "half a round");
        fs::write(&path, "{").unwrap();
        assert!(Kept::open(&path, "a", 1).is_err());
        Ok(())
    }

    #[test]
    fn what_is_forgotten_does_not_come_back() -> Result<()> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.json");
        let mut kept = Kept::open(&path, "a", 1)?;
        kept.add(1, Measured::new("jumun", String::new()))?;
        kept.clear()?;
        assert_eq!(Kept::open(&path, "a", 1)?.runs().count(), 0);
        Ok(())
    }
}
