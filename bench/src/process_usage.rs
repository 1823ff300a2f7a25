//! What a process has used so far, as Linux tells it in `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

use crate::error::{Error, Result};

/// `USER_HZ`, which the kernel's interface fixes at 100 on every architecture that Linux runs Rust on.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time and memory of a process with all its threads, those that have ended included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ProcessUsage {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Largest resident set so far.
    pub(crate) peak_resident_bytes: u64,
    /// Written to disk, or to be written.
    pub(crate) written_bytes: u64,
}

/// What the process has used up to now.
pub(crate) fn of(process: u32) -> Result<ProcessUsage> {
    let read = |name: &str| {
        let path = std::path::PathBuf::from(format!("/proc/{process}/{name}"));
        fs::read_to_string(&path).map_err(Error::file("reading", &path))
    };
    let usage = cpu(&read("stat")?).zip(peak_resident_bytes(&read("status")?));
    usage
        .zip(written_bytes(&read("io")?))
        .map(|((cpu, peak_resident_bytes), written_bytes)| ProcessUsage {
            cpu,
            peak_resident_bytes,
            written_bytes,
        })
        .ok_or_else(|| Error::failed(format!("/proc/{process} is not in the format of proc(5)")))
}

/// Fields 14 and 15 of `stat`. The second field is the program's name in parentheses, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_ascii_whitespace().skip(11);
    let ticks: u64 = times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn peak_resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn written_bytes(io: &str) -> Option<u64> {
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a (b) c 7) S 1 42 42 0 -1 4194560 900 0 0 0 123 77 5 6 20 0 9 0 1000 1 2";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn memory_is_told_in_kibibytes() {
        let status = "Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t    3 kB\nVmRSS:\t 2 kB\n";
        assert_eq!(peak_resident_bytes(status), Some(3072));
    }

    #[test]
    fn what_was_written_is_told_beside_what_was_cancelled() {
        let io = "wchar: 9\nread_bytes: 8\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(written_bytes(io), Some(4096));
    }

    #[test]
    fn a_busy_process_uses_time() -> Result<()> {
        let before = of(std::process::id())?;
        let mut sum = 0_u64;
        while of(std::process::id())?.cpu <= before.cpu {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(before.peak_resident_bytes > 100_000);
        Ok(())
    }
}
