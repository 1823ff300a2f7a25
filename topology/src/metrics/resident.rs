//! How much memory the process holds, as the kernel tells it: what the budget has to be compared with.

use std::fs;

/// `/proc/self/status`, as proc(5) describes it: a line a field, sizes in KiB.
const STATUS: &str = "/proc/self/status";

/// Bytes in memory now; 0 where the system does not tell.
pub(super) fn resident_bytes() -> u64 {
    fs::read_to_string(STATUS).map_or(0, |status| of_status(&status))
}

fn of_status(status: &str) -> u64 {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        let status = "Name:\tjumun\nVmHWM:\t   9000 kB\nVmRSS:\t    2048 kB\n";
        assert_eq!(of_status(status), 2 * 1_024 * 1_024);
        assert_eq!(of_status("Name:\tjumun\n"), 0);
        assert_eq!(of_status("VmRSS:\tmuch\n"), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_memory() {
        assert!(resident_bytes() > 1_024 * 1_024);
    }
}
