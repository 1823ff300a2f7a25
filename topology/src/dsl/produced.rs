use crate::process::SinkMode;

/// How a topic is written.
///
/// ```
/// use topology::codec::{I64, Utf8};
/// use topology::dsl::Produced;
///
/// // For a compacted topic: per commit, the last record of each key.
/// let totals = Produced::with(Utf8, I64).latest_per_commit();
/// # let _ = totals;
/// ```
#[derive(Clone, Debug)]
pub struct Produced<SK, SV> {
    pub(super) key: SK,
    pub(super) value: SV,
    pub(super) mode: SinkMode,
    pub(super) name: Option<String>,
}

impl<SK, SV> Produced<SK, SV> {
    /// With these serializers of keys and values; every record is sent.
    pub fn with(key: SK, value: SV) -> Self {
        Self {
            key,
            value,
            mode: SinkMode::Every,
            name: None,
        }
    }

    /// Only the last record of each key per commit is sent: [`SinkMode::LatestPerCommit`]. What Kafka
    /// Streams' record cache does for tables, said at the sink.
    #[must_use]
    pub fn latest_per_commit(mut self) -> Self {
        self.mode = SinkMode::LatestPerCommit;
        self
    }

    /// Names the sink; by default its name is that of its parent and `to`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
