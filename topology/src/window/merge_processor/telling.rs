//! Telling of aggregates: what changed, in portions; what is final; what came too late.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use super::row_keys::RowKeys;
use super::{MergeContext, MergeProcessor, PORTION, broken, read};
use crate::io::Headers;
use crate::process::{ProcessError, Record};
use crate::window::WindowResult;
use crate::window::partial::Slot;
use crate::window::rows::{self, Row};

/// Takes rows of groups: key and group.
type GroupVisitor<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

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

/// What is told of open windows, and how far that has come.
pub(super) struct Telling<A> {
    /// Keys of the rows that changed.
    changed: RowKeys,
    /// So many of them are told.
    next: usize,
    /// Running aggregates come behind the others.
    running: Option<Running<A>>,
}

/// Running aggregates that are told.
struct Running<A> {
    /// By group.
    moved: BTreeMap<Vec<u8>, Moved<A>>,
    /// Key of the last row that was looked at.
    last: Vec<u8>,
}

struct Moved<A> {
    /// Beginning of the first window in which it moved.
    since: i64,
    /// With all rows looked at so far.
    sum: A,
}

impl<A> Telling<A> {
    pub(super) fn of(changed: RowKeys) -> Self {
        Self {
            changed,
            next: 0,
            running: None,
        }
    }
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
        let tag = rows::tag_of(slot.table);
        self.enter_window(tag, slot.start, slot.group)?;
        // Only what could not be late is not told apart; then the window's last moment stands for it.
        let last = self.scratch.windowed.end.saturating_sub(1);
        let (timestamp, cause) = late.unwrap_or((last, &[]));
        let result = WindowResult::Late {
            delta: self.scratch.delta.clone(),
            timestamp,
            cause: cause.to_vec(),
            number: self.meta.late,
            closed_before: self.closed_before(tag),
        };
        self.forward(timestamp, &result, context)
    }

    /// The key of what is told next.
    fn enter_window(&mut self, tag: u8, start: i64, group: &[u8]) -> Result<(), ProcessError> {
        let windows = self.options.windows_of(rows::windows_of(tag));
        // Rows of windows that are configured no more are never told.
        let windows = windows.unwrap_or(self.options.windows);
        let windowed = &mut self.scratch.windowed;
        self.groups.deserialize(Some(group), &mut windowed.key)?;
        windowed.start = start;
        windowed.end = windows.end_of(start);
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
        let tag = key.first().copied().unwrap_or(rows::WINDOW);
        self.enter_window(tag, start, group)?;
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
            moved: told.own,
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

    /// Tells a portion of what changed in open windows.
    pub(super) fn tell_changes(
        &mut self,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let Some(mut telling) = self.telling.take() else {
            return Ok(());
        };
        let is_last = self.tell_portion(&mut telling, context)?;
        if is_last {
            // The buffer is used again.
            self.changed = telling.changed;
            self.changed.clear();
        } else {
            self.telling = Some(telling);
            context.go_on_later();
        }
        Ok(())
    }

    /// Answers whether it was the last.
    fn tell_portion(
        &mut self,
        telling: &mut Telling<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<bool, ProcessError> {
        let mut left = PORTION;
        while let Some(key) = telling.changed.get(telling.next) {
            if !is_running(key) {
                if left == 0 {
                    return Ok(false);
                }
                left -= 1;
                // One that is gone was told when its window closed.
                if let Some(told) = self.row(key, context)? {
                    self.tell(key, told, context)?;
                }
            }
            telling.next += 1;
        }
        let mut running = match telling.running.take() {
            Some(running) => running,
            None => self.moved(&telling.changed, context)?,
        };
        let is_last = running.moved.is_empty() || self.tell_running(&mut running, context)?;
        telling.running = Some(running);
        Ok(is_last)
    }

    /// The running aggregates that moved: since which window, and what they were before the first that is open.
    fn moved(
        &mut self,
        changed: &RowKeys,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<Running<A>, ProcessError> {
        let mut running = Running {
            moved: BTreeMap::new(),
            last: vec![rows::RUNNING],
        };
        for key in changed.iter().filter(|key| is_running(key)) {
            if let Some((start, group)) = rows::window_of(key) {
                let begin = || Moved {
                    since: start,
                    sum: A::default(),
                };
                let moved = running.moved.entry(group.to_vec()).or_insert_with(begin);
                moved.since = moved.since.min(start);
            }
        }
        let store = self.store()?;
        for (group, moved) in &mut running.moved {
            rows::group_key(rows::BASE, group, &mut self.scratch.key);
            let base = context.get(store, &self.scratch.key)?;
            read(self.aggregates.as_mut(), base, &mut moved.sum)?;
        }
        Ok(running)
    }

    /// A running aggregate that moved in a window has moved in all later ones too. Tells a portion of them; answers whether
    /// it was the last.
    fn tell_running(
        &mut self,
        running: &mut Running<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<bool, ProcessError> {
        // At least as many as rows may have to be marked behind it.
        let portion = PORTION.max(running.moved.len());
        let mut keys = std::mem::take(&mut self.scratch.rows);
        keys.clear();
        self.rows_behind(&running.last, context, &mut |key, group| {
            if running.moved.contains_key(group) {
                keys.push(key);
            }
            match keys.len() < portion {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        for key in keys.iter() {
            let Some((start, group)) = rows::window_of(key) else {
                continue;
            };
            let (Some(moved), Some(mut told)) =
                (running.moved.get_mut(group), self.row(key, context)?)
            else {
                continue;
            };
            (self.merge)(&mut moved.sum, &told.own);
            if start >= moved.since {
                told.shown.clone_from(&moved.sum);
                self.tell(key, told, context)?;
            }
        }
        let is_last = keys.len() < portion;
        running.last.clear();
        running.last.extend_from_slice(keys.last());
        self.scratch.rows = keys;
        if !is_last {
            self.mark_rest(running, context)?;
        }
        Ok(is_last)
    }

    /// Marks the next row of each aggregate that is not wholly told as changed: should the process end here, the next one
    /// tells the rest.
    fn mark_rest(
        &mut self,
        running: &mut Running<A>,
        context: &mut MergeContext<'_, '_, G, A>,
    ) -> Result<(), ProcessError> {
        let mut next: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let moved = &running.moved;
        self.rows_behind(&running.last, context, &mut |key, group| {
            if moved.contains_key(group) && !next.contains_key(group) {
                next.insert(group.to_vec(), key.to_vec());
            }
            match next.len() < moved.len() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        // Behind here are no more rows of the others.
        running.moved.retain(|group, _| next.contains_key(group));
        let store = self.store()?;
        for (group, key) in &next {
            let since = running.moved.get(group).map(|moved| moved.since);
            let is_told = rows::window_of(key).map(|(start, _)| start) >= since;
            let Some(bytes) = context.get(store, key)?.filter(|_| is_told) else {
                continue;
            };
            let mut marked = bytes.to_vec();
            Row::mark_changed(&mut marked);
            context.put(store, key, &marked)?;
        }
        Ok(())
    }

    /// Visits the rows of running aggregates behind a key: key and group.
    fn rows_behind(
        &self,
        last: &[u8],
        context: &mut MergeContext<'_, '_, G, A>,
        visit: &mut GroupVisitor<'_>,
    ) -> Result<(), ProcessError> {
        let to = [rows::CURRENT];
        let (from, to) = (Bound::Excluded(last), Bound::Excluded(&to[..]));
        context.range(
            self.store()?,
            from,
            to,
            &mut |key, _| match rows::window_of(key) {
                Some((_, group)) => visit(key, group),
                None => ControlFlow::Continue(()),
            },
        )
    }
}

fn is_running(key: &[u8]) -> bool {
    key.first() == Some(&rows::RUNNING)
}
