//! One order's life, as far as the aggregates A6 to A24 need it: told by its applied and annotated events one after the
//! other, each with what only the event says.

use serde_json::Value;

use super::WINDOW;
use super::grouping::{self as g, Grouping};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What an event adds to a group in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Sum(&'static str, i64),
    Sample(i64),
    Active {
        rider: String,
        delivery: String,
    },
    Store(String),
    /// So many began in the minute that begins then, or are over.
    Began(i64, i64),
}

/// Parts of one group, by its dims.
#[derive(Debug, Clone)]
pub struct Addition {
    pub grouping: Grouping,
    pub values: Vec<String>,
    /// Start, epoch milliseconds.
    pub window: i64,
    pub parts: Vec<Part>,
}

/// What is remembered of an order; times in epoch milliseconds.
#[derive(Debug, Default, Clone)]
pub struct Life {
    main: String,
    delivery: String,
    /// Display status.
    status: String,
    paid: Option<i64>,
    accepted: Option<i64>,
    closed: Option<i64>,
    ready: Option<i64>,
    requested: Option<i64>,
    assigned: Option<i64>,
    at_store: Option<i64>,
    picked_up: Option<i64>,
    handed_over: Option<i64>,
    promise: Option<i64>,
    attempts: i64,
    liability: String,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn moment(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

fn known(value: &str) -> String {
    match value {
        "" => "unknown".to_owned(),
        value => value.to_owned(),
    }
}

/// A transition at hand.
struct Step<'a> {
    transition: &'a Value,
    info: &'a Value,
    at: i64,
    window: i64,
}

impl Step<'_> {
    fn of(&self, pointer: &str) -> &str {
        text(self.transition, pointer)
    }

    fn add(&self, grouping: Grouping, parts: Vec<Part>) -> Addition {
        let values = grouping.dims.iter().map(|dim| match *dim {
            "sido" => known(self.of("/dims/sido")),
            "category" => known(self.of("/dims/category")),
            "fulfilment" => known(self.of("/dims/fulfilment")),
            other => panic!("{other} is no dim of an order"),
        });
        Addition {
            grouping,
            values: values.collect(),
            window: self.window,
            parts,
        }
    }

    /// In each of these groupings.
    fn each(&self, groupings: &[Grouping], parts: &[Part]) -> Vec<Addition> {
        let add = |grouping: &Grouping| self.add(*grouping, parts.to_vec());
        groupings.iter().map(add).collect()
    }

    fn duration(&self, groupings: &[Grouping], since: Option<i64>) -> Vec<Addition> {
        match since {
            None => Vec::new(),
            Some(since) if self.at < since => self.each(groupings, &[Part::Sum("negative", 1)]),
            Some(since) => self.each(groupings, &[Part::Sample(self.at - since)]),
        }
    }
}

impl Life {
    /// The next event: `window` is the start of its window, `info` that of the event itself.
    pub fn live(&mut self, transition: &Value, info: &Value, window: i64) -> Vec<Addition> {
        let at = moment(text(transition, "/occurredAt")).unwrap();
        let step = Step {
            transition,
            info,
            at,
            window,
        };
        let action = step.of("/action").to_owned();
        if matches!(
            action.as_str(),
            "order.created" | "order.accepted" | "cooking.delayed"
        ) {
            let picked = self.picked_up.or(self.handed_over);
            let counts = action != "cooking.delayed" || picked.is_none_or(|picked| at <= picked);
            let promised = moment(text(step.info, "/promisedAt")).filter(|_| counts);
            self.promise = self.promise.or(promised);
        }
        if step.of("/outcome") == "ANNOTATED" {
            let picked = self.picked_up.or(self.handed_over);
            let is_back_fill = action == "cooking.completed"
                && self.ready.is_none()
                && picked.is_some_and(|picked| at <= picked);
            if is_back_fill {
                self.ready = Some(at);
            }
            return Vec::new();
        }
        let mut all = self.applied(&action, &step);
        all.extend(self.supply(&action, &step));
        self.main = step.of("/regions/main").to_owned();
        self.delivery = step.of("/regions/delivery").to_owned();
        self.status = step.of("/to").to_owned();
        all
    }

    fn applied(&mut self, action: &str, step: &Step<'_>) -> Vec<Addition> {
        let at = step.at;
        let mut all = Vec::new();
        let main = step.of("/regions/main");
        let amount = step.transition["amount"].as_i64().unwrap_or_default();
        if main != self.main {
            match main {
                "PAID" => {
                    self.paid = Some(at);
                    let money = [Part::Sum("gmv", amount), Part::Sum("orders", 1)];
                    all.extend(step.each(&[g::GMV, g::GMV_BY_CATEGORY], &money));
                    let flow = [g::CANCEL_FLOW, g::CANCEL_FLOW_BY_CATEGORY];
                    all.extend(step.each(&flow, &[Part::Sum("paid", 1)]));
                    all.extend(self.cohort(step, "paid"));
                    let store = Part::Store(step.of("/dims/storeId").to_owned());
                    all.push(step.add(g::TOP_STORES, vec![store]));
                }
                "CANCELLED" | "REJECTED" | "EXPIRED" => {
                    let flow = [g::CANCEL_FLOW, g::CANCEL_FLOW_BY_CATEGORY];
                    all.extend(step.each(&flow, &[Part::Sum("cancelled", 1)]));
                    if self.paid.is_some_and(|paid| at - paid <= HOUR) {
                        all.extend(self.cohort(step, "cancelled"));
                    }
                }
                _ => {}
            }
            if !matches!(main, "CREATED" | "PAID" | "ACCEPTED") {
                self.closed = Some(at);
            }
        }
        match action {
            "payment.refunded" | "payment.part_refunded" => {
                let amount = step.info["amount"].as_i64().unwrap();
                let refund = [Part::Sum("refunds", amount)];
                if amount > 0 {
                    all.extend(step.each(&[g::GMV, g::GMV_BY_CATEGORY], &refund));
                }
            }
            "claim.post_cancelled" => {
                self.liability = step.of("/liability").to_owned();
                let parts = [
                    Part::Sum("postCancelled", 1),
                    Part::Sum("postCancelledAmount", amount),
                ];
                all.push(self.claim(step, &parts));
            }
            "claim.withdrawn" => {
                let parts = [
                    Part::Sum("withdrawn", 1),
                    Part::Sum("withdrawnAmount", amount),
                ];
                all.push(self.claim(step, &parts));
            }
            "order.cancelled" | "order.rejected" => {
                self.liability = step.of("/liability").to_owned();
            }
            "order.accepted" => {
                self.accepted = Some(at);
                let places = [g::LEAD_ACCEPT, g::LEAD_ACCEPT_BY_CATEGORY];
                all.extend(step.duration(&places, self.paid));
            }
            "cooking.completed" => {
                self.ready = Some(at);
                all.extend(step.duration(&[g::LEAD_COOK], self.accepted));
            }
            "delivery.requested" | "delivery.redispatched" => self.ask_for_rider(at),
            "delivery.unassigned" => {
                self.ask_for_rider(at);
                all.push(step.add(g::REASSIGN, vec![Part::Sum("unassigned", 1)]));
            }
            "delivery.assigned" => {
                self.assigned = Some(at);
                self.attempts += 1;
                all.extend(step.duration(&[g::WAIT_DISPATCH], self.requested));
            }
            "delivery.arrived_store" => self.at_store = Some(at),
            "delivery.picked_up" => {
                self.picked_up = Some(at);
                all.extend(implied(step));
                all.push(step.add(g::WAIT_HANDOVER, self.handover(at)));
            }
            "order.handed_over" => {
                self.handed_over = Some(at);
                all.extend(implied(step));
            }
            "delivery.delivered" => all.extend(self.delivered(step)),
            _ => {}
        }
        if step.of("/target/type") == "delivery" && step.of("/actor/type") == "RIDER" {
            let active = Part::Active {
                rider: step.of("/actor/id").to_owned(),
                delivery: step.of("/target/id").to_owned(),
            };
            all.push(step.add(g::RIDER_LOAD, vec![active]));
        }
        all
    }

    fn ask_for_rider(&mut self, at: i64) {
        self.requested = Some(at);
        self.assigned = None;
        self.at_store = None;
    }

    /// In the minute in which the order was paid.
    fn cohort(&self, step: &Step<'_>, what: &'static str) -> Vec<Addition> {
        let places = [g::CANCEL_COHORT, g::CANCEL_COHORT_BY_CATEGORY];
        let mut all = step.each(&places, &[Part::Sum(what, 1)]);
        for addition in &mut all {
            addition.window = self.paid.unwrap().div_euclid(WINDOW) * WINDOW;
        }
        all
    }

    fn claim(&self, step: &Step<'_>, parts: &[Part]) -> Addition {
        let age = match step.at - self.closed.unwrap_or(step.at) {
            age if age < HOUR => "<1h",
            age if age < 24 * HOUR => "<24h",
            _ => ">=24h",
        };
        Addition {
            grouping: g::POST_CANCEL,
            values: vec![
                known(step.of("/dims/category")),
                self.liability.clone(),
                age.to_owned(),
            ],
            window: step.window,
            parts: parts.to_vec(),
        }
    }

    fn handover(&self, at: i64) -> Vec<Part> {
        let Some((ready, at_store)) = self.ready.zip(self.at_store) else {
            return vec![Part::Sum("unknown", 1)];
        };
        let who = match ready > at_store {
            true => "riderWaited",
            false => "foodWaited",
        };
        let took = at - ready.max(at_store);
        let took = match took < 0 {
            true => Part::Sum("negative", 1),
            false => Part::Sample(took),
        };
        vec![Part::Sum(who, 1), took]
    }

    fn delivered(&self, step: &Step<'_>) -> Vec<Addition> {
        let mut all = step.duration(&[g::LEAD_RIDE, g::LEAD_RIDE_BY_FULFILMENT], self.picked_up);
        let total = [
            g::LEAD_TOTAL,
            g::LEAD_TOTAL_BY_CATEGORY,
            g::LEAD_TOTAL_BY_FULFILMENT,
        ];
        all.extend(step.duration(&total, self.paid));
        if let Some(promise) = self.promise {
            let error = step.at - promise;
            let mut parts = vec![Part::Sample(error)];
            if error <= 5 * MINUTE {
                parts.push(Part::Sum("onTime", 1));
            }
            let places = [g::PROMISE_ERROR, g::PROMISE_ERROR_BY_CATEGORY];
            all.extend(step.each(&places, &parts));
        }
        let mut parts = vec![Part::Sample(self.attempts)];
        if self.attempts >= 2 {
            parts.push(Part::Sum("reassigned", 1));
        }
        all.push(step.add(g::REASSIGN, parts));
        all
    }

    fn supply(&self, action: &str, step: &Step<'_>) -> Option<Addition> {
        let waits = |status: &str, delivery: &str| {
            delivery == "REQUESTED" && !super::movement::NOT_IN_FLIGHT.contains(&status)
        };
        let before = waits(&self.status, &self.delivery);
        let after = waits(step.of("/to"), step.of("/regions/delivery"));
        let change = i64::from(after) - i64::from(before);
        let assigned = i64::from(action == "delivery.assigned");
        let parts = vec![
            Part::Sum("requested", change),
            Part::Sum("assigned", assigned),
        ];
        (change != 0 || assigned != 0).then(|| step.add(g::SUPPLY_GAP, parts))
    }
}

/// A pick-up or hand-over for which nobody had pressed that the food was ready.
fn implied(step: &Step<'_>) -> Option<Addition> {
    (step.of("/outcome") == "APPLIED_SKIP")
        .then(|| step.add(g::LEAD_COOK, vec![Part::Sum("implied", 1)]))
}
