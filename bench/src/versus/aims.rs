//! From runs to rows: medians and spreads of the programs' figures, how ours stands to the others, and how it is to stand.

use std::fmt::Write;

use serde::Serialize;

use super::measured::Measured;
use crate::error::{Error, Result};
use crate::statistics::median;

/// How a figure of ours is set against the others'.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ratio {
    /// How many times lower than the lowest of the others.
    TimesLower,
    /// How many times higher than the highest of the others.
    TimesHigher,
    /// In multiples of that program's.
    Of(&'static str),
}

/// What a ratio is to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// So high at least, and so high is aimed at.
    AtLeast(f64, f64),
    /// So low at least, and so low is aimed at.
    AtMost(f64, f64),
    /// Told only.
    None,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// What people call it.
    pub(super) name: &'static str,
    /// The figure of a run.
    pub(super) figure: &'static str,
    /// By which figures are divided before they are told, such as bytes to mebibytes.
    pub(super) unit: f64,
    pub(super) decimals: usize,
    pub(super) ratio: Ratio,
    pub(super) bound: Bound,
}

impl Aim {
    /// Told as it is, without any bound.
    pub(super) const fn told(
        name: &'static str,
        figure: &'static str,
        decimals: usize,
        ratio: Ratio,
    ) -> Self {
        Self {
            name,
            figure,
            unit: 1.0,
            decimals,
            ratio,
            bound: Bound::None,
        }
    }

    /// With what the ratio is to be.
    pub(super) const fn bound(mut self, bound: Bound) -> Self {
        self.bound = bound;
        self
    }

    /// Told in multiples of this.
    pub(super) const fn per(mut self, unit: f64) -> Self {
        self.unit = unit;
        self
    }
}

/// A figure of one program over its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Cell {
    pub(crate) program: String,
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) runs: usize,
}

/// One figure of each program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    #[serde(skip)]
    decimals: usize,
    /// Ours first. Those without a run are left out.
    pub(crate) cells: Vec<Cell>,
    pub(crate) ratio: f64,
    pub(crate) at_least: Option<f64>,
    pub(crate) aim: Option<f64>,
    /// The ratio is to be below, not above, these two.
    pub(crate) is_upper_bound: bool,
}

impl Row {
    /// `-` where nothing is aimed at.
    pub(crate) fn verdict(&self) -> &'static str {
        let reaches = |bound: f64| match self.is_upper_bound {
            true => self.ratio <= bound,
            false => self.ratio >= bound,
        };
        match (self.at_least, self.aim) {
            (_, Some(aim)) if reaches(aim) => "aim reached",
            (Some(least), _) if reaches(least) => "reached",
            (Some(_), _) => "not reached",
            _ => "-",
        }
    }

    /// The median of a program, if it had a run.
    pub(crate) fn median_of(&self, program: &str) -> Option<f64> {
        let cell = self.cells.iter().find(|cell| cell.program == program);
        cell.map(|cell| cell.median)
    }
}

/// All rows of these aims. The programs are named in their order, ours first.
pub(super) fn rows(aims: &[Aim], programs: &[&str], runs: &[Measured]) -> Result<Vec<Row>> {
    aims.iter().map(|aim| row(aim, programs, runs)).collect()
}

fn row(aim: &Aim, programs: &[&str], runs: &[Measured]) -> Result<Row> {
    let mut cells = Vec::with_capacity(programs.len());
    for program in programs {
        cells.extend(cell(aim, program, runs)?);
    }
    let (Some((ours, others)), Some(name)) = (cells.split_first(), programs.first()) else {
        return Err(Error::failed(format!(
            "there is no run of {}",
            programs.first().unwrap_or(&"any program")
        )));
    };
    if ours.program != *name {
        return Err(Error::failed(format!("there is no run of {name}")));
    }
    let medians = || others.iter().map(|cell| cell.median);
    let against = match aim.ratio {
        Ratio::TimesLower => medians().reduce(f64::min),
        Ratio::TimesHigher => medians().reduce(f64::max),
        Ratio::Of(program) => others
            .iter()
            .find(|cell| cell.program == program)
            .map(|cell| cell.median),
    };
    let against = against
        .ok_or_else(|| Error::failed(format!("{}: there is no run to compare with", aim.name)))?;
    let (at_least, best) = match aim.bound {
        Bound::AtLeast(least, best) | Bound::AtMost(least, best) => (Some(least), Some(best)),
        Bound::None => (None, None),
    };
    Ok(Row {
        name: aim.name,
        decimals: aim.decimals,
        ratio: match aim.ratio {
            Ratio::TimesLower => against / ours.median,
            Ratio::TimesHigher | Ratio::Of(_) => ours.median / against,
        },
        at_least,
        aim: best,
        is_upper_bound: matches!(aim.bound, Bound::AtMost(..)),
        cells,
    })
}

fn cell(aim: &Aim, program: &str, runs: &[Measured]) -> Result<Option<Cell>> {
    let of = runs.iter().filter(|run| run.program == program);
    let mut figures = Vec::new();
    for run in of {
        let figure = run.get(aim.figure).ok_or_else(|| {
            Error::failed(format!("a run of {program} has no figure {}", aim.figure))
        })?;
        if !matches!(aim.bound, Bound::None) && figure <= 0.0 {
            return Err(Error::failed(format!(
                "a run of {program} was too short for a figure ({}); ask for a larger one",
                aim.name.trim()
            )));
        }
        figures.push(figure / aim.unit);
    }
    Ok(median(figures.iter().copied()).map(|median| Cell {
        program: program.to_owned(),
        median,
        least: figures.iter().copied().fold(f64::INFINITY, f64::min),
        most: figures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        runs: figures.len(),
    }))
}

/// For people; in parentheses the smallest and largest.
pub(super) fn table(programs: &[&str], rows: &[Row]) -> String {
    let mut text = format!("{:40}", "");
    for program in programs {
        let _ = write!(text, "{program:>27}");
    }
    let _ = writeln!(text, "{:>8}{:>10}{:>8}", "ratio", "at least", "aim");
    for row in rows {
        let _ = write!(text, "{:40}", row.name);
        for program in programs {
            let cell = row.cells.iter().find(|cell| cell.program == *program);
            let cell = cell.map_or("-".to_owned(), |cell| {
                let number = |value: f64| format!("{value:.*}", row.decimals);
                match cell.runs {
                    1 => number(cell.median),
                    _ => format!(
                        "{} ({} to {})",
                        number(cell.median),
                        number(cell.least),
                        number(cell.most)
                    ),
                }
            });
            let _ = write!(text, "{cell:>27}");
        }
        let sign = if row.is_upper_bound { "<=" } else { ">=" };
        let bound = |bound: Option<f64>| bound.map_or("-".to_owned(), |it| format!("{sign} {it}"));
        let _ = writeln!(
            text,
            "{:>8.2}{:>10}{:>8}  {}",
            row.ratio,
            bound(row.at_least),
            bound(row.aim),
            row.verdict(),
        );
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const PROGRAMS: [&str; 3] = ["jumun", "tuned", "stock"];
    const AIMS: [Aim; 4] = [
        Aim::told("CPU", "cpu", 2, Ratio::TimesLower).bound(Bound::AtLeast(3.5, 6.0)),
        Aim::told("pace", "pace", 0, Ratio::TimesHigher).bound(Bound::AtLeast(2.5, 5.0)),
        Aim::told("memory, MiB", "peak", 0, Ratio::TimesLower).per(1024.0),
        Aim::told("of tuned", "cpu", 1, Ratio::Of("tuned")).bound(Bound::AtMost(0.5, 0.1)),
    ];

    fn run(program: &str, cpu: f64, pace: f64) -> Measured {
        Measured::new(program, String::new())
            .with("cpu", cpu)
            .with("pace", pace)
            .with("peak", 2048.0)
    }

    pub(crate) fn sample() -> Vec<Row> {
        let runs = [
            run("jumun", 4.0, 100_000.0),
            run("jumun", 9.0, 90_000.0),
            run("jumun", 3.0, 110_000.0),
            run("tuned", 20.0, 60_000.0),
            run("stock", 28.0, 40_000.0),
        ];
        rows(&AIMS, &PROGRAMS, &runs).unwrap()
    }

    #[test]
    fn ours_is_measured_against_the_better_of_the_others() {
        let rows = sample();
        let (cpu, pace, memory) = (&rows[0], &rows[1], &rows[2]);
        assert_eq!((cpu.median_of("jumun"), cpu.ratio), (Some(4.0), 5.0));
        assert_eq!((cpu.cells[0].least, cpu.cells[0].most), (3.0, 9.0));
        assert_eq!(cpu.verdict(), "reached");
        assert_eq!(pace.ratio, 100_000.0 / 60_000.0);
        assert_eq!(pace.verdict(), "not reached");
        assert_eq!(
            (memory.median_of("jumun"), memory.verdict()),
            (Some(2.0), "-")
        );
        let text = table(&PROGRAMS, &rows);
        assert!(text.contains("4.00 (3.00 to 9.00)"), "{text}");
        assert!(text.contains(">= 3.5"), "{text}");
    }

    #[test]
    fn a_ratio_may_have_to_be_low() {
        let row = &sample()[3];
        assert_eq!((row.ratio, row.verdict()), (0.2, "reached"));
        assert!(table(&PROGRAMS, &sample()).contains("<= 0.5"));
    }

    #[test]
    fn a_program_that_is_not_measured_leaves_its_column_empty() {
        let runs = [run("jumun", 4.0, 1.0), run("tuned", 8.0, 1.0)];
        let rows = rows(&AIMS, &PROGRAMS, &runs).unwrap();
        assert_eq!((rows[0].ratio, rows[0].median_of("stock")), (2.0, None));
    }

    #[test]
    fn a_run_that_was_too_short_is_no_figure() {
        let runs = PROGRAMS.map(|program| run(program, 0.0, 1.0));
        let error = rows(&AIMS, &PROGRAMS, &runs).unwrap_err().to_string();
        assert!(error.starts_with("a run of jumun was too short"), "{error}");
    }

    #[test]
    fn a_program_without_a_run_is_named() {
        let none = rows(&AIMS, &PROGRAMS, &[run("tuned", 1.0, 1.0)]).unwrap_err();
        assert_eq!(none.to_string(), "there is no run of jumun");
        let alone = rows(&AIMS, &PROGRAMS, &[run("jumun", 1.0, 1.0)]).unwrap_err();
        assert!(alone.to_string().contains("no run to compare with"));
        let other = [run("jumun", 1.0, 1.0), run("stock", 1.0, 1.0)];
        assert!(rows(&AIMS[3..], &PROGRAMS, &other).is_err());
    }
}
