//! Timers and detectors by the metrics: what was told, and what is not over.

use std::collections::BTreeMap;

use serde::Serialize;

use super::families::Families;
use crate::domain::detector::Detector;
use crate::domain::watching::{Level, Watch};
use crate::job::metrics::list;

/// A timer, of all orders of this instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Timer {
    timer: &'static str,
    /// Orders past its breach for which it still runs.
    overdue: f64,
    /// Orders that reached a level, ever; none where there is no such level.
    warn: Option<f64>,
    breach: Option<f64>,
    critical: Option<f64>,
}

/// A detector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct DetectorCount {
    detector: &'static str,
    /// Findings that are not over.
    active: f64,
    /// Findings that began, ever.
    findings: f64,
}

/// The timers in the order in which an order meets them; none where there is no such metric.
pub(super) fn timers(families: &Families) -> Option<Vec<Timer>> {
    let reached = families.by_labels(list::SLA_REACHED.name, ["timer", "level"])?;
    let overdue = families.by_label(list::SLA_OVERDUE.name, "timer");
    let overdue = overdue.unwrap_or_default();
    let timers = Watch::timers().map(|watch| {
        let of = |level: Level| {
            let key = [watch.name(), level.name()].map(str::to_owned);
            reached.get(&key).copied()
        };
        Timer {
            timer: watch.name(),
            overdue: of_name(&overdue, watch.name()),
            warn: of(Level::Warn),
            breach: of(Level::Breach),
            critical: of(Level::Critical),
        }
    });
    Some(timers.collect())
}

/// The detectors; none where there is no such metric.
pub(super) fn detectors(families: &Families) -> Option<Vec<DetectorCount>> {
    let findings = families.by_label(list::DETECTOR_FINDINGS.name, "detector")?;
    let active = families.by_label(list::DETECTOR_ACTIVE.name, "detector");
    let active = active.unwrap_or_default();
    let detectors = Detector::ALL.iter().map(|detector| DetectorCount {
        detector: detector.name(),
        active: of_name(&active, detector.name()),
        findings: of_name(&findings, detector.name()),
    });
    Some(detectors.collect())
}

fn of_name(counts: &BTreeMap<String, f64>, name: &str) -> f64 {
    counts.get(name).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[test]
    fn levels_that_there_are_not_are_told_from_those_not_reached() {
        let registry = Registry::new();
        assert_eq!(timers(&Families::gather(&registry)), None);
        assert_eq!(detectors(&Families::gather(&registry)), None);
        let reached = list::SLA_REACHED.int_counter().unwrap();
        for (partition, level, count) in [("0", "WARN", 3), ("1", "WARN", 4), ("0", "BREACH", 0)] {
            let labels = [partition, "no_rider", level];
            reached.with_label_values(&labels).inc_by(count);
        }
        let overdue = list::SLA_OVERDUE.int_gauge().unwrap();
        overdue.with_label_values(&["1", "no_rider"]).set(2);
        let active = list::DETECTOR_ACTIVE.int_gauge().unwrap();
        active.with_label_values(&["1", "order_drop"]).set(1);
        let findings = list::DETECTOR_FINDINGS.int_counter().unwrap();
        findings.with_label_values(&["1", "order_drop"]).inc_by(5);
        registry.register(Box::new(reached)).unwrap();
        registry.register(Box::new(overdue)).unwrap();
        registry.register(Box::new(active)).unwrap();
        registry.register(Box::new(findings)).unwrap();
        let families = Families::gather(&registry);
        let told = timers(&families).unwrap();
        assert_eq!(told.len(), Watch::timers().count());
        let no_rider = Timer {
            timer: "no_rider",
            overdue: 2.0,
            warn: Some(7.0),
            breach: Some(0.0),
            critical: None,
        };
        assert_eq!(told[3], no_rider);
        let told = detectors(&families).unwrap();
        let drop = DetectorCount {
            detector: "order_drop",
            active: 1.0,
            findings: 5.0,
        };
        assert!(told.contains(&drop), "{told:?}");
    }
}
