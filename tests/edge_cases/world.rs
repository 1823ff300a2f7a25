//! The job and the events that reach it, told in steps such as `STORE order.accepted 3`.

use jumun::config::Aggregates;
use jumun::domain::judge::JudgingPolicy;
use jumun::domain::ordering::OrderingPolicy;
use jumun::job::JobOptions;
use serde_json::{Value, json};

use crate::support::driven::{DELIVERIES, Job, ORDERS, PAYMENTS};
use crate::support::model::InputRecord;

pub const MIDDAY: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00
pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const DAY: u64 = 24 * 60 * MINUTE;
pub const ORDER: &str = "B1";

/// One partition, one order unless said otherwise, a second between two events, on the wall clock and by their times.
pub struct World {
    pub job: Job,
    /// Headers of the records that are sent.
    pub headers: Vec<(String, Vec<u8>)>,
    pub order_no: String,
    sent: usize,
}

/// The job with that ordering and nothing else set, without aggregates.
pub fn options(ordering: OrderingPolicy) -> JobOptions {
    JobOptions {
        judging: JudgingPolicy {
            ordering,
            ..JudgingPolicy::default()
        },
        aggregates: Aggregates {
            enabled: false,
            ..Aggregates::default()
        },
        ..JobOptions::default()
    }
}

impl World {
    pub fn new(ordering: OrderingPolicy) -> World {
        World::with(&options(ordering))
    }

    /// Nothing is redriven unless the test does it.
    pub fn without_redrive(ordering: OrderingPolicy) -> World {
        let mut options = options(ordering);
        options.judging.redrive = false;
        World::with(&options)
    }

    pub fn with(options: &JobOptions) -> World {
        World {
            job: Job::new(options, MIDDAY),
            headers: Vec::new(),
            order_no: ORDER.to_string(),
            sent: 0,
        }
    }

    /// An event that happens now. Version `-` is none; a fourth word is the target's id.
    pub fn event(&mut self, step: &str, info: Value) -> Value {
        self.sent += 1;
        let id = format!("{step} #{}", self.sent);
        let words: Vec<&str> = step.split(' ').collect();
        let (actor, action, version) = (words[0], words[1], words[2].parse::<u64>().ok());
        let target = match action.split('.').next().unwrap() {
            aggregate @ ("payment" | "delivery" | "claim") => aggregate,
            _ => "order",
        };
        let target_id = words
            .get(3)
            .map_or_else(|| format!("{target}-1"), |id| id.to_string());
        let now = rfc3339(self.job.now());
        json!({
            "id": id,
            "target": {"type": target, "id": target_id, "orderNo": self.order_no, "version": version},
            "action": action,
            "actor": {"type": actor, "id": "someone"},
            "info": info,
            "time": {"occurredAt": now, "recordedAt": now},
            "schema": {"name": action, "version": 1},
            "source": {"system": "order-api"},
        })
    }

    /// Sends an event, and answers what was judged because of it, as in `APPLIED ×2, PARKED`. What is sent again
    /// automatically arrives too.
    pub fn send(&mut self, event: &Value) -> String {
        let key = event["target"]["orderNo"].as_str().map(str::to_string);
        self.send_bytes(
            topic_of(event),
            key.map(String::into_bytes),
            Some(event.to_string().into_bytes()),
        )
    }

    pub fn send_bytes(
        &mut self,
        topic: &str,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> String {
        self.append(topic, key, value, self.job.now());
        self.settle()
    }

    /// Appends without letting the job run.
    pub fn append(
        &mut self,
        topic: &str,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        timestamp: i64,
    ) {
        self.job.append(&mut InputRecord {
            topic: topic.to_string(),
            partition: 0,
            offset: -1,
            key,
            value,
            headers: self.headers.clone(),
            timestamp,
        });
    }

    /// Lets the job take what there is, what it sends to itself included; a second passes.
    pub fn settle(&mut self) -> String {
        self.job.commit();
        while !self.job.redriven().is_empty() {
            self.job.commit();
        }
        let outcomes = told(&self.job.new_outcomes());
        self.job.wait(SECOND);
        outcomes
    }

    /// Sends an event that happens now, and checks what was judged because of it.
    #[track_caller]
    pub fn step(&mut self, step: &str, info: Value, expected: &str) {
        let event = self.event(step, info);
        self.check(&event, expected);
    }

    #[track_caller]
    pub fn check(&mut self, event: &Value, expected: &str) {
        assert_eq!(self.send(event), expected, "{event}");
    }

    /// Lets time pass, and checks what was judged because of it.
    #[track_caller]
    pub fn wait(&mut self, milliseconds: u64, expected: &str) {
        self.job.wait(milliseconds);
        assert_eq!(self.settle(), expected);
    }

    /// Version 1 of the order, which is to be paid by card.
    #[track_caller]
    pub fn create(&mut self, expected: &str) {
        self.step("CUSTOMER order.created 1", created("CARD"), expected);
    }

    /// Version 1 of the payment.
    #[track_caller]
    pub fn approve(&mut self, expected: &str) {
        self.step("PG payment.approved 1", json!({"amount": 10_000}), expected);
    }

    /// Created and paid: the next order version is 2.
    pub fn paid(mut self) -> World {
        self.create("APPLIED");
        self.approve("APPLIED");
        self
    }

    /// Accepted too: the next order version is 3.
    pub fn accepted(self) -> World {
        let mut world = self.paid();
        world.step("STORE order.accepted 2", none(), "APPLIED");
        world
    }

    pub fn header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers
            .push((name.to_string(), value.as_bytes().to_vec()));
    }

    pub fn state(&self, pointer: &str) -> Value {
        let state = self.job.states().remove(&self.order_no);
        let state = state.unwrap_or(Value::Null);
        state.pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    #[track_caller]
    pub fn check_state(&self, pointer: &str, expected: impl Into<Value>) {
        assert_eq!(self.state(pointer), expected.into(), "{pointer}");
    }

    /// The flags that the design names; the job may have others of its own.
    #[track_caller]
    pub fn check_flags(&self, expected: &[&str]) {
        let own = ["contradicted", "incomplete", "ghost_delivery", "bad_time"];
        let flags = self.state("/flags");
        let flags = flags.as_array().into_iter().flatten();
        let named: Vec<_> = flags
            .filter(|flag| own.iter().any(|own| *flag == own))
            .collect();
        assert_eq!(named, expected);
    }

    /// Actions that were applied or annotated, in their order.
    pub fn actions(&self) -> Vec<String> {
        texts(&self.job.transitions(), "/action")
    }

    pub fn reconcile_kinds(&self) -> Vec<String> {
        texts(&self.job.reconciles(), "/kind")
    }

    pub fn last_transition(&self) -> Value {
        self.job.transitions().pop().unwrap()
    }

    pub fn last_rejection(&self) -> Value {
        self.job.rejections().pop().unwrap()
    }
}

pub fn topic_of(event: &Value) -> &'static str {
    match event["target"]["type"].as_str() {
        Some("payment") => PAYMENTS,
        Some("delivery") => DELIVERIES,
        _ => ORDERS,
    }
}

fn texts(values: &[Value], pointer: &str) -> Vec<String> {
    let texts = values.iter().map(|value| value.pointer(pointer));
    texts
        .map(|text| text.unwrap().as_str().unwrap().to_string())
        .collect()
}

fn told(outcomes: &std::collections::BTreeMap<String, u64>) -> String {
    let names = outcomes.iter().map(|(name, count)| match count {
        1 => name.clone(),
        count => format!("{name} ×{count}"),
    });
    names.collect::<Vec<_>>().join(", ")
}

pub fn created(payment_method: &str) -> Value {
    json!({
        "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
        "fulfilment": "BAEMIN_SINGLE", "amount": 10_000, "paymentMethod": payment_method,
    })
}

pub fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

pub fn none() -> Value {
    json!({})
}
