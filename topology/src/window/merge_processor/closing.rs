//! Closing windows, in portions: however many are due, no commit grows with their number.
//!
//! What is left follows from the store, should the process end between two portions: rows of windows that are closed are
//! gone, `closed_before` moves when the last of them is, and the watermarks that made them due are kept.

use std::ops::{Bound, ControlFlow};

use super::row_keys::RowKeys;
use super::{MergeContext, MergeProcessor, PORTION, broken};
use crate::process::ProcessError;
use crate::window::partial::Table;
use crate::window::{TimeWindows, rows};

/// How far the closing has come.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// Key of the last row that was closed; empty before the first.
    last: Vec<u8>,
}

impl<G, A> MergeProcessor<G, A>
where
    G: Default + 'static,
    A: Default + Clone + 'static,
{
    /// Closes a portion of the windows that the watermark has passed, in their order.
    pub(super) fn close_windows(
        &mut self,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let Some(watermark) = self.upstream.watermark() else {
            return Ok(());
        };
        context.show_watermark(watermark);
        let closes = |(number, windows): (u8, TimeWindows)| {
            let tag = rows::tag_of(Table::Window(number));
            windows.closed_before(watermark) > self.closed_before(tag)
        };
        if !self.options.all_windows().any(closes) {
            return Ok(());
        }
        let mut closing = self.closing.take().unwrap_or_default();
        let mut keys = std::mem::take(&mut self.scratch.rows);
        self.keys_to_close(&closing, watermark, &mut keys, context)?;
        for key in keys.iter() {
            self.close(key, context)?;
        }
        let is_last = keys.len() < PORTION;
        closing.last.clear();
        closing.last.extend_from_slice(keys.last());
        self.scratch.rows = keys;
        if !is_last {
            self.closing = Some(closing);
            context.go_on_later();
            return Ok(());
        }
        for (number, windows) in self.options.all_windows() {
            let closed_before = windows.closed_before(watermark);
            let Some(more) = usize::from(number).checked_sub(1) else {
                self.meta.closed_before = self.meta.closed_before.max(closed_before);
                self.store_meta(context)?;
                continue;
            };
            if let Some(closed) = self.more_closed.get_mut(more)
                && closed_before > *closed
            {
                *closed = closed_before;
                let key = rows::closed_key(number);
                context.put(self.store()?, &key, &closed_before.to_be_bytes())?;
            }
        }
        Ok(())
    }

    /// The rows of the next portion: windows first, then running aggregates, then further windows, each by their beginning.
    fn keys_to_close(
        &self,
        closing: &Closing,
        watermark: i64,
        keys: &mut RowKeys,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        keys.clear();
        let last = closing.last.as_slice();
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        let options = self.options;
        let more = options.all_windows().skip(1);
        let more = more.map(|(number, windows)| (rows::tag_of(Table::Window(number)), windows));
        let own = [rows::WINDOW, rows::RUNNING].map(|tag| (tag, options.windows));
        for (tag, windows) in own.into_iter().chain(more) {
            if keys.len() >= PORTION || last.first().is_some_and(|done| *done > tag) {
                continue;
            }
            // Below are none, only what the store has not yet cleaned up of those that were.
            rows::window_prefix(tag, self.closed_before(tag), &mut lower);
            rows::window_prefix(tag, windows.closed_before(watermark), &mut upper);
            if lower >= upper {
                continue;
            }
            let from = match last.first() {
                Some(done) if *done == tag => Bound::Excluded(last),
                _ => Bound::Included(&lower[..]),
            };
            context.range(
                self.store()?,
                from,
                Bound::Excluded(&upper[..]),
                &mut |key, _| {
                    keys.push(key);
                    match keys.len() < PORTION {
                        true => ControlFlow::Continue(()),
                        false => ControlFlow::Break(()),
                    }
                },
            )?;
        }
        Ok(())
    }

    fn close(
        &mut self,
        key: &[u8],
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let Some(mut told) = self.row(key, context)? else {
            return Ok(());
        };
        told.is_final = true;
        if key.first() == Some(&rows::RUNNING) {
            let (_, group) = rows::window_of(key).ok_or_else(|| broken("a window"))?;
            self.scratch.delta.clone_from(&told.own);
            self.add_to_group(rows::BASE, group, context)?;
            told.shown.clone_from(&self.scratch.aggregate);
        }
        self.tell(key, told, context)
    }
}
