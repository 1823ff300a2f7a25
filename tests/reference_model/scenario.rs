//! One order and the events that reach it: what the scenarios are told with.

use serde_json::{Value, json};

use crate::support::model::{InputRecord, Judged, Model, Policy, Step};

pub const MIDDAY: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00
pub const SECOND: i64 = 1_000;
pub const DAY: i64 = 24 * 60 * 60 * SECOND;
pub const ORDER: &str = "B1";

/// One order and the events that reach it, a second apart. Steps read `STORE order.accepted 3 {…}`.
pub struct Scenario {
    pub model: Model,
    pub at: i64,
    pub sent: i64,
    pub headers: Vec<(String, Vec<u8>)>,
    pub judged: Option<Judged>,
    /// Applied and annotated so far, of the events that were taken.
    pub actions: Vec<String>,
    /// Records to be sent again.
    pub redriven: Vec<InputRecord>,
}

impl Scenario {
    pub fn new() -> Scenario {
        let mut model = Model::new(Policy::STRICT);
        model.set_now(MIDDAY + 400 * DAY);
        Scenario {
            model,
            at: MIDDAY,
            sent: 0,
            headers: Vec::new(),
            judged: None,
            actions: Vec::new(),
            redriven: Vec::new(),
        }
    }

    /// An order of 10,000 won, created and paid, so that the next order version is 2 and the next payment version 2.
    pub fn paid(fulfilment: &str) -> Scenario {
        let mut scenario = Scenario::new();
        scenario.create(fulfilment, "CARD", "APPLIED");
        scenario.step(
            "PG payment.approved 1",
            json!({"amount": 10_000}),
            "APPLIED",
        );
        scenario
    }

    /// Accepted too: the next order version is 3.
    pub fn accepted(fulfilment: &str) -> Scenario {
        let mut scenario = Scenario::paid(fulfilment);
        scenario.step(
            "STORE order.accepted 2",
            json!({"cookMinutes": 20}),
            "APPLIED",
        );
        scenario
    }

    /// Requested, assigned and picked up: the next delivery version is 4, READY is implied.
    pub fn picked_up() -> Scenario {
        let mut scenario = Scenario::accepted("BAEMIN_SINGLE");
        scenario.step("SYSTEM delivery.requested 1", json!({}), "APPLIED");
        scenario.step("RIDER delivery.assigned 2", json!({}), "APPLIED");
        scenario.step("RIDER delivery.picked_up 3", json!({}), "APPLIED_SKIP");
        scenario
    }

    pub fn create(&mut self, fulfilment: &str, payment_method: &str, expected: &str) {
        let info = created(fulfilment, payment_method);
        self.step("CUSTOMER order.created 1", info, expected);
    }

    /// Sends `ACTOR action version` and checks the outcome; version `-` is none.
    pub fn step(&mut self, step: &str, info: Value, expected: &str) {
        let id = format!("{step}-{}", self.sent);
        self.send(envelope(&id, step, info, self.at), expected);
    }

    pub fn send(&mut self, event: Value, expected: &str) {
        let value = event.to_string().into_bytes();
        let judged = self.send_bytes(Some(value), Some(ORDER.as_bytes().to_vec()));
        assert_eq!(judged.name(), expected, "{event}");
    }

    /// As [`Scenario::step`] where one event may release others; `expected` are the outcomes in their order. The wall
    /// clock stands still.
    #[track_caller]
    pub fn take(&mut self, step: &str, info: Value, expected: &str) {
        let id = format!("{step}-{}", self.sent);
        let event = envelope(&id, step, info, self.at);
        let record = self.record(
            Some(event.to_string().into_bytes()),
            Some(ORDER.as_bytes().to_vec()),
        );
        self.take_record(&record, expected);
    }

    #[track_caller]
    pub fn take_record(&mut self, record: &InputRecord, expected: &str) {
        let step = self.model.take(record);
        self.note(step, expected);
    }

    /// Lets the wall clock go on.
    #[track_caller]
    pub fn pass(&mut self, milliseconds: i64, expected: &str) {
        let step = self.model.pass_time(self.model.now() + milliseconds);
        self.note(step, expected);
    }

    #[track_caller]
    fn note(&mut self, step: Step, expected: &str) {
        assert_eq!(step.names().join(" "), expected);
        let judged = step.settled.iter().map(|(_, judged)| judged);
        let transitions = judged.filter_map(|judged| judged.transition.as_ref());
        self.actions
            .extend(transitions.map(|told| told["action"].as_str().unwrap().to_string()));
        self.redriven.extend(step.redriven);
    }

    pub fn send_bytes(&mut self, value: Option<Vec<u8>>, key: Option<Vec<u8>>) -> Judged {
        let record = self.record(value, key);
        let judged = self.model.feed(&record);
        self.judged = Some(judged.clone());
        judged
    }

    fn record(&mut self, value: Option<Vec<u8>>, key: Option<Vec<u8>>) -> InputRecord {
        let record = InputRecord {
            topic: "order.events.v1".to_string(),
            partition: 0,
            offset: self.sent,
            key,
            value,
            headers: self.headers.clone(),
            timestamp: self.at,
        };
        self.sent += 1;
        self.at += SECOND;
        record
    }

    /// The event that the next step of that text would send now, to be sent more than once.
    pub fn envelope(&self, step: &str, info: Value) -> Value {
        envelope(step, step, info, self.at)
    }

    pub fn with_header(&mut self, name: &str, value: &str) {
        self.headers = vec![(name.to_string(), value.as_bytes().to_vec())];
    }

    pub fn state(&self) -> Value {
        self.model.states()[ORDER].clone()
    }

    pub fn transition(&self) -> Value {
        self.judged.as_ref().unwrap().transition.clone().unwrap()
    }

    pub fn reconcile_kinds(&self) -> Vec<String> {
        let judged = self.judged.as_ref().unwrap();
        judged
            .reconcile
            .iter()
            .map(|value| value["kind"].as_str().unwrap().to_string())
            .collect()
    }

    pub fn is_held_and_contradicted(&self) -> (bool, bool) {
        let transition = self.transition();
        (
            transition["hold"] == true,
            transition["contradicted"] == true,
        )
    }

    #[track_caller]
    pub fn check_state(&self, pointer: &str, expected: Value) {
        assert_eq!(
            self.state()
                .pointer(pointer)
                .cloned()
                .unwrap_or(Value::Null),
            expected,
            "{pointer}"
        );
    }
}

pub fn created(fulfilment: &str, payment_method: &str) -> Value {
    json!({
        "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "서울-1", "dong": "d1",
        "fulfilment": fulfilment, "amount": 10_000, "paymentMethod": payment_method,
    })
}

pub fn envelope(id: &str, step: &str, info: Value, at: i64) -> Value {
    let words: Vec<&str> = step.split(' ').collect();
    let (actor, action, version) = (words[0], words[1], words[2].parse::<u64>().ok());
    let target = match action.split('.').next().unwrap() {
        aggregate @ ("payment" | "delivery" | "claim") => aggregate,
        _ => "order",
    };
    let target_id = words
        .get(3)
        .map_or_else(|| format!("{target}-1"), |id| id.to_string());
    json!({
        "id": id,
        "target": {"type": target, "id": target_id, "orderNo": ORDER, "version": version},
        "action": action,
        "actor": {"type": actor, "id": "someone"},
        "info": info,
        "time": {"occurredAt": rfc3339(at), "recordedAt": rfc3339(at)},
        "schema": {"name": action, "version": 1},
    })
}

pub fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

pub fn none() -> Value {
    json!({})
}
