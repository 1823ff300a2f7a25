//! The figures of the three programs, how many times better ours are than the better of the peer's two settings, and
//! how many times they are to be.

use std::fmt::Write;

use serde::Serialize;

use super::OURS;
use super::peer::Profile;
use crate::contestant::Run;
use crate::error::{Error, Result};
use crate::statistics::median;

/// Takes a figure out of a run over so many events.
type Figure = fn(&Run, f64) -> f64;

struct Aim {
    name: &'static str,
    figure: Figure,
    decimals: usize,
    lower_is_better: bool,
    /// So many times better at least, and as many as is aimed at; nothing where there is no aim.
    times: Option<(f64, f64)>,
}

const MIB: f64 = 1_048_576.0;

const AIMS: [Aim; 9] = [
    Aim {
        name: "CPU seconds per million events",
        figure: |run, events| run.cpu_seconds / events * 1e6,
        decimals: 2,
        lower_is_better: true,
        times: Some((3.5, 6.0)),
    },
    Aim {
        name: "  of the second half",
        figure: |run, _| run.second_half_cpu_seconds_per_million_events,
        decimals: 2,
        lower_is_better: true,
        times: Some((3.5, 6.0)),
    },
    Aim {
        name: "events/s over the backlog",
        figure: |run, _| run.events_per_second,
        decimals: 0,
        lower_is_better: false,
        times: Some((2.5, 5.0)),
    },
    Aim {
        name: "  of the second half",
        figure: |run, _| run.second_half_events_per_second,
        decimals: 0,
        lower_is_better: false,
        times: Some((2.5, 5.0)),
    },
    Aim {
        name: "peak resident memory, MiB",
        figure: |run, _| run.peak_resident_bytes as f64 / MIB,
        decimals: 0,
        lower_is_better: true,
        // What is aimed at is told of 365,000 live orders; a backlog leaves fewer.
        times: None,
    },
    Aim {
        name: "start to first commit seen, s",
        figure: |run, _| run.first_commit_seconds,
        decimals: 2,
        lower_is_better: true,
        times: None,
    },
    Aim {
        name: "records to the broker per event",
        figure: |run, events| run.records_out as f64 / events,
        decimals: 3,
        lower_is_better: true,
        times: None,
    },
    Aim {
        name: "bytes to the broker per event",
        figure: |run, events| run.bytes_out as f64 / events,
        decimals: 0,
        lower_is_better: true,
        times: None,
    },
    Aim {
        name: "bytes to disk per event",
        figure: |run, events| run.written_bytes as f64 / events,
        decimals: 0,
        lower_is_better: true,
        times: None,
    },
];

/// One figure of each program: medians, and the smallest and largest of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    #[serde(skip)]
    decimals: usize,
    pub(crate) jumun: f64,
    pub(crate) jumun_spread: (f64, f64),
    pub(crate) tuned: f64,
    pub(crate) tuned_spread: (f64, f64),
    pub(crate) stock: f64,
    pub(crate) stock_spread: (f64, f64),
    /// How many times better than the better setting of the peer.
    pub(crate) times_better: f64,
    pub(crate) at_least: Option<f64>,
    pub(crate) aim: Option<f64>,
}

impl Row {
    /// `-` where nothing is aimed at.
    fn verdict(&self) -> &'static str {
        match (self.at_least, self.aim) {
            (_, Some(aim)) if self.times_better >= aim => "aim reached",
            (Some(least), _) if self.times_better >= least => "reached",
            (Some(_), _) => "not reached",
            _ => "-",
        }
    }
}

/// All rows.
pub(super) fn rows(runs: &[Run], events: u64) -> Result<Vec<Row>> {
    AIMS.iter()
        .map(|aim| row(aim, runs, events as f64))
        .collect()
}

fn row(aim: &Aim, runs: &[Run], events: f64) -> Result<Row> {
    let of = |program: &str| {
        let of = runs.iter().filter(|run| run.program == program);
        let figures: Vec<f64> = of.map(|run| (aim.figure)(run, events)).collect();
        if aim.times.is_some() && !figures.iter().all(|figure| *figure > 0.0) {
            return Err(Error::failed(format!(
                "a run of {program} was too short for a figure ({}); ask for more --events",
                aim.name.trim()
            )));
        }
        let middle = median(figures.iter().copied())
            .ok_or_else(|| Error::failed(format!("there is no run of {program}")))?;
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok::<_, Error>((middle, (least, most)))
    };
    let (jumun, jumun_spread) = of(OURS)?;
    let (tuned, tuned_spread) = of(Profile::Tuned.name())?;
    let (stock, stock_spread) = of(Profile::Stock.name())?;
    let times_better = match aim.lower_is_better {
        true => tuned.min(stock) / jumun,
        false => jumun / tuned.max(stock),
    };
    Ok(Row {
        name: aim.name,
        decimals: aim.decimals,
        jumun,
        jumun_spread,
        tuned,
        tuned_spread,
        stock,
        stock_spread,
        times_better,
        at_least: aim.times.map(|(least, _)| least),
        aim: aim.times.map(|(_, aim)| aim),
    })
}

/// For people; in parentheses the smallest and largest.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:32}{:>27}{:>27}{:>27}{:>14}{:>10}{:>6}\n",
        "", "jumun", "KS tuned", "KS stock", "times better", "at least", "aim"
    );
    for row in rows {
        let number = |value: f64| format!("{value:.*}", row.decimals);
        let aim = |aim: Option<f64>| aim.map_or("-".to_owned(), |aim| aim.to_string());
        let all = |middle: f64, (least, most): (f64, f64)| {
            format!("{} ({} to {})", number(middle), number(least), number(most))
        };
        let _ = writeln!(
            text,
            "{:32}{:>27}{:>27}{:>27}{:>14.2}{:>10}{:>6}  {}",
            row.name,
            all(row.jumun, row.jumun_spread),
            all(row.tuned, row.tuned_spread),
            all(row.stock, row.stock_spread),
            row.times_better,
            aim(row.at_least),
            aim(row.aim),
            row.verdict(),
        );
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn run(program: &'static str, cpu_seconds: f64, events_per_second: f64) -> Run {
        Run {
            program: program.into(),
            cpu_seconds,
            events_per_second,
            peak_resident_bytes: 100 << 20,
            second_half_cpu_seconds_per_million_events: cpu_seconds,
            second_half_events_per_second: events_per_second,
            ..Run::default()
        }
    }

    pub(crate) fn sample() -> Vec<Row> {
        let runs = [
            run(OURS, 4.0, 100_000.0),
            run(OURS, 9.0, 90_000.0),
            run(OURS, 3.0, 110_000.0),
            run(Profile::Tuned.name(), 20.0, 60_000.0),
            run(Profile::Stock.name(), 28.0, 40_000.0),
        ];
        rows(&runs, 1_000_000).unwrap()
    }

    #[test]
    fn ours_is_measured_against_the_better_of_the_two() {
        let rows = sample();
        let (cpu, pace) = (&rows[0], &rows[2]);
        assert_eq!((cpu.jumun, cpu.times_better), (4.0, 5.0));
        assert_eq!(cpu.jumun_spread, (3.0, 9.0));
        assert_eq!(cpu.verdict(), "reached");
        assert_eq!(pace.times_better, 100_000.0 / 60_000.0);
        assert_eq!(pace.verdict(), "not reached");
        assert_eq!(rows[4].times_better, 1.0);
        let text = table(&rows);
        assert!(text.contains("3.00 to 9.00"), "{text}");
    }

    #[test]
    fn a_run_whose_half_was_not_seen_is_no_figure() {
        let programs = [OURS, Profile::Tuned.name(), Profile::Stock.name()];
        let mut runs = programs.map(|program| run(program, 1.0, 1.0));
        runs[0].second_half_cpu_seconds_per_million_events = 0.0;
        let error = rows(&runs, 1).unwrap_err().to_string();
        assert!(error.starts_with("a run of jumun was too short"), "{error}");
    }

    #[test]
    fn a_program_without_a_run_is_named() {
        let error = rows(&[run(OURS, 1.0, 1.0)], 1).unwrap_err();
        assert_eq!(error.to_string(), "there is no run of Kafka Streams, tuned");
    }
}
