//! What a running program takes of the machine, looked at again and again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use jumun_harness::Broker;

use crate::support::processor::{Processor, Setup};

const MIB: u64 = 1 << 20;

/// What was seen; the largest of it where it is one number.
#[derive(Debug, Default)]
pub struct Samples {
    /// Resident memory of the process in bytes, look by look.
    pub resident: Vec<u64>,
    /// Its stores on disk, in bytes.
    pub state: u64,
    /// The repartition topics on the broker's disk, in bytes.
    pub repartition: u64,
    /// How much of event time was open: from the watermark furthest behind to the one furthest ahead, in seconds.
    pub open_seconds: f64,
}

impl Samples {
    pub fn look(&mut self, processor: &mut Processor, setup: &Setup, broker: &Broker) {
        self.resident.push(resident(processor.process.id()));
        self.state = self.state.max(size(&setup.store_dir(), &|_| true));
        let is_repartition = |path: &Path| path.to_string_lossy().contains("-repartition-");
        self.repartition = self
            .repartition
            .max(size(broker.directory(), &is_repartition));
        let watermarks = processor.metrics(WATERMARKS);
        // Of tasks that have one.
        let watermarks = watermarks.iter().filter(|(_, at)| *at > 0.0);
        let (first, last) = watermarks.fold((f64::MAX, f64::MIN), |(first, last), (_, at)| {
            (at.min(first), at.max(last))
        });
        self.open_seconds = self.open_seconds.max(last - first);
    }

    /// The largest in each quarter of the time: what grows without bound grows to the end.
    pub fn resident_by_quarter(&self) -> Vec<u64> {
        let length = self.resident.len().div_ceil(4).max(1);
        let quarters = self.resident.chunks(length);
        quarters
            .filter_map(|quarter| quarter.iter().max().copied())
            .collect()
    }
}

const WATERMARKS: &str = "topology_watermark_timestamp_seconds{";

/// Bytes; 0 of a process that has ended.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Bytes of the files beneath a directory whose paths are wanted; files come and go meanwhile.
fn size(directory: &Path, is_wanted: &impl Fn(&Path) -> bool) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let size_of = |path: PathBuf| match path.is_dir() {
        true => size(&path, is_wanted),
        false if is_wanted(&path) => fs::metadata(&path).map_or(0, |metadata| metadata.len()),
        false => 0,
    };
    paths.map(size_of).sum()
}

impl fmt::Display for Samples {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resident: Vec<u64> = self
            .resident_by_quarter()
            .iter()
            .map(|bytes| bytes / MIB)
            .collect();
        write!(
            out,
            "largest of {} samples: {resident:?} MiB resident by quarter, {} MiB of state on disk, {} MiB of repartition \
             topics, {:.0} minutes open",
            self.resident.len(),
            self.state / MIB,
            self.repartition / MIB,
            self.open_seconds / 60.0
        )
    }
}
