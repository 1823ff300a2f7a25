//! What is known of one minute: each aggregate that is shown.

use super::cancels::Cancels;
use super::cells::{Cells, Revision, Skipped};
use super::durations::{Promises, Samples};
use super::funnel::Step;
use super::series::{Dims, LateDelta, Series, Stage, Update, Value, dim};

/// Groups kept per window and series: of each there are some dozens, of transitions some thousands.
const GROUPS: usize = 64;
const TRANSITIONS: usize = 8_192;

/// One minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    pub(super) created: Cells<f64>,
    pub(super) paid: Cells<f64>,
    pub(super) steps: Cells<Step>,
    pub(super) cancels: Cells<Cancels>,
    pub(super) stages: [Cells<Samples>; Stage::ALL.len()],
    pub(super) promises: Cells<Promises>,
}

/// The sum of a count; none where nothing was told.
pub(super) fn total(cells: &Cells<f64>) -> Option<f64> {
    (!cells.is_empty()).then(|| cells.values().sum())
}

impl Window {
    /// Whether what comes now comes late.
    pub(super) fn is_final(&self) -> bool {
        self.created.is_final() && self.paid.is_final()
    }

    /// Whether it was open when reading began, so that each of its groups was or will be told of.
    pub(super) fn is_whole(&self) -> bool {
        (self.created.has_groups() || self.paid.has_groups())
            && self.created.all_seen_open()
            && self.paid.all_seen_open()
    }

    /// Takes what is known of a group.
    pub(super) fn put(&mut self, series: Series, update: &Update<'_>) -> Result<(), Skipped> {
        let group = update.group();
        let revision = Revision {
            number: update.rev,
            is_final: update.is_final,
        };
        match series {
            Series::Created | Series::Paid => {
                let number = update.value.number()?;
                self.count(series).put(group, number, revision, GROUPS)
            }
            Series::Transitions => {
                let step = step(&update.dims, &update.value)?;
                self.steps.put(group, step, revision, TRANSITIONS)
            }
            Series::Cancels => {
                let cancels = cancels(&update.dims, &update.value)?;
                self.cancels.put(group, cancels, revision, GROUPS)
            }
            Series::Promises => {
                let promises = Promises::told(update.value.figures()?);
                self.promises.put(group, promises, revision, GROUPS)
            }
            Series::Stage(stage) => {
                let told = Samples::told(update.value.figures()?)?;
                match (told, self.stages.get_mut(stage as usize)) {
                    (Some(told), Some(cells)) => cells.put(group, told, revision, GROUPS),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Takes what came late.
    pub(super) fn late(&mut self, series: Series, late: &LateDelta<'_>) -> Result<(), Skipped> {
        match series {
            Series::Created | Series::Paid => self.count(series).add_late(late.delta.number()?),
            Series::Transitions => self.steps.add_late(step(&late.dims, &late.delta)?),
            Series::Cancels => self.cancels.add_late(cancels(&late.dims, &late.delta)?),
            Series::Promises => {
                let promises = Promises::told(late.delta.figures()?);
                self.promises.add_late(promises)
            }
            Series::Stage(stage) => {
                let samples = &late.delta.figures()?.samples;
                let Some(cells) = self.stages.get_mut(stage as usize) else {
                    return Ok(());
                };
                for (sample, count) in samples {
                    cells.add_late(Samples::of(*sample, *count))?;
                }
                Ok(())
            }
        }
    }

    fn count(&mut self, series: Series) -> &mut Cells<f64> {
        match series {
            Series::Paid => &mut self.paid,
            _ => &mut self.created,
        }
    }
}

fn step(dims: &Dims<'_>, value: &Value) -> Result<Step, Skipped> {
    Step::new(dim(dims, "from"), dim(dims, "to"), value.number()?)
}

fn cancels(dims: &Dims<'_>, value: &Value) -> Result<Cancels, Skipped> {
    let figures = value.figures()?;
    Ok(Cancels::new(
        dim(dims, "sido"),
        figures.cancelled,
        figures.paid,
    ))
}
