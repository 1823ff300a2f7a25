//! `docs/actions.md`, by which a service knows what it may send, is made of the lifecycle table.

use std::fmt::Write;

use jumun::domain::actor::ActorSet;
use jumun::domain::info::{InfoField, InfoType};
use jumun::domain::lifecycle::{Condition, Row};
use jumun::domain::lifecycle_table::{EXISTS, TABLE};
use jumun::domain::reason::Reason;
use jumun::domain::regions::{ClaimSet, DeliverySet, FulfilmentSet, KitchenSet, Main, PaymentSet};
use jumun::domain::rights::CANCEL_RIGHTS;

use crate::support::made_document::{self, WRITE};

fn joined<T>(values: impl Iterator<Item = T>, name: impl Fn(T) -> &'static str) -> String {
    values.map(name).collect::<Vec<_>>().join(" ")
}

fn actors(of: ActorSet) -> String {
    match of == ActorSet::ALL {
        true => "anyone".to_owned(),
        false => joined(of.iter(), |actor| actor.name()),
    }
}

fn by(row: &Row) -> String {
    let mut text = match row.condition {
        Condition::ByRights => "by status, below".to_owned(),
        _ => actors(row.actors),
    };
    if !row.actors_by_store.is_empty() {
        write!(
            text,
            "; {} that delivers itself",
            actors(row.actors_by_store)
        )
        .unwrap();
    }
    text
}

/// Where the order must be; what may be anything is left out.
fn legal(row: &Row) -> String {
    let guard = &row.guard;
    let mut parts = Vec::new();
    if guard.main.contains(Main::None) {
        parts.push("there is no such order yet".to_owned());
    } else if guard.main != EXISTS {
        parts.push(joined(guard.main.iter(), |it| it.name()));
    }
    if guard.kitchen != KitchenSet::ALL {
        parts.push(format!(
            "kitchen {}",
            joined(guard.kitchen.iter(), |it| it.name())
        ));
    }
    if guard.delivery != DeliverySet::ALL {
        let mut part = format!("delivery {}", joined(guard.delivery.iter(), |it| it.name()));
        let by_store = guard.delivery_by_store;
        if !by_store.is_empty() {
            let states = joined(by_store.iter(), |it| it.name());
            write!(part, ", or {states} where the store delivers itself").unwrap();
        }
        let late = guard.delivery_late;
        if !late.is_empty() {
            let states = joined(late.iter(), |it| it.name());
            write!(part, ", or {states} by {}", actors(row.late_actors)).unwrap();
        }
        parts.push(part);
    }
    if guard.payment != PaymentSet::ALL {
        parts.push(format!(
            "payment {}",
            joined(guard.payment.iter(), |it| it.name())
        ));
    }
    if guard.claim != ClaimSet::ALL {
        parts.push(format!(
            "claim {}",
            joined(guard.claim.iter(), |it| it.name())
        ));
    }
    if guard.fulfilment != FulfilmentSet::ALL {
        parts.push(joined(guard.fulfilment.iter(), |it| it.name()));
    }
    parts.extend(match row.condition {
        Condition::Always | Condition::ByRights => None,
        Condition::AnnotatesAfterPickUp => Some("after pick-up it is only noted".to_owned()),
        Condition::WithinPaid => Some("no more than was paid".to_owned()),
        Condition::WithinClaimPeriod => Some("at most 30 days after the end".to_owned()),
        Condition::NotRefundedUnlessRecharged => {
            Some("not once money went back, unless `recharge`".to_owned())
        }
    });
    match parts.is_empty() {
        true => "any order".to_owned(),
        false => parts.join("; "),
    }
}

fn info(row: &Row) -> String {
    let name = |field: InfoField| match row.required.contains(field) {
        true => format!("**{}**", field.name()),
        false => field.name().to_owned(),
    };
    row.info.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn kind(field: InfoField) -> String {
    match field.info_type() {
        InfoType::Text => "text".to_owned(),
        InfoType::Money => "won, a whole number, not negative".to_owned(),
        InfoType::Integer => "a whole number".to_owned(),
        InfoType::Version => "a version, a whole number, not negative".to_owned(),
        InfoType::Boolean => "true or false".to_owned(),
        InfoType::Time => "a time, RFC 3339 with offset".to_owned(),
        InfoType::Fulfilment => joined(FulfilmentSet::ALL.iter(), |it| it.name()),
        InfoType::Liability => {
            let all = jumun::domain::actor::LiabilitySet::ALL;
            joined(all.iter(), |it| it.name())
        }
        InfoType::Reason => format!(
            "{}; another one counts as OTHER",
            joined(Reason::ALL.iter(), |it| it.name())
        ),
    }
}

fn documentation() -> String {
    let mut out = format!(
        "# Actions

What an event can say. Written by `{WRITE}=1 cargo test --release --test all actions_documentation` from the table in
`src/domain/lifecycle_table.rs`, by which events are judged; the test fails when this file differs from it.

*Of* is the aggregate that the event changed (`target.type`), whose version it carries. *By* is who may do it (`actor.type`; `[actors]` sets
another list). *When* is where the order must be: its own state, then kitchen, delivery, payment, claim and fulfilment, of what is not told
any. An event that comes at another time is rejected, or waits where another one can make it right. Of *info*, what is bold must be there; what an action does not
know is ignored.

| Action | | Of | By | When | info |
|---|---|---|---|---|---|
"
    );
    for row in TABLE {
        let of = match row.is_note() {
            true => "any".to_owned(),
            false => joined(row.aggregates.iter(), |it| it.name()),
        };
        writeln!(
            out,
            "| `{}` | {} | {of} | {} | {} | {} |",
            row.action.name(),
            row.action.korean(),
            by(row),
            legal(row),
            info(row)
        )
        .unwrap();
    }
    out.push_str(
        "
## Who may cancel

`order.cancelled` by the display status before it; `[cancel_rights]` sets another list. In a status that is not here nobody may.

| Status | By | With a `reason` also |
|---|---|---|
",
    );
    for rights in CANCEL_RIGHTS {
        writeln!(
            out,
            "| {} | {} | {} |",
            rights.status.name(),
            actors(rights.actors),
            actors(rights.with_reason)
        )
        .unwrap();
    }
    out.push_str("\n## What info holds\n\n| Field | Value |\n|---|---|\n");
    for field in InfoField::ALL {
        writeln!(out, "| `{}` | {} |", field.name(), kind(*field)).unwrap();
    }
    out
}

#[test]
fn the_documentation_is_that_of_the_table() {
    made_document::compare("actions.md", &documentation());
}
