use crate::io::Headers;

/// A record as an operator sees it: typed, and borrowed, so that handing it to several children
/// clones nothing.
#[derive(Debug)]
pub struct Record<'a, K, V> {
    /// Key.
    pub key: &'a K,
    /// Value.
    pub value: &'a V,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Headers; those of the source pass through unless an operator replaces them.
    pub headers: Headers<'a>,
}

impl<K, V> Clone for Record<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Record<'_, K, V> {}

impl<'a, K, V> Record<'a, K, V> {
    /// The same record with another value.
    pub fn with_value<W>(self, value: &'a W) -> Record<'a, K, W> {
        Record {
            key: self.key,
            value,
            timestamp: self.timestamp,
            headers: self.headers,
        }
    }

    /// The same record with another key.
    pub fn with_key<L>(self, key: &'a L) -> Record<'a, L, V> {
        Record {
            key,
            value: self.value,
            timestamp: self.timestamp,
            headers: self.headers,
        }
    }
}

/// The record of an input topic that is being processed, as it was on the wire.
#[derive(Clone, Copy, Debug)]
pub struct SourceRecord<'a> {
    /// Which input of the task it came from: an index into [`ProcessingContext::inputs`](super::ProcessingContext::inputs).
    pub input: usize,
    /// Input topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Record timestamp, milliseconds since the epoch.
    pub timestamp: i64,
    /// Key bytes.
    pub key: Option<&'a [u8]>,
    /// Value bytes.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: Headers<'a>,
}

/// What is known of an input of a task besides its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputStatus {
    /// Since when everything that comes is processed within about a second, by wall clock in epoch
    /// milliseconds; `None` while there is lag, or while the brokers do not answer. A process that stood
    /// still counts anew.
    pub caught_up_since: Option<i64>,
    /// How far behind the wall clock the next record is, in milliseconds; 0 while everything that comes is
    /// processed within about a second. One that is on its way is taken to be no older than the one before it. `None` where
    /// nobody knows: nothing was fetched yet, or the brokers do not answer.
    pub lag_ms: Option<i64>,
}
