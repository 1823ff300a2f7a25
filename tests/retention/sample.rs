//! How much there is on a day, and how it is told.

use jumun::domain::order::Order;
use jumun::domain::order_codec::{decode, encode};
use jumun::domain::watching::WatchRow;

/// A timer's key in the task's own family begins with it.
const TIMER: u8 = 2;

/// Rows, and bytes of their keys and values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub rows: usize,
    pub bytes: usize,
}

impl Extent {
    pub fn add(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes;
    }
}

/// Everything of a day.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub day: u32,
    pub orders: Extent,
    pub parked: Extent,
    /// What was told of orders, and when they are looked at next.
    pub watches: Extent,
    pub timers: Extent,
    /// Of both stores, timers included, after compaction.
    pub changelog: Extent,
    pub in_flight: u64,
    /// Events that orders say were set aside.
    set_aside: usize,
    /// Events that wait still; each has a timer, or shares one.
    waiting: usize,
    /// Orders that are looked at again; each has a timer for it.
    watched: usize,
}

impl Sample {
    pub fn of_day(day: u32) -> Self {
        Self {
            day,
            ..Self::default()
        }
    }

    /// Takes a row of the state into account.
    pub fn row(&mut self, family: &str, key: &[u8], value: &[u8]) {
        let bytes = key.len() + value.len();
        match family {
            "orders" => {
                let mut order = Order::default();
                decode(value, &mut order).unwrap();
                assert!(order.retention_timer.is_some());
                let entries = order.waiting.entries();
                self.set_aside += entries.len();
                let parked = jumun::domain::waiting::Aside::Parked;
                self.waiting += order.waiting.count(parked);
                self.orders.add(bytes);
            }
            "parked" => self.parked.add(bytes),
            "watches" => {
                let mut watch = WatchRow::default();
                watch.decode(value).unwrap();
                self.watched += usize::from(watch.due.is_some());
                self.watches.add(bytes);
            }
            _ if key.first() == Some(&TIMER) => self.timers.add(bytes),
            _ => {}
        }
    }

    /// Nothing is left behind: a row for each event set aside, and one timer for each order besides those of what waits and of
    /// what is watched.
    pub fn is_consistent(&self) {
        assert_eq!(self.parked.rows, self.set_aside, "day {}", self.day);
        let least = self.orders.rows + self.watched;
        let timers = least..=least + self.waiting;
        assert!(timers.contains(&self.timers.rows), "{self:?}");
    }

    /// Up to the chance by which a month has some more orders, or more lost events, than another.
    pub fn is_no_larger_than(&self, full: &Self) {
        for (name, now, then, percent) in [
            ("orders", self.orders, full.orders, 5),
            ("parked", self.parked, full.parked, 20),
            ("watches", self.watches, full.watches, 20),
            ("timers", self.timers, full.timers, 5),
            ("changelog", self.changelog, full.changelog, 5),
        ] {
            let is_no_larger = |now: usize, then: usize| 100 * now <= (100 + percent) * then;
            assert!(
                is_no_larger(now.rows, then.rows) && is_no_larger(now.bytes, then.bytes),
                "{name} on day {}: {now:?}, on day {}: {then:?}",
                self.day,
                full.day
            );
        }
    }
}

/// A table of some days.
pub fn report_samples(samples: &[Sample], days: &[u32]) {
    println!("day      orders               parked             timers             changelog");
    for sample in samples.iter().filter(|sample| days.contains(&sample.day)) {
        let cell = |of: Extent| format!("{} ({} KiB)", of.rows, of.bytes / 1_024);
        println!(
            "{:3}  {:18}  {:17}  {:17}  {:18}",
            sample.day,
            cell(sample.orders),
            cell(sample.parked),
            cell(sample.timers),
            cell(sample.changelog)
        );
    }
}

/// Bytes of the stored orders by the number of their events, and what of them is memory of events.
pub fn report_orders(rows: &[(Vec<u8>, Vec<u8>)]) {
    let mut orders: Vec<(u64, usize, usize)> = Vec::new();
    for (_, value) in rows {
        let mut order = Order::default();
        decode(value, &mut order).unwrap();
        order.memory.clear();
        let mut without = Vec::new();
        encode(&order, &mut without);
        orders.push((order.seq, value.len(), value.len() - without.len()));
    }
    println!("events   orders  bytes: mean    p95    max  of it memory: mean");
    for (from, to) in [
        (0, 5),
        (6, 10),
        (11, 15),
        (16, 20),
        (21, u64::MAX),
        (0, u64::MAX),
    ] {
        let of = orders.iter().filter(|(seq, ..)| (from..=to).contains(seq));
        let mut bytes: Vec<usize> = of.clone().map(|(_, bytes, _)| *bytes).collect();
        let memory: usize = of.map(|(.., memory)| memory).sum();
        bytes.sort_unstable();
        let (count, sum) = (bytes.len(), bytes.iter().sum::<usize>());
        let Some(max) = bytes.last() else { continue };
        let name = match (from, to) {
            (0, u64::MAX) => "all".to_owned(),
            (_, u64::MAX) => format!("{from}-"),
            _ => format!("{from}-{to}"),
        };
        println!(
            "{name:6}  {count:7}  {:11}  {:5}  {max:5}  {:18}",
            sum / count,
            bytes[count * 95 / 100],
            memory / count
        );
    }
}
