//! The business aggregates A1 to A5 and the business counters: what there is, by which dims, and what one judged
//! event adds to them. Windows, watermarks and lateness are not known here.

mod aggregate;
mod count;
mod counter;
mod deltas;
mod dim;
mod group;

pub use aggregate::BusinessAggregate;
pub use count::{count, count_expired};
pub use counter::BusinessCounter;
pub use deltas::{Delta, DeltaBuffer, DeltaKind, GroupWriter};
pub use dim::{Dim, UNKNOWN};
pub use group::{Counted, Group, GroupError};
