//! From runs to figures to what is printed.

use std::fmt::Write;

use serde::Serialize;

use super::axis::Axis;
use super::{PROGRAMS, Point};
use crate::contestant::Run;
use crate::error::{Error, Result};
use crate::options::GrowthOptions;
use crate::results::{Figures, now};
use crate::table::grouped;

/// Everything that is told.
#[derive(Serialize)]
pub(crate) struct Growth {
    pub(crate) at: String,
    events: u64,
    seed: u64,
    commit_interval_ms: u64,
    catch_up_commit_interval_ms: u64,
    settings: Vec<String>,
    runs_of_each: u32,
    axes: Vec<AxisFigures>,
}

#[derive(Serialize)]
struct AxisFigures {
    axis: Axis,
    points: Vec<PointFigures>,
}

#[derive(Serialize)]
struct PointFigures {
    point: String,
    events: u64,
    verified: String,
    /// In the order of the programs.
    programs: Vec<ProgramFigures>,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct ProgramFigures {
    program: &'static str,
    figures: Figures,
    /// CPU per event in multiples of that at the first point.
    cpu_to_first_point: f64,
}

impl Growth {
    pub(super) fn new(options: &GrowthOptions) -> Self {
        Self {
            at: now(),
            events: options.events,
            seed: options.seed,
            commit_interval_ms: options.job.commit_interval_ms,
            catch_up_commit_interval_ms: options.job.backlog_interval_ms(),
            settings: options.job.set.clone(),
            runs_of_each: options.runs,
            axes: Vec::new(),
        }
    }

    /// Adds the runs of an axis.
    pub(super) fn add(&mut self, axis: Axis, points: &[Point]) -> Result<()> {
        let mut figures: Vec<PointFigures> = Vec::new();
        for point in points {
            let mut programs = Vec::new();
            for (index, (program, _)) in PROGRAMS.into_iter().enumerate() {
                let of = Figures::of(program, &point.runs, point.events).ok_or_else(|| {
                    Error::failed(format!("there is no run of {program} at {}", point.label))
                })?;
                let cpu = of.cpu_seconds_per_million_events;
                let first = figures
                    .first()
                    .and_then(|first| first.programs.get(index))
                    .map_or(cpu, |first| first.figures.cpu_seconds_per_million_events);
                programs.push(ProgramFigures {
                    program,
                    figures: of,
                    cpu_to_first_point: cpu / first,
                });
            }
            figures.push(PointFigures {
                point: point.label.clone(),
                events: point.events,
                verified: point.verified.clone(),
                programs,
                runs: point.runs.clone(),
            });
        }
        self.axes.push(AxisFigures {
            axis,
            points: figures,
        });
        Ok(())
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} events, exactly once, commit every {} ms ({} in a backlog); medians of {} runs\n",
            grouped(self.events),
            self.commit_interval_ms,
            self.catch_up_commit_interval_ms,
            self.runs_of_each
        );
        for axis in &self.axes {
            for (index, (program, _)) in PROGRAMS.into_iter().enumerate() {
                let _ = writeln!(
                    text,
                    "\n{:40}{:>14}{:>10}{:>12}{:>12}{:>14}",
                    format!("{}: {program}", axis.axis.title()),
                    "CPU s/million",
                    "ratio",
                    "events/s",
                    "MiB",
                    "records/event"
                );
                for point in &axis.points {
                    let Some(of) = point.programs.get(index) else {
                        continue;
                    };
                    let _ = writeln!(
                        text,
                        "{:40}{:>14.2}{:>10.2}{:>12}{:>12.0}{:>14.2}",
                        point.point,
                        of.figures.cpu_seconds_per_million_events,
                        of.cpu_to_first_point,
                        grouped(of.figures.events_per_second.round() as u64),
                        of.figures.peak_resident_bytes / 1_048_576.0,
                        of.figures.records_out_per_event
                    );
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::{Cli, Command};

    fn options() -> GrowthOptions {
        match Cli::parse_from(["jumun-bench", "growth"]).command {
            Some(Command::Growth(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    fn point(label: &str, cpu_seconds: f64) -> Point {
        let run = |(program, _): (&'static str, _)| Run {
            program: program.into(),
            cpu_seconds,
            events_per_second: 1e5,
            records_out: 2_000_000,
            ..Run::default()
        };
        Point {
            events: 1_000_000,
            runs: PROGRAMS.map(run).into(),
            ..Point::new(label.to_owned())
        }
    }

    #[test]
    fn cost_is_told_in_multiples_of_the_first_point() {
        let mut growth = Growth::new(&options());
        let points = [point("1", 10.0), point("24", 15.0)];
        growth.add(Axis::Partitions, &points).unwrap();
        let text = growth.text();
        assert!(
            text.contains("partitions of each input: order job"),
            "{text}"
        );
        let row = text.lines().find(|line| line.starts_with("24 ")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells, ["24", "15.00", "1.50", "100", "000", "0", "2.00"]);
    }

    #[test]
    fn a_point_without_a_run_of_each_has_no_figure() {
        let mut growth = Growth::new(&options());
        let mut half = point("1", 10.0);
        half.runs.pop();
        assert!(growth.add(Axis::Threads, &[half]).is_err());
    }
}
