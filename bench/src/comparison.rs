//! What disorder costs: the order job over events in order, and over the same events with some swapped and repeated,
//! in turn, each from a broker of its own.

use serde::Serialize;

use crate::backlog::Stream;
use crate::contestant::Run;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::options::Options;
use crate::order_job::OrderJob;
use crate::results::{Figures, now};
use crate::stand::Stand;
use crate::table::{self, grouped};

const IN_ORDER: &str = "in order";
const DISORDERED: &str = "disordered";

/// Throughput with disorder in multiples of that without: below it parking is too dear.
const BOUND: f64 = 0.8;

/// Everything that is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) at: String,
    pub(crate) events: u64,
    pub(crate) seed: u64,
    pub(crate) commit_interval_ms: u64,
    pub(crate) settings: Vec<String>,
    pub(crate) runs_of_each: u32,
    pub(crate) verified: [String; 2],
    /// Of the disordered events, the share that was parked or known already.
    pub(crate) disordered_share: f64,
    /// Events per CPU second with disorder in multiples of those without; the higher, the better.
    pub(crate) cpu_throughput_ratio: f64,
    /// The same by the clock on the wall.
    pub(crate) wall_throughput_ratio: f64,
    pub(crate) in_order: Figures,
    pub(crate) disordered: Figures,
    pub(crate) runs: Vec<Run>,
}

/// Measures as asked.
pub(crate) fn run(options: &Options) -> Result<Comparison> {
    let mut job = OrderJob::new(&options.job)?;
    let mut stands = [
        (
            IN_ORDER,
            "bench-in-order",
            Stand::start(&options.filling(Stream::InOrder))?,
        ),
        (
            DISORDERED,
            "bench-disordered",
            Stand::start(&options.filling(Stream::Disordered))?,
        ),
    ];
    let mut runs = Vec::new();
    let mut verified: [String; 2] = Default::default();
    for number in 1..=options.runs {
        for ((name, group, stand), verified) in stands.iter_mut().zip(&mut verified) {
            let done = stand.order_job(
                &mut job,
                name,
                format!("{group}-{number}"),
                Extent::Judging,
                &[],
            )?;
            runs.push(done.run);
            *verified = done.verified;
        }
    }
    let [(_, _, in_order), (_, _, disordered)] = &stands;
    let share = disordered.expected.disordered() as f64 / disordered.backlog.events() as f64;
    Comparison::of(options, in_order.backlog.events(), share, verified, runs)
}

impl Comparison {
    fn of(
        options: &Options,
        events: u64,
        disordered_share: f64,
        verified: [String; 2],
        runs: Vec<Run>,
    ) -> Result<Self> {
        let figures = |program| {
            Figures::of(program, &runs, events)
                .ok_or_else(|| Error::failed(format!("there is no run {program}")))
        };
        let (in_order, disordered) = (figures(IN_ORDER)?, figures(DISORDERED)?);
        Ok(Self {
            at: now(),
            events,
            seed: options.seed,
            commit_interval_ms: options.job.backlog_interval_ms(),
            settings: options.job.set.clone(),
            runs_of_each: options.runs,
            verified,
            disordered_share,
            cpu_throughput_ratio: disordered.events_per_cpu_second / in_order.events_per_cpu_second,
            wall_throughput_ratio: disordered.events_per_second / in_order.events_per_second,
            in_order,
            disordered,
            runs,
        })
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let [in_order, disordered] = &self.verified;
        let columns = [(IN_ORDER, &self.in_order), (DISORDERED, &self.disordered)];
        format!(
            "{} events each, exactly once, commit every {} ms; medians of {} runs in turn\n\
             verified {IN_ORDER}: {in_order}\nverified {DISORDERED}: {disordered}\n\n{}\n\
             {:.1} % of the disordered events were parked or known already\n\
             events per CPU second are {:.2} times those in order (bound {BOUND}), {:.2} by the clock on the wall\n",
            grouped(self.events),
            self.commit_interval_ms,
            self.runs_of_each,
            table::two(columns),
            self.disordered_share * 100.0,
            self.cpu_throughput_ratio,
            self.wall_throughput_ratio,
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::Cli;

    fn run(program: &'static str, cpu_seconds: f64, events_per_second: f64) -> Run {
        Run {
            program: program.into(),
            cpu_seconds,
            seconds: 9.0,
            events_per_second,
            peak_resident_bytes: 1 << 20,
            records_out: 2_000_000,
            bytes_out: 1_000_000_000,
            ..Run::default()
        }
    }

    #[test]
    fn throughput_with_disorder_is_told_in_multiples_of_that_without() {
        let options = Cli::parse_from(["jumun-bench", "--disorder"]).options;
        let runs = vec![
            run(IN_ORDER, 8.0, 50_000.0),
            run(DISORDERED, 10.0, 45_000.0),
        ];
        let verified = ["all".to_owned(), "all".to_owned()];
        let of = |runs| Comparison::of(&options, 1_000_000, 0.05, verified.clone(), runs);
        let comparison = of(runs.clone()).unwrap();
        assert_eq!(comparison.cpu_throughput_ratio, 0.8);
        assert_eq!(comparison.wall_throughput_ratio, 0.9);
        let text = comparison.text();
        assert!(text.contains("5.0 % of the disordered events"), "{text}");
        assert!(
            text.contains("are 0.80 times those in order (bound 0.8)"),
            "{text}"
        );
        assert!(of(runs[..1].to_vec()).is_err(), "one of the two is missing");
    }
}
