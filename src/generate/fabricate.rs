//! Illegal events, made of legal ones by rewriting their envelopes.

use super::action::{Action, ActorType, TargetType};
use super::clock_text::ClockText;
use super::event::GeneratedEvent;
use super::poison::replace;

/// Turns the creation of an order into its customer's cancel, with the version after it.
pub(super) fn premature_cancel(event: &mut GeneratedEvent) {
    event.versions.order += 1;
    let information = b"\"reason\":\"CHANGED_MIND\",\"liability\":\"CUSTOMER\"";
    rewrite(
        event,
        Action::OrderCancelled,
        ActorType::Customer,
        information,
    );
}

/// Turns the last event of an order into one that can follow no last event: it carries the next
/// version of its aggregate and the time `at` (epoch ms).
///
/// `choice` picks one of four; where the order has no such aggregate, it is accepted again.
pub(super) fn impossible_event(
    event: &mut GeneratedEvent,
    choice: u32,
    at: u64,
    clock: &mut ClockText,
) {
    let (action, actor, information) = match choice {
        0 if event.versions.delivery > 0 && event.target == TargetType::Delivery => {
            (Action::DeliveryDelivered, ActorType::Rider, &b""[..])
        }
        1 if event.versions.payment > 0 => (
            Action::PaymentRefunded,
            ActorType::PaymentGateway,
            &b"\"amount\":9999000"[..],
        ),
        2 => (
            Action::OrderCancelled,
            ActorType::Customer,
            &b"\"reason\":\"OTHER\""[..],
        ),
        _ => (
            Action::OrderAccepted,
            ActorType::Store,
            &b"\"cookMinutes\":10"[..],
        ),
    };
    let versions = &mut event.versions;
    match action.target() {
        TargetType::Order => versions.order += 1,
        TargetType::Payment => versions.payment += 1,
        TargetType::Claim => versions.claim += 1,
        TargetType::Delivery => versions.delivery += 1,
    }
    rewrite(event, action, actor, information);
    event.timestamp = at;
    let mut text = Vec::with_capacity(32);
    clock.write(&mut text, at);
    replace(&mut event.value, b"\"occurredAt\":\"", b"\"", &text);
    replace(&mut event.value, b"\"recordedAt\":\"", b"\"", &text);
}

/// Turns an event into another one; its version is the one in `versions`.
fn rewrite(event: &mut GeneratedEvent, action: Action, actor: ActorType, information: &[u8]) {
    let (name, target) = (action.name(), action.target());
    if target != event.target {
        let mut id = if target == TargetType::Payment {
            b"pay_".to_vec()
        } else {
            Vec::new()
        };
        id.extend_from_slice(&event.key);
        let value = &mut event.value;
        replace(
            value,
            b"\"target\":{\"type\":\"",
            b"\"",
            target.name().as_bytes(),
        );
        replace(value, target_id_start(target), b"\"", &id);
        replace(
            value,
            b"\"source\":{\"system\":\"",
            b"\"",
            target.source_system().as_bytes(),
        );
        event.target = target;
        event.topic = target.topic();
    }
    event.action = name;
    let version = event.version();
    let value = &mut event.value;
    replace(
        value,
        b"\"version\":",
        b"}",
        itoa::Buffer::new().format(version).as_bytes(),
    );
    replace(value, b"\"action\":\"", b"\"", name.as_bytes());
    replace(
        value,
        b"\"actor\":{\"type\":\"",
        b"\"",
        actor.name().as_bytes(),
    );
    replace(value, b"\"info\":{", b"}", information);
    replace(value, b"\"schema\":{\"name\":\"", b"\"", name.as_bytes());
}

/// What stands before the id of a target whose type is written already.
const fn target_id_start(target: TargetType) -> &'static [u8] {
    match target {
        TargetType::Order => b"{\"type\":\"order\",\"id\":\"",
        TargetType::Payment => b"{\"type\":\"payment\",\"id\":\"",
        TargetType::Delivery => b"{\"type\":\"delivery\",\"id\":\"",
        TargetType::Claim => b"{\"type\":\"claim\",\"id\":\"",
    }
}
