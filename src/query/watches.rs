//! What is watched of an order now: from its state, and the row that says what was told.

use super::answer::{KstTime, LevelAnswer, WatchAnswer};
use crate::domain::order::Order;
use crate::domain::watching::{Running, WatchRow, for_each_deadline};
use crate::job::WatchOptions;

/// The watches that run, in the order in which an order meets them. A row that cannot be read tells of nothing: it is read
/// beside the order, and may be of a moment before.
pub(super) fn watches(
    order: &Order,
    watching: &WatchOptions,
    row: Option<&[u8]>,
) -> Vec<WatchAnswer> {
    let mut told = WatchRow::default();
    if row.is_some_and(|row| told.decode(row).is_err()) {
        told.clear();
    }
    let running = Running::of(order).only(watching.watches);
    let mut watches: Vec<WatchAnswer> = Vec::new();
    let nothing_told = WatchRow::default();
    for_each_deadline(
        order,
        &running,
        &watching.limits,
        &nothing_told,
        |deadline| {
            let name = deadline.watch.name();
            if watches.last().is_none_or(|last| last.watch != name) {
                watches.push(WatchAnswer {
                    watch: name.to_owned(),
                    since: KstTime(deadline.since),
                    levels: Vec::new(),
                });
            }
            let mut levels = told.told.iter().filter(|it| !it.quiet);
            let level = LevelAnswer {
                level: deadline.level.name().to_owned(),
                at: KstTime(deadline.at),
                told: levels.any(|it| {
                    (it.watch, it.level, it.since)
                        == (deadline.watch, deadline.level, deadline.since)
                }),
            };
            if let Some(last) = watches.last_mut() {
                last.levels.push(level);
            }
        },
    );
    watches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::judge::{JudgingPolicy, judge};
    use crate::domain::judgement::RecordContext;
    use crate::domain::tests::fixture::{NOON, ev};
    use crate::domain::watching::{Level, Told, Watch, WatchSet};

    fn created() -> Order {
        let mut order = Order::default();
        let context = RecordContext {
            timestamp: NOON,
            wall_clock: NOON,
            ..RecordContext::default()
        };
        let created = ev("order.created", "CUSTOMER", 1).decoded();
        judge(&mut order, &created, &context, &JudgingPolicy::default());
        order
    }

    fn row(since: i64) -> Vec<u8> {
        let mut row = WatchRow::default();
        row.told.push(Told {
            watch: Watch::PaymentWait,
            level: Level::Warn,
            since,
            quiet: false,
            overdue_from: None,
        });
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        bytes
    }

    #[test]
    fn each_level_is_told_with_its_time_and_whether_it_was_reached() {
        let order = created();
        let options = WatchOptions::default();
        let since = watches(&order, &options, None)[0].since;
        let told = watches(&order, &options, Some(&row(since.0)));
        let [payment] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(payment.watch, "payment_wait");
        let levels: Vec<(&str, i64, bool)> = payment
            .levels
            .iter()
            .map(|it| (it.level.as_str(), it.at.0 - since.0, it.told))
            .collect();
        let expected = [("WARN", 180_000, true), ("BREACH", 600_000, false)];
        assert_eq!(levels, expected);
    }

    #[test]
    fn what_was_told_of_another_beginning_or_cannot_be_read_is_none() {
        let order = created();
        let options = WatchOptions::default();
        for row in [row(0), vec![99]] {
            let told = watches(&order, &options, Some(&row));
            assert!(told[0].levels.iter().all(|level| !level.told));
        }
        let off = WatchOptions {
            watches: WatchSet::EMPTY,
            ..options
        };
        assert!(watches(&order, &off, None).is_empty());
    }
}
