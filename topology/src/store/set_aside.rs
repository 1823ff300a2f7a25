//! Moves a task's directory out of the way. Nothing is deleted: somebody may want to look.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Written into a directory that must be set aside at the next opening, and into those set aside.
pub(crate) const REASON_FILE: &str = "SET_ASIDE";

/// Why a task's directory was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetAsideReason {
    /// Files are damaged.
    Corrupt,
    /// The changelog no longer reaches back to the stored position.
    ChangelogTruncated,
    /// The changelog topic is not the one the stored position belongs to.
    ChangelogRecreated,
}

impl SetAsideReason {
    /// All reasons, for metrics that begin at zero.
    pub const ALL: [Self; 3] = [
        Self::Corrupt,
        Self::ChangelogTruncated,
        Self::ChangelogRecreated,
    ];

    /// The name used in directory names and as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::ChangelogTruncated => "changelog-truncated",
            Self::ChangelogRecreated => "changelog-recreated",
        }
    }
}

/// A task's directory that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Why.
    pub reason: SetAsideReason,
    /// What exactly was found.
    pub detail: String,
    /// Where the directory is now.
    pub path: PathBuf,
}

/// Leaves word in `directory` that it must not be opened again.
pub(crate) fn leave_word(directory: &Path, detail: &str) -> io::Result<()> {
    fs::write(directory.join(REASON_FILE), detail)
}

/// What an earlier process left word of.
pub(crate) fn word_left(directory: &Path) -> Option<String> {
    fs::read_to_string(directory.join(REASON_FILE)).ok()
}

/// Renames `directory` to one that says why and when.
pub(crate) fn move_aside(
    directory: &Path,
    reason: SetAsideReason,
    detail: &str,
    now_ms: i64,
) -> io::Result<SetAside> {
    // The file is for people; the directory's new name says the essential.
    let _ = leave_word(directory, detail);
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let base = format!("{name}.{}-{}", reason.as_str(), utc_stamp(now_ms));
    let mut path = directory.with_file_name(&base);
    let mut number = 2;
    while path.exists() {
        path = directory.with_file_name(format!("{base}-{number}"));
        number += 1;
    }
    fs::rename(directory, &path)?;
    Ok(SetAside {
        reason,
        detail: detail.to_owned(),
        path,
    })
}

/// `20261124T102202Z`. The calendar is Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn utc_stamp(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_utc_dates() {
        assert_eq!(utc_stamp(0), "19700101T000000Z");
        assert_eq!(utc_stamp(1_709_164_799_999), "20240228T235959Z");
        assert_eq!(utc_stamp(1_709_164_800_000), "20240229T000000Z");
        assert_eq!(utc_stamp(-1), "19691231T235959Z");
    }
}
