//! What the timers of orders have to tell of a log: computed from the inputs and from what the orders went through, by rules
//! of its own, for a processor whose time is that of the records.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

const SECONDS: i64 = 1_000;
const MINUTES: i64 = 60 * SECONDS;
const HOURS: i64 = 60 * MINUTES;

/// One record of `order.sla.v1`: order, timer, level, since, deadline.
pub type Breach = (String, String, String, i64, i64);

/// An input record that could be read, in the order in which records are judged.
pub struct Read {
    pub id: String,
    pub timestamp: i64,
    pub cook_minutes: Option<i64>,
    pub promised_at: Option<i64>,
}

/// What is known of one order while its transitions are gone through.
#[derive(Debug, Default, Clone)]
pub struct Life {
    at: HashMap<&'static str, i64>,
    cook_minutes: Option<i64>,
    promised_at: Option<i64>,
    refund_since: Option<i64>,
    fulfilment: String,
    /// What runs, since when.
    pub running: BTreeMap<&'static str, i64>,
}

pub fn moment(text: &Value) -> i64 {
    let text = text.as_str().unwrap();
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// Timer, level, and how long after the beginning, beyond what was asked for.
fn levels(timer: &str, fulfilment: &str) -> Vec<(&'static str, i64)> {
    let longer = if fulfilment == "BAEMIN_BUNDLE" {
        15 * MINUTES
    } else {
        0
    };
    match timer {
        "payment_wait" => vec![("WARN", 3 * MINUTES), ("BREACH", 10 * MINUTES)],
        "accept_wait" => vec![
            ("WARN", 2 * MINUTES),
            ("BREACH", 5 * MINUTES),
            ("CRITICAL", 10 * MINUTES),
        ],
        "cook_late" => vec![("WARN", 5 * MINUTES), ("BREACH", 15 * MINUTES)],
        "no_rider" => vec![
            ("WARN", 5 * MINUTES),
            ("BREACH", 10 * MINUTES),
            ("CRITICAL", 20 * MINUTES),
        ],
        "rider_late_store" => vec![("WARN", 15 * MINUTES), ("BREACH", 25 * MINUTES)],
        "handover_late" => vec![("WARN", 5 * MINUTES), ("BREACH", 10 * MINUTES)],
        "ride_late" => vec![
            ("WARN", 20 * MINUTES + longer),
            ("BREACH", 40 * MINUTES + longer),
        ],
        "promise_broken" => vec![("WARN", 0), ("BREACH", 10 * MINUTES)],
        "stuck" => vec![
            ("WARN", 90 * MINUTES),
            ("BREACH", 3 * HOURS),
            ("CRITICAL", 24 * HOURS),
        ],
        "ghost_delivery_risk" => vec![("WARN", 10 * SECONDS), ("BREACH", MINUTES)],
        "refund_late" => vec![("WARN", HOURS), ("BREACH", 24 * HOURS)],
        other => panic!("{other}"),
    }
}

impl Life {
    /// Takes one transition; the regions are as after it.
    pub fn take(&mut self, transition: &Value, read: &Read) {
        let at = moment(&transition["occurredAt"]);
        let action = transition["action"].as_str().unwrap();
        let region = |name: &str| transition["regions"][name].as_str().unwrap();
        let (main, kitchen, delivery) = (region("main"), region("kitchen"), region("delivery"));
        if let Some(text) = transition["dims"]["fulfilment"].as_str() {
            self.fulfilment = text.to_owned();
        }
        if transition["outcome"] != "ANNOTATED" {
            let known = |name: &str, life: &Life| life.at.contains_key(name);
            let milestone = match action {
                "order.created" => Some("created"),
                "order.accepted" => Some("accepted"),
                "delivery.requested" | "delivery.unassigned" | "delivery.redispatched" => {
                    Some("requested")
                }
                "delivery.assigned" => Some("assigned"),
                "delivery.arrived_store" => Some("at_store"),
                "delivery.picked_up" => Some("picked_up"),
                "cooking.completed" => Some("ready"),
                "order.cancelled" => Some("closed"),
                _ => None,
            };
            if let Some(milestone) = milestone {
                self.at.insert(milestone, at);
            }
            if main == "PAID" && !known("paid", self) {
                self.at.insert("paid", at);
            }
            let owed = region("payment") == "REFUND_PENDING";
            let causes = [
                "order.cancelled",
                "order.rejected",
                "order.expired",
                "claim.post_cancelled",
                "payment.approved",
            ];
            if owed && causes.contains(&action) {
                self.refund_since = Some(at);
            }
        }
        if action == "order.accepted" {
            self.cook_minutes = read.cook_minutes;
        }
        let promises = ["order.created", "order.accepted", "cooking.delayed"];
        if promises.contains(&action) && read.promised_at.is_some() {
            self.promised_at = read.promised_at;
        }
        self.running =
            self.now_running(main, kitchen, delivery, region("payment"), region("claim"));
    }

    fn now_running(
        &self,
        main: &str,
        kitchen: &str,
        delivery: &str,
        payment: &str,
        claim: &str,
    ) -> BTreeMap<&'static str, i64> {
        let at = |name: &str| self.at.get(name).copied();
        let mut running = BTreeMap::new();
        let mut runs = |timer: &'static str, since: Option<i64>, condition: bool| {
            if let (Some(since), true) = (since, condition) {
                running.insert(timer, since);
            }
        };
        let open = main == "PAID" || main == "ACCEPTED";
        let accepted = main == "ACCEPTED";
        runs("payment_wait", at("created"), main == "CREATED");
        runs("accept_wait", at("paid"), main == "PAID");
        runs("stuck", at("paid"), open);
        runs("promise_broken", self.promised_at, open);
        let cooks = accepted && kitchen != "READY" && self.cook_minutes.is_some();
        runs("cook_late", at("accepted"), cooks);
        runs(
            "no_rider",
            at("requested"),
            accepted && delivery == "REQUESTED" && self.fulfilment != "STORE",
        );
        runs(
            "rider_late_store",
            at("assigned"),
            accepted && delivery == "ASSIGNED",
        );
        let both = at("ready").max(at("at_store"));
        runs(
            "handover_late",
            both,
            accepted && delivery == "AT_STORE" && kitchen == "READY",
        );
        let rides = delivery == "PICKED_UP" || delivery == "AT_CUSTOMER";
        runs("ride_late", at("picked_up"), accepted && rides);
        let under_way = [
            "REQUESTED",
            "ASSIGNED",
            "AT_STORE",
            "PICKED_UP",
            "AT_CUSTOMER",
        ];
        let risky = main == "CANCELLED" && under_way.contains(&delivery);
        runs("ghost_delivery_risk", at("closed"), risky);
        let ended = ["CANCELLED", "REJECTED", "EXPIRED"].contains(&main);
        let owed = match payment {
            "REFUND_PENDING" | "REFUND_FAILED" => true,
            "PART_REFUNDED" => ended || claim == "POST_CANCELLED",
            _ => false,
        };
        runs("refund_late", self.refund_since, owed);
        running
    }

    /// All levels of what runs that are reached at this moment.
    fn reached(&self, order_no: &str, now: i64, told: &mut BTreeSet<Breach>) {
        for (timer, since) in &self.running {
            let asked = match *timer {
                "cook_late" => self.cook_minutes.unwrap_or(0) * MINUTES,
                _ => 0,
            };
            for (level, after) in levels(timer, &self.fulfilment) {
                let deadline = since + asked + after;
                if deadline <= now {
                    let order = order_no.to_owned();
                    told.insert((
                        order,
                        (*timer).to_owned(),
                        level.to_owned(),
                        *since,
                        deadline,
                    ));
                }
            }
        }
    }
}

/// What has to be told of one partition's log. `reads` are its records in the order in which they are judged, `transitions`
/// what came of them, in the order of the topic.
pub fn expected(reads: &[Read], transitions: &[Value]) -> BTreeSet<Breach> {
    let by_event: HashMap<&str, &Value> = transitions
        .iter()
        .map(|it| (it["eventId"].as_str().unwrap(), it))
        .collect();
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut now = i64::MIN;
    for read in reads {
        // Before a record is judged, everything that its predecessors made due is told.
        if let Some(transition) = by_event.get(read.id.as_str()) {
            let order_no = transition["orderNo"].as_str().unwrap();
            let life = lives.entry(order_no.to_owned()).or_default();
            life.reached(order_no, now, &mut told);
            life.take(transition, read);
        }
        now = now.max(read.timestamp);
    }
    for (order_no, life) in &lives {
        life.reached(order_no, now, &mut told);
    }
    told
}

/// What was told.
pub fn told(records: &[Value]) -> Vec<Breach> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let of = |value: &Value| {
        (
            text(value, "orderNo"),
            text(value, "timer"),
            text(value, "level"),
            moment(&value["since"]),
            moment(&value["deadline"]),
        )
    };
    records.iter().map(of).collect()
}
