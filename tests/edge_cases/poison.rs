//! E17 and E18: what cannot be judged, and what is newer than the processor.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::{Value, json};

use super::world::*;

#[test]
fn e17_poison_is_dead_lettered_as_it_came_and_blocks_nothing() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    let good = world.event("CUSTOMER order.created 1", created("CARD"));
    let with = |pointer: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        Some(event.to_string().into_bytes())
    };
    let mut large = good.clone();
    large["pad"] = json!("x".repeat(17_000));
    let cases: Vec<(Option<Vec<u8>>, &str)> = vec![
        (None, "MALFORMED"),
        (Some(b"\x00\xff\xfe".to_vec()), "MALFORMED"),
        (Some(b"{\"id\":\"\xff\"}".to_vec()), "MALFORMED"),
        (Some(b"[]".to_vec()), "MALFORMED"),
        (Some(large.to_string().into_bytes()), "TOO_LARGE"),
        (Some(vec![b'x'; 900_000]), "TOO_LARGE"),
        (with("/target/version", json!(0)), "MALFORMED"),
        (with("/actor/type", json!("ROBOT")), "MALFORMED"),
        (with("/target/orderNo", json!("B2")), "KEY_MISMATCH"),
        (with("/info/amount", json!("10000")), "MALFORMED"),
        (with("/info/amount", json!(-1)), "MALFORMED"),
        (with("/info/fulfilment", json!("DRONE")), "MALFORMED"),
        (with("/target/type", json!("payment")), "MALFORMED"),
    ];
    for (value, reason) in cases {
        // One world each: so many in a row would open the circuit.
        let mut world = World::new(OrderingPolicy::DEFAULT);
        let outcome = world.send_bytes("order.events.v1", Some(ORDER.into()), value.clone());
        assert_eq!(outcome, format!("DLT/{reason}"));
        let letters = world.job.dead_letters();
        assert_eq!(letters.len(), 1);
        let letter = &letters[0];
        assert_eq!(letter.value, value, "bytes untouched");
        assert_eq!(letter.key.as_deref(), Some(ORDER.as_bytes()));
        let header = |name: &str| {
            let name = format!("__streams.errors.{name}");
            let mut headers = letter.headers.iter();
            let value = headers.find(|(known, _)| *known == name).unwrap().1.clone();
            String::from_utf8(value.unwrap()).unwrap()
        };
        assert_eq!(header("reason"), reason);
        assert_eq!(header("topic"), "order.events.v1");
        assert_eq!(header("offset"), "0");
    }
    let outcome = world.send_bytes("order.events.v1", None, with("/target/version", json!(1)));
    assert_eq!(outcome, "DLT/KEY_MISMATCH");
    world.check(&good, "APPLIED");
    world.check_state("/versions/order", 1);
}

#[test]
fn e17_a_dead_letter_leaves_its_version_to_the_repaired_event() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let mut accepted = world.event("STORE order.accepted 2", json!({"cookMinutes": "twenty"}));
    world.check(&accepted, "DLT/MALFORMED");
    world.step("STORE cooking.started 3", none(), "PARKED");
    accepted["info"]["cookMinutes"] = json!(20);
    world.check(&accepted, "APPLIED ×2");
}

#[test]
fn e18_additive_fields_are_ignored_and_required_ones_are_missed() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    let mut event = world.event("CUSTOMER order.created 1", created("CARD"));
    event["info"]["amount"] = Value::Null;
    world.check(&event, "DLT/UNSUPPORTED_SCHEMA");
    event["info"]["amount"] = json!(10_000);
    event["schema"]["version"] = json!(9);
    world.check(&event, "DLT/UNSUPPORTED_SCHEMA");
    event["schema"]["version"] = json!(1);
    event["info"]["giftWrap"] = json!({"paper": "red"});
    event["weather"] = json!("rain");
    world.check(&event, "APPLIED");
}

#[test]
fn e18_an_unknown_action_consumes_its_version() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    world.step("STORE order.gift_wrapped 2", none(), "DLT/UNKNOWN_ACTION");
    let mut world = world.paid();
    let wrapped = world.event("STORE order.gift_wrapped 2", none());
    world.check(&wrapped, "DLT/UNKNOWN_ACTION");
    world.check_state("/versions/order", 2);
    world.check(&wrapped, "DUPLICATE");
    world.step("STORE order.accepted 3", none(), "APPLIED");
}

#[test]
fn e18_an_unknown_action_beyond_a_gap_is_dead_lettered_in_its_turn() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let wrapped = world.event("STORE order.gift_wrapped 3", none());
    world.check(&wrapped, "PARKED");
    world.check(&wrapped, "DUPLICATE");
    world.step("STORE cooking.started 4", none(), "PARKED");
    assert!(world.job.dead_letters().is_empty());
    world.step(
        "STORE order.accepted 2",
        none(),
        "APPLIED ×2, DLT/UNKNOWN_ACTION",
    );
    let letter = world.job.dead_letters().remove(0);
    assert_eq!(
        letter.value.as_deref(),
        Some(wrapped.to_string().as_bytes())
    );
    world.check_state("/versions/order", 4);
    world.check(&wrapped, "DUPLICATE");

    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.step("STORE order.gift_wrapped 3", none(), "PARKED");
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.step(
        "STORE order.accepted 2",
        none(),
        "APPLIED, DLT/UNKNOWN_ACTION",
    );
    world.check_state("/versions/order", 3);
}
