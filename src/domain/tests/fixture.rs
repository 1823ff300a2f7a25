//! Events and orders for tests.

use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;
use crate::domain::headers::RecordHeaders;
use crate::domain::judge::{JudgingPolicy, judge};
use crate::domain::judgement::{Judgement, RecordContext};
use crate::domain::order::Order;

/// 2026-11-20T12:00:00+09:00
pub const NOON: i64 = 1_795_143_600_000;
pub const CREATED_INFO: &str = r#"{"storeId":"st_1","category":"치킨","sido":"서울","sigungu":"서울-1","dong":"d1","fulfilment":"BAEMIN_SINGLE","amount":20000,"paymentMethod":"CARD"}"#;

/// One event to be; `at` is seconds after noon.
#[derive(Clone, Debug)]
pub struct Ev {
    pub id: String,
    pub action: String,
    pub aggregate: String,
    pub target: String,
    pub version: Option<i64>,
    pub actor: String,
    pub info: String,
    pub at: f64,
    pub headers: RecordHeaders,
    /// Record timestamp, seconds after noon; the same as `at` if none.
    pub recorded: Option<f64>,
}

/// An event by action, actor and version, e.g. `ev("order.accepted", "STORE", 3)`; version 0 stands for none.
pub fn ev(action: &str, actor: &str, version: i64) -> Ev {
    let aggregate = match action.split('.').next().unwrap() {
        "delivery" => "delivery",
        "payment" => "payment",
        "claim" => "claim",
        _ => "order",
    };
    let info = match action {
        "order.created" => CREATED_INFO,
        "payment.approved" | "payment.refunded" => r#"{"amount":20000}"#,
        "payment.part_refunded" => r#"{"amount":5000}"#,
        "aggregate.reset" => r#"{"version":1}"#,
        _ => "{}",
    };
    Ev {
        id: format!("{action}-{aggregate}-{version}"),
        action: action.to_owned(),
        aggregate: aggregate.to_owned(),
        target: if aggregate == "delivery" {
            "dl_1".to_owned()
        } else {
            "B1".to_owned()
        },
        version: (version != 0).then_some(version),
        actor: actor.to_owned(),
        info: info.to_owned(),
        at: 0.0,
        headers: RecordHeaders::default(),
        recorded: None,
    }
}

impl Ev {
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.to_owned();
        self
    }
    pub fn info(mut self, info: &str) -> Self {
        self.info = info.to_owned();
        self
    }
    pub fn at(mut self, seconds: f64) -> Self {
        self.at = seconds;
        self
    }
    pub fn recorded(mut self, seconds: f64) -> Self {
        self.recorded = Some(seconds);
        self
    }
    pub fn target(mut self, aggregate: &str, id: &str) -> Self {
        self.aggregate = aggregate.to_owned();
        self.target = id.to_owned();
        self
    }
    pub fn force(mut self) -> Self {
        self.headers.redrive_force = true;
        self
    }
    pub fn redriven(mut self, count: u32) -> Self {
        self.headers.redrive_count = count;
        self
    }

    pub fn json(&self) -> String {
        let ms = |seconds: f64| {
            let mut out = Vec::new();
            crate::domain::time::write_rfc3339_kst(&mut out, NOON + (seconds * 1000.0) as i64);
            String::from_utf8(out).unwrap()
        };
        let version = self
            .version
            .map_or(String::new(), |version| format!(r#","version":{version}"#));
        format!(
            r#"{{"id":"{}","target":{{"type":"{}","id":"{}","orderNo":"B1"{version}}},"action":"{}","actor":{{"type":"{}","id":"x1"}},"info":{},"time":{{"occurredAt":"{}","recordedAt":"{}"}},"schema":{{"name":"{}","version":1}},"source":{{"system":"test"}}}}"#,
            self.id,
            self.aggregate,
            self.target,
            self.action,
            self.actor,
            self.info,
            ms(self.at),
            ms(self.recorded.unwrap_or(self.at)),
            self.action
        )
    }

    pub fn decoded(&self) -> OrderEvent {
        let mut event = OrderEvent::default();
        decode(Some(self.json().as_bytes()), &mut event).unwrap();
        event
    }
}

/// One order and the judging of its events.
pub struct Desk {
    pub order: Order,
    pub event: OrderEvent,
    pub policy: JudgingPolicy,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            order: Order::default(),
            event: OrderEvent::default(),
            policy: JudgingPolicy::strict(),
        }
    }
}

impl Desk {
    /// An order after these events, all of which must be accepted.
    pub fn after(events: &[Ev]) -> Self {
        let mut desk = Self::default();
        for event in events {
            let judgement = desk.judge(event);
            assert!(
                judgement.outcome.is_accepted(),
                "{}: {:?}",
                event.action,
                judgement
            );
        }
        desk
    }

    pub fn judge(&mut self, ev: &Ev) -> Judgement {
        decode(Some(ev.json().as_bytes()), &mut self.event).unwrap();
        let context = RecordContext {
            timestamp: NOON + (ev.recorded.unwrap_or(ev.at) * 1000.0) as i64,
            wall_clock: NOON + 400 * 86_400_000,
            headers: ev.headers,
            ..RecordContext::default()
        };
        judge(&mut self.order, &self.event, &context, &self.policy)
    }

    /// The outcome as `OUTCOME` or `OUTCOME/REASON`.
    pub fn outcome(&mut self, ev: &Ev) -> String {
        let outcome = self.judge(ev).outcome;
        match outcome.reason() {
            "" => outcome.name().to_owned(),
            reason => format!("{}/{reason}", outcome.name()),
        }
    }
}

/// An order accepted by the store, with card payment.
pub fn accepted() -> Vec<Ev> {
    vec![
        ev("order.created", "CUSTOMER", 1),
        ev("payment.approved", "PG", 1),
        ev("order.accepted", "STORE", 2),
    ]
}

/// An accepted order with a rider assigned.
pub fn assigned() -> Vec<Ev> {
    let mut events = accepted();
    events.push(ev("delivery.requested", "SYSTEM", 1));
    events.push(ev("delivery.assigned", "DISPATCH", 2));
    events
}

/// A delivered order.
pub fn delivered() -> Vec<Ev> {
    let mut events = assigned();
    events.push(ev("cooking.completed", "STORE", 3).at(60.0));
    events.push(ev("delivery.picked_up", "RIDER", 3).at(120.0));
    events.push(ev("delivery.delivered", "RIDER", 4).at(180.0));
    events
}
