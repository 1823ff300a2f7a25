//! The figures as a table for people.

use std::fmt::Write;

use crate::results::{Figures, Results};

/// Takes one figure out of those of a program.
type Figure = fn(&Figures) -> f64;

/// What a table tells of each program.
const ROWS: [(&str, Figure, usize); 7] = [
    (
        "CPU seconds per million events",
        |of| of.cpu_seconds_per_million_events,
        2,
    ),
    ("events per CPU second", |of| of.events_per_cpu_second, 0),
    (
        "events per second, wall clock",
        |of| of.events_per_second,
        0,
    ),
    ("seconds from start to zero lag", |of| of.seconds, 1),
    (
        "peak resident memory, MiB",
        |of| of.peak_resident_bytes / 1_048_576.0,
        1,
    ),
    ("records out per event", |of| of.records_out_per_event, 3),
    ("bytes out per event", |of| of.bytes_out_per_event, 0),
];

/// The figures of two programs, and of the second in multiples of the first.
pub(crate) fn two([first, second]: [(&str, &Figures); 2]) -> String {
    let mut text = format!("{:34}{:>14}{:>14}{:>10}\n", "", first.0, second.0, "ratio");
    for (name, value, decimals) in ROWS {
        let (first, second) = (value(first.1), value(second.1));
        let _ = writeln!(
            text,
            "{name:34}{:>14}{:>14}{:>10.2}",
            number(first, decimals),
            number(second, decimals),
            second / first,
        );
    }
    text
}

/// The whole text.
pub(crate) fn text(results: &Results) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} events in {} partitions of {} topics, exactly once, commit every {} ms; medians of {} runs in turn",
        grouped(results.events),
        results.partitions,
        results.inputs.len(),
        results.commit_interval_ms,
        results.runs_of_each,
    );
    let _ = writeln!(text, "verified: {}", results.verified);
    let (job, floor) = (&results.order_job, &results.floor);
    let (with, everything) = (&results.with_aggregates, &results.everything);
    let _ = writeln!(
        text,
        "\n{:34}{:>14}{:>14}{:>10}{:>18}{:>10}{:>14}{:>10}",
        "", "order job", "floor", "ratio", "with aggregates", "ratio", "everything", "ratio"
    );
    for (name, value, decimals) in ROWS {
        let (job, floor) = (value(job), value(floor));
        let (with, everything) = (value(with), value(everything));
        let _ = writeln!(
            text,
            "{name:34}{:>14}{:>14}{:>10.2}{:>18}{:>10.2}{:>14}{:>10.2}",
            number(job, decimals),
            number(floor, decimals),
            job / floor,
            number(with, decimals),
            with / job,
            number(everything, decimals),
            everything / job
        );
    }
    let _ = writeln!(
        text,
        "\n{:48}{:>10}{:>14}",
        "output topic", "per event", "mean bytes"
    );
    for output in &results.outputs {
        let (share, bytes) = (output.records_per_event, output.bytes_per_record);
        let _ = writeln!(text, "{:48}{share:>10.4}{bytes:>14.0}", output.topic);
    }
    let _ = writeln!(
        text,
        "\nCPU per event is {:.2} times that of the floor (bound {}, aim {})",
        results.cpu_ratio_to_floor,
        crate::results::BOUND,
        crate::results::AIM,
    );
    let _ = writeln!(
        text,
        "with aggregates it is {:.2} times that without (bound {})",
        results.cpu_ratio_of_aggregates,
        crate::results::AGGREGATES_BOUND,
    );
    let _ = writeln!(
        text,
        "with all aggregates, timers and detectors it does {:.2} times as many events per second as without any (bound {})",
        results.pace_ratio_of_everything,
        crate::results::EVERYTHING_BOUND,
    );
    text
}

/// With a space between groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn number(value: f64, decimals: usize) -> String {
    if decimals == 0 {
        grouped(value.round() as u64)
    } else {
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::results;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1 000");
        assert_eq!(grouped(12_345_678), "12 345 678");
    }

    #[test]
    fn the_table_holds_both_programs_and_their_ratio() {
        let text = text(&results());
        let row = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default()
        };
        let cells = |name: &str| {
            row(name)
                .trim_start_matches(name)
                .split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            cells("CPU seconds per million events"),
            ["4.00", "2.00", "2.00", "5.00", "1.25", "6.00", "1.50"]
        );
        assert_eq!(
            cells("events per CPU second"),
            [
                "250 000", "500 000", "0.50", "200 000", "0.80", "166 667", "0.67"
            ]
        );
        assert_eq!(
            cells("peak resident memory, MiB"),
            ["200.0", "50.0", "4.00", "220.0", "1.10", "240.0", "1.20"]
        );
        assert!(text.contains("2.00 times that of the floor"), "{text}");
        assert!(
            text.contains("0.75 times as many events per second"),
            "{text}"
        );
    }
}
