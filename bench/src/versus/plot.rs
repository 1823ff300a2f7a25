//! The figures as a picture: bars of every row, and the distribution of latencies.

use std::fmt::Write;

use super::aims::Row;
use super::measured::Measured;
use crate::statistics::median;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 270.0;
const RIGHT: f64 = 130.0;
const BAR: f64 = 12.0;
const GAP: f64 = 10.0;
const TITLE: f64 = 30.0;
const COLOURS: [&str; 3] = ["#0b7a75", "#9a9a9a", "#cfcfcf"];
const CHART: f64 = 200.0;

/// One part of the picture.
pub(super) struct Panel<'a> {
    pub(super) title: String,
    pub(super) programs: &'a [&'static str],
    pub(super) rows: &'a [Row],
    pub(super) runs: &'a [Measured],
}

/// As SVG 1.1, one panel below the other.
pub(super) fn svg(panels: &[Panel<'_>]) -> String {
    let mut body = String::new();
    let mut y = 8.0;
    for panel in panels {
        y = bars(&mut body, panel, y);
        if panel.runs.iter().any(|run| !run.distribution.is_empty()) {
            y = latencies(&mut body, panel, y);
        }
        y += GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{y:.0}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn colour(index: usize) -> &'static str {
    COLOURS.get(index).copied().unwrap_or("#000000")
}

/// One group of bars per figure, each as long as its share of the longest in its group. Answers where it ends.
fn bars(svg: &mut String, panel: &Panel<'_>, top: f64) -> f64 {
    let _ = writeln!(
        svg,
        "<text x=\"10\" y=\"{:.1}\" font-weight=\"bold\">{}</text>",
        top + 14.0,
        panel.title
    );
    for (index, name) in panel.programs.iter().enumerate() {
        let x = LEFT + 150.0 * index as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{}\" y=\"{:.1}\">{name}</text>",
            top + 5.0,
            colour(index),
            x + 15.0,
            top + 14.0,
        );
    }
    let mut y = top + TITLE;
    for row in panel.rows {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 10.0,
            y + 1.5 * BAR,
            row.name.trim(),
        );
        let longest = row
            .cells
            .iter()
            .map(|cell| cell.median)
            .fold(f64::MIN_POSITIVE, f64::max);
        for (index, program) in panel.programs.iter().enumerate() {
            let Some(value) = row.median_of(program) else {
                continue;
            };
            let length = (WIDTH - LEFT - RIGHT) * value / longest;
            let ratio = match index {
                0 => format!(" (ratio {:.2})", row.ratio),
                _ => String::new(),
            };
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}{ratio}</text>",
                BAR - 1.0,
                colour(index),
                LEFT + length + 4.0,
                y + BAR - 2.5,
                rounded(value),
            );
            y += BAR;
        }
        y += GAP;
    }
    y
}

/// A line per program: the latency at each quantile, medians over the runs, both axes logarithmic; to the right what is
/// rarer. Answers where it ends.
fn latencies(svg: &mut String, panel: &Panel<'_>, top: f64) -> f64 {
    let lines: Vec<Vec<(f64, f64)>> = panel
        .programs
        .iter()
        .map(|program| {
            let runs = panel.runs.iter().filter(|run| run.program == *program);
            distribution(&runs.collect::<Vec<_>>())
        })
        .collect();
    let all = || lines.iter().flatten().map(|(_, ms)| ms.max(1.0));
    let least = all().fold(f64::INFINITY, f64::min).log10().floor();
    let most = all().fold(1.0, f64::max).log10().ceil().max(least + 1.0);
    let bottom = top + CHART;
    let y = |ms: f64| bottom - (ms.max(1.0).log10() - least) / (most - least) * (CHART - 20.0);
    let x = |quantile: f64| LEFT + rarity(quantile) / 4.0 * (WIDTH - LEFT - RIGHT);
    let mut decade = least;
    while decade <= most {
        let (ms, at) = (10_f64.powf(decade), y(10_f64.powf(decade)));
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e5e5e5\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{ms} ms</text>",
            WIDTH - RIGHT,
            LEFT - 10.0,
            at + 4.0
        );
        decade += 1.0;
    }
    for (quantile, name) in [
        (0.0, "0 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
    ] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            x(quantile),
            bottom + 16.0
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let points: Vec<String> = line
            .iter()
            .filter(|(quantile, _)| *quantile < 1.0)
            .map(|(quantile, ms)| format!("{:.1},{:.1}", x(*quantile), y(*ms)))
            .collect();
        if !points.is_empty() {
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
                points.join(" "),
                colour(index)
            );
        }
    }
    bottom + 26.0
}

/// How many nines a quantile has: 0 of 0, 1 of 0.9, 2 of 0.99.
fn rarity(quantile: f64) -> f64 {
    -(1.0 - quantile).max(1e-9).log10()
}

/// The medians of several runs at each quantile.
fn distribution(runs: &[&Measured]) -> Vec<(f64, f64)> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let quantiles = first.distribution.iter().map(|(quantile, _)| *quantile);
    let at = |(index, quantile): (usize, f64)| {
        let values = runs.iter().filter_map(|run| run.distribution.get(index));
        Some((quantile, median(values.map(|(_, ms)| *ms))?))
    };
    quantiles.enumerate().filter_map(at).collect()
}

fn rounded(value: f64) -> String {
    match value {
        large if large >= 100.0 => format!("{large:.0}"),
        small => format!("{small:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::aims::tests::sample;
    use super::*;

    const PROGRAMS: [&str; 3] = ["jumun", "tuned", "stock"];

    #[test]
    fn every_figure_has_three_bars_of_its_length() {
        let rows = sample();
        let panel = Panel {
            title: "backlog".to_owned(),
            programs: &PROGRAMS,
            rows: &rows,
            runs: &[],
        };
        let svg = svg(&[panel]);
        assert_eq!(svg.matches("<rect").count(), 1 + 3 + 3 * rows.len());
        // The longest bar is of the stock peer's 28 s, of which our 4 s are a seventh.
        assert!(svg.contains("width=\"360.0\""), "{svg}");
        assert!(
            svg.contains(&format!("width=\"{:.1}\"", 360.0 / 7.0)),
            "{svg}"
        );
        assert!(svg.contains("4.00 (ratio 5.00)"), "{svg}");
        assert!(!svg.contains("polyline"), "{svg}");
    }

    #[test]
    fn latencies_are_a_line_of_each_program_that_has_any() {
        let run = |program: &str, factor: f64| Measured {
            distribution: vec![(0.5, factor), (0.99, 10.0 * factor), (1.0, 100.0 * factor)],
            ..Measured::new(program, String::new())
        };
        let runs = [run("jumun", 10.0), run("jumun", 30.0), run("tuned", 20.0)];
        let panel = Panel {
            title: "latency".to_owned(),
            programs: &PROGRAMS,
            rows: &[],
            runs: &runs,
        };
        let svg = svg(&[panel]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        // The median of two runs is between them, as the one run of the other is.
        let lines: Vec<&str> = svg.split("points=\"").skip(1).collect();
        let points = |line: &str| line.split('"').next().unwrap().to_owned();
        assert_eq!(points(lines[0]), points(lines[1]));
        assert!(svg.contains("99.9 %"), "{svg}");
    }

    #[test]
    fn nines_are_counted() {
        for (quantile, nines) in [(0.0, 0.0), (0.9, 1.0), (0.999, 3.0)] {
            assert!((rarity(quantile) - nines).abs() < 1e-9);
        }
    }
}
