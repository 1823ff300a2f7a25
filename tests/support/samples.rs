//! What a running program takes of the machine, looked at again and again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use jumun_harness::Broker;

use crate::processor::{Processor, Setup};

const MIB: u64 = 1 << 20;

/// The largest of what was seen.
#[derive(Debug, Default)]
pub struct Samples {
    pub looks: u64,
    /// Resident memory of the process, in bytes.
    pub resident: u64,
    /// Its stores on disk, in bytes.
    pub state: u64,
    /// The repartition topics on the broker's disk, in bytes.
    pub repartition: u64,
    /// Windows that the program keeps because they are not closed.
    pub open_windows: u64,
}

impl Samples {
    pub fn look(&mut self, processor: &mut Processor, setup: &Setup, broker: &Broker) {
        self.looks += 1;
        self.resident = self.resident.max(resident(processor.process.id()));
        self.state = self.state.max(size(&setup.store_dir(), &|_| true));
        let is_repartition = |path: &Path| path.to_string_lossy().contains("-repartition-");
        self.repartition = self
            .repartition
            .max(size(broker.directory(), &is_repartition));
        let open: f64 = processor
            .metrics(OPEN_WINDOWS)
            .iter()
            .map(|(_, value)| value)
            .sum();
        self.open_windows = self.open_windows.max(open as u64);
    }
}

const OPEN_WINDOWS: &str = "topology_windows_open";

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
        write!(
            out,
            "largest of {} samples: {} MiB resident, {} MiB of state on disk, {} MiB of repartition topics, {} open windows",
            self.looks,
            self.resident / MIB,
            self.state / MIB,
            self.repartition / MIB,
            self.open_windows
        )
    }
}
