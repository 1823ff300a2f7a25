//! The shipped rules by promtool: well-formed, and tested by the scenarios beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/processor.rs"]
mod processor;
#[path = "support/prometheus.rs"]
mod prometheus;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use prometheus::{is_here, rules};

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

/// A metric of the lists that no rule reads under its right name would be noticed by nobody.
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
