//! Every query of every panel, variable and rule, asked of a real Prometheus that scrapes the real program under load.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Message, wait_for};

use crate::grafana::dashboards::{self, Query, labels_of, substituted};
use crate::grafana::promql::selectors;
use crate::support::load;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::prometheus::{Labels, Prometheus, is_here};
use crate::support::topics::{self, ORDERS};

const APPLICATION: &str = "looked-at";
const PARTITIONS: i32 = 4;
const EVENTS: usize = 14_000;
/// Events per second: the load lasts while questions are asked.
const RATE: &str = "400";
/// Records that nobody can judge, so that there is something to be seen, and fewer than open a circuit.
const BROKEN: usize = 3;

/// So many that the circuit of their task opens.
const MANY_BROKEN: usize = 25;

/// Something to ask until it is answered.
struct Question {
    place: String,
    expression: String,
    legend: String,
    unit: String,
    is_single: bool,
}

impl Question {
    fn of_panel(query: Query, dashboard: &dashboards::Dashboard) -> Self {
        Self {
            expression: substituted(&query.expression, dashboard),
            place: query.place,
            legend: query.legend,
            unit: query.unit,
            is_single: query.is_single,
        }
    }

    fn of_rule(place: String, expression: String) -> Self {
        Self {
            place,
            expression,
            legend: String::new(),
            unit: String::new(),
            is_single: false,
        }
    }

    /// Why the answer does not do.
    fn fault(&self, prometheus: &Prometheus) -> Option<String> {
        let series = match prometheus.answer(&self.expression) {
            Ok(series) => series,
            Err(error) => return Some(error),
        };
        if series.is_empty() {
            return Some("no answer".to_owned());
        }
        if self.is_single && series.len() != 1 {
            return Some(format!("{} answers, not one", series.len()));
        }
        if let Some((labels, value)) = series.iter().find(|(_, value)| !self.is_of_unit(*value)) {
            return Some(format!("{value} is no {}: {labels:?}", self.unit));
        }
        self.fault_of_legend(&series)
    }

    /// Whether a value can be one of that unit: a moment is no length of time, a percentage no ratio.
    fn is_of_unit(&self, value: f64) -> bool {
        value.is_finite()
            && match self.unit.as_str() {
                "s" | "dtdurations" => (-60.0..1e9).contains(&value),
                "percentunit" => (0.0..=20.0).contains(&value),
                "bytes" | "cps" | "cpm" | "m" => value >= 0.0,
                "bool_yes_no" => value == 0.0 || value == 1.0,
                _ => true,
            }
    }

    /// A legend must be made of labels that are there, and tell series apart.
    fn fault_of_legend(&self, series: &[(Labels, f64)]) -> Option<String> {
        if self.legend.is_empty() {
            return None;
        }
        let labels = labels_of(&self.legend);
        let missing = labels
            .iter()
            .find(|label| !series.iter().any(|(has, _)| has.contains_key(**label)));
        if let Some(label) = missing {
            return Some(format!("the legend's {label} is no label"));
        }
        let legend = |(has, _): &(Labels, f64)| -> Vec<String> {
            let values = labels.iter().map(|label| has.get(*label).cloned());
            values.map(Option::unwrap_or_default).collect()
        };
        let names: BTreeSet<Vec<String>> = series.iter().map(legend).collect();
        (names.len() < series.len())
            .then(|| format!("{} series of {} names", series.len(), names.len()))
    }
}

/// All that dashboards and rules ask for.
fn questions(prometheus: &Prometheus) -> Vec<Question> {
    let mut questions = Vec::new();
    for dashboard in dashboards::all() {
        for query in dashboard.queries() {
            questions.push(Question::of_panel(query, &dashboard));
        }
    }
    let of_panels = questions.len();
    for rule in prometheus.rules() {
        assert_eq!(rule.health, "ok", "{}: {}", rule.name, rule.error);
        let place = match rule.is_alert {
            true => format!("alert {}", rule.name),
            false => format!("recorded {}", rule.name),
        };
        let asked = selectors(&rule.expression);
        assert!(!asked.is_empty(), "{place}: {}", rule.expression);
        // An alert has no answer in good times, but what it reads has.
        for selector in asked {
            questions.push(Question::of_rule(place.clone(), selector.text()));
        }
        if !rule.is_alert {
            questions.push(Question::of_rule(place, rule.name));
        }
    }
    let of_rules = questions.len() - of_panels;
    tell(format!(
        "{of_panels} queries of dashboards, {of_rules} of rules"
    ));
    assert!(of_panels > 180 && of_rules > 300, "{of_panels}, {of_rules}");
    questions
}

/// Asks all until each was answered once, as the load goes through all that there is to see.
fn ask(prometheus: &Prometheus, mut open: Vec<Question>) {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        open.retain(|question| question.fault(prometheus).is_some());
        if open.is_empty() {
            tell(format!("all answered after {:.1?}", began.elapsed()));
            return;
        }
        if began.elapsed() > TIMEOUT + TIMEOUT / 2 {
            break;
        }
        // Nothing changes between two scrapes.
        std::thread::sleep(Duration::from_secs(1).saturating_sub(asked.elapsed()));
    }
    let faults = open.iter().filter_map(|question| {
        let fault = question.fault(prometheus)?;
        let Question {
            place, expression, ..
        } = question;
        Some(format!("{place}: {fault}\n    {expression}"))
    });
    let faults: Vec<String> = faults.collect();
    panic!("{} are not answered:\n{}", faults.len(), faults.join("\n"));
}

/// A question of a name that nobody exposes must be noticed, and so must wrong ones.
fn check_that_faults_are_noticed(prometheus: &Prometheus) {
    let question = |expression: &str, unit: &str, legend: &str| Question {
        place: String::new(),
        expression: expression.to_owned(),
        legend: legend.to_owned(),
        unit: unit.to_owned(),
        is_single: false,
    };
    for (wrong, fault) in [
        (question("topology_recordz_in_total", "", ""), "no answer"),
        (question("sum(", "", ""), "parse error"),
        (question("1", "", ""), "no vector"),
        (question("topology_stream_time_seconds", "s", ""), "is no s"),
        (
            question("topology_tasks", "short", "{{status}}"),
            "is no label",
        ),
        (question("topology_tasks", "short", "{{job}}"), "of 1 names"),
    ] {
        let found = wrong.fault(prometheus).unwrap_or_default();
        assert!(found.contains(fault), "{}: {found:?}", wrong.expression);
    }
}

fn send_broken(broker: &Broker, count: usize) {
    let broken = (0..count).map(|_| Message::new(ORDERS, "order-1", "{no json"));
    broker.produce(broken).unwrap();
}

#[test]
fn every_query_is_answered_under_load() {
    if !is_here("prometheus") {
        return;
    }
    let broker = Broker::start().unwrap();
    load::preload(&broker, EVENTS, PARTITIONS);
    let state = tempfile::tempdir().unwrap();
    let mut processor = Setup::new(&broker, APPLICATION, state.path())
        .flag("--max-rate", RATE)
        .start_ready();
    let prometheus = Prometheus::start(&[processor.address()]);
    wait_for("the rules", TIMEOUT, || {
        let rules = prometheus.rules();
        let evaluated = rules.iter().all(|rule| rule.health != "unknown");
        (evaluated && !rules.is_empty()).then_some(())
    })
    .unwrap();
    // The first of them must have been seen to be 0.
    wait_for("outcomes", TIMEOUT, || {
        prometheus
            .value("sum(partition_outcome_reason:order_events_outcome:max) > 0")
            .map(drop)
    })
    .unwrap();
    send_broken(&broker, BROKEN);

    ask(&prometheus, questions(&prometheus));
    check_that_faults_are_noticed(&prometheus);
    let ends = topics::ends(&topics::input_records(&broker));
    topics::wait_consumed(&broker, APPLICATION, &ends, TIMEOUT);
    wait_for("every event accounted for", TIMEOUT, || {
        let unaccounted = prometheus.value("all:order_events:unaccounted")?;
        (unaccounted == 0.0).then_some(())
    })
    .unwrap();

    // The load ends in the middle of the day: what is under way then lasts too long, and is told once all was read.
    for (what, query) in [
        ("orders overdue", "sum(timer:order_sla_overdue:sum) > 20"),
        (
            "levels of timers",
            r#"sum(timer_level:order_sla_reached:increase15m{level="WARN"}) > 0"#,
        ),
        (
            "findings",
            r#"detector:order_detector_active:sum{detector="paid_not_relayed"} > 0"#,
        ),
        ("riders", "all:order_riders_active:per_minute > 0"),
        ("refunds", "all:order_refunds_won:max > 0"),
    ] {
        wait_for(what, TIMEOUT, || prometheus.value(query)).unwrap();
    }

    let firing = |alert: &str| {
        let alert = format!(r#"ALERTS{{alertname="{alert}", alertstate="firing"}}"#);
        prometheus.value(&alert).is_some()
    };
    wait_for("the alert of the dead letters", TIMEOUT, || {
        firing("JumunDeadLetters").then_some(())
    })
    .unwrap();
    assert!(!firing("JumunTaskPaused"));
    send_broken(&broker, MANY_BROKEN);
    wait_for("the alert of the paused task", TIMEOUT, || {
        firing("JumunTaskPaused").then_some(())
    })
    .unwrap();
    processor.stop();
}
