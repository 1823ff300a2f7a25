//! The most frequent names, with a bound of what is missing from their counts.
//!
//! The mergeable form of SpaceSaving (Agarwal, Cormode, Huang, Phillips, Wei, Yi: *Mergeable Summaries*, PODS 2012): of
//! more than [`CAPACITY`] names the count of the first that has no place is taken from all, and from the bound. Up to so
//! many names everything is exact.

use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

/// So many names are kept.
pub const CAPACITY: usize = 200;

/// A short name, without memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortName {
    len: u8,
    bytes: [u8; Self::LONGEST],
}

impl ShortName {
    const LONGEST: usize = 23;

    /// None of a name that is too long.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; Self::LONGEST];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        Some(Self {
            len: name.len() as u8,
            bytes,
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was made of text.
        let bytes = self.bytes.get(..usize::from(self.len));
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

/// Names with their counts.
///
/// ```
/// use jumun::domain::aggregates::Frequent;
///
/// let mut stores = Frequent::default();
/// for store in ["st_1", "st_2", "st_1"] {
///     stores.add(store, 1);
/// }
/// assert_eq!(stores.top(1), [("st_1", 2)]);
/// assert_eq!(stores.missing(), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frequent {
    /// By name.
    counts: Vec<(Box<str>, u64)>,
    missing: u64,
}

impl Frequent {
    /// Of one name that came once.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mut frequent = Self::default();
        frequent.add(name, 1);
        frequent
    }

    /// Counts a name so often.
    pub fn add(&mut self, name: &str, count: u64) {
        self.count_in(name, count);
        self.shrink();
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            self.count_in(name, *count);
        }
        self.missing = self.missing.saturating_add(other.missing);
        self.shrink();
    }

    fn count_in(&mut self, name: &str, count: u64) {
        match self
            .counts
            .binary_search_by(|(known, _)| (**known).cmp(name))
        {
            Ok(place) => {
                if let Some((_, known)) = self.counts.get_mut(place) {
                    *known = known.saturating_add(count);
                }
            }
            Err(place) => self.counts.insert(place, (name.into(), count)),
        }
    }

    fn shrink(&mut self) {
        if self.counts.len() <= CAPACITY {
            return;
        }
        let mut sizes: Vec<u64> = self.counts.iter().map(|(_, count)| *count).collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let taken = sizes.get(CAPACITY).copied().unwrap_or(0);
        self.counts.retain_mut(|(_, count)| {
            *count -= taken.min(*count);
            *count > 0
        });
        self.missing = self.missing.saturating_add(taken);
    }

    /// So much may be missing from any count, and so often may a name have come that has none.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The names with the highest counts, of equal ones the first by name.
    #[must_use]
    pub fn top(&self, number: usize) -> Vec<(&str, u64)> {
        let mut names: Vec<(&str, u64)> = self.names().collect();
        names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        names.truncate(number);
        names
    }

    /// All names that have a count, by name.
    pub fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (&**name, *count))
    }

    /// Appends its bytes: number of names, what may be missing, then of each name its text and count.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.number(self.counts.len() as u64);
        writer.number(self.missing);
        for (name, count) in &self.counts {
            writer.text(name);
            writer.number(*count);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, OrderCodecError> {
        let names = reader.number("names")?;
        let mut frequent = Self {
            counts: Vec::new(),
            missing: reader.number("missing")?,
        };
        for _ in 0..names {
            let name = reader.text("name")?;
            let last = frequent.counts.last();
            if last.is_some_and(|(last, _)| **last >= *name) {
                return Err(OrderCodecError::Impossible("order of names"));
            }
            frequent.counts.push((name.into(), reader.number("count")?));
        }
        Ok(frequent)
    }
}
