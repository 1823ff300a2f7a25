//! The figures, from runs to medians to a file.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::contestant::Run;
use crate::error::{Error, Result};
use crate::profile::Profile;
use crate::statistics::median;

/// CPU per event in multiples of the floor's: above it the record path is not batched as designed.
pub(crate) const BOUND: f64 = 3.5;
/// What is aimed at.
pub(crate) const AIM: f64 = 1.8;
/// CPU per event with aggregates, in multiples of that without.
pub(crate) const AGGREGATES_BOUND: f64 = 1.25;
/// Events per second with all aggregates, timers and detectors, in multiples of those without any.
pub(crate) const EVERYTHING_BOUND: f64 = 0.7;

/// Medians over the runs of one program.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) cpu_seconds_per_million_events: f64,
    pub(crate) events_per_cpu_second: f64,
    /// Between the first commit that was seen and zero lag.
    pub(crate) events_per_second: f64,
    /// From the start of the process to zero lag.
    pub(crate) seconds: f64,
    pub(crate) peak_resident_bytes: f64,
    pub(crate) records_out_per_event: f64,
    /// Keys and values, before compression.
    pub(crate) bytes_out_per_event: f64,
}

impl Figures {
    /// `None` without any run of that program.
    pub(crate) fn of(program: &str, runs: &[Run], events: u64) -> Option<Self> {
        let events = events as f64;
        let middle = |value: fn(&Run) -> f64| {
            median(runs.iter().filter(|run| run.program == program).map(value))
        };
        let cpu_seconds = middle(|run| run.cpu_seconds)?;
        Some(Self {
            cpu_seconds_per_million_events: cpu_seconds / events * 1e6,
            events_per_cpu_second: events / cpu_seconds,
            events_per_second: middle(|run| run.events_per_second)?,
            seconds: middle(|run| run.seconds)?,
            peak_resident_bytes: middle(|run| run.peak_resident_bytes as f64)?,
            records_out_per_event: middle(|run| run.records_out as f64)? / events,
            bytes_out_per_event: middle(|run| run.bytes_out as f64)? / events,
        })
    }
}

/// What went to one output topic in the last run of the order job with everything.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TopicFigures {
    pub(crate) topic: String,
    pub(crate) records_per_event: f64,
    /// Key and value of a record on average.
    pub(crate) bytes_per_record: f64,
}

impl TopicFigures {
    /// Those of every topic that got any record.
    pub(crate) fn of(profile: &Profile) -> Vec<Self> {
        let used = profile.topics.iter().filter(|topic| topic.records > 0);
        used.map(|topic| Self {
            topic: topic.topic.clone(),
            records_per_event: topic.records as f64 / profile.events as f64,
            bytes_per_record: topic.bytes as f64 / topic.records as f64,
        })
        .collect()
    }
}

/// Everything that is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) at: String,
    pub(crate) events: u64,
    pub(crate) inputs: Vec<String>,
    pub(crate) partitions: usize,
    pub(crate) seed: u64,
    pub(crate) commit_interval_ms: u64,
    pub(crate) settings: Vec<String>,
    pub(crate) runs_of_each: u32,
    pub(crate) verified: String,
    /// The lower, the better.
    pub(crate) cpu_ratio_to_floor: f64,
    /// Of the order job with aggregates to that without; the lower, the better.
    pub(crate) cpu_ratio_of_aggregates: f64,
    /// Of the order job with everything to that without aggregates, timers and detectors; the higher, the better.
    pub(crate) pace_ratio_of_everything: f64,
    /// Without aggregates.
    pub(crate) order_job: Figures,
    /// With those that the same job on Kafka Streams has.
    pub(crate) with_aggregates: Figures,
    /// With all aggregates, timers and detectors, as it is shipped.
    pub(crate) everything: Figures,
    pub(crate) floor: Figures,
    pub(crate) outputs: Vec<TopicFigures>,
    pub(crate) runs: Vec<Run>,
}

/// As JSON, with a line end.
pub(crate) fn json(results: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string_pretty(results);
    json.map(|json| json + "\n")
        .map_err(|error| Error::failed(format!("writing results: {error}")))
}

/// Writes results of this time to `<directory>/<date and time><of what>.json`.
pub(crate) fn save(
    results: &impl Serialize,
    at: &str,
    of: &str,
    directory: &Path,
) -> Result<PathBuf> {
    std::fs::create_dir_all(directory).map_err(Error::file("creating", directory))?;
    let path = directory.join(format!("{}{of}.json", at.replace(':', "")));
    std::fs::write(&path, json(results)?).map_err(Error::file("writing", &path))?;
    Ok(path)
}

/// Now, to the second.
pub(crate) fn now() -> String {
    format!("{:.0}", Timestamp::now())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn run(program: &'static str, cpu_seconds: f64, mebibytes: u64) -> Run {
        Run {
            program: program.into(),
            cpu_seconds,
            seconds: 9.0,
            events_per_second: 1e5,
            peak_resident_bytes: mebibytes << 20,
            records_out: 2_000_000,
            bytes_out: 1_000_000_000,
            ..Run::default()
        }
    }

    /// Order job 4 s and 200 MiB, with aggregates 5 s and 220 MiB, with everything 6 s and 240 MiB, floor 2 s and 50 MiB, over a million events.
    pub(crate) fn results() -> Results {
        let runs = vec![
            run("order job", 4.0, 200),
            run("with aggregates", 5.0, 220),
            run("everything", 6.0, 240),
            run("floor", 2.0, 50),
            run("order job", 9.0, 900),
            run("floor", 2.0, 50),
            run("order job", 3.0, 100),
            run("floor", 8.0, 70),
        ];
        let figures = |program| Figures::of(program, &runs, 1_000_000).unwrap();
        Results {
            at: "2026-11-24T11:00:00Z".to_owned(),
            events: 1_000_000,
            inputs: vec!["order.events.v1".to_owned()],
            partitions: 4,
            seed: 1,
            commit_interval_ms: 100,
            settings: Vec::new(),
            runs_of_each: 3,
            verified: "all".to_owned(),
            cpu_ratio_to_floor: 2.0,
            cpu_ratio_of_aggregates: 1.25,
            pace_ratio_of_everything: 0.75,
            order_job: figures("order job"),
            with_aggregates: figures("with aggregates"),
            everything: figures("everything"),
            floor: figures("floor"),
            outputs: vec![TopicFigures {
                topic: "order.state.v1".to_owned(),
                records_per_event: 0.5,
                bytes_per_record: 700.0,
            }],
            runs,
        }
    }

    #[test]
    fn figures_are_medians_of_the_runs_of_one_program() {
        let results = results();
        assert_eq!(results.order_job.cpu_seconds_per_million_events, 4.0);
        assert_eq!(results.floor.events_per_cpu_second, 500_000.0);
        assert_eq!(results.order_job.records_out_per_event, 2.0);
        assert!(Figures::of("another", &results.runs, 1).is_none());
    }

    #[test]
    fn a_saved_file_is_named_after_its_time_and_holds_every_run() -> Result<()> {
        let directory = tempfile::tempdir().unwrap();
        let results = results();
        let path = save(
            &results,
            &results.at,
            "-disorder",
            &directory.path().join("results"),
        )?;
        assert_eq!(
            path.file_name().unwrap(),
            "2026-11-24T110000Z-disorder.json"
        );
        let saved: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(saved["runs"].as_array().unwrap().len(), 8);
        assert_eq!(saved["cpu_ratio_to_floor"], 2.0);
        Ok(())
    }
}
