//! The task's own values: input positions, stream time, operators' clocks. Few and small, so all
//! of them are held in memory.

use std::ops::{Bound, ControlFlow};

use super::backend::{Backend, BackendResult, FamilyIndex};
use super::disk_format::VALUE_TAG;
use super::overlay::{Overlay, Retention};
use super::timers::TIMER_TAG;

/// The task's own values by their bare ids.
#[derive(Debug)]
pub(crate) struct OwnValues {
    pub overlay: Overlay,
}

impl OwnValues {
    pub fn new() -> Self {
        Self {
            overlay: Overlay::new(Retention::Cache),
        }
    }

    pub fn get(&self, id: &[u8]) -> Option<&[u8]> {
        self.overlay.peek(id)
    }

    /// Drops uncommitted values and reads the committed ones.
    pub fn reload(&mut self, backend: &dyn Backend, family: FamilyIndex) -> BackendResult<()> {
        self.overlay.clear();
        let overlay = &mut self.overlay;
        backend.range(
            family,
            Bound::Included(&[VALUE_TAG]),
            Bound::Excluded(&[TIMER_TAG]),
            &mut |key, value| {
                let id = key.get(1..).unwrap_or_default();
                let loaded: Result<_, std::convert::Infallible> = overlay.load(id, |buffer| {
                    buffer.extend_from_slice(value);
                    Ok(true)
                });
                match loaded {
                    Ok(_) => ControlFlow::Continue(()),
                }
            },
        )
    }
}
