//! The deliveries of an order, kept so that the next order can use their memory.

use super::order::Cursor;

/// Deliveries that an order knows. An event of a further one is rejected as DELIVERY_LIMIT: none of those known may be
/// forgotten in its place, because without its cursor a late copy of its request would open it once more.
pub const MAX_DELIVERIES: usize = 64;

/// Bytes that the ids of an order's deliveries take together; the bound for ids of whatever length.
pub const MAX_DELIVERY_ID_BYTES: usize = 16 * 1024;

/// One delivery of the order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCursor {
    /// The delivery's id.
    pub id: String,
    /// Its versions.
    pub cursor: Cursor,
    /// Whether the region was ever that of this delivery.
    pub opened: bool,
}

/// The deliveries of an order, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    /// The first `len` are deliveries, the rest only memory.
    slots: Vec<DeliveryCursor>,
    len: usize,
}

impl PartialEq for Deliveries {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Deliveries {}

impl Deliveries {
    /// The deliveries.
    pub fn iter(&self) -> impl Iterator<Item = &DeliveryCursor> {
        self.slots.iter().take(self.len)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The delivery at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&DeliveryCursor> {
        self.slots.get(place).filter(|_| place < self.len)
    }

    /// The delivery at a place, to change it.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut DeliveryCursor> {
        self.slots.get_mut(place).filter(|_| place < self.len)
    }

    /// The place of the delivery of this id.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<usize> {
        self.iter().position(|delivery| delivery.id == id)
    }

    /// Whether the order may know this further delivery.
    ///
    /// ```
    /// use jumun::domain::deliveries::{Deliveries, MAX_DELIVERIES};
    ///
    /// let mut deliveries = Deliveries::default();
    /// for number in 0..MAX_DELIVERIES {
    ///     assert!(deliveries.has_room_for("dl_99"));
    ///     deliveries.push(&format!("dl_{number}"));
    /// }
    /// assert!(!deliveries.has_room_for("dl_99"));
    /// ```
    #[must_use]
    pub fn has_room_for(&self, id: &str) -> bool {
        let known: usize = self.iter().map(|delivery| delivery.id.len()).sum();
        self.len < MAX_DELIVERIES && known.saturating_add(id.len()) <= MAX_DELIVERY_ID_BYTES
    }

    /// Adds a delivery that has no versions yet. Returns its place. The caller has found that there is
    /// [room](Self::has_room_for).
    pub fn push(&mut self, id: &str) -> usize {
        let place = self.len;
        if let Some(slot) = self.slots.get_mut(place) {
            slot.id.clear();
            slot.id.push_str(id);
            slot.cursor = Cursor::default();
            slot.opened = false;
        } else {
            self.slots.push(DeliveryCursor {
                id: id.to_owned(),
                ..DeliveryCursor::default()
            });
        }
        self.len += 1;
        place
    }

    /// Removes all.
    pub const fn clear(&mut self) {
        self.len = 0;
    }
}
