//! Reads a range through the overlay: uncommitted changes over committed rows.

use std::ops::{Bound, ControlFlow};

use super::backend::{BackendResult, is_empty_range};
use super::overlay::Overlay;

/// Takes rows, key and value, until it says stop.
pub type RowVisitor<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Visits the rows of a range, ascending, as they will be once the overlay is committed.
/// `committed` visits the committed rows of the range, ascending.
pub(crate) fn merged_range(
    overlay: &mut Overlay,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
    committed: impl FnOnce(&mut RowVisitor<'_>) -> BackendResult<()>,
    visit: &mut RowVisitor<'_>,
) -> BackendResult<()> {
    if is_empty_range(from, to) {
        return Ok(());
    }
    let mut changes = overlay.dirty_range(from, to).peekable();
    let mut stopped = false;
    committed(&mut |key, value| {
        while let Some((changed, new_value)) = changes.next_if(|(changed, _)| *changed < key) {
            if let Some(new_value) = new_value
                && visit(changed, new_value).is_break()
            {
                stopped = true;
                return ControlFlow::Break(());
            }
        }
        let flow = match changes.next_if(|(changed, _)| *changed == key) {
            Some((_, Some(new_value))) => visit(key, new_value),
            Some((_, None)) => ControlFlow::Continue(()),
            None => visit(key, value),
        };
        stopped = flow.is_break();
        flow
    })?;
    if !stopped {
        for (key, value) in changes {
            if let Some(value) = value
                && visit(key, value).is_break()
            {
                break;
            }
        }
    }
    Ok(())
}
