//! Closing windows.

use std::ops::{Bound, ControlFlow};

use super::row_keys::RowKeys;
use super::{MergeContext, MergeProcessor, broken};
use crate::process::ProcessError;
use crate::window::rows;

impl<G, A> MergeProcessor<G, A>
where
    G: Default + 'static,
    A: Default + Clone + 'static,
{
    /// Closes the windows that the watermark has passed, in their order.
    pub(super) fn close_windows(
        &mut self,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let Some(watermark) = self.upstream.watermark() else {
            return Ok(());
        };
        context.show_watermark(watermark);
        let closed_before = self.options.windows.closed_before(watermark);
        if closed_before <= self.meta.closed_before {
            return Ok(());
        }
        for tag in [rows::WINDOW, rows::RUNNING] {
            // Below are none, only what the store has not yet cleaned up of those that were.
            let mut from = self.meta.closed_before;
            while let Some(start) = self.first_window(tag, from, closed_before, context)? {
                self.close(tag, start, context)?;
                from = start.saturating_add(1);
            }
        }
        self.meta.closed_before = closed_before;
        self.store_meta(context)
    }

    /// The first window that has rows, among those that begin from `from` on and before `before`.
    fn first_window(
        &self,
        tag: u8,
        from: i64,
        before: i64,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<Option<i64>, ProcessError> {
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        rows::window_prefix(tag, from, &mut lower);
        rows::window_prefix(tag, before, &mut upper);
        let mut first = None;
        let (from, to) = (Bound::Included(&lower[..]), Bound::Excluded(&upper[..]));
        context.range(self.store()?, from, to, &mut |key, _| {
            first = rows::window_of(key).map(|(start, _)| start);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    fn close(
        &mut self,
        tag: u8,
        start: i64,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let mut keys = std::mem::take(&mut self.scratch.rows);
        self.keys_of(tag, start, &mut keys, context)?;
        for key in keys.iter() {
            let Some(mut told) = self.row(key, context)? else {
                continue;
            };
            told.is_final = true;
            if tag == rows::RUNNING {
                let (_, group) = rows::window_of(key).ok_or_else(|| broken("a window"))?;
                self.scratch.delta.clone_from(&told.own);
                self.add_to_group(rows::BASE, group, context)?;
                told.shown.clone_from(&self.scratch.aggregate);
            }
            self.tell(key, told, context)?;
        }
        self.scratch.rows = keys;
        Ok(())
    }

    fn keys_of(
        &self,
        tag: u8,
        start: i64,
        keys: &mut RowKeys,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        keys.clear();
        let (mut from, mut to) = (Vec::new(), Vec::new());
        rows::window_prefix(tag, start, &mut from);
        rows::window_prefix(tag, start.saturating_add(1), &mut to);
        let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        context.range(self.store()?, from, to, &mut |key, _| {
            keys.push(key);
            ControlFlow::Continue(())
        })
    }
}
