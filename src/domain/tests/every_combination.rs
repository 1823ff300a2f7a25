//! Every reachable state × action × actor, against the guards and effects said a second time, in words of the
//! design and without the production table.

use std::collections::{HashMap, HashSet};

use super::state_graph::{Candidate, explore};
use crate::domain::action::Action;
use crate::domain::lifecycle_table::TABLE;
use crate::domain::order::Order;
use crate::domain::outcome::{Outcome, RejectionReason};

fn is(value: &str, allowed: &str) -> bool {
    allowed.split(' ').any(|word| word == value)
}

/// Column 4 and 1.3.
fn actor_may(action: &str, actor: &str, order: &Order, has_reason: bool) -> bool {
    let status = order.status().name();
    let delivery = order.regions.delivery.name();
    let store = order
        .fulfilment
        .is_some_and(|fulfilment| fulfilment.name() == "STORE");
    let allowed = match action {
        "order.created" => "CUSTOMER",
        "payment.approved"
        | "payment.failed"
        | "payment.refunded"
        | "payment.part_refunded"
        | "payment.refund_failed" => "PG",
        "order.relayed" | "order.expired" | "delivery.requested" => "SYSTEM",
        "order.accepted" | "cooking.started" => "STORE SYSTEM",
        "order.rejected" | "cooking.delayed" | "cooking.completed" | "order.handed_over" => "STORE",
        "delivery.assigned" => "DISPATCH RIDER",
        "delivery.unassigned" => "RIDER CS DISPATCH",
        "delivery.pickup_requested" => "DISPATCH",
        "delivery.arrived_store" | "delivery.arrived_customer" | "delivery.returned" => "RIDER",
        "delivery.picked_up" if store => "RIDER STORE",
        "delivery.picked_up" => "RIDER",
        "delivery.delivered" => "RIDER STORE",
        "delivery.failed" => "RIDER CS",
        "delivery.redispatched" => "CS DISPATCH",
        "delivery.switched_to_store" => "STORE CS",
        "delivery.cancelled" if is(delivery, "PICKED_UP AT_CUSTOMER") => "CS",
        "delivery.cancelled" => "SYSTEM CS",
        "order.cancel_requested" => "CUSTOMER STORE",
        "order.cancel_declined" => "STORE CS",
        "order.cancelled" => match status {
            "PAYMENT_WAIT" | "WAITING_ACCEPT" => "CUSTOMER CS SYSTEM",
            "ACCEPTED" | "COOKING" | "READY" if has_reason => "STORE CS SYSTEM",
            "ACCEPTED" | "COOKING" | "READY" => "CS SYSTEM",
            "DELIVERING" | "FAILED" | "RETURNED" => "CS",
            _ => "",
        },
        "claim.post_cancelled" | "claim.withdrawn" => "CS",
        "aggregate.reset" => "CS SYSTEM",
        _ => return true,
    };
    is(actor, allowed)
}

/// Column 5, as (condition on main, the other conditions).
fn guard(action: &str, order: &Order, recharge: bool) -> (bool, bool) {
    let regions = &order.regions;
    let (main, kitchen, delivery) = (
        regions.main.name(),
        regions.kitchen.name(),
        regions.delivery.name(),
    );
    let (payment, claim) = (regions.payment.name(), regions.claim.name());
    let fulfilment = order.fulfilment.map_or("", |fulfilment| fulfilment.name());
    let exists = main != "NONE";
    let picked_up = order.picked_up_at().is_some();
    match action {
        "order.created" => (!exists, true),
        "payment.approved" => (exists, payment == "NONE"),
        "payment.failed" => (is(main, "CREATED CANCELLED"), payment == "NONE"),
        "order.relayed" | "order.accepted" | "order.rejected" | "order.expired" => {
            (main == "PAID", true)
        }
        "cooking.started" | "cooking.delayed" | "cooking.completed" if picked_up => {
            (is(main, "ACCEPTED COMPLETED"), true)
        }
        "cooking.started" => (main == "ACCEPTED", kitchen == "IDLE"),
        "cooking.delayed" => (main == "ACCEPTED", kitchen != "READY"),
        "cooking.completed" => (is(main, "ACCEPTED COMPLETED"), true),
        "delivery.requested" => (main == "ACCEPTED", is(delivery, "NONE D_CANCELLED")),
        "delivery.assigned" => (main == "ACCEPTED", delivery == "REQUESTED"),
        "delivery.unassigned" | "delivery.pickup_requested" => {
            (exists, is(delivery, "ASSIGNED AT_STORE"))
        }
        "delivery.arrived_store" => (exists, delivery == "ASSIGNED"),
        "delivery.picked_up" => (
            main == "ACCEPTED",
            is(delivery, "ASSIGNED AT_STORE")
                || (fulfilment == "STORE" && is(delivery, "NONE REQUESTED")),
        ),
        "delivery.arrived_customer" => (exists, delivery == "PICKED_UP"),
        "delivery.delivered" => (main == "ACCEPTED", is(delivery, "PICKED_UP AT_CUSTOMER")),
        "delivery.failed" => (
            exists,
            is(delivery, "ASSIGNED AT_STORE PICKED_UP AT_CUSTOMER"),
        ),
        "delivery.redispatched" | "delivery.returned" => (exists, delivery == "FAILED"),
        "delivery.switched_to_store" => (exists, is(delivery, "REQUESTED D_CANCELLED FAILED")),
        "delivery.cancelled" => (
            exists,
            is(
                delivery,
                "REQUESTED ASSIGNED AT_STORE PICKED_UP AT_CUSTOMER",
            ),
        ),
        "order.handed_over" => (main == "ACCEPTED", fulfilment == "PICKUP"),
        "order.cancel_requested" => (
            is(main, "PAID ACCEPTED"),
            is(delivery, "NA NONE REQUESTED ASSIGNED AT_STORE D_CANCELLED"),
        ),
        "order.cancel_declined" => (exists, claim == "CANCEL_REQUESTED"),
        "order.cancelled" => (is(main, "CREATED PAID ACCEPTED"), delivery != "DELIVERED"),
        // After REFUNDED the money is what is wrong.
        "payment.refunded" | "payment.part_refunded" => (
            exists,
            is(
                payment,
                "APPROVED REFUND_PENDING PART_REFUNDED REFUND_FAILED REFUNDED",
            ),
        ),
        "payment.refund_failed" => (exists, is(payment, "REFUND_PENDING PART_REFUNDED")),
        "claim.post_cancelled" => (main == "COMPLETED", is(claim, "NONE WITHDRAWN")),
        "claim.withdrawn" => (
            exists,
            claim == "POST_CANCELLED" && (payment != "REFUNDED" || recharge),
        ),
        _ => (exists, true),
    }
}

/// Column 6: the regions after an accepted event, as (main, kitchen, delivery, payment, claim).
fn effect(candidate: &Candidate, before: &Order, after: &Order) -> [&'static str; 5] {
    let regions = &before.regions;
    let (main, kitchen, delivery) = (
        regions.main.name(),
        regions.kitchen.name(),
        regions.delivery.name(),
    );
    let (payment, claim) = (regions.payment.name(), regions.claim.name());
    let settled = if claim == "CANCEL_REQUESTED" {
        "NONE"
    } else {
        claim
    };
    let asked = if payment == "APPROVED" {
        "REFUND_PENDING"
    } else {
        payment
    };
    let refunds = if after.refunded == 20_000 {
        "REFUNDED"
    } else {
        "PART_REFUNDED"
    };
    match candidate.action {
        "order.created" => {
            let offline = candidate.info.contains("PAY_ON_DELIVERY");
            let delivery = if candidate.info.contains("PICKUP") {
                "NA"
            } else {
                "NONE"
            };
            let (main, payment) = if offline {
                ("PAID", "OFFLINE")
            } else {
                ("CREATED", "NONE")
            };
            [main, kitchen, delivery, payment, claim]
        }
        "payment.approved" if main == "CREATED" => ["PAID", kitchen, delivery, "APPROVED", claim],
        "payment.approved" if main == "CANCELLED" => {
            [main, kitchen, delivery, "REFUND_PENDING", claim]
        }
        "payment.approved" => [main, kitchen, delivery, "APPROVED", claim],
        "payment.failed" if main == "CREATED" => {
            ["PAYMENT_FAILED", kitchen, delivery, "FAILED", claim]
        }
        "payment.failed" => [main, kitchen, delivery, "FAILED", claim],
        "order.accepted" => ["ACCEPTED", kitchen, delivery, payment, claim],
        "order.rejected" => ["REJECTED", kitchen, delivery, asked, settled],
        "order.expired" => ["EXPIRED", kitchen, delivery, asked, settled],
        "order.cancelled" => ["CANCELLED", kitchen, delivery, asked, settled],
        "cooking.started" if before.picked_up_at().is_none() => {
            [main, "COOKING", delivery, payment, claim]
        }
        "cooking.completed" if before.picked_up_at().is_none() => {
            [main, "READY", delivery, payment, claim]
        }
        "delivery.requested" | "delivery.unassigned" | "delivery.redispatched" => {
            [main, kitchen, "REQUESTED", payment, claim]
        }
        "delivery.assigned" => [main, kitchen, "ASSIGNED", payment, claim],
        "delivery.arrived_store" => [main, kitchen, "AT_STORE", payment, claim],
        "delivery.picked_up" => [main, "READY", "PICKED_UP", payment, claim],
        "delivery.arrived_customer" => [main, kitchen, "AT_CUSTOMER", payment, claim],
        "delivery.delivered" => ["COMPLETED", kitchen, "DELIVERED", payment, settled],
        "delivery.failed" => [main, kitchen, "FAILED", payment, claim],
        "delivery.switched_to_store" => [main, kitchen, "NONE", payment, claim],
        "delivery.returned" => [main, kitchen, "RETURNED", payment, claim],
        "delivery.cancelled" => [main, kitchen, "D_CANCELLED", payment, claim],
        "order.handed_over" => ["COMPLETED", "READY", delivery, payment, settled],
        "order.cancel_requested" => [main, kitchen, delivery, payment, "CANCEL_REQUESTED"],
        "order.cancel_declined" => [main, kitchen, delivery, payment, "NONE"],
        "payment.refunded" | "payment.part_refunded" => [main, kitchen, delivery, refunds, claim],
        "payment.refund_failed" => [main, kitchen, delivery, "REFUND_FAILED", claim],
        "claim.post_cancelled" if is(payment, "APPROVED PART_REFUNDED OFFLINE") => {
            [main, kitchen, delivery, "REFUND_PENDING", "POST_CANCELLED"]
        }
        "claim.post_cancelled" => [main, kitchen, delivery, payment, "POST_CANCELLED"],
        "claim.withdrawn" => {
            let was = before.payment_before_claim.unwrap().name();
            let charged = if was == "OFFLINE" {
                "OFFLINE"
            } else {
                "APPROVED"
            };
            let payment = if candidate.info.contains("recharge") {
                charged
            } else {
                was
            };
            [main, kitchen, delivery, payment, "WITHDRAWN"]
        }
        _ => [main, kitchen, delivery, payment, claim],
    }
}

const TERMINAL: &str = "COMPLETED REJECTED EXPIRED CANCELLED PAYMENT_FAILED";

#[test]
fn every_state_action_and_actor_is_judged_as_the_table_says() {
    let mut tally: HashMap<&'static str, usize> = HashMap::new();
    let mut accepted: HashSet<&'static str> = HashSet::new();
    let graph = explore(|before, after, candidate, outcome| {
        let action = candidate.action;
        let (main, name) = (before.regions.main.name(), outcome.name());
        *tally
            .entry(if outcome.reason().is_empty() {
                name
            } else {
                outcome.reason()
            })
            .or_default() += 1;
        let (main_holds, rest_holds) = guard(action, before, candidate.info.contains("recharge"));
        let what = format!(
            "{action} by {} {} on {:?}",
            candidate.actor.name(),
            candidate.info,
            before.regions
        );
        // Terminal values of main never change.
        if is(main, TERMINAL) {
            assert_eq!(after.regions.main, before.regions.main, "{what}");
        }
        if outcome.is_accepted() {
            accepted.insert(action);
            assert!(main_holds && rest_holds, "{what}");
            assert!(
                actor_may(
                    action,
                    candidate.actor.name(),
                    before,
                    candidate.info.contains("reason")
                ),
                "{what}"
            );
            assert_eq!(after.seq, before.seq + 1, "{what}");
            assert!(after.refunded <= after.paid, "{what}");
            let regions = &after.regions;
            let found = [
                regions.main.name(),
                regions.kitchen.name(),
                regions.delivery.name(),
                regions.payment.name(),
                regions.claim.name(),
            ];
            assert_eq!(found, effect(candidate, before, after), "{what}");
            if outcome == Outcome::Annotated {
                assert_eq!(after.regions, before.regions, "{what}");
            }
            return;
        }
        assert_eq!(after.regions, before.regions, "{what}");
        assert_eq!(
            (after.seq, &after.times),
            (before.seq, &before.times),
            "{what}"
        );
        let Outcome::Rejected(reason) = outcome else {
            panic!("{what}: {outcome:?}")
        };
        let delivered =
            candidate.aggregate == "delivery" && before.regions.delivery.name() == "DELIVERED";
        if !main_holds && is(main, TERMINAL) && !delivered {
            assert_eq!(reason, RejectionReason::AfterTerminal, "{what}");
        } else if !(main_holds && rest_holds) {
            let early = [
                RejectionReason::AwaitPredecessor,
                RejectionReason::Premature,
            ];
            let late = [
                RejectionReason::AwaitPredecessor,
                RejectionReason::IllegalTransition,
            ];
            let expected = if main == "NONE" { early } else { late };
            assert!(expected.contains(&reason), "{what}: {reason:?}");
        } else if !actor_may(
            action,
            candidate.actor.name(),
            before,
            candidate.info.contains("reason"),
        ) {
            assert_eq!(reason, RejectionReason::ActorNotAllowed, "{what}");
        } else {
            assert_eq!(reason, RejectionReason::OverRefund, "{what}");
            let amount: i64 = if candidate.info.contains("20000") {
                20_000
            } else {
                10_000
            };
            assert!(
                before.refunded + amount > before.paid
                    || before.regions.payment.name() == "REFUNDED",
                "{what}"
            );
        }
    });
    println!("{} states: {tally:?}", graph.states.len());
    assert_eq!(accepted.len(), 38, "every action is legal somewhere");
}

#[test]
fn the_rows_of_the_table_stand_at_the_codes_of_their_actions() {
    let actions: Vec<_> = TABLE.iter().map(|row| row.action).collect();
    assert_eq!(actions, Action::ALL);
    assert_eq!(actions.len(), 38);
}
