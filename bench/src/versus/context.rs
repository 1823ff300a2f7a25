//! What the parts have in common: the programs, a filled backlog, where runs are kept, and whose turn it is.

use std::env;
use std::path::{Path, PathBuf};

use super::kept::Kept;
use super::measured::Measured;
use super::part::Part;
use super::peer::Peer;
use crate::backlog::Stream;
use crate::error::{Error, Result};
use crate::options::CompareOptions;
use crate::order_job::OrderJob;
use crate::progress::say;
use crate::stand::Stand;

/// Where runs of an unfinished bench are kept.
const WORK: &str = "target/bench-compare";

/// Of one bench.
pub(super) struct Context<'a> {
    pub(super) options: &'a CompareOptions,
    job: OrderJob,
    peer: Option<Peer>,
    /// With the backlog that several parts work off, once one of them needs it.
    stand: Option<Stand>,
}

impl<'a> Context<'a> {
    /// Fails if a program that is needed is not there.
    pub(super) fn new(options: &'a CompareOptions, parts: &[Part]) -> Result<Self> {
        let needs_peer = parts.iter().any(|part| *part != Part::Own);
        Ok(Self {
            options,
            job: OrderJob::new(&options.bench.job)?,
            peer: needs_peer.then(|| Peer::new(options)).transpose()?,
            stand: None,
        })
    }

    /// The programs.
    pub(super) fn programs(&mut self) -> (&mut OrderJob, Option<&Peer>) {
        (&mut self.job, self.peer.as_ref())
    }

    /// A broker with the backlog, filled only if there is anything left to measure over it, and the programs.
    pub(super) fn stand(&mut self) -> Result<(&mut Stand, &mut OrderJob, Result<&Peer>)> {
        let stand = match &mut self.stand {
            Some(stand) => stand,
            none => none.insert(Stand::start(&self.options.bench.filling(Stream::Usual))?),
        };
        let peer = self.peer.as_ref();
        Ok((stand, &mut self.job, needed(peer)))
    }

    /// The broker with the backlog takes memory and disk that the next part had better not share.
    pub(super) fn close_stand(&mut self) {
        self.stand = None;
    }

    /// The runs that were kept of a part with these sizes.
    pub(super) fn kept(&self, part: Part, sizes: &str, programs: usize) -> Result<Kept> {
        let path = PathBuf::from(WORK).join(format!("{}-{sizes}.json", part.name()));
        Kept::open(&path, &self.stamp(part)?, programs)
    }

    /// Runs may only stand beside each other if all this is the same.
    fn stamp(&self, part: Part) -> Result<String> {
        let of = |path: &Path| {
            let about = std::fs::metadata(path).map_err(Error::file("reading", path))?;
            let changed = about.modified().map_err(Error::file("reading", path))?;
            Ok::<_, Error>(format!("{} bytes of {changed:?}", about.len()))
        };
        let options = self.options;
        let peer = match part {
            Part::Own => "none".to_owned(),
            _ => of(&options.peer)?,
        };
        // The floor and our count job are in this program.
        let this = match part {
            Part::Own | Part::Count => {
                let this = env::current_exe();
                of(&this.map_err(Error::file("finding", "this program".as_ref()))?)?
            }
            _ => "any".to_owned(),
        };
        let job = &options.bench.job;
        Ok(format!(
            "jumun {}, peer {peer}, bench {this}, commit every {} ms ({} in a backlog), heap {}, settings {:?}",
            of(self.job.program())?,
            job.commit_interval_ms,
            job.backlog_interval_ms(),
            options.java_heap,
            job.set
        ))
    }
}

fn needed(peer: Option<&Peer>) -> Result<&Peer> {
    peer.ok_or_else(|| Error::failed("there is no peer; name one with --peer"))
}

/// Lets each program have its turn in each round, but for those that had it before, and keeps what they gave.
pub(super) fn turns(
    kept: &mut Kept,
    rounds: u32,
    programs: &[&'static str],
    mut run: impl FnMut(&'static str, u32) -> Result<Measured>,
) -> Result<()> {
    for number in 1..=rounds {
        for program in programs {
            if kept.has(program, number) {
                say(&format!("{program}, run {number}: done before"));
                continue;
            }
            say(&format!("{program}, run {number} of {rounds}"));
            kept.add(number, run(program, number)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_part_goes_on_with_the_round_that_was_interrupted() -> Result<()> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.json");
        let programs = ["ours", "theirs"];
        let mut kept = Kept::open(&path, "a", programs.len())?;
        let mut left = 3;
        let interrupted = turns(&mut kept, 3, &programs, |program, _| {
            left -= 1;
            match left {
                0 => Err(Error::failed("interrupted")),
                _ => Ok(Measured::new(program, String::new())),
            }
        });
        assert!(interrupted.is_err());
        let mut kept = Kept::open(&path, "a", programs.len())?;
        let mut ran = Vec::new();
        turns(&mut kept, 3, &programs, |program, number| {
            ran.push((program, number));
            Ok(Measured::new(program, String::new()))
        })?;
        let expected = [("ours", 2), ("theirs", 2), ("ours", 3), ("theirs", 3)];
        assert_eq!(ran, expected);
        Ok(())
    }
}
