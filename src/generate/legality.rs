//! A straightforward judge for tests: the domain's table, written down once more, over parsed
//! JSON. It accepts what is legal where it stands and says what is wrong otherwise.

use std::collections::HashMap;

use serde_json::Value;

#[derive(Debug, Clone, Default)]
pub(super) struct OrderRecord {
    pub(super) main: &'static str,
    pub(super) kitchen: &'static str,
    pub(super) delivery: &'static str,
    pub(super) payment: &'static str,
    pub(super) claim: &'static str,
    fulfilment: String,
    delivery_id: String,
    amount: u64,
    refunded: u64,
    before_claim: &'static str,
    left_store: bool,
    versions: HashMap<String, u64>,
    recorded_at: String,
    occurred_at: String,
}

#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) orders: HashMap<String, OrderRecord>,
}

impl Judge {
    /// Applies an event that must be legal; returns the display status before and after it.
    pub(super) fn apply(&mut self, json: &[u8]) -> (&'static str, &'static str) {
        let event: Value = serde_json::from_slice(json).unwrap();
        let order = self
            .orders
            .entry(order_number(&event))
            .or_insert_with(OrderRecord::unborn);
        let from = order.status();
        if let Err(fault) = order.apply(&event) {
            panic!("{fault}: {} in {order:?}", String::from_utf8_lossy(json));
        }
        (from, order.status())
    }

    /// What is wrong with an event, which is not applied.
    pub(super) fn fault(&self, json: &[u8]) -> Option<&'static str> {
        let event: Value = serde_json::from_slice(json).unwrap();
        let order = self.orders.get(&order_number(&event));
        order
            .cloned()
            .unwrap_or_else(OrderRecord::unborn)
            .apply(&event)
            .err()
    }
}

fn order_number(event: &Value) -> String {
    event["target"]["orderNo"].as_str().unwrap().to_owned()
}

impl OrderRecord {
    fn unborn() -> Self {
        Self {
            main: "NONE",
            kitchen: "IDLE",
            delivery: "NONE",
            payment: "NONE",
            claim: "NONE",
            before_claim: "NONE",
            ..Self::default()
        }
    }

    fn apply(&mut self, event: &Value) -> Result<(), &'static str> {
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap();
        let check = |is_right: bool, fault| if is_right { Ok(()) } else { Err(fault) };
        let (action, actor) = (text("/action"), text("/actor/type"));
        let (kind, id) = (text("/target/type"), text("/target/id"));
        let known = self.versions.entry(format!("{kind} {id}")).or_default();
        check(event["target"]["version"] == *known + 1, "version")?;
        *known += 1;
        if kind == "delivery" {
            if action == "delivery.requested" || self.delivery_id.is_empty() {
                id.clone_into(&mut self.delivery_id);
            }
            check(self.delivery_id == id, "delivery id")?;
        }
        check(self.transition(action, actor, &event["info"]), "transition")?;
        let (occurred_at, recorded_at) = (text("/time/occurredAt"), text("/time/recordedAt"));
        check(recorded_at > self.recorded_at.as_str(), "recordedAt")?;
        check(occurred_at >= self.occurred_at.as_str(), "occurredAt")?;
        check(occurred_at <= recorded_at, "occurredAt after recordedAt")?;
        recorded_at.clone_into(&mut self.recorded_at);
        occurred_at.clone_into(&mut self.occurred_at);
        Ok(())
    }

    /// The display status of the domain's 1.1.
    pub(super) fn status(&self) -> &'static str {
        match (self.main, self.delivery) {
            ("NONE" | "PAYMENT_FAILED" | "REJECTED" | "EXPIRED" | "CANCELLED", _) => self.main,
            _ if self.claim == "POST_CANCELLED" => "POST_CANCELLED",
            ("COMPLETED", _) | (_, "DELIVERED") => "COMPLETED",
            (_, "RETURNED") => "RETURNED",
            (_, "FAILED") => "FAILED",
            (_, "PICKED_UP" | "AT_CUSTOMER") => "DELIVERING",
            ("ACCEPTED", _) if self.kitchen == "READY" => "READY",
            ("ACCEPTED", _) if self.kitchen == "COOKING" => "COOKING",
            ("PAID", _) => "WAITING_ACCEPT",
            ("CREATED", _) => "PAYMENT_WAIT",
            _ => self.main,
        }
    }

    fn transition(&mut self, action: &str, actor: &str, info: &Value) -> bool {
        let by = |allowed: &[&str]| allowed.contains(&actor);
        let delivery_in = |states: &[&str]| states.contains(&self.delivery);
        let amount = info["amount"].as_u64();
        match action {
            "order.created" => {
                let legal = self.main == "NONE" && by(&["CUSTOMER"]);
                self.fulfilment = info["fulfilment"].as_str().unwrap().to_owned();
                self.amount = amount.unwrap();
                let total = |name: &str| info[name].as_u64().unwrap();
                let sum = total("itemsTotal") + total("deliveryFee") - total("discount");
                self.main = "CREATED";
                if self.fulfilment == "PICKUP" {
                    self.delivery = "NA";
                }
                if info["paymentMethod"]
                    .as_str()
                    .unwrap()
                    .starts_with("PAY_ON_DELIVERY")
                {
                    (self.payment, self.main) = ("OFFLINE", "PAID");
                }
                legal && self.amount == sum
            }
            "payment.approved" => {
                let legal = self.payment == "NONE" && self.main != "NONE" && by(&["PG"]);
                self.payment = if self.main == "CANCELLED" {
                    "REFUND_PENDING"
                } else {
                    "APPROVED"
                };
                if self.main == "CREATED" {
                    self.main = "PAID";
                }
                legal && amount == Some(self.amount)
            }
            "payment.failed" => {
                let legal = self.payment == "NONE"
                    && ["CREATED", "CANCELLED"].contains(&self.main)
                    && by(&["PG"]);
                self.payment = "FAILED";
                if self.main == "CREATED" {
                    self.main = "PAYMENT_FAILED";
                }
                legal
            }
            "order.relayed" => self.main == "PAID" && by(&["SYSTEM"]),
            "order.accepted" => self.end_wait("ACCEPTED", by(&["STORE", "SYSTEM"])),
            "order.rejected" => self.end_wait("REJECTED", by(&["STORE"])),
            "order.expired" => self.end_wait("EXPIRED", by(&["SYSTEM"])),
            "cooking.started" => {
                let late = self.left_store && ["ACCEPTED", "COMPLETED"].contains(&self.main);
                let legal = late || self.main == "ACCEPTED" && self.kitchen == "IDLE";
                if !late {
                    self.kitchen = "COOKING";
                }
                legal && by(&["STORE", "SYSTEM"])
            }
            "cooking.delayed" => {
                self.main == "ACCEPTED" && self.kitchen != "READY" && by(&["STORE"])
            }
            "cooking.completed" => {
                let legal = ["ACCEPTED", "COMPLETED"].contains(&self.main) && by(&["STORE"]);
                self.kitchen = "READY";
                legal
            }
            "delivery.requested" => {
                let legal = self.main == "ACCEPTED" && delivery_in(&["NONE", "D_CANCELLED"]);
                self.delivery = "REQUESTED";
                legal && by(&["SYSTEM"])
            }
            "delivery.assigned" => {
                let legal = self.main == "ACCEPTED" && delivery_in(&["REQUESTED"]);
                self.delivery = "ASSIGNED";
                legal && by(&["DISPATCH", "RIDER"])
            }
            "delivery.unassigned" => {
                let legal = delivery_in(&["ASSIGNED", "AT_STORE"]);
                self.delivery = "REQUESTED";
                legal && by(&["RIDER", "CS", "DISPATCH"])
            }
            "delivery.pickup_requested" => {
                delivery_in(&["ASSIGNED", "AT_STORE"]) && by(&["DISPATCH"])
            }
            "delivery.arrived_store" => {
                let legal = delivery_in(&["ASSIGNED"]);
                self.delivery = "AT_STORE";
                legal && by(&["RIDER"])
            }
            "delivery.picked_up" => {
                let own = self.fulfilment == "STORE";
                let legal = self.main == "ACCEPTED"
                    && (delivery_in(&["ASSIGNED", "AT_STORE"])
                        || own && delivery_in(&["NONE", "REQUESTED"]));
                (self.delivery, self.kitchen, self.left_store) = ("PICKED_UP", "READY", true);
                legal
                    && if own {
                        actor == "STORE"
                    } else {
                        actor == "RIDER"
                    }
            }
            "delivery.arrived_customer" => {
                let legal = delivery_in(&["PICKED_UP"]);
                self.delivery = "AT_CUSTOMER";
                legal && by(&["RIDER"])
            }
            "delivery.delivered" => {
                let legal = self.main == "ACCEPTED" && delivery_in(&["PICKED_UP", "AT_CUSTOMER"]);
                self.complete();
                self.delivery = "DELIVERED";
                legal && by(&["RIDER", "STORE"])
            }
            "delivery.failed" => {
                let legal = delivery_in(&["ASSIGNED", "AT_STORE", "PICKED_UP", "AT_CUSTOMER"]);
                self.delivery = "FAILED";
                legal && by(&["RIDER", "CS"])
            }
            "delivery.redispatched" => {
                let legal = delivery_in(&["FAILED"]);
                self.delivery = "REQUESTED";
                legal && by(&["CS", "DISPATCH"])
            }
            "delivery.switched_to_store" => {
                let legal = delivery_in(&["REQUESTED", "D_CANCELLED", "FAILED"]);
                self.delivery = "NONE";
                self.fulfilment = "STORE".to_owned();
                legal && by(&["STORE", "CS"])
            }
            "delivery.returned" => {
                let legal = delivery_in(&["FAILED"]);
                self.delivery = "RETURNED";
                legal && by(&["RIDER"])
            }
            "delivery.cancelled" => {
                let legal = delivery_in(&["REQUESTED", "ASSIGNED", "AT_STORE"])
                    && by(&["SYSTEM", "CS"])
                    || delivery_in(&["PICKED_UP", "AT_CUSTOMER"]) && by(&["CS"]);
                self.delivery = "D_CANCELLED";
                legal
            }
            "order.handed_over" => {
                let legal = self.main == "ACCEPTED" && self.fulfilment == "PICKUP";
                self.complete();
                (self.kitchen, self.left_store) = ("READY", true);
                legal && by(&["STORE"])
            }
            "order.cancel_requested" => {
                let states = [
                    "NA",
                    "NONE",
                    "REQUESTED",
                    "ASSIGNED",
                    "AT_STORE",
                    "D_CANCELLED",
                ];
                let legal = ["PAID", "ACCEPTED"].contains(&self.main)
                    && delivery_in(&states)
                    && self.claim == "NONE";
                self.claim = "CANCEL_REQUESTED";
                legal && by(&["CUSTOMER", "STORE"])
            }
            "order.cancel_declined" => {
                let legal = self.claim == "CANCEL_REQUESTED";
                self.claim = "NONE";
                legal && by(&["STORE", "CS"])
            }
            "order.cancelled" => {
                let legal = self.may_cancel(actor, info)
                    && !delivery_in(&["DELIVERED"])
                    && info["liability"].is_string();
                self.main = "CANCELLED";
                self.claim = "NONE";
                self.owe_refund();
                legal
            }
            "payment.refunded" | "payment.part_refunded" => {
                let states = [
                    "APPROVED",
                    "REFUND_PENDING",
                    "PART_REFUNDED",
                    "REFUND_FAILED",
                ];
                let legal = states.contains(&self.payment) && by(&["PG"]);
                self.refunded += amount.unwrap();
                let whole = self.refunded == self.amount;
                self.payment = if whole { "REFUNDED" } else { "PART_REFUNDED" };
                let named = whole == (action == "payment.refunded");
                legal && named && self.refunded <= self.amount && amount > Some(0)
            }
            "payment.refund_failed" => {
                let legal = ["REFUND_PENDING", "PART_REFUNDED"].contains(&self.payment);
                self.payment = "REFUND_FAILED";
                legal && by(&["PG"])
            }
            "claim.post_cancelled" => {
                let legal = self.main == "COMPLETED" && ["NONE", "WITHDRAWN"].contains(&self.claim);
                self.claim = "POST_CANCELLED";
                self.before_claim = self.payment;
                if ["APPROVED", "PART_REFUNDED", "OFFLINE"].contains(&self.payment) {
                    self.payment = "REFUND_PENDING";
                }
                legal && by(&["CS"])
            }
            "claim.withdrawn" => {
                let recharge = info["recharge"] == true;
                let legal =
                    self.claim == "POST_CANCELLED" && (self.payment != "REFUNDED" || recharge);
                self.claim = "WITHDRAWN";
                self.payment = self.before_claim;
                if recharge {
                    self.refunded = 0;
                }
                legal && by(&["CS"])
            }
            "aggregate.reset" => {
                let version = info["version"].as_u64().unwrap();
                let is_known = self.versions.values().any(|known| *known == version);
                is_known && self.main != "NONE" && by(&["CS", "SYSTEM"])
            }
            "order.address_changed"
            | "order.note_added"
            | "verification.passed"
            | "verification.failed" => self.main != "NONE",
            "delivery.eta_updated" => self.main != "NONE" && !self.delivery_id.is_empty(),
            _ => false,
        }
    }

    fn end_wait(&mut self, main: &'static str, is_allowed: bool) -> bool {
        let legal = self.main == "PAID" && is_allowed;
        self.main = main;
        if main != "ACCEPTED" {
            self.claim = "NONE";
            self.owe_refund();
        }
        legal
    }

    fn complete(&mut self) {
        self.main = "COMPLETED";
        if self.claim == "CANCEL_REQUESTED" {
            self.claim = "NONE";
        }
    }

    fn owe_refund(&mut self) {
        if self.payment == "APPROVED" {
            self.payment = "REFUND_PENDING";
        }
    }

    /// The domain's 1.3, for `order.cancelled`.
    fn may_cancel(&self, actor: &str, info: &Value) -> bool {
        let reason = info["reason"].as_str().unwrap_or_default();
        match (self.status(), actor) {
            (
                "PAYMENT_WAIT" | "WAITING_ACCEPT" | "ACCEPTED" | "COOKING" | "READY" | "DELIVERING"
                | "FAILED" | "RETURNED",
                "CS",
            ) => true,
            ("PAYMENT_WAIT" | "WAITING_ACCEPT", "CUSTOMER") => true,
            ("PAYMENT_WAIT", "SYSTEM") => reason == "PAYMENT_ERROR",
            ("WAITING_ACCEPT", "SYSTEM") => {
                ["PAYMENT_ERROR", "VALIDATION_FAILED"].contains(&reason)
            }
            ("ACCEPTED" | "COOKING" | "READY", "STORE") => !reason.is_empty(),
            ("ACCEPTED" | "COOKING" | "READY", "SYSTEM") => {
                ["NO_RIDER", "VALIDATION_FAILED"].contains(&reason)
            }
            _ => false,
        }
    }
}
