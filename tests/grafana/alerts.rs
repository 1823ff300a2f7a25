//! Alerts say what is wrong and where to read on, and have scenarios in which they fire and in which they do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::grafana::dashboards::{files, grafana};

/// Where this repository is said to be served.
pub const SERVED: &str = "https://jumun.example/";

/// Fields of an alert, by name; the first line of an expression of several.
pub type Alert = BTreeMap<String, String>;

/// The shipped alerts by name. One field a line, as the file is written.
pub fn all() -> BTreeMap<String, Alert> {
    let text = fs::read_to_string(grafana().join("rules/jumun.alerts.yml")).unwrap();
    let mut alerts: BTreeMap<String, Alert> = BTreeMap::new();
    let mut current = String::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("- alert: ") {
            current = name.to_owned();
            let before = alerts.insert(current.clone(), Alert::new());
            assert!(before.is_none(), "{current} is there twice");
        } else if let (Some(alert), Some((field, value))) =
            (alerts.get_mut(&current), line.split_once(": "))
        {
            alert.insert(field.to_owned(), value.to_owned());
        }
    }
    assert!(alerts.len() > 20, "{}", alerts.len());
    alerts
}

#[test]
fn alerts_say_what_to_do() {
    for (name, alert) in all() {
        let field = |field: &str| alert.get(field).map_or("", String::as_str);
        assert!(name.starts_with("Jumun"), "{name}");
        let severity = field("labels").trim_matches(['{', '}', ' ']);
        let severity = severity.strip_prefix("severity: ").unwrap_or_default();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: severity {severity:?}"
        );
        assert!(field("summary").len() > 15, "{name}: no summary");
        assert!(field("description").len() > 40, "{name}: no description");
        let path = field("runbook_url").strip_prefix(SERVED);
        let path = path.unwrap_or_else(|| panic!("{name}: no runbook_url"));
        assert_eq!(path, format!("grafana/runbooks/{name}.md"));
        let file = grafana().join("..").join(path);
        assert!(file.is_file(), "{name}: {} is not there", file.display());
    }
}

/// What becomes of each scenario is promtool's to say (`prometheus_rules.rs`).
#[test]
fn alerts_have_scenarios_for_firing_and_for_silence() {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for file in files("rules/tests", ".test.yml") {
        let text = fs::read_to_string(file).unwrap();
        let mut alert = "";
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("- alertname: ") {
                alert = name;
            } else if line == "exp_alerts: []" {
                silent.insert(alert.to_owned());
            } else if line == "exp_alerts:" {
                firing.insert(alert.to_owned());
            }
        }
    }
    let alerts: BTreeSet<String> = all().into_keys().collect();
    assert_eq!(firing, alerts, "fire");
    assert_eq!(silent, alerts, "stay silent");
}
