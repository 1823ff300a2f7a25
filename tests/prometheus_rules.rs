//! The shipped rules by promtool: well-formed, and tested by the scenarios beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::prometheus::{is_here, rules};

/// Runs promtool with the files; fails with all it says.
fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new("promtool")
        .args(arguments)
        .args(files)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
}

fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|file| file.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no {ending}", directory.display());
    files
}

#[test]
fn rules_are_well_formed() {
    if is_here("promtool") {
        promtool(
            &["check", "rules", "--lint-fatal"],
            &files(&rules(), ".yml"),
        );
    }
}

#[test]
fn rules_hold_in_every_scenario() {
    if is_here("promtool") {
        promtool(
            &["test", "rules"],
            &files(&rules().join("tests"), ".test.yml"),
        );
    }
}

/// Rules that forget one of the two cares they are there for must fail a scenario.
#[test]
fn scenarios_notice_broken_rules() {
    if !is_here("promtool") {
        return;
    }
    let shipped = fs::read_to_string(rules().join("jumun.recording.yml")).unwrap();
    let without_bridge = shipped.replace("last_over_time(", "(").replace("[10m]", "");
    let without_max = shipped.replace("max by (", "sum by (");
    for broken in [without_bridge, without_max] {
        assert_ne!(broken, shipped);
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tests")).unwrap();
        fs::write(directory.path().join("jumun.recording.yml"), &broken).unwrap();
        let scenario = directory.path().join("tests/move.test.yml");
        fs::copy(rules().join("tests/move.test.yml"), &scenario).unwrap();
        let promtool = |arguments: [&str; 2], file: &Path| {
            let mut promtool = Command::new("promtool");
            let output = promtool.args(arguments).arg(file).output().unwrap();
            output.status.success()
        };
        let file = directory.path().join("jumun.recording.yml");
        assert!(
            promtool(["check", "rules"], &file),
            "to be wrong, not illegal: {broken}"
        );
        assert!(
            !promtool(["test", "rules"], &scenario),
            "nothing noticed {broken}"
        );
    }
}

/// A rule on a name that does not exist is legal, and says nothing for ever.
#[test]
fn rules_read_metrics_that_exist() {
    let listed: Vec<&str> = topology::metrics::list::ALL
        .iter()
        .copied()
        .chain(jumun::job::metrics::list::all())
        .map(|spec| spec.name)
        .collect();
    let mut read = 0;
    for file in files(&rules(), ".yml") {
        let text = fs::read_to_string(&file).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        for word in code.flat_map(|line| line.split(|c| !is_word(c))) {
            let raw = !word.contains(':')
                && (word.starts_with("order_") || word.starts_with("topology_"));
            if raw {
                let name = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|ending| word.strip_suffix(ending))
                    .unwrap_or(word);
                assert!(listed.contains(&name), "{}: {word}", file.display());
                read += 1;
            }
        }
    }
    assert!(read > 10, "{read}");
}
