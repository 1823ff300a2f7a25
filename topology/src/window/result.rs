/// What a windowed aggregation tells of a group in a window; the key of the record is a
/// [`Windowed`](super::Windowed) group. Readers keep the update of the highest revision and add the
/// late deltas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowResult<A> {
    /// The aggregate as far as it is known.
    Update {
        /// The aggregate.
        aggregate: A,
        /// What moved it in this window: of a running aggregate a part of it, of others the aggregate itself.
        moved: A,
        /// How many deltas are in it.
        n: u64,
        /// Counts the updates of this group in this window, from 1.
        revision: u64,
        /// The window is closed: there is no further update.
        is_final: bool,
    },
    /// Something that belongs to a window which is closed.
    Late {
        /// What has to be added.
        delta: A,
        /// When it happened, epoch milliseconds.
        timestamp: i64,
        /// What [`Deltas::caused_by`](super::Deltas::caused_by) was told.
        cause: Vec<u8>,
        /// Counts the late deltas of the merging task, from 1.
        number: u64,
        /// Windows that begin before this were closed when it came. A running aggregate's delta counts in
        /// all of them from its own window on; of those that begin later it is a part already.
        closed_before: i64,
    },
}

impl<A> WindowResult<Option<A>> {
    /// The same result of what there is; `None` where there is nothing.
    pub(crate) fn transposed(self) -> Option<WindowResult<A>> {
        match self {
            Self::Update {
                aggregate,
                moved,
                n,
                revision,
                is_final,
            } => aggregate
                .zip(moved)
                .map(|(aggregate, moved)| WindowResult::Update {
                    aggregate,
                    moved,
                    n,
                    revision,
                    is_final,
                }),
            Self::Late {
                delta,
                timestamp,
                cause,
                number,
                closed_before,
            } => delta.map(|delta| WindowResult::Late {
                delta,
                timestamp,
                cause,
                number,
                closed_before,
            }),
        }
    }
}
