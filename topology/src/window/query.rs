use std::ops::{Bound, ControlFlow};

use super::rows;
use crate::Error;
use crate::codec::Deserializer;
use crate::store::{CommittedView, StoreId};

/// Visits the committed aggregates over all time of the groups of a merging task: those added with
/// [`Deltas::add_running`](super::Deltas::add_running) or [`Deltas::add_total`](super::Deltas::add_total),
/// by the bytes of their key. From any thread; `visit` must not query the view.
///
/// The stores are those that [`StatusBoard::stores`](crate::runtime::StatusBoard::stores) gives for the
/// name of the aggregation.
///
/// # Errors
/// As [`CommittedView::range`]; fatal if an aggregate cannot be decoded.
pub fn current_aggregates<A: Default>(
    view: &CommittedView,
    store: StoreId,
    mut aggregates: impl Deserializer<A>,
    visit: &mut dyn FnMut(&[u8], &A) -> ControlFlow<()>,
) -> Result<(), Error> {
    let (from, to) = ([rows::CURRENT], [rows::BASE]);
    let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
    let (mut aggregate, mut failed) = (A::default(), None);
    view.range(store, from, to, &mut |key, value| match aggregates
        .deserialize(Some(value), &mut aggregate)
    {
        Ok(()) => visit(key.get(1..).unwrap_or_default(), &aggregate),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), |error| {
        Err(Error::fatal("query aggregates", error.to_string()).at(format!("task {}", view.task())))
    })
}
