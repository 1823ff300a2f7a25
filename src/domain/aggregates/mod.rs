//! The business aggregates and the business counters: what there is, by which dims, and what one judged event adds to
//! them. Windows, watermarks and lateness are not known here.
//!
//! | file | idea |
//! |---|---|
//! | `aggregate`, `counter`, `dim`, `group` | what there is, by what it is grouped, the stored key of a group |
//! | `value`, `sketch`, `distinct`, `frequent`, `since` | what a value is: sums, quantiles, different things, most frequent names, what lasts since when |
//! | `buckets` | what a histogram is |
//! | `count`, `rates`, `durations`, `load` | what an event adds: A1–A5, discounts; A6–A8, A16, A24; A9–A15, A19; A20, A21 |
//! | `overdue` | what a timer adds: A17, A18 |
//! | `duplicates` | orders that may have been sent twice: A23 |
//! | `deltas` | the additions of one event |

mod aggregate;
mod buckets;
mod count;
mod counter;
mod deltas;
mod dim;
mod distinct;
mod duplicates;
mod durations;
mod frequent;
mod group;
mod load;
mod overdue;
mod rates;
mod since;
mod sketch;
mod value;

pub use aggregate::{BusinessAggregate, BusinessAggregateSet, Shape};
pub(crate) use buckets::buckets;
pub use buckets::{Buckets, Histogram};
pub use count::{count, count_expired};
pub use counter::BusinessCounter;
pub use deltas::{Delta, DeltaBuffer, DeltaKind, GroupWriter};
pub use dim::{Age, Arrival, Dim, UNKNOWN, Waited};
pub use distinct::{Distinct, member};
pub use duplicates::{Mark, Marks, PAIRS, SUSPECT_MS, is_suspected, merged_by};
pub use frequent::{CAPACITY, Frequent, ShortName};
pub use group::{Counted, Group, GroupError};
pub use overdue::{count_over, count_reached};
pub use since::Since;
pub use sketch::{ACCURACY_PERCENT, Sketch};
pub use value::{AggregateValue, MAX_SUMS, Thing};
