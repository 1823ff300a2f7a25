//! The stored record of an order.

use proptest::prelude::*;

use super::fixture::{Desk, delivered, ev};
use crate::domain::action::Action;
use crate::domain::actor::{Aggregate, AggregateSet, Liability};
use crate::domain::event_id::EventId;
use crate::domain::memory::Remembered;
use crate::domain::order::{Cursor, Fact, Milestone, Order, OrderFlags};
use crate::domain::order_codec::{FORMAT_VERSION, OrderCodecError, decode, encode};
use crate::domain::outcome::{Outcome, RejectionReason};
use crate::domain::reason::Reason;
use crate::domain::regions::{Claim, Delivery, Fulfilment, Kitchen, Main, Payment, Regions};
use crate::domain::waiting::{Aside, Waiting};

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn fact() -> impl Strategy<Value = Fact> {
    let id = prop_oneof![
        ".{1,20}",
        any::<u128>().prop_map(|key| {
            let mut out = Vec::new();
            EventId::from_parts(key, "").write(&mut out);
            String::from_utf8(out).unwrap()
        })
    ];
    (
        id,
        one_of(Action::ALL),
        proptest::option::of(1..u64::MAX),
        any::<i64>(),
    )
        .prop_map(|(id, action, version, occurred_at)| Fact {
            id: EventId::new(&id),
            action,
            version,
            occurred_at,
        })
}

fn cursor() -> impl Strategy<Value = Cursor> {
    (any::<u64>(), any::<u64>()).prop_map(|(last, applied)| Cursor { last, applied })
}

prop_compose! {
    fn regions()(main in one_of(Main::ALL), kitchen in one_of(Kitchen::ALL), delivery in one_of(Delivery::ALL),
        payment in one_of(Payment::ALL), claim in one_of(Claim::ALL)) -> Regions {
        Regions { main, kitchen, delivery, payment, claim }
    }
}

prop_compose! {
    fn base()(generation in any::<u32>(), seq in any::<u64>(), regions in regions(),
        fulfilment in proptest::option::of(one_of(Fulfilment::ALL)), flags in any::<u64>(), contradicted in any::<u64>(),
        texts in proptest::collection::vec(".{0,12}", 8), money in any::<[i64; 3]>(),
        times in proptest::collection::vec(proptest::option::of(any::<i64>()), 14),
        counts in any::<[u32; 3]>()) -> Order {
        let mut order = Order { generation, seq, regions, fulfilment, ..Order::default() };
        order.flags = OrderFlags::from_bits(flags);
        order.contradicted = AggregateSet::from_bits(contradicted);
        [order.customer_id, order.store_id, order.category, order.sido, order.sigungu, order.dong,
            order.payment_method, order.ghost_event] = texts.try_into().unwrap();
        [order.amount, order.paid, order.refunded] = money;
        for (milestone, at) in Milestone::ALL.iter().zip(&times) {
            order.times.set(*milestone, *at);
        }
        order.first_promised_at = times[12];
        order.promised_at = times[13];
        [order.attempts, order.reassigned, order.redelivered] = counts;
        order
    }
}

prop_compose! {
    fn any_order()(mut order in base(), cook_minutes in proptest::option::of(-1_000_000..1_000_000_i64),
        reason in proptest::option::of(one_of(Reason::ALL)), liability in proptest::option::of(one_of(Liability::ALL)),
        before in proptest::option::of(one_of(Payment::ALL)), cursors in [cursor(), cursor(), cursor()],
        deliveries in proptest::collection::vec((".{0,9}", cursor(), any::<bool>()), 0..4),
        current in any::<bool>(), created_by in any::<u128>(),
        memory in proptest::collection::vec((any::<u128>(), any::<u64>(), one_of(Aggregate::ALL),
            proptest::option::of(any::<u64>()), any::<bool>(), proptest::option::of(one_of(Action::ALL)),
            any::<i64>(), 0..Outcome::COUNT), 0..70),
        waiting in proptest::collection::vec((any::<[bool; 2]>(), any::<u128>(), any::<[u64; 2]>(), one_of(Aggregate::ALL),
            proptest::option::of(1..u64::MAX), any::<[i64; 2]>()), 0..5),
        retained_from in any::<i64>(), timer in proptest::option::of(-1_000_000..1_000_000_i64),
        facts in proptest::collection::vec(fact(), 2), optional in any::<[bool; 2]>(),
        after in proptest::collection::vec(fact(), 0..17), updated_at in any::<i64>()) -> Order {
        order.cook_minutes = cook_minutes;
        order.reason = reason;
        order.liability = liability;
        order.payment_before_claim = before;
        [order.order_cursor, order.payment_cursor, order.claim_cursor] = cursors;
        for (id, cursor, opened) in deliveries {
            let place = order.deliveries.push(&id);
            let delivery = order.deliveries.get_mut(place).unwrap();
            delivery.cursor = cursor;
            delivery.opened = opened;
        }
        order.current_delivery = (current && !order.deliveries.is_empty()).then_some(0);
        order.created_by = created_by;
        for (id, hash, aggregate, version, judged, action, at, outcome) in memory {
            let outcome = Outcome::from_index(outcome).unwrap();
            let delivery = match aggregate {
                Aggregate::Delivery if order.deliveries.is_empty() => continue,
                Aggregate::Delivery => order.deliveries.len() - 1,
                _ => 0,
            };
            let entry = Remembered { id, hash, aggregate, delivery, version, judged, action, at, outcome };
            order.memory.remember(entry);
        }
        order.last_applied = optional[0].then(|| facts[0].clone());
        order.ghost = optional[1].then(|| facts[1].clone());
        order.after_terminal = after;
        order.updated_at = updated_at;
        order.retained_from = retained_from;
        order.retention_timer = timer.map(|after: i64| updated_at.wrapping_add(after));
        for (arrival, ([kept, beyond_gap], id, [hash, target], aggregate, version, [since, deadline])) in (3..).zip(waiting) {
            let aside = if kept { Aside::Kept } else { Aside::Parked };
            order.waiting.restore(Waiting { arrival, aside, beyond_gap, id, hash, aggregate, target, version, since, deadline });
        }
        order
    }
}

proptest! {
    #[test]
    fn an_order_is_read_back_as_it_was_written(order in any_order(), other in any_order()) {
        let mut bytes = Vec::new();
        encode(&order, &mut bytes);
        // Nothing of the order that was read before may shine through.
        let mut target = other;
        decode(&bytes, &mut target).unwrap();
        prop_assert_eq!(&target, &order);
        let mut again = Vec::new();
        encode(&target, &mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn corrupt_bytes_are_refused_or_mean_just_one_order(order in any_order(), at in any::<prop::sample::Index>(),
        byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        encode(&order, &mut bytes);
        let mut target = Order::default();
        prop_assert!(decode(&bytes[..cut.index(bytes.len())], &mut target).is_err());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if decode(&bytes, &mut target).is_ok() {
            let mut again = Vec::new();
            encode(&target, &mut again);
            prop_assert!(decode(&again, &mut Order::default()).is_ok());
        }
        bytes.push(0);
        prop_assert!(decode(&bytes, &mut target).is_err());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut with_version = vec![FORMAT_VERSION];
        with_version.extend_from_slice(&bytes);
        let _ = decode(&bytes, &mut Order::default());
        let _ = decode(&with_version, &mut Order::default());
    }
}

#[test]
fn another_format_is_named_in_the_error() {
    let error = decode(&[9, 1, 2], &mut Order::default()).unwrap_err();
    assert_eq!(error, OrderCodecError::Format(9));
    let told = "format 9, this program reads formats 1 to 2";
    assert!(error.to_string().contains(told), "{error}");
}

#[test]
fn a_live_order_of_eight_events_takes_less_than_550_bytes() {
    let mut events: Vec<_> = delivered().into_iter().take(7).collect();
    events.push(ev("delivery.eta_updated", "SYSTEM", 4).at(130.0));
    for (at, event) in events.iter_mut().enumerate() {
        event.id = format!("0192f3c1-0000-7abc-8def-0123456789a{at}");
    }
    let desk = Desk::after(&events);
    let mut bytes = Vec::new();
    encode(&desk.order, &mut bytes);
    assert_eq!(desk.order.memory.entries().len(), 8);
    assert!(bytes.len() < 550, "{} bytes", bytes.len());
}

/// An order that has something in every field.
fn full_order() -> Order {
    let fact = |id: &str, action, version| Fact {
        id: EventId::new(id),
        action,
        version,
        occurred_at: 1_763_539_100_000,
    };
    let mut order = Order {
        generation: 1,
        seq: 7,
        fulfilment: Fulfilment::from_code(1),
        flags: OrderFlags::from_bits(3),
        contradicted: AggregateSet::from_bits(2),
        amount: 23_000,
        paid: 22_000,
        refunded: 1_000,
        first_promised_at: Some(1_763_541_000_000),
        promised_at: Some(1_763_541_060_000),
        cook_minutes: Some(20),
        attempts: 2,
        reassigned: 1,
        redelivered: 1,
        reason: Reason::from_code(3),
        liability: Liability::from_code(1),
        payment_before_claim: Payment::from_code(2),
        order_cursor: Cursor {
            last: 4,
            applied: 3,
        },
        payment_cursor: Cursor {
            last: 2,
            applied: 2,
        },
        claim_cursor: Cursor {
            last: 1,
            applied: 0,
        },
        created_by: 77,
        last_applied: Some(fact("e-3", Action::OrderCancelled, Some(3))),
        ghost: Some(fact("e-0", Action::OrderCancelled, None)),
        updated_at: 1_763_539_200_000,
        retained_from: 1_763_539_200_001,
        retention_timer: Some(1_766_217_600_001),
        ..Order::default()
    };
    order.regions = Regions {
        main: Main::from_code(2).unwrap(),
        kitchen: Kitchen::from_code(1).unwrap(),
        delivery: Delivery::from_code(3).unwrap(),
        payment: Payment::from_code(2).unwrap(),
        claim: Claim::from_code(1).unwrap(),
    };
    let texts = [
        "c-1",
        "s-1",
        "\u{ce58}\u{d0a8}",
        "sido",
        "sigungu",
        "dong",
        "CARD",
        "{}",
    ];
    [
        order.customer_id,
        order.store_id,
        order.category,
        order.sido,
        order.sigungu,
        order.dong,
        order.payment_method,
        order.ghost_event,
    ] = texts.map(str::to_owned);
    for (milestone, at) in Milestone::ALL.iter().zip(1_763_539_000_000..).step_by(2) {
        order.times.set(*milestone, Some(at));
    }
    let place = order.deliveries.push("d-1");
    let delivery = order.deliveries.get_mut(place).unwrap();
    (delivery.cursor, delivery.opened) = (
        Cursor {
            last: 2,
            applied: 1,
        },
        true,
    );
    order.current_delivery = Some(0);
    for (id, aggregate, judged) in [(5, Aggregate::Order, false), (6, Aggregate::Delivery, true)] {
        order.memory.remember(Remembered {
            id,
            hash: 99,
            aggregate,
            delivery: 0,
            version: judged.then_some(2),
            judged,
            action: Some(Action::OrderCancelled),
            at: 1_763_539_150_000,
            outcome: Outcome::from_index(0).unwrap(),
        });
    }
    order
        .after_terminal
        .push(fact("e-9", Action::OrderCancelled, Some(9)));
    order.waiting.restore(Waiting {
        arrival: 3,
        aside: Aside::Kept,
        beyond_gap: true,
        id: 8,
        hash: 98,
        aggregate: Aggregate::Payment,
        target: 0,
        version: Some(5),
        since: 1_763_539_190_000,
        deadline: 1_763_539_800_000,
    });
    order
}

#[test]
fn the_bytes_of_every_format_are_pinned() {
    let load = |file| jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), file);
    let order = full_order();
    let mut bytes = Vec::new();
    encode(&order, &mut bytes);
    let pinned = load("order-record-2.hex");
    pinned.assert_written("order", &bytes);
    let mut read = Order::default();
    decode(pinned.bytes("order"), &mut read).unwrap();
    assert_eq!(read, order);

    // As the program before parking and retention wrote it.
    decode(load("order-record-1.hex").bytes("order"), &mut read).unwrap();
    let mut before = order;
    before.retained_from = before.updated_at;
    before.retention_timer = None;
    before.waiting = Order::default().waiting;
    let entries: Vec<Remembered> = before.memory.entries().to_vec();
    before.memory = Order::default().memory;
    for entry in entries {
        let outcome = match entry.judged {
            true => Outcome::Rejected(RejectionReason::IllegalTransition),
            false => Outcome::Applied,
        };
        let (action, at) = (None, before.updated_at);
        before.memory.restore(Remembered {
            action,
            at,
            outcome,
            ..entry
        });
    }
    assert_eq!(read, before);
}
