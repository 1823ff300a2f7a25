//! The order in which a task takes the backlog of its co-partitioned inputs (order-domain E8): repeatedly the head
//! with the smallest record timestamp, ties by order, payment, delivery.

use std::collections::VecDeque;

use super::event::InputRecord;

/// Merges the records of one partition of the three inputs, each in offset order, into the order of processing.
pub fn order_of_arrival(
    orders: Vec<InputRecord>,
    payments: Vec<InputRecord>,
    deliveries: Vec<InputRecord>,
) -> Vec<InputRecord> {
    let mut inputs = [VecDeque::from(orders), VecDeque::from(payments), VecDeque::from(deliveries)];
    let mut taken = Vec::new();
    loop {
        // `min_by_key` returns the first of equals, and the inputs stand in the order of the tie rule.
        let next = inputs
            .iter_mut()
            .filter(|input| !input.is_empty())
            .min_by_key(|input| input.front().map(|record| record.timestamp));
        match next.and_then(VecDeque::pop_front) {
            Some(record) => taken.push(record),
            None => return taken,
        }
    }
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
        let taken = order_of_arrival(records("o", orders), records("p", payments), records("d", deliveries));
        let names: Vec<String> = taken.iter().map(|record| format!("{}{}", record.topic, record.offset)).collect();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn the_smallest_head_is_taken_first() {
        check(&[1, 5], &[2, 3], &[4], "o0 p0 p1 d0 o1");
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
