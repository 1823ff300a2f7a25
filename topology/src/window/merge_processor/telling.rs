//! Telling of aggregates: what changed, what is final, what came too late.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use super::row_keys::RowKeys;
use super::{MergeContext, MergeProcessor, broken, read};
use crate::io::Headers;
use crate::process::{ProcessError, Record};
use crate::window::WindowResult;
use crate::window::partial::Slot;
use crate::window::rows::{self, Row};

/// A row that is told.
pub(super) struct Told<A> {
    /// What the row holds.
    pub(super) own: A,
    /// What is told: the same, or of a running aggregate with all that came before.
    pub(super) shown: A,
    n: u64,
    revision: u64,
    pub(super) is_final: bool,
}

impl<G, A> MergeProcessor<G, A>
where
    G: Default + 'static,
    A: Default + Clone + 'static,
{
    pub(super) fn tell_late(
        &mut self,
        slot: Slot<'_>,
        late: Option<(i64, &[u8])>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        self.meta.late += 1;
        self.store_meta(context)?;
        self.enter_window(slot.start, slot.group)?;
        // Only what could not be late is not told apart; then the window's last moment stands for it.
        let last = self.options.windows.end_of(slot.start).saturating_sub(1);
        let (timestamp, cause) = late.unwrap_or((last, &[]));
        let result = WindowResult::Late {
            delta: self.scratch.delta.clone(),
            timestamp,
            cause: cause.to_vec(),
            number: self.meta.late,
            closed_before: self.meta.closed_before,
        };
        self.forward(timestamp, &result, context)
    }

    /// The key of what is told next.
    fn enter_window(&mut self, start: i64, group: &[u8]) -> Result<(), ProcessError> {
        let windowed = &mut self.scratch.windowed;
        self.groups.deserialize(Some(group), &mut windowed.key)?;
        windowed.start = start;
        windowed.end = self.options.windows.end_of(start);
        Ok(())
    }

    fn forward(
        &self,
        timestamp: i64,
        result: &WindowResult<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        context.forward(Record {
            key: &self.scratch.windowed,
            value: result,
            timestamp,
            headers: Headers::default(),
        })
    }

    /// Tells the aggregate in `self.scratch.aggregate` of the row of `key`, and keeps the row unless it
    /// is final.
    pub(super) fn tell(
        &mut self,
        key: &[u8],
        told: Told<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        let (start, group) = rows::window_of(key).ok_or_else(|| broken("the key of a window"))?;
        self.enter_window(start, group)?;
        let revision = told.revision + 1;
        if told.is_final {
            context.delete(store, key)?;
        } else {
            let value = &mut self.scratch.value;
            Row::begin(false, revision, told.n, value);
            self.aggregates.serialize(&told.own, value)?;
            context.put(store, key, value)?;
        }
        let end = self.scratch.windowed.end;
        let result = WindowResult::Update {
            aggregate: told.shown,
            n: told.n,
            revision,
            is_final: told.is_final,
        };
        self.forward(end.saturating_sub(1), &result, context)
    }

    pub(super) fn row(
        &mut self,
        key: &[u8],
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<Option<Told<A>>, ProcessError> {
        let Some(bytes) = context.get(self.store()?, key)? else {
            return Ok(None);
        };
        let row = Row::decode(bytes).ok_or_else(|| broken("an aggregate"))?;
        let mut own = A::default();
        read(self.aggregates.as_mut(), Some(row.aggregate), &mut own)?;
        Ok(Some(Told {
            shown: own.clone(),
            own,
            n: row.n,
            revision: row.revision,
            is_final: false,
        }))
    }

    /// Tells what changed in open windows.
    pub(super) fn tell_changes(
        &mut self,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let changed = std::mem::take(&mut self.changed);
        let is_running = |key: &[u8]| key.first() == Some(&rows::RUNNING);
        for key in changed.iter().filter(|key| !is_running(key)) {
            // One that is gone was told when its window closed.
            if let Some(told) = self.row(key, context)? {
                self.tell(key, told, context)?;
            }
        }
        if changed.iter().any(is_running) {
            self.tell_running(&changed, context)?;
        }
        self.changed = changed;
        self.changed.clear();
        Ok(())
    }

    /// A running aggregate that moved in a window has moved in all later ones too.
    fn tell_running(
        &mut self,
        changed: &RowKeys,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let mut moved: BTreeMap<&[u8], (i64, A)> = Default::default();
        for key in changed
            .iter()
            .filter(|key| key.first() == Some(&rows::RUNNING))
        {
            if let Some((start, group)) = rows::window_of(key) {
                let entry = moved.entry(group).or_insert((start, A::default()));
                entry.0 = entry.0.min(start);
            }
        }
        let store = self.store()?;
        for (group, (_, sum)) in &mut moved {
            rows::group_key(rows::BASE, group, &mut self.scratch.key);
            let base = context.get(store, &self.scratch.key)?;
            read(self.aggregates.as_mut(), base, sum)?;
        }
        let mut keys = std::mem::take(&mut self.scratch.rows);
        keys.clear();
        let (from, to) = ([rows::RUNNING], [rows::CURRENT]);
        let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        context.range(store, from, to, &mut |key, _| {
            if rows::window_of(key).is_some_and(|(_, group)| moved.contains_key(group)) {
                keys.push(key);
            }
            ControlFlow::Continue(())
        })?;
        for key in keys.iter() {
            let Some((start, group)) = rows::window_of(key) else {
                continue;
            };
            let (Some((first, sum)), Some(mut told)) =
                (moved.get_mut(group), self.row(key, context)?)
            else {
                continue;
            };
            (self.merge)(sum, &told.own);
            if start >= *first {
                told.shown.clone_from(sum);
                self.tell(key, told, context)?;
            }
        }
        self.scratch.rows = keys;
        Ok(())
    }
}
