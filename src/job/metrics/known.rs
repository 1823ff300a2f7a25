//! Groups that are known before anything is counted: counters without labels, or with the values of a short list.
//!
//! The task to which such a group belongs tells it as 0 until there is something: a first increase would not be seen in a
//! rate. No other may: whoever told 0 of what is another's would make the series fall when that one is gone for a moment.

use crate::domain::aggregates::{BusinessCounter, Counted, DeltaBuffer, Dim};

/// A delta of 0 for each of them.
pub(super) fn known_groups() -> DeltaBuffer {
    let mut groups = DeltaBuffer::default();
    for counter in BusinessCounter::ALL {
        let counted = Counted::Counter(*counter);
        match counter.dims() {
            [] => groups.group(counted).add(0),
            [dim @ (Dim::Waited | Dim::Liability)] => {
                for (code, _) in (0..).zip(dim.values()) {
                    groups.group(counted).value(Some(code)).add(0);
                }
            }
            _ => {}
        }
    }
    groups
}
