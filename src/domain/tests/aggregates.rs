//! What stories of orders add to the aggregates.

use std::collections::BTreeMap;

use super::fixture::{CREATED_INFO, Desk, Ev, NOON, accepted, assigned, delivered, ev};
use crate::domain::aggregates::{
    DeltaBuffer, DeltaKind, Group, Thing, count, count_over, count_reached, is_suspected,
};
use crate::domain::judgement::Judgement;

/// Sums by group, as `name value value …`; a missing value is `-`.
type Sums = BTreeMap<String, i64>;

fn add(deltas: &DeltaBuffer, sums: &mut Sums) {
    for delta in deltas.iter().filter(|it| !is_suspected(it.group)) {
        let group = Group::parse(delta.group).unwrap();
        assert_eq!(delta.kind, group.counted.kind());
        let mut line = group.counted.name().to_owned();
        for value in group.values() {
            line.push(' ');
            line.push_str(if value.is_empty() { "-" } else { value });
        }
        *sums.entry(line).or_default() += delta.value.sum(0);
    }
}

/// Plays events on a desk; returns the sums that they came to, without those that are zero.
fn play_on(desk: &mut Desk, events: &[Ev]) -> Sums {
    let (mut deltas, mut sums) = (DeltaBuffer::default(), Sums::new());
    for event in events {
        let judgement = desk.judge(event);
        deltas.clear();
        count(&desk.order, &desk.event, &judgement, &mut deltas);
        add(&deltas, &mut sums);
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn play(events: &[Ev]) -> Sums {
    play_on(&mut Desk::default(), events)
}

/// The lines of one aggregate or counter, without its name: `values sum`.
fn of(sums: &Sums, name: &str) -> Vec<String> {
    let lines = sums.iter().filter_map(|(line, sum)| {
        let values = line.strip_prefix(name)?.strip_prefix(' ')?;
        Some(format!("{values} {sum}"))
    });
    lines.collect()
}

fn with(mut events: Vec<Ev>, more: Ev) -> Vec<Ev> {
    events.push(more);
    events
}

fn pay_at_the_door() -> Ev {
    ev("order.created", "CUSTOMER", 1).info(&CREATED_INFO.replace("CARD", "PAY_ON_DELIVERY_CARD"))
}

#[test]
fn a_created_order_counts_in_its_groupings() {
    let mut sums = play(&[ev("order.created", "CUSTOMER", 1)]);
    assert_eq!(sums.remove("order_list_price_won_total"), Some(20_000));
    let expected = [
        "in_flight 서울 PAYMENT_WAIT",
        "order_created_by_category_total 치킨",
        "order_created_total 서울",
        "order_transitions_total NONE PAYMENT_WAIT",
        "orders_created 서울 치킨",
        "orders_created_by_fulfilment BAEMIN_SINGLE",
        "orders_created_by_sigungu 서울 서울-1",
        "transitions 서울 NONE PAYMENT_WAIT CUSTOMER",
    ];
    assert!(
        sums.iter()
            .map(|(line, sum)| (line.as_str(), *sum))
            .eq(expected.map(|line| (line, 1))),
        "{sums:?}"
    );
}

#[test]
fn orders_paid_counts_when_the_card_is_charged() {
    let mut desk = Desk::after(&[ev("order.created", "CUSTOMER", 1)]);
    let sums = play_on(&mut desk, &[ev("payment.approved", "PG", 1)]);
    assert_eq!(of(&sums, "orders_paid"), ["서울 치킨 1"]);
    assert_eq!(of(&sums, "orders_paid_by_sigungu"), ["서울 서울-1 1"]);
    assert_eq!(of(&sums, "orders_paid_by_fulfilment"), ["BAEMIN_SINGLE 1"]);
    assert_eq!(of(&sums, "order_paid_total"), ["서울 1"]);
    assert_eq!(of(&sums, "order_paid_by_category_total"), ["치킨 1"]);
    assert_eq!(of(&sums, "orders_created"), [""; 0]);
    assert_eq!(
        of(&sums, "in_flight"),
        ["서울 PAYMENT_WAIT -1", "서울 WAITING_ACCEPT 1"]
    );
}

#[test]
fn orders_paid_counts_an_order_paid_at_the_door_when_it_is_created() {
    let sums = play(&[pay_at_the_door()]);
    assert_eq!(of(&sums, "orders_created"), ["서울 치킨 1"]);
    assert_eq!(of(&sums, "orders_paid"), ["서울 치킨 1"]);
    assert_eq!(of(&sums, "in_flight"), ["서울 WAITING_ACCEPT 1"]);
}

#[test]
fn transitions_count_what_was_applied_also_where_the_status_stays() {
    let sums = play(&with(assigned(), ev("delivery.arrived_store", "RIDER", 3)));
    assert_eq!(
        of(&sums, "transitions"),
        [
            "서울 ACCEPTED ACCEPTED DISPATCH 1",
            "서울 ACCEPTED ACCEPTED RIDER 1",
            "서울 ACCEPTED ACCEPTED SYSTEM 1",
            "서울 NONE PAYMENT_WAIT CUSTOMER 1",
            "서울 PAYMENT_WAIT WAITING_ACCEPT PG 1",
            "서울 WAITING_ACCEPT ACCEPTED STORE 1",
        ]
    );
    assert_eq!(of(&sums, "order_transitions_total").len(), 4);
    assert_eq!(of(&sums, "in_flight"), ["서울 ACCEPTED 1"]);
}

#[test]
fn terminal_counts_each_end_with_the_reason_and_liability_of_its_event() {
    let paid = || accepted()[..2].to_vec();
    let created = || accepted()[..1].to_vec();
    let cancelled =
        ev("order.cancelled", "CS", 3).info(r#"{"reason":"SOLD_OUT","liability":"STORE"}"#);
    for (events, line) in [
        (
            with(
                paid(),
                ev("order.rejected", "STORE", 2).info(r#"{"reason":"STORE_BUSY"}"#),
            ),
            "서울 치킨 REJECTED STORE_BUSY - 1",
        ),
        (
            with(paid(), ev("order.expired", "SYSTEM", 2)),
            "서울 치킨 EXPIRED - - 1",
        ),
        (
            with(created(), ev("payment.failed", "PG", 1)),
            "서울 치킨 PAYMENT_FAILED - - 1",
        ),
        (
            with(accepted(), cancelled),
            "서울 치킨 CANCELLED SOLD_OUT STORE 1",
        ),
        (delivered(), "서울 치킨 COMPLETED - - 1"),
    ] {
        let sums = play(&events);
        assert_eq!(of(&sums, "terminal"), [line]);
        let values: Vec<&str> = line.split(' ').collect();
        let (status, reason) = (values[2], values[3]);
        assert_eq!(
            of(&sums, "order_terminal_total"),
            [format!("서울 {status} 1")]
        );
        assert_eq!(
            of(&sums, "order_terminal_by_category_total"),
            [format!("치킨 {status} 1")]
        );
        assert_eq!(
            of(&sums, "order_terminal_by_reason_total"),
            [format!("{status} {reason} 1")]
        );
        assert_eq!(of(&sums, "in_flight"), [""; 0], "{line}");
    }
}

#[test]
fn a_cancel_after_delivery_and_its_withdrawal_end_no_order_again() {
    let mut desk = Desk::after(&delivered());
    let post_cancelled = ev("claim.post_cancelled", "CS", 1)
        .info(r#"{"reason":"FOREIGN_MATTER","liability":"STORE"}"#)
        .at(300.0);
    let sums = play_on(&mut desk, &[post_cancelled]);
    assert_eq!(of(&sums, "terminal"), [""; 0]);
    assert_eq!(of(&sums, "in_flight"), [""; 0]);
    assert_eq!(
        of(&sums, "transitions"),
        ["서울 COMPLETED POST_CANCELLED CS 1"]
    );
    let sums = play_on(&mut desk, &[ev("claim.withdrawn", "CS", 2).at(400.0)]);
    assert_eq!(of(&sums, "terminal"), [""; 0]);
    assert_eq!(of(&sums, "in_flight"), [""; 0]);
    assert_eq!(
        of(&sums, "transitions"),
        ["서울 POST_CANCELLED COMPLETED CS 1"]
    );
}

#[test]
fn a_returned_order_stays_in_flight() {
    let mut events = delivered();
    events.pop();
    events.push(ev("delivery.failed", "RIDER", 4).at(200.0));
    events.push(ev("delivery.returned", "RIDER", 5).at(300.0));
    let sums = play(&events);
    assert_eq!(of(&sums, "in_flight"), ["서울 RETURNED 1"]);
    assert_eq!(of(&sums, "terminal"), [""; 0]);
}

#[test]
fn what_was_annotated_repeated_or_rejected_counts_nowhere() {
    let mut desk = Desk::after(&delivered());
    for (event, outcome) in [
        (ev("order.note_added", "CS", 4), "ANNOTATED"),
        // Pressed after pick-up.
        (ev("cooking.started", "STORE", 5).at(150.0), "ANNOTATED"),
        (ev("delivery.delivered", "RIDER", 4).at(180.0), "DUPLICATE"),
        (
            ev("order.cancelled", "CS", 6).at(200.0),
            "REJECTED/AFTER_TERMINAL",
        ),
        (
            ev("order.accepted", "STORE", 9).at(200.0),
            "REJECTED/SEQ_GAP",
        ),
    ] {
        let mut copy = Desk {
            order: desk.order.clone(),
            ..Desk::default()
        };
        assert_eq!(copy.outcome(&event), outcome);
        assert_eq!(play_on(&mut desk, &[event]), Sums::new(), "{outcome}");
    }
    let cancel = ev("order.cancelled", "CUSTOMER", 2);
    assert_eq!(play(&[cancel]), Sums::new(), "a cancel before its creation");
}

#[test]
fn an_order_number_used_again_counts_as_another_order() {
    const DAY: f64 = 86_400.0;
    let mut desk = Desk::after(&delivered());
    let again = ev("order.created", "CUSTOMER", 1)
        .id("another")
        .info(&CREATED_INFO.replace("서울", "부산"))
        .at(40.0 * DAY);
    let sums = play_on(&mut desk, &[again]);
    assert_eq!(desk.order.generation, 2);
    assert_eq!(of(&sums, "orders_created"), ["부산 치킨 1"]);
    assert_eq!(
        of(&sums, "transitions"),
        ["부산 NONE PAYMENT_WAIT CUSTOMER 1"]
    );
    assert_eq!(of(&sums, "in_flight"), ["부산 PAYMENT_WAIT 1"]);
}

#[test]
fn an_event_counts_at_the_time_by_which_windows_take_it() {
    let mut desk = Desk::default();
    let judgement: Judgement =
        desk.judge(&ev("order.created", "CUSTOMER", 1).at(3_600.0).recorded(1.0));
    assert_eq!(judgement.times.window_at, NOON + 1_000);
    assert_eq!(desk.event.occurred_at(), NOON + 3_600_000);
}

#[test]
fn dims_that_are_not_known_count_as_unknown() {
    let mut desk = Desk::default();
    let judgement = desk.judge(&ev("order.created", "CUSTOMER", 1));
    // As a thin event would leave it.
    desk.order.sido.clear();
    desk.order.category.clear();
    desk.order.fulfilment = None;
    let (mut deltas, mut sums) = (DeltaBuffer::default(), Sums::new());
    count(&desk.order, &desk.event, &judgement, &mut deltas);
    add(&deltas, &mut sums);
    assert_eq!(of(&sums, "orders_created"), ["unknown unknown 1"]);
    assert_eq!(of(&sums, "orders_created_by_sigungu"), ["unknown 서울-1 1"]);
    assert_eq!(of(&sums, "orders_created_by_fulfilment"), ["unknown 1"]);
}

/// Keys of orders that may have been sent twice, with what is known of them.
fn suspects(desk: &mut Desk, event: &Ev) -> Vec<(Vec<u8>, Thing)> {
    let mut deltas = DeltaBuffer::default();
    let judgement = desk.judge(event);
    count(&desk.order, &desk.event, &judgement, &mut deltas);
    let suspects = deltas.iter().filter(|it| is_suspected(it.group));
    suspects
        .map(|it| {
            assert_eq!((it.kind, it.at), (DeltaKind::Measured, None));
            (it.group.to_vec(), it.value.thing().clone())
        })
        .collect()
}

#[test]
fn an_order_is_suspected_from_its_creation_to_a_soon_end() {
    let created = || ev("order.created", "CUSTOMER", 1);
    let cancelled = |at: f64| ev("order.cancelled", "CUSTOMER", 2).at(at);
    let mut desk = Desk::default();
    let began = suspects(&mut desk, &created());
    let [(group, Thing::Mark(mark))] = &began[..] else {
        panic!("{began:?}");
    };
    assert!(mark.created && mark.at == NOON);
    let ended = suspects(&mut desk, &cancelled(300.0));
    let [(same, Thing::Mark(end))] = &ended[..] else {
        panic!("{ended:?}");
    };
    assert_eq!((same, end.order), (group, mark.order));
    assert!(!end.created && end.at == NOON + 300_000);
    let mut later = Desk::after(&[created()]);
    assert_eq!(suspects(&mut later, &cancelled(300.001)), []);

    let other = |info: String| suspects(&mut Desk::default(), &created().info(&info));
    for (known, another) in [("st_1", "st_2"), ("20000", "20001")] {
        let found = other(CREATED_INFO.replace(known, another));
        assert!(found.len() == 1 && found[0].0 != *group, "{another}");
    }
    let nobody = other(CREATED_INFO.replace(r#""storeId":"st_1","#, ""));
    assert_eq!(nobody, []);
    let unknown = other(CREATED_INFO.replace(r#""amount":20000,"#, ""));
    assert_eq!(unknown, []);
}

#[test]
fn a_breach_counts_at_its_deadline_and_is_over_no_sooner() {
    use crate::domain::watching::{Deadline, Level, Told, Watch};
    let desk = Desk::after(&accepted());
    let deadline = NOON + 600_000;
    let reached = |level| Deadline {
        watch: Watch::NoRider,
        level,
        since: NOON + 61_000,
        at: deadline,
        limit: 0,
    };
    let told = |fill: &dyn Fn(&mut DeltaBuffer)| {
        let mut deltas = DeltaBuffer::default();
        fill(&mut deltas);
        let read = |delta: crate::domain::aggregates::Delta<'_>| {
            let group = Group::parse(delta.group).unwrap();
            let values: Vec<&str> = group.values().collect();
            let line = format!("{} {}", group.counted.name(), values.join(" "));
            (line, delta.at.unwrap(), delta.value.sum(0))
        };
        deltas.iter().map(read).collect::<Vec<_>>()
    };
    let warned = told(&|deltas| {
        let overdue = count_reached(&desk.order, &reached(Level::Warn), deltas);
        assert_eq!(overdue, None);
    });
    let lines = |level: &str| {
        [
            (format!("sla_breach 서울 no_rider {level}"), deadline, 1),
            (
                format!("sla_breach_by_fulfilment BAEMIN_SINGLE no_rider {level}"),
                deadline,
                1,
            ),
        ]
    };
    assert_eq!(warned, lines("WARN"));
    let breached = told(&|deltas| {
        let overdue = count_reached(&desk.order, &reached(Level::Breach), deltas);
        assert_eq!(overdue, Some(deadline));
    });
    assert_eq!(breached[..2], lines("BREACH"));
    assert_eq!(
        breached[2..],
        [("stuck 서울 no_rider".to_owned(), deadline, 1)]
    );
    for (at, counts_at) in [(deadline + 5, deadline + 5), (deadline - 5, deadline)] {
        let over = told(&|deltas| {
            let told = Told {
                watch: Watch::NoRider,
                level: Level::Breach,
                since: NOON + 61_000,
                quiet: false,
                overdue_from: Some(deadline),
            };
            count_over(&desk.order, &told, at, deltas);
        });
        assert_eq!(over, [("stuck 서울 no_rider".to_owned(), counts_at, -1)]);
    }
}
