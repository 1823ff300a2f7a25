//! An order's record has a bound, whatever is sent for it.

use super::fixture::{CREATED_INFO, Desk, Ev, accepted, assigned, ev};
use crate::domain::deliveries::{MAX_DELIVERIES, MAX_DELIVERY_ID_BYTES};
use crate::domain::judge::{JudgingPolicy, judge_parked};
use crate::domain::judgement::RecordContext;
use crate::domain::memory::MEMORY_EVENTS;
use crate::domain::order::{MAX_AFTER_TERMINAL, MAX_AFTER_TERMINAL_ID_BYTES, Order};
use crate::domain::order_codec::{encode, max_bytes};
use crate::domain::waiting::{Aside, MAX_KEPT};

fn bytes(order: &Order) -> usize {
    let mut out = Vec::new();
    encode(order, &mut out);
    out.len()
}

/// A delivery is requested and cancelled.
fn delivery(id: &str) -> [Ev; 2] {
    let of = |action, actor, version| {
        let event = ev(action, actor, version).target("delivery", id);
        let id = format!("{action} {id}");
        event.id(&id)
    };
    [
        of("delivery.requested", "SYSTEM", 1),
        of("delivery.cancelled", "SYSTEM", 2),
    ]
}

#[test]
fn a_very_long_order_has_a_small_record() {
    let mut desk = Desk::after(&assigned());
    let note = |number: i64| {
        let note = ev("order.note_added", "CS", number + 2).at(number as f64);
        note.id(&format!("00000000-0000-7000-8000-{number:012}"))
    };
    let mut sizes = Vec::new();
    for number in 1..=1_000 {
        assert_eq!(desk.outcome(&note(number)), "ANNOTATED");
        sizes.push(bytes(&desk.order));
    }
    assert_eq!(desk.order.memory.entries().len(), MEMORY_EVENTS);
    // Numbers become longer, nothing else does.
    assert!(
        sizes[999] < sizes[MEMORY_EVENTS] + 2 * MEMORY_EVENTS,
        "{sizes:?}"
    );
    assert!(sizes[999] < 4_096, "{}", sizes[999]);
    // What is forgotten is stale, what is remembered is known.
    assert_eq!(desk.outcome(&note(1)), "STALE");
    assert_eq!(desk.outcome(&note(1_000)), "DUPLICATE");
}

#[test]
fn a_delivery_beyond_the_limit_is_rejected_and_none_is_forgotten() {
    let mut desk = Desk::after(&accepted());
    for number in 0..MAX_DELIVERIES {
        for event in delivery(&format!("dl_{number}")) {
            assert_eq!(desk.outcome(&event), "APPLIED", "{number}");
        }
    }
    let before = desk.order.clone();
    let [requested, cancelled] = delivery("one more");
    let rejected = desk.judge(&requested);
    assert_eq!(rejected.outcome.reason(), "DELIVERY_LIMIT");
    assert_eq!(
        rejected.explanation.unwrap().to_string(),
        "the order has 64 other deliveries already"
    );
    for event in [
        cancelled,
        ev("delivery.eta_updated", "SYSTEM", 1).target("delivery", "another"),
        ev("aggregate.reset", "CS", 1).target("delivery", "a third"),
    ] {
        assert_eq!(desk.outcome(&event), "REJECTED/DELIVERY_LIMIT");
    }
    // Repairable: neither the cursor nor the memory knows of it.
    assert_eq!(desk.order, before);
    // A copy of the oldest request does not open its delivery again, though its id is forgotten.
    let [oldest, _] = delivery("dl_0");
    assert_eq!(desk.outcome(&oldest), "STALE");
    // Those that are known go on, and so does the order.
    let note = ev("delivery.eta_updated", "SYSTEM", 3).target("delivery", "dl_0");
    assert_eq!(desk.outcome(&note), "ANNOTATED");
    assert_eq!(desk.outcome(&ev("order.cancelled", "CS", 3)), "APPLIED");
}

#[test]
fn an_unknown_action_of_a_delivery_beyond_the_limit_consumes_nothing() {
    let mut desk = Desk::after(&accepted());
    for number in 0..MAX_DELIVERIES {
        for event in delivery(&format!("dl_{number}")) {
            desk.judge(&event);
        }
    }
    let before = desk.order.clone();
    let unknown = ev("delivery.teleported", "SYSTEM", 1).target("delivery", "one more");
    assert_eq!(desk.outcome(&unknown), "DLT/UNKNOWN_ACTION");
    assert_eq!(desk.order, before);
}

#[test]
fn long_ids_of_deliveries_take_no_more_room_than_short_ones_may() {
    let mut desk = Desk::after(&accepted());
    let long = "x".repeat(3_000);
    let mut rejected = 0;
    for number in 0..8 {
        for event in delivery(&format!("{long}{number}")) {
            rejected += usize::from(desk.outcome(&event) == "REJECTED/DELIVERY_LIMIT");
        }
    }
    assert_eq!(desk.order.deliveries.len(), MAX_DELIVERY_ID_BYTES / 3_001);
    assert_eq!(rejected, 2 * (8 - desk.order.deliveries.len()));
}

/// Everything is as long and as much as it can be made.
#[test]
fn no_order_has_a_larger_record_than_is_stated() {
    let mut desk = Desk {
        policy: JudgingPolicy::default(),
        ..Desk::default()
    };
    let limit = max_bytes(desk.policy.parking.per_order);
    let mut largest = 0;
    let mut check = |order: &Order| {
        largest = largest.max(bytes(order));
        assert!(largest <= limit, "{largest} of {limit}");
    };
    let long = |number: usize, len: usize| format!("{number:05}{}", "i".repeat(len - 5));

    // A ghost of a long cancel with a long id, and a creation of long texts.
    let ghost = ev("order.cancelled", "CUSTOMER", 9).id(&long(0, 15_900));
    assert_eq!(desk.outcome(&ghost), "REJECTED/PREMATURE");
    check(&desk.order);
    let info = CREATED_INFO.replace("서울-1", &"가".repeat(5_200));
    let created = ev("order.created", "CUSTOMER", 1).info(&info);
    assert_eq!(desk.outcome(&created), "APPLIED");
    check(&desk.order);
    for event in &accepted()[1..] {
        assert_eq!(desk.outcome(event), "APPLIED");
    }

    // More deliveries than may be, of long ids.
    for number in 0..2 * MAX_DELIVERIES {
        for event in delivery(&long(number, MAX_DELIVERY_ID_BYTES / MAX_DELIVERIES)) {
            desk.judge(&event);
            check(&desk.order);
        }
    }
    assert_eq!(desk.order.deliveries.len(), MAX_DELIVERIES);

    // Twice as many events beyond a gap as may wait; then their time is over, and as many again come.
    for round in 0..3 {
        for number in 0..128 {
            let version = i64::MAX - 1_000 + round * 128 + number;
            let id = format!("gap {version}");
            desk.judge(&ev("order.note_added", "CS", version).id(&id));
            check(&desk.order);
        }
        if round == 2 {
            break;
        }
        let mut parked = Vec::new();
        desk.order.waiting.in_turn(Aside::Parked, &mut parked);
        for arrival in parked {
            let entry = *desk.order.waiting.get(arrival).unwrap();
            let version = entry.version.unwrap() as i64;
            let id = format!("gap {version}");
            let event = ev("order.note_added", "CS", version).id(&id).decoded();
            let context = RecordContext::default();
            let policy = &desk.policy;
            judge_parked(&mut desk.order, &event, arrival, true, &context, policy).unwrap();
            check(&desk.order);
        }
    }
    assert_eq!(desk.order.waiting.count(Aside::Kept), MAX_KEPT);
    assert_eq!(desk.order.waiting.count(Aside::Parked), 64);

    // The order ends, and events come that come too late, the last with a long id.
    let cancelled = ev("order.cancelled", "CS", 3).id(&long(3, 15_900));
    assert_eq!(desk.outcome(&cancelled), "APPLIED");
    check(&desk.order);
    let length = MAX_AFTER_TERMINAL_ID_BYTES / MAX_AFTER_TERMINAL;
    for number in 0..70 {
        let late = ev("order.accepted", "STORE", 4 + number).id(&long(number as usize, length));
        assert_eq!(desk.outcome(&late), "REJECTED/AFTER_TERMINAL");
        check(&desk.order);
    }
    assert_eq!(desk.order.after_terminal.len(), MAX_AFTER_TERMINAL);
    // The bound is no idle number.
    assert!(largest > limit * 4 / 5, "{largest} of {limit}");
}

#[test]
fn long_ids_of_late_events_are_not_all_kept() {
    let mut desk = Desk::after(&accepted());
    assert_eq!(desk.outcome(&ev("order.cancelled", "CS", 3)), "APPLIED");
    for version in 4..12 {
        let id = format!("{version}{}", "i".repeat(6_000));
        desk.judge(&ev("order.accepted", "STORE", version).id(&id));
    }
    assert_eq!(desk.order.after_terminal.len(), 2);
}
