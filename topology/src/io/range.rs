//! How a group shares out the partitions of one topic.

use std::ops::Range;

/// Kafka's range assignor for one topic: which of `partitions` the member at `index` of `members`
/// (subscribed to the topic, in order) takes. Topics with equal partition counts and equal
/// subscribers are thereby co-partitioned.
pub(crate) fn range(partitions: i32, members: usize, index: usize) -> Range<i32> {
    let (Ok(members), Ok(index)) = (i32::try_from(members), i32::try_from(index)) else {
        return 0..0;
    };
    if members == 0 {
        return 0..0;
    }
    let (each, extra) = (partitions / members, partitions % members);
    let start = each * index + index.min(extra);
    start..start + each + i32::from(index < extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_members_take_what_does_not_divide() {
        let of = |partitions, members| -> Vec<_> {
            (0..members)
                .map(|index| range(partitions, members, index))
                .collect()
        };
        assert_eq!(of(7, 3), [0..3, 3..5, 5..7]);
        assert_eq!(of(4, 2), [0..2, 2..4]);
        assert_eq!(of(1, 2), [0..1, 1..1]);
        assert_eq!(of(3, 0), []);
    }
}
