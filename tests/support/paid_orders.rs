//! A steady load over much state: orders that were created, and are paid one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jumun_harness::{Kafka, Message};

use crate::support::written::{CREATED, Written};

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn number(order: usize) -> String {
    format!("B2611200{order:07}Z")
}

/// One event of an order.
fn send<'a>(kafka: &Kafka, events: impl Iterator<Item = (usize, &'a str, &'a str, &'a str, u64)>) {
    let now = now_ms();
    let events: Vec<(String, String, &'static str, &str)> = events
        .map(|(order, action, actor, info, id)| {
            let number = number(order);
            let written = Written {
                number: &number,
                action,
                version: 1,
                actor,
                info,
                at: now,
            };
            (
                number.clone(),
                written.envelope(id),
                written.topic(),
                action,
            )
        })
        .collect();
    let messages = events.iter().map(|(number, envelope, topic, action)| {
        Message::new(topic, number, envelope)
            .timestamp(now)
            .header("action", action)
    });
    kafka.produce(messages).unwrap();
}

/// The first event of each order.
pub fn create_orders(kafka: &Kafka, orders: usize) {
    const BATCH: usize = 20_000;
    for first in (0..orders).step_by(BATCH) {
        let batch = first..(first + BATCH).min(orders);
        send(
            kafka,
            batch.map(|order| (order, "order.created", "CUSTOMER", CREATED, order as u64)),
        );
    }
}

/// Pays one order after the other at a steady rate, from a thread of its own.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<f64>,
}

impl Load {
    pub fn begin(kafka: &Kafka, orders: usize, events_per_second: usize) -> Self {
        const TICK: Duration = Duration::from_millis(50);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let kafka = kafka.clone();
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let mut sent = 0;
            for tick in 1.. {
                if told.load(Ordering::SeqCst) {
                    break;
                }
                // What a call was late, the next one makes up for.
                let due = (began.elapsed().as_secs_f64() * events_per_second as f64) as usize;
                // A stride that meets all of them, so that what is written lies all over the state.
                let batch = (sent..due).map(|event| (event * 7_919) % orders);
                let info = r#"{"amount":20000}"#;
                send(
                    &kafka,
                    batch.map(|order| {
                        let id = (orders + order) as u64;
                        (order, "payment.approved", "PG", info, id)
                    }),
                );
                sent = due;
                thread::sleep((TICK * tick).saturating_sub(began.elapsed()));
            }
            sent as f64 / began.elapsed().as_secs_f64()
        });
        Self { stop, thread }
    }

    /// Answers how many events per second there were.
    pub fn end(self) -> f64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}
