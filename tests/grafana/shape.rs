//! What dashboards must be without anybody to ask: ids, titles in both languages, units, descriptions, legends, and what
//! Grafana's dashboard-linter looks for.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::grafana::alerts;
use crate::grafana::dashboards::{self, Dashboard, files, grafana, label_values, list, text};
use crate::grafana::promql::selectors;

/// Of Grafana's units those that are used here.
const UNITS: [&str; 10] = [
    "short",
    "percentunit",
    "s",
    "dtdurations",
    "m",
    "currencyKRW",
    "bytes",
    "cps",
    "cpm",
    "bool_yes_no",
];
/// What one reads before acting.
const ADVICE: &str = "\n\n**If it looks wrong:** ";

fn is_bilingual(title: &str) -> bool {
    let is_hangul = |c: char| ('\u{ac00}'..='\u{d7a3}').contains(&c);
    title.contains(" · ")
        && title.contains(|c: char| c.is_ascii_alphabetic())
        && title.contains(is_hangul)
}

/// Names of recorded series.
fn recorded() -> BTreeSet<String> {
    let text = fs::read_to_string(grafana().join("rules/jumun.recording.yml")).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "));
    names.map(str::to_owned).collect()
}

/// Whether the program exposes it, a rule records it, or Prometheus adds it.
pub fn exists(metric: &str) -> bool {
    let name = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|ending| metric.strip_suffix(ending))
        .unwrap_or(metric);
    let mut listed = topology::metrics::list::ALL
        .iter()
        .copied()
        .chain(jumun::job::metrics::list::all());
    listed.any(|spec| spec.name == name || spec.name == metric)
        || recorded().contains(metric)
        || ["up", "ALERTS"].contains(&metric)
}

fn each(check: impl Fn(&Dashboard, &Value, &str)) {
    for dashboard in dashboards::all() {
        for panel in dashboard.panels() {
            let place = format!("{}, {}", dashboard.file, text(&panel["title"]));
            check(&dashboard, panel, &place);
        }
    }
}

#[test]
fn dashboards_are_told_apart_and_found() {
    let (mut uids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for dashboard in dashboards::all() {
        let (file, json) = (&dashboard.file, &dashboard.json);
        assert_eq!(text(&json["uid"]), file, "the uid is the file's name");
        assert!(uids.insert(file.clone()), "{file}: uid");
        assert!(titles.insert(dashboard.title().to_owned()), "{file}: title");
        assert!(is_bilingual(dashboard.title()), "{file}: title");
        assert!(text(&json["description"]).len() > 40, "{file}: description");
        assert!((39..=42).contains(&json["schemaVersion"].as_i64().unwrap()));
        assert_eq!(json["editable"], false, "{file}: files are the source");
        assert!(list(&json["tags"]).contains(&"jumun".into()), "{file}");
        let links = list(&json["links"]);
        let kinds: Vec<&str> = links.iter().map(|link| text(&link["type"])).collect();
        assert_eq!(kinds, ["dashboards", "link"], "{file}: links");
        assert_eq!(links[0]["tags"], serde_json::json!(["jumun"]), "{file}");
        let runbooks = text(&links[1]["url"]).strip_prefix(alerts::SERVED);
        assert!(grafana().join("..").join(runbooks.unwrap()).is_dir());
    }
    assert!(uids.len() >= 7, "{uids:?}");
}

/// template-datasource, template-job, template-instance, template-label-promql, template-on-time-change-reload.
#[test]
fn variables_are_as_the_linter_wants_them() {
    for dashboard in dashboards::all() {
        let file = &dashboard.file;
        let (first, others) = dashboard.variables().split_first().unwrap();
        assert_eq!(first["name"], "datasource", "{file}");
        assert_eq!(first["label"], "Data source", "{file}");
        assert_eq!(first["type"], "datasource", "{file}");
        assert_eq!(first["query"], "prometheus", "{file}");
        for variable in others {
            let name = text(&variable["name"]);
            assert_eq!(variable["type"], "query", "{file}: {name}");
            assert_eq!(variable["datasource"]["uid"], "${datasource}", "{file}");
            assert_eq!(variable["refresh"], 2, "{file}: {name}");
            assert_eq!(variable["multi"], true, "{file}: {name}");
            assert_eq!(variable["includeAll"], true, "{file}: {name}");
            assert_eq!(variable["allValue"], ".+", "{file}: {name}");
            let (selector, label) =
                label_values(variable).unwrap_or_else(|| panic!("{file}: {name}: label_values"));
            assert_eq!(label, name, "{file}");
            assert!(exists(&selectors(selector)[0].metric), "{file}: {selector}");
        }
        let labels = others
            .iter()
            .map(|it| (text(&it["name"]), text(&it["label"])));
        for (name, label) in labels {
            let expected = match name {
                "job" => "Job",
                "instance" => "Instance",
                _ => continue,
            };
            assert_eq!(label, expected, "{file}");
        }
    }
}

/// Of one partition two instances may tell for a moment: what is of the business is read as recorded, without job and
/// instance; what is of the engine, with both (target-job, target-instance).
#[test]
fn selectors_have_the_matchers_they_need() {
    each(|dashboard, panel, place| {
        let by_instance = dashboard.has_variable("instance") && dashboard.has_variable("job");
        for target in list(&panel["targets"]) {
            let expression = text(&target["expr"]);
            let found = selectors(expression);
            assert!(!found.is_empty(), "{place}: {expression} asks for nothing");
            for selector in found {
                let metric = &selector.metric;
                assert!(exists(metric), "{place}: {metric} does not exist");
                if by_instance {
                    for matcher in [r#"job=~"$job""#, r#"instance=~"$instance""#] {
                        assert!(selector.matchers.contains(matcher), "{place}: {expression}");
                    }
                    assert!(!metric.contains(':'), "{place}: {metric} has no instance");
                } else {
                    let is_recorded = metric.contains(':') || metric == "ALERTS";
                    assert!(is_recorded, "{place}: {metric} is not recorded");
                }
            }
        }
    });
}

/// target-rate-interval, target-counter-agg.
#[test]
fn rates_are_over_the_interval_that_grafana_makes() {
    each(|_, panel, place| {
        for target in list(&panel["targets"]) {
            let expression = text(&target["expr"]);
            for selector in selectors(expression) {
                let is_rate = ["rate", "irate", "increase"].contains(&selector.function.as_str());
                if let Some(range) = &selector.range {
                    assert_eq!(range, "$__rate_interval", "{place}: {expression}");
                }
                assert_eq!(is_rate, selector.range.is_some(), "{place}: {expression}");
                let is_counter = ["_total", "_bucket"]
                    .iter()
                    .any(|ending| selector.metric.ends_with(ending));
                assert!(is_rate || !is_counter, "{place}: {expression}");
            }
        }
    });
}

/// panel-title-description, panel-units, panel-datasource, panel-no-targets.
#[test]
fn panels_say_what_they_show_and_what_to_do() {
    let alerts = alerts::all();
    each(|_, panel, place| {
        assert!(is_bilingual(text(&panel["title"])), "{place}: title");
        if panel["type"] == "row" {
            return;
        }
        let kind = text(&panel["type"]);
        assert!(
            ["stat", "timeseries", "table"].contains(&kind),
            "{place}: {kind}"
        );
        let description = text(&panel["description"]);
        let (meaning, advice) = description
            .split_once(ADVICE)
            .unwrap_or_else(|| panic!("{place}: what to do?"));
        assert!(
            meaning.len() > 30 && advice.len() > 30,
            "{place}: {description}"
        );
        let words = description.split(|c: char| !c.is_ascii_alphanumeric());
        for word in words.filter(|word| word.starts_with("Jumun")) {
            assert!(alerts.contains_key(word), "{place}: {word} is no alert");
        }
        let defaults = &panel["fieldConfig"]["defaults"];
        let unit = text(&defaults["unit"]);
        assert!(UNITS.contains(&unit), "{place}: unit {unit:?}");
        let steps = list(&defaults["thresholds"]["steps"]);
        assert!(!steps.is_empty() && steps[0]["value"].is_null(), "{place}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
        let targets = list(&panel["targets"]);
        assert!(!targets.is_empty(), "{place}: no target");
        let references: BTreeSet<&str> = targets.iter().map(|it| text(&it["refId"])).collect();
        assert_eq!(references.len(), targets.len(), "{place}: refId");
        for target in targets {
            let legend = text(&target["legendFormat"]);
            assert!(!legend.is_empty() && legend != "__auto", "{place}: legend");
        }
    });
}

#[test]
fn panels_have_a_place_and_a_name_of_their_own() {
    for dashboard in dashboards::all() {
        let file = &dashboard.file;
        let (mut ids, mut titles, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for panel in dashboard.panels() {
            let title = text(&panel["title"]);
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{file}: {title}: id"
            );
            assert!(titles.insert(title), "{file}: {title} is there twice");
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(side("x") + side("w") <= 24, "{file}: {title}: too wide");
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(taken.insert((x, y)), "{file}: {title} covers another");
                }
            }
        }
    }
}

#[test]
fn provisioning_leads_to_what_is_there() {
    let mut paths = 0;
    for folder in ["provisioning/dashboards", "provisioning/datasources"] {
        for file in files(folder, ".yml") {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains("apiVersion: 1\n"), "{}", file.display());
            for line in text.lines() {
                if let Some(path) = line.trim().strip_prefix("path: ${JUMUN}/") {
                    let path = grafana().join("..").join(path);
                    assert!(path.is_dir(), "{}", path.display());
                    paths += 1;
                }
            }
        }
    }
    assert_eq!(paths, 1);
}
