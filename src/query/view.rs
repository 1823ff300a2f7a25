//! From an order's state to what is told of it.

use std::time::Duration;

use super::answer::{
    FactAnswer, KstTime, OrderAnswer, RegionsAnswer, RetentionAnswer, TimelineEntry, VersionsAnswer,
};
use crate::domain::actor::Aggregate;
use crate::domain::event_id::EventId;
use crate::domain::memory::Remembered;
use crate::domain::order::{Fact, Milestone, Order};

/// What is told of an order, but for what was set aside and who tells it.
pub(super) fn view(order_no: &str, order: &Order, retention: Duration) -> OrderAnswer {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let name = |name: &str| name.to_owned();
    let times = Milestone::ALL.iter().filter_map(|milestone| {
        let at = order.times.get(*milestone)?;
        Some((name(milestone.name()), KstTime(at)))
    });
    let mut flags = Vec::new();
    order.for_each_flag(|flag| flags.push(name(flag)));
    let retention = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    OrderAnswer {
        order_no: order_no.to_owned(),
        status: name(order.status().name()),
        status_korean: name(order.status().korean()),
        generation: order.generation,
        seq: order.seq,
        regions: regions(order),
        versions: versions(order),
        customer_id: text(&order.customer_id),
        store_id: text(&order.store_id),
        category: text(&order.category),
        sido: text(&order.sido),
        sigungu: text(&order.sigungu),
        dong: text(&order.dong),
        fulfilment: order.fulfilment.map(|fulfilment| name(fulfilment.name())),
        amount: order.amount,
        paid: order.paid,
        refunded: order.refunded,
        payment_method: text(&order.payment_method),
        first_promised_at: order.first_promised_at.map(KstTime),
        promised_at: order.promised_at.map(KstTime),
        cook_minutes: order.cook_minutes,
        times: times.collect(),
        attempts: order.attempts,
        reassigned: order.reassigned,
        redelivered: order.redelivered,
        reason: order.reason.map(|reason| name(reason.name())),
        liability: order.liability.map(|liability| name(liability.name())),
        flags,
        hold: order.hold(),
        contradicted: order.is_contradicted(),
        contradicted_by: order
            .contradicted
            .iter()
            .map(|aggregate| name(aggregate.name()))
            .collect(),
        updated_at: KstTime(order.updated_at),
        last_applied: order.last_applied.as_ref().map(fact),
        ghost: order.ghost.as_ref().map(fact),
        retention: RetentionAnswer {
            until: KstTime(order.retained_from.saturating_add(retention)),
        },
        timeline: order
            .memory
            .entries()
            .iter()
            .map(|entry| timeline_entry(order, entry))
            .collect(),
        after_terminal: order.after_terminal.iter().map(fact).collect(),
        ..OrderAnswer::default()
    }
}

fn regions(order: &Order) -> RegionsAnswer {
    let regions = &order.regions;
    RegionsAnswer {
        main: regions.main.name().to_owned(),
        kitchen: regions.kitchen.name().to_owned(),
        delivery: regions.delivery.name().to_owned(),
        payment: regions.payment.name().to_owned(),
        claim: regions.claim.name().to_owned(),
    }
}

fn versions(order: &Order) -> VersionsAnswer {
    let of = |last: u64| (last > 0).then_some(last);
    VersionsAnswer {
        order: of(order.order_cursor.last),
        payment: of(order.payment_cursor.last),
        claim: of(order.claim_cursor.last),
        delivery: order
            .deliveries
            .iter()
            .map(|delivery| (delivery.id.clone(), delivery.cursor.last))
            .collect(),
    }
}

fn fact(fact: &Fact) -> FactAnswer {
    FactAnswer {
        event_id: written(&fact.id),
        action: fact.action.name().to_owned(),
        version: fact.version,
        occurred_at: KstTime(fact.occurred_at),
    }
}

fn written(id: &EventId) -> String {
    let mut text = Vec::new();
    id.write(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn timeline_entry(order: &Order, entry: &Remembered) -> TimelineEntry {
    let facts = order.last_applied.iter().chain(&order.ghost);
    let mut ids = facts.chain(&order.after_terminal).map(|fact| &fact.id);
    let known = ids.find(|id| id.key() == entry.id);
    let reason = entry.outcome.reason();
    TimelineEntry {
        at: KstTime(entry.at),
        action: entry.action.map(|action| action.name().to_owned()),
        outcome: entry.outcome.name().to_owned(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        aggregate: entry.aggregate.name().to_owned(),
        delivery_id: match entry.aggregate {
            Aggregate::Delivery => order.deliveries.get(entry.delivery).map(|it| it.id.clone()),
            _ => None,
        },
        version: entry.version,
        event_id: known.map_or_else(|| written(&EventId::from_parts(entry.id, "")), written),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::judge::{JudgingPolicy, judge};
    use crate::domain::judgement::RecordContext;
    use crate::domain::records::write_state;
    use crate::domain::tests::fixture::{NOON, ev};

    fn delivered() -> Order {
        let mut order = Order::default();
        for (second, event) in [
            ev("order.created", "CUSTOMER", 1),
            ev("payment.approved", "PG", 1),
            ev("order.accepted", "STORE", 2)
                .info(r#"{"cookMinutes":20,"promisedAt":"2026-11-20T12:41:00+09:00"}"#),
            ev("delivery.requested", "SYSTEM", 1),
            ev("delivery.assigned", "RIDER", 2),
            ev("delivery.picked_up", "RIDER", 3),
            ev("delivery.delivered", "RIDER", 4),
            ev("order.cancelled", "CS", 3).id("0192f3c1-0000-7abc-8def-0123456789ab"),
        ]
        .into_iter()
        .enumerate()
        {
            let event = event.at(second as f64).decoded();
            let at = NOON + second as i64 * 1_000;
            let context = RecordContext {
                timestamp: at,
                wall_clock: at,
                ..RecordContext::default()
            };
            judge(&mut order, &event, &context, &JudgingPolicy::default());
        }
        order
    }

    #[test]
    fn everything_that_the_state_tells_is_told_alike() {
        let order = delivered();
        let mut state = Vec::new();
        write_state(&mut state, "B1", &order);
        let state: Value = serde_json::from_slice(&state).unwrap();
        let answer = view("B1", &order, Duration::from_secs(60));
        let answer = serde_json::to_value(answer).unwrap();
        let fields = state.as_object().unwrap();
        assert!(fields.len() > 20, "{state}");
        for (name, value) in fields {
            assert_eq!(&answer[name], value, "{name}");
        }
        assert_eq!(answer["statusKorean"], "완료");
        assert_eq!(answer["paid"], 20_000);
        assert_eq!(
            answer["retention"]["until"],
            "2026-11-20T12:01:06.000+09:00"
        );
    }

    #[test]
    fn the_timeline_tells_what_became_of_each_event() {
        let answer = serde_json::to_value(view("B1", &delivered(), Duration::ZERO)).unwrap();
        let timeline = answer["timeline"].as_array().unwrap();
        assert_eq!(timeline.len(), 8);
        assert_eq!(timeline[5]["outcome"], "APPLIED_SKIP");
        assert_eq!(timeline[5]["deliveryId"], "dl_1");
        let late = &timeline[7];
        assert_eq!(
            (&late["outcome"], &late["reason"], &late["at"]),
            (
                &"REJECTED".into(),
                &"AFTER_TERMINAL".into(),
                &"2026-11-20T12:00:07.000+09:00".into()
            )
        );
        assert_eq!(late["eventId"], "0192f3c1-0000-7abc-8def-0123456789ab");
        assert_eq!(answer["afterTerminal"][0]["action"], "order.cancelled");
        assert_eq!(answer["contradicted"], true);
        assert_eq!(answer["contradictedBy"][0], "order");
        // An id that is no UUID is known where the order kept it.
        assert_eq!(timeline[6]["eventId"], answer["lastApplied"]["eventId"]);
        assert_eq!(timeline[6]["eventId"], "delivery.delivered-delivery-4");
    }
}
