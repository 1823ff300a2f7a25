//! The stores with the most orders of ten minutes, told every minute (A20): the counts of each closed minute are kept, and
//! ten of them are put together when the last one closes.

use std::ops::{Bound, ControlFlow};

use topology::process::{InitContext, ProcessError, ProcessingContext};
use topology::store::StoreId;
use topology::window::Windowed;

use super::names;
use crate::domain::aggregates::AggregateValue;

/// So long is the window that is told, milliseconds; it ends with the minute that closed.
pub(super) const WINDOW_MS: i64 = 600_000;

/// The closed minutes of each group, in rows of their own: `01`, group, start of the minute (8 bytes, big-endian, the sign
/// flipped) → orders that were paid (8 bytes, big-endian), the value's own bytes.
#[derive(Debug, Default)]
pub(super) struct TopStores {
    store: Option<StoreId>,
    key: Vec<u8>,
    row: Vec<u8>,
    over: Vec<Vec<u8>>,
    minute: AggregateValue,
    sum: AggregateValue,
}

/// The format of rows; in front of each key.
const FORMAT: u8 = 1;

impl TopStores {
    pub(super) fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store = Some(context.store(names::TOP_STORES)?);
        Ok(())
    }

    /// Keeps a minute that closed, with the number of its orders, and gives what is told of the ten minutes that end with
    /// it.
    pub(super) fn close(
        &mut self,
        minute: &Windowed<Vec<u8>>,
        value: &AggregateValue,
        n: u64,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(&AggregateValue, u64), ProcessError> {
        let broken = |what: &str| {
            let detail = format!("a row of top stores {what}: reset the application");
            topology::Error::fatal("read top stores", detail)
        };
        let none = || topology::Error::fatal("use a store", "the processor was not initialised");
        let store = self.store.ok_or_else(none)?;
        self.row.clear();
        self.row.extend_from_slice(&n.to_be_bytes());
        value.encode(&mut self.row);
        self.key_of(&minute.key, minute.start);
        context.put(store, &self.key, &self.row)?;

        let (mut sum, mut number) = (AggregateValue::default(), 0);
        let oldest = minute.end.saturating_sub(WINDOW_MS);
        let last = self.key.as_slice();
        let first = last.split_last_chunk::<START_BYTES>();
        let first = first.map_or(last, |(group, _)| group);
        let (over, row) = (&mut self.over, &mut self.minute);
        let mut failed = None;
        context.range(
            store,
            Bound::Included(first),
            Bound::Included(last),
            &mut |key, value| {
                let start = key
                    .split_last_chunk()
                    .map_or(0, |(_, start)| start_of(*start));
                let Some((orders, bytes)) = value.split_first_chunk() else {
                    failed = Some(broken("is too short"));
                    return ControlFlow::Break(());
                };
                if start < oldest {
                    over.push(key.to_vec());
                } else if let Err(error) = row.decode(bytes) {
                    failed = Some(broken(&error.to_string()));
                    return ControlFlow::Break(());
                } else {
                    number += u64::from_be_bytes(*orders);
                    sum.merge(row);
                }
                ControlFlow::Continue(())
            },
        )?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        for key in self.over.drain(..) {
            context.delete(store, &key)?;
        }
        self.sum = sum;
        Ok((&self.sum, number))
    }

    fn key_of(&mut self, group: &[u8], start: i64) {
        self.key.clear();
        self.key.push(FORMAT);
        self.key.extend_from_slice(group);
        let start = start.cast_unsigned() ^ SIGN;
        self.key.extend_from_slice(&start.to_be_bytes());
    }
}

const SIGN: u64 = 1 << 63;
const START_BYTES: usize = size_of::<i64>();

fn start_of(bytes: [u8; START_BYTES]) -> i64 {
    (u64::from_be_bytes(bytes) ^ SIGN).cast_signed()
}
