//! What a part tells: its rows, and the runs they come from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::aims::{self, Aim, Row};
use super::measured::Measured;
use super::part::Part;
use crate::error::Result;

pub(super) const MIB: f64 = 1_048_576.0;

/// The rows of one part.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) part: Part,
    /// What was measured.
    pub(crate) title: String,
    /// Ours first.
    pub(crate) programs: Vec<&'static str>,
    /// What was compared of each program in its last run.
    pub(crate) verified: BTreeMap<String, String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) runs: Vec<Measured>,
}

impl Table {
    pub(super) fn of(
        part: Part,
        title: String,
        programs: &[&'static str],
        aims: &[Aim],
        runs: Vec<Measured>,
    ) -> Result<Self> {
        let verified = runs
            .iter()
            .map(|run| (run.program.clone(), run.verified.clone()));
        Ok(Self {
            part,
            title,
            verified: verified.collect(),
            rows: aims::rows(aims, programs, &runs)?,
            programs: programs.to_vec(),
            runs,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.part.name(), self.title);
        for (program, verified) in &self.verified {
            text += &format!("  verified, {program}: {verified}\n");
        }
        text + &aims::table(&self.programs, &self.rows) + "\n"
    }
}
