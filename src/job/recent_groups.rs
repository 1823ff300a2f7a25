//! Which groups may have rows of the last minutes in the store, so that what has none is not looked for: few orders are one of
//! two. It may answer yes where there is none, never no where there is one.
//!
//! A fixed number of places, each with the last minute in which a group that falls on it had a row, like a Bloom filter
//! (B. H. Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", 1970) of one hash with minutes instead of
//! bits, so that the old is forgotten by itself.

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::detection::MINUTE_MS;

/// Places, a power of two: 256 KiB. With 2,000 new groups a minute one in six is looked for although it has no row.
const PLACES: usize = 1 << 16;

/// The last minute of what falls on each place.
#[derive(Debug, Default)]
pub(super) struct RecentGroups {
    /// Minutes since the epoch; none before the first use.
    minutes: Vec<i32>,
    /// It knows of the rows of minutes that begin at this moment or later.
    from: i64,
}

impl RecentGroups {
    /// Whether nothing is known of the rows of minutes that begin at this moment: they are to be added.
    pub(super) fn is_new(&self) -> bool {
        self.minutes.is_empty()
    }

    /// It is told of all rows of minutes that begin at this moment or later.
    pub(super) fn begin(&mut self, from: i64) {
        self.minutes = vec![i32::MIN; PLACES];
        self.from = from;
    }

    /// A group has a row of the minute that begins then.
    pub(super) fn add(&mut self, start: i64, group: &[u8]) {
        if let Some(last) = self.minutes.get_mut(place(group)) {
            *last = minute_of(start).max(*last);
        }
    }

    /// Whether the group may have a row of a minute that begins at this moment or later.
    pub(super) fn may_have(&self, from: i64, group: &[u8]) -> bool {
        if from < self.from {
            return true;
        }
        let last = self.minutes.get(place(group));
        last.is_none_or(|last| *last >= minute_of(from))
    }
}

/// The number of a minute; the last there is for what is beyond it on either side, which is looked for always.
fn minute_of(start: i64) -> i32 {
    i32::try_from(start.div_euclid(MINUTE_MS)).unwrap_or(i32::MAX)
}

fn place(group: &[u8]) -> usize {
    usize::try_from(xxh3_64(group) % PLACES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_143_600_000;

    #[test]
    fn what_has_a_row_is_found_as_long_as_it_is_recent() {
        let mut groups = RecentGroups::default();
        assert!(groups.is_new() && groups.may_have(START, b"any"));
        groups.begin(START);
        assert!(!groups.is_new() && !groups.may_have(START, b"any"));
        groups.add(START + 3 * MINUTE_MS, b"a");
        // What came late takes nothing away.
        groups.add(START + MINUTE_MS, b"a");
        assert!(groups.may_have(START + 3 * MINUTE_MS, b"a"));
        assert!(!groups.may_have(START + 4 * MINUTE_MS, b"a"));
        assert!(groups.may_have(START - MINUTE_MS, b"any"), "nobody told");
    }

    #[test]
    fn what_has_none_is_rarely_looked_for() {
        let mut groups = RecentGroups::default();
        groups.begin(START);
        for group in 0..12_000_u32 {
            groups.add(START, &group.to_be_bytes());
        }
        assert!((0..12_000_u32).all(|group| groups.may_have(START, &group.to_be_bytes())));
        let more =
            (12_000..22_000_u32).filter(|group| groups.may_have(START, &group.to_be_bytes()));
        assert!(more.count() < 2_000);
    }
}
