//! What the task's own family `_task` holds, and which version of it a program understands.
//!
//! | key | value | in the changelog |
//! |---|---|---|
//! | `00` `v` | format version, 4 bytes big-endian | no |
//! | `00` `c` | name of the store whose changelog carries the task's own rows | no |
//! | `00` `p` store name | next changelog offset to restore from, 8 bytes big-endian | no |
//! | `00` `t` store name | id of the changelog topic that the position belongs to, 16 bytes; absent = not known | no |
//! | `01` id | one of the task's own values | yes |
//! | `02` … | a timer, see [`Timer`](super::Timer) | yes |

use std::ops::{Bound, ControlFlow};

use super::backend::{Backend, BackendResult, FamilyIndex};

/// Name of the task's own column family.
pub(crate) const OWN_FAMILY: &str = "_task";

/// The version this program writes, and the newest it reads.
pub(crate) const VERSION: u32 = 1;
/// The oldest it reads.
pub(crate) const OLDEST_VERSION: u32 = 1;

pub(crate) const VERSION_KEY: &[u8] = &[LOCAL_TAG, b'v'];
pub(crate) const CARRIER_KEY: &[u8] = &[LOCAL_TAG, b'c'];
const POSITION_PREFIX: [u8; 2] = [LOCAL_TAG, b'p'];
const CHANGELOG_TOPIC_PREFIX: [u8; 2] = [LOCAL_TAG, b't'];
const AFTER_POSITIONS: [u8; 2] = [LOCAL_TAG, b'q'];

/// First byte of keys that describe this copy on disk and are nobody else's business.
pub(crate) const LOCAL_TAG: u8 = 0x00;
/// First byte of the task's own values.
pub(crate) const VALUE_TAG: u8 = 0x01;

/// The key of one of the task's own values.
pub(crate) fn value_key<'a>(id: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    scratch.push(VALUE_TAG);
    scratch.extend_from_slice(id);
    scratch
}

/// The key of a store's changelog position.
pub(crate) fn position_key(store: &str) -> Vec<u8> {
    [&POSITION_PREFIX, store.as_bytes()].concat()
}

/// The key of the id of a store's changelog topic.
pub(crate) fn changelog_topic_key(store: &str) -> Vec<u8> {
    [&CHANGELOG_TOPIC_PREFIX, store.as_bytes()].concat()
}

/// The format version on disk; `None` if nothing was ever flushed.
pub(crate) fn read_version(backend: &dyn Backend, own: FamilyIndex) -> BackendResult<Option<u32>> {
    let mut value = Vec::new();
    let found = backend.get(own, VERSION_KEY, &mut value)?;
    Ok(found.then(|| {
        value
            .as_slice()
            .try_into()
            .map_or(u32::MAX, u32::from_be_bytes)
    }))
}

/// The carrier on disk.
pub(crate) fn read_carrier(
    backend: &dyn Backend,
    own: FamilyIndex,
) -> BackendResult<Option<String>> {
    let mut value = Vec::new();
    let found = backend.get(own, CARRIER_KEY, &mut value)?;
    Ok(found.then(|| String::from_utf8_lossy(&value).into_owned()))
}

/// All changelog positions on disk, by store name.
pub(crate) fn read_positions(
    backend: &dyn Backend,
    own: FamilyIndex,
) -> BackendResult<Vec<(String, i64)>> {
    let mut positions = Vec::new();
    backend.range(
        own,
        Bound::Included(&POSITION_PREFIX),
        Bound::Excluded(&AFTER_POSITIONS),
        &mut |key, value| {
            let store = key.strip_prefix(&POSITION_PREFIX).unwrap_or_default();
            if let Ok(position) = value.try_into() {
                positions.push((
                    String::from_utf8_lossy(store).into_owned(),
                    i64::from_be_bytes(position),
                ));
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(positions)
}
