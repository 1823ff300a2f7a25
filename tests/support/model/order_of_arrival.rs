//! The order in which a task takes the backlog of its co-partitioned inputs (order-domain E8): repeatedly the head
//! with the smallest record timestamp, ties by order, payment, delivery.

use std::collections::BTreeMap;

use super::event::InputRecord;

/// Merges the records of one partition of the three inputs, each in offset order, into the order of processing.
pub fn order_of_arrival(
    orders: Vec<InputRecord>,
    payments: Vec<InputRecord>,
    deliveries: Vec<InputRecord>,
) -> Vec<InputRecord> {
    let inputs = [orders, payments, deliveries];
    merged(inputs.map(Vec::into_iter)).collect()
}

/// The same for inputs that are read as they are needed: orders, payments, deliveries.
pub fn merged<I: Iterator<Item = InputRecord>>(
    inputs: [I; 3],
) -> impl Iterator<Item = InputRecord> {
    let mut inputs = inputs.map(Iterator::peekable);
    std::iter::from_fn(move || {
        // `min_by_key` returns the first of equals, and the inputs stand in the order of the tie rule.
        let heads = inputs.iter_mut().filter_map(|input| {
            let timestamp = input.peek()?.timestamp;
            Some((timestamp, input))
        });
        let (_, next) = heads.min_by_key(|(timestamp, _)| *timestamp)?;
        next.next()
    })
}

/// The same for whole topics: partition after partition, each record on its own input by its topic's name. What is
/// no payment or delivery topic counts as the order topic.
pub fn order_of_arrival_in_all_partitions(records: Vec<InputRecord>) -> Vec<InputRecord> {
    let mut partitions: BTreeMap<i32, [Vec<InputRecord>; 3]> = BTreeMap::new();
    for record in records {
        let input = match record.topic.as_str() {
            topic if topic.starts_with("payment.") => 1,
            topic if topic.starts_with("delivery.") => 2,
            _ => 0,
        };
        partitions.entry(record.partition).or_default()[input].push(record);
    }
    let in_order_of_arrival = |mut inputs: [Vec<InputRecord>; 3]| {
        inputs
            .iter_mut()
            .for_each(|input| input.sort_by_key(|record| record.offset));
        let [orders, payments, deliveries] = inputs;
        order_of_arrival(orders, payments, deliveries)
    };
    partitions
        .into_values()
        .flat_map(in_order_of_arrival)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(topic: &str, timestamps: &[i64]) -> Vec<InputRecord> {
        let record = |(offset, timestamp): (usize, &i64)| InputRecord {
            topic: topic.to_string(),
            partition: 0,
            offset: offset as i64,
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp: *timestamp,
        };
        timestamps.iter().enumerate().map(record).collect()
    }

    fn check(orders: &[i64], payments: &[i64], deliveries: &[i64], expected: &str) {
        let taken = order_of_arrival(
            records("o", orders),
            records("p", payments),
            records("d", deliveries),
        );
        let names: Vec<String> = taken
            .iter()
            .map(|record| format!("{}{}", record.topic, record.offset))
            .collect();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn the_smallest_head_is_taken_first() {
        check(&[1, 5], &[2, 3], &[4], "o0 p0 p1 d0 o1");
    }

    #[test]
    fn partitions_do_not_hold_each_other_back() {
        let mut records = [
            records("order.events.v1", &[5, 9]),
            records("payment.events.v1", &[7, 1]),
        ]
        .concat();
        records[1].partition = 1;
        records[3].partition = 1;
        records.reverse();
        let taken = order_of_arrival_in_all_partitions(records);
        let places: Vec<(i32, i64)> = taken
            .iter()
            .map(|record| (record.partition, record.timestamp))
            .collect();
        assert_eq!(places, [(0, 5), (0, 7), (1, 1), (1, 9)]);
    }

    #[test]
    fn ties_go_to_order_then_payment_then_delivery() {
        check(&[7, 7], &[7], &[7], "o0 o1 p0 d0");
    }

    #[test]
    fn a_late_head_holds_back_what_is_behind_it() {
        check(&[9, 1], &[5], &[6], "p0 d0 o0 o1");
    }
}
