//! Under the ordering `park` the cancel waits for its create, and both are applied in their order.

use super::scene::{
    EARLY, Scene, assert_cancel_was_premature, assert_cancelled, assert_ghost_was_reported,
    transitions,
};

const WAIT_MS: u64 = 1_500;

#[test]
fn a_parked_cancel_follows_its_create_and_nobody_hears_of_an_open_order() {
    let mut scene = Scene::begin(|setup| setup.flag("--ordering", "park"));
    scene.cancel(EARLY, 2);
    scene.pay(EARLY);
    let outputs = scene.outputs();
    assert!(outputs.rejections.is_empty() && outputs.transitions.is_empty());
    assert!(outputs.states.is_empty());
    scene.assert_parked(2);

    scene.create(EARLY);
    let outputs = scene.outputs();
    // The payment's first version goes before the order's second.
    let expected = [
        "order.created APPLIED to PAYMENT_WAIT",
        "payment.approved APPLIED to WAITING_ACCEPT",
        "order.cancelled APPLIED to CANCELLED",
    ];
    assert_eq!(transitions(&outputs, EARLY), expected);
    assert_cancelled(&outputs, "REFUND_PENDING");
    assert!(outputs.rejections.is_empty() && outputs.reconciles.is_empty());
    assert!(scene.redriven().is_empty());

    // What its source still believed is refused: it is never relayed.
    scene.relay(EARLY, 3);
    let outputs = scene.outputs();
    assert_eq!(transitions(&outputs, EARLY), expected);
    assert_eq!(outputs.rejections[EARLY][0]["reason"], "AFTER_TERMINAL");
    scene.assert_outcomes(&[("APPLIED", 3), ("REJECTED/AFTER_TERMINAL", 1)]);
    scene.end();
}

#[test]
fn a_parked_cancel_that_waited_in_vain_is_a_ghost_and_is_redriven() {
    let mut scene = Scene::begin(|setup| {
        setup
            .flag("--ordering", "park")
            .setting("parking.wait_ms", &WAIT_MS.to_string())
    });
    scene.cancel(EARLY, 2);
    scene.outputs();
    let outputs = scene.outputs_with_rejections(1);
    assert_cancel_was_premature(&outputs);
    let waited = outputs.rejections[EARLY][0]["parkedMs"].as_u64().unwrap();
    assert!((WAIT_MS..WAIT_MS + 10_000).contains(&waited), "{waited}");
    assert!(outputs.transitions.is_empty() && outputs.states.is_empty());

    scene.create(EARLY);
    let outputs = scene.outputs();
    let expected = [
        "order.created APPLIED to PAYMENT_WAIT, hold, contradicted",
        "order.cancelled APPLIED to CANCELLED",
    ];
    assert_eq!(transitions(&outputs, EARLY), expected);
    assert_ghost_was_reported(&outputs);
    assert_cancelled(&outputs, "NONE");
    assert_eq!(scene.redriven().len(), 1);
    scene.assert_outcomes(&[("APPLIED", 2), ("REJECTED/PREMATURE", 1)]);
    scene.end();
}
