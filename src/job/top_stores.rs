//! The stores with the most orders of ten minutes, told every minute (A20): the counts of each closed minute are kept, and
//! ten of them are put together when the last one closes.

use std::ops::{Bound, ControlFlow};

use topology::process::{InitContext, ProcessError, ProcessingContext};
use topology::store::StoreId;
use topology::window::Windowed;

use super::names;
use crate::domain::aggregates::AggregateValue;
use crate::domain::order_codec::OrderCodecError;

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
        write_row(&mut self.row, n, value);
        write_key(&mut self.key, &minute.key, minute.start);
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
                if start < oldest {
                    over.push(key.to_vec());
                    return ControlFlow::Continue(());
                }
                match read_row(value, row) {
                    Ok(orders) => number += orders,
                    Err(error) => {
                        failed = Some(broken(&error.to_string()));
                        return ControlFlow::Break(());
                    }
                }
                sum.merge(row);
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
}

/// Writes the key of a group's minute, in place of what was in `out`.
fn write_key(out: &mut Vec<u8>, group: &[u8], start: i64) {
    out.clear();
    out.push(FORMAT);
    out.extend_from_slice(group);
    let start = start.cast_unsigned() ^ SIGN;
    out.extend_from_slice(&start.to_be_bytes());
}

/// Writes the row of a minute with so many orders, in place of what was in `out`.
fn write_row(out: &mut Vec<u8>, orders: u64, value: &AggregateValue) {
    out.clear();
    out.extend_from_slice(&orders.to_be_bytes());
    value.encode(out);
}

/// Reads a row: its value, and how many orders it is of.
fn read_row(bytes: &[u8], value: &mut AggregateValue) -> Result<u64, OrderCodecError> {
    let short = OrderCodecError::Truncated("number of orders");
    let (orders, rest) = bytes.split_first_chunk().ok_or(short)?;
    value.decode(rest)?;
    Ok(u64::from_be_bytes(*orders))
}

const SIGN: u64 = 1 << 63;
const START_BYTES: usize = size_of::<i64>();

fn start_of(bytes: [u8; START_BYTES]) -> i64 {
    (u64::from_be_bytes(bytes) ^ SIGN).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::aggregates::{ShortName, Thing};

    #[test]
    fn the_bytes_of_a_row_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "top-stores-1.hex");
        let mut value = AggregateValue::default();
        for store in ["st_1", "st_2", "st_1"] {
            let name = ShortName::new(store).unwrap();
            value.merge(&AggregateValue::default().with(Thing::Name(name)));
        }
        let (mut key, mut row) = (Vec::new(), Vec::new());
        write_key(
            &mut key,
            b"\x1e\x06\xec\x84\x9c\xec\x9a\xb8",
            1_795_143_600_000,
        );
        write_row(&mut row, 3, &value);
        pinned.assert_written("key", &key);
        pinned.assert_written("row", &row);
        let mut read = AggregateValue::default();
        assert_eq!(read_row(pinned.bytes("row"), &mut read), Ok(3));
        assert_eq!(read, value);
        let (_, start) = pinned.bytes("key").split_last_chunk().unwrap();
        assert_eq!(start_of(*start), 1_795_143_600_000);
        for end in 0..row.len() {
            assert!(read_row(&row[..end], &mut read).is_err(), "{end}");
        }
    }
}
