//! The cancel is rejected, and judged once more when its order was created: by the processor itself, or because an operator
//! asks for it.

use super::scene::{
    EARLY, Scene, assert_cancel_was_premature, assert_cancelled, assert_ghost_was_reported,
    assert_redriven, transitions,
};

const HELD: &str = "order.created APPLIED to PAYMENT_WAIT, hold, contradicted";
const CANCELLED: &str = "order.cancelled APPLIED to CANCELLED";

fn heals_by_itself(ordering: &str) {
    let mut scene = Scene::begin(|setup| setup.flag("--ordering", ordering));
    scene.cancel(EARLY, 2);
    let outputs = scene.outputs();
    assert_cancel_was_premature(&outputs);
    assert!(transitions(&outputs, EARLY).is_empty() && outputs.states.is_empty());
    assert!(scene.redriven().is_empty());
    scene.assert_outcomes(&[("REJECTED/PREMATURE", 1)]);

    scene.create(EARLY);
    scene.outputs();
    scene.pay(EARLY);
    let outputs = scene.outputs();
    let paid = "payment.approved APPLIED to CANCELLED";
    assert_eq!(transitions(&outputs, EARLY), [HELD, CANCELLED, paid]);
    assert_ghost_was_reported(&outputs);
    assert_cancel_was_premature(&outputs);
    assert_cancelled(&outputs, "REFUND_PENDING");
    let redriven = scene.redriven();
    assert_eq!(redriven.len(), 1, "{redriven:?}");
    assert_redriven(&scene, &redriven[0], "1", false);
    scene.assert_outcomes(&[("APPLIED", 3), ("REJECTED/PREMATURE", 1)]);
    scene.end();
}

#[test]
fn by_default_the_cancel_is_redriven_when_its_order_is_created() {
    heals_by_itself("default");
}

#[test]
fn the_strict_ordering_redrives_it_too() {
    heals_by_itself("strict");
}

#[test]
fn a_redrive_waits_for_versions_that_are_still_missing() {
    let mut scene = Scene::begin(|setup| setup);
    scene.cancel(EARLY, 3);
    assert_cancel_was_premature(&scene.outputs());
    scene.create(EARLY);
    scene.pay(EARLY);
    let outputs = scene.outputs();
    let paid = "payment.approved APPLIED to WAITING_ACCEPT, hold, contradicted";
    assert_eq!(transitions(&outputs, EARLY), [HELD, paid]);
    assert!(scene.redriven().is_empty());

    scene.relay(EARLY, 2);
    let outputs = scene.outputs();
    let relayed = "order.relayed ANNOTATED to WAITING_ACCEPT, hold, contradicted";
    assert_eq!(
        transitions(&outputs, EARLY),
        [HELD, paid, relayed, CANCELLED]
    );
    assert_cancel_was_premature(&outputs);
    assert_cancelled(&outputs, "REFUND_PENDING");
    assert_eq!(scene.redriven().len(), 1);
    scene.assert_outcomes(&[("ANNOTATED", 1), ("APPLIED", 3), ("REJECTED/PREMATURE", 1)]);
    scene.end();
}

#[test]
fn without_automatic_redrive_the_order_is_held_until_an_operator_replays_the_cancel() {
    let mut scene = Scene::begin(|setup| setup.setting("redrive.automatic", "false"));
    let replay = ["--reason", "PREMATURE", "--order", EARLY];
    scene.cancel(EARLY, 2);
    assert_cancel_was_premature(&scene.outputs());

    // Too early, and so it is rejected once more.
    assert_eq!(scene.operator().replay(&replay)["sent"], 1);
    let outputs = scene.outputs_with_rejections(2);
    let reasons: Vec<_> = outputs.rejections[EARLY]
        .iter()
        .map(|rejection| rejection["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["PREMATURE", "PREMATURE"]);

    scene.create(EARLY);
    scene.pay(EARLY);
    let outputs = scene.outputs();
    let paid = "payment.approved APPLIED to WAITING_ACCEPT, hold, contradicted";
    assert_eq!(transitions(&outputs, EARLY), [HELD, paid]);
    assert_ghost_was_reported(&outputs);
    assert_eq!(scene.redriven().len(), 1);

    let replayed = scene.operator().replay(&replay);
    assert_eq!(
        (&replayed["sent"], &replayed["superseded"]),
        (&1.into(), &1.into())
    );
    let outputs = scene.outputs();
    let cancelled = format!("{CANCELLED}, replay");
    assert_eq!(transitions(&outputs, EARLY), [HELD, paid, &cancelled]);
    assert_cancelled(&outputs, "REFUND_PENDING");
    let redriven = scene.redriven();
    assert_eq!(redriven.len(), 2);
    assert_redriven(&scene, &redriven[0], "1", true);
    assert_redriven(&scene, &redriven[1], "2", true);

    // Whoever is not sure sends it once more (E26).
    assert_eq!(scene.operator().replay(&replay)["sent"], 1);
    let again = scene.outputs();
    assert_eq!(again.states, outputs.states);
    assert_eq!(again.transitions, outputs.transitions);
    scene.assert_outcomes(&[("APPLIED", 3), ("DUPLICATE", 1), ("REJECTED/PREMATURE", 2)]);
    scene.end();
}

#[test]
fn where_it_is_allowed_the_cancel_is_applied_with_its_create() {
    let mut scene = Scene::begin(|setup| setup.setting("ghost.autoapply", "true"));
    scene.cancel(EARLY, 2);
    assert_cancel_was_premature(&scene.outputs());
    scene.create(EARLY);
    let outputs = scene.outputs();
    assert_eq!(transitions(&outputs, EARLY), [HELD, CANCELLED]);
    assert_ghost_was_reported(&outputs);
    assert_cancelled(&outputs, "NONE");
    assert!(scene.redriven().is_empty());
    // The cancel was judged twice.
    scene.assert_outcomes(&[("APPLIED", 2), ("REJECTED/PREMATURE", 1)]);
    scene.end();
}

#[test]
fn applied_with_its_create_it_waits_for_versions_between_them() {
    let mut scene = Scene::begin(|setup| setup.setting("ghost.autoapply", "true"));
    scene.cancel(EARLY, 3);
    scene.create(EARLY);
    scene.pay(EARLY);
    let outputs = scene.outputs();
    let paid = "payment.approved APPLIED to WAITING_ACCEPT, hold, contradicted";
    assert_eq!(transitions(&outputs, EARLY), [HELD, paid]);
    scene.assert_parked(1);

    scene.relay(EARLY, 2);
    let outputs = scene.outputs();
    let relayed = "order.relayed ANNOTATED to WAITING_ACCEPT, hold, contradicted";
    assert_eq!(
        transitions(&outputs, EARLY),
        [HELD, paid, relayed, CANCELLED]
    );
    assert_cancelled(&outputs, "REFUND_PENDING");
    assert!(scene.redriven().is_empty());
    scene.assert_outcomes(&[("ANNOTATED", 1), ("APPLIED", 3), ("REJECTED/PREMATURE", 1)]);
    scene.end();
}
