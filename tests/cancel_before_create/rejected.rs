//! The cancel is rejected, the late create is held, and nobody sends the cancel again but its source.

use serde_json::json;

use super::scene::{
    EARLY, OTHER, Scene, assert_cancel_was_premature, assert_cancelled, assert_ghost_was_reported,
    transitions,
};
use crate::support::judged::compare_with_model;
use crate::support::topics::input_records;

#[test]
fn a_cancel_before_its_create_is_rejected_and_the_create_is_held() {
    let mut scene = Scene::begin(|setup| setup.strict());
    scene.create(OTHER);
    scene.cancel(EARLY, 2);
    let outputs = scene.outputs();
    assert_cancel_was_premature(&outputs);
    assert!(transitions(&outputs, EARLY).is_empty());
    assert!(!outputs.states.contains_key(EARLY));

    // The create comes late (E3), and payment goes on.
    scene.create(EARLY);
    scene.pay(EARLY);
    scene.pay(OTHER);
    let outputs = scene.outputs();
    let held = [
        "order.created APPLIED to PAYMENT_WAIT, hold, contradicted",
        "payment.approved APPLIED to WAITING_ACCEPT, hold, contradicted",
    ];
    assert_eq!(transitions(&outputs, EARLY), held);
    assert_ghost_was_reported(&outputs);
    assert_eq!(outputs.states[EARLY]["flags"], json!(["contradicted"]));

    // The source sends the cancel again: it fits now, for a repairable rejection is not remembered.
    scene.cancel(EARLY, 2);
    let outputs = scene.outputs();
    let cancelled = "order.cancelled APPLIED to CANCELLED";
    assert_eq!(transitions(&outputs, EARLY), [held[0], held[1], cancelled]);
    assert_cancel_was_premature(&outputs);
    assert_cancelled(&outputs, "REFUND_PENDING");
    assert!(scene.redriven().is_empty());

    // Other orders never noticed.
    let untouched = [
        "order.created APPLIED to PAYMENT_WAIT",
        "payment.approved APPLIED to WAITING_ACCEPT",
    ];
    assert_eq!(transitions(&outputs, OTHER), untouched);
    assert!(!outputs.rejections.contains_key(OTHER) && !outputs.reconciles.contains_key(OTHER));

    let report = compare_with_model(&scene.broker, &input_records(&scene.broker)).report;
    assert!(report.is_clean(), "{report}");
    scene.assert_outcomes(&[("APPLIED", 5), ("REJECTED/PREMATURE", 1)]);
    scene.end();
}
