//! Runbooks are read at night: each belongs to an alert, and what they tell one to type is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::grafana::alerts;
use crate::grafana::dashboards::{self, files, text};
use crate::grafana::promql::selectors;
use crate::grafana::shape::exists;
use crate::support::processor::{jumun, run_to_end};

const SECTIONS: [&str; 4] = [
    "## What it means",
    "## How to check",
    "## What to do",
    "## When to escalate",
];

/// Lines of code blocks, by the language named at their head.
fn code(text: &str, language: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(_), Some(_)) => inside = None,
            (Some(name), None) => inside = Some(name),
            (None, Some(name)) if name == language => lines.push(line.to_owned()),
            _ => {}
        }
    }
    lines
}

fn all() -> BTreeMap<String, String> {
    let files = files("runbooks", ".md");
    let read = files.iter().map(|file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(file).unwrap())
    });
    read.collect()
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let runbooks = all();
    let named: BTreeSet<&String> = runbooks.keys().collect();
    let alerts = alerts::all();
    assert_eq!(named, alerts.keys().collect());
    for (name, text) in &runbooks {
        assert!(text.starts_with(&format!("# {name}\n")), "{name}: heading");
        let mut rest = text.as_str();
        for section in SECTIONS {
            let (_, behind) = rest
                .split_once(section)
                .unwrap_or_else(|| panic!("{name}: no {section:?} in its place"));
            rest = behind;
        }
        assert!(
            !code(text, "promql").is_empty() && !code(text, "console").is_empty(),
            "{name}: nothing to type"
        );
    }
}

#[test]
fn runbooks_ask_for_metrics_that_exist() {
    for (name, text) in all() {
        for query in code(&text, "promql") {
            let found = selectors(&query);
            assert!(!found.is_empty(), "{name}: {query}");
            for selector in found {
                assert!(exists(&selector.metric), "{name}: {}", selector.metric);
            }
        }
    }
}

/// Commands of this program, without its name: lines of code blocks, and in the middle of a sentence.
fn commands(text: &str) -> Vec<String> {
    let lines = code(text, "console").into_iter();
    let lines = lines.filter_map(|line| line.strip_prefix("$ jumun ").map(str::to_owned));
    let inline = text
        .split('`')
        .filter_map(|part| part.strip_prefix("jumun "));
    lines.chain(inline.map(str::to_owned)).collect()
}

/// Every command and every flag is one of this program's; in descriptions of panels too.
#[test]
fn commands_exist() {
    let mut texts = all();
    for dashboard in dashboards::all() {
        for panel in dashboard.panels() {
            let place = format!("{}, {}", dashboard.file, text(&panel["title"]));
            texts.insert(place, text(&panel["description"]).to_owned());
        }
    }
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut flags = 0;
    for (name, text) in texts {
        for line in commands(&text) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let verbs = match words[0] {
                "dlt" => &words[..2],
                _ => &words[..1],
            };
            let help = helps.entry(verbs.join(" ")).or_insert_with(|| {
                let mut command = jumun(verbs[0]);
                command.args(&verbs[1..]).arg("--help");
                let (status, help, error) = run_to_end(command).unwrap();
                assert_eq!(status, Some(0), "{name}: {line}: {error}");
                help
            });
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(
                    help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
                    "{name}: {line}: {flag}"
                );
                flags += 1;
            }
        }
    }
    assert!(helps.len() >= 5 && flags > 5, "{:?}, {flags}", helps.keys());
}
