//! What to do about an entry: one sentence, and the commands.

use super::Entry;
use super::entry::UNREADABLE;
use crate::domain::outcome::{DeadLetterReason, RejectionReason};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Why, in one sentence.
    pub sentence: String,
    /// The commands, in their order; none where nothing helps.
    pub commands: Vec<String>,
}

/// What to do about this entry.
#[must_use]
pub fn advice(entry: &Entry) -> Advice {
    let judged = RejectionReason::from_name(&entry.reason);
    if let (Some(reason), Some(_)) = (judged, &entry.before) {
        return of_rejection(reason, entry);
    }
    if let Some(reason) = DeadLetterReason::from_name(&entry.reason) {
        return of_dead_letter(reason, entry);
    }
    if entry.reason == UNREADABLE {
        return told(
            "this record is not of jumun's making; whoever wrote it must explain it.",
            [],
        );
    }
    told(
        "its cause lies outside of the event: remove the cause, then replay it.",
        [replay(entry, "")],
    )
}

fn of_rejection(reason: RejectionReason, entry: &Entry) -> Advice {
    use RejectionReason as R;
    let id = entry.id;
    match reason {
        R::Premature => told(
            "its order is not created yet: replay it when the create was applied (the processor does so by itself, \
             unless redrive.automatic = false).",
            [replay(entry, "")],
        ),
        R::SeqGap | R::SeqGapTimeout => told(
            "events before it are missing: replay it when they have come; if their owner confirms that they never \
             will, skip them first.",
            [
                format!("jumun dlt skip {id} --reason '…'"),
                replay(entry, ""),
            ],
        ),
        R::AwaitPredecessor | R::PredecessorTimeout => told(
            "it waited for an event of another aggregate: replay it when that one was applied.",
            [replay(entry, "")],
        ),
        R::ParkLimit => told(
            "too many events waited at that time: replay it.",
            [replay(entry, "")],
        ),
        R::EventIdConflict => told(
            "another event with the same id was consumed: give this one an id of its own if it is a different event.",
            repair(entry),
        ),
        R::VersionConflict => told(
            "two events claim this version: ask their owner which one holds; if it is this one, go back to the version \
             before it, then replay it.",
            [before_it(entry), replay(entry, "")],
        ),
        R::OrderIdReuse => told(
            "the number belongs to another order: the order system must publish the new order under a number of its \
             own.",
            [],
        ),
        R::DeliveryLimit => told(
            "the order has had as many deliveries as an order may: find out why dispatch makes ever new ones, and close \
             the order by hand.",
            [],
        ),
        R::RedriveLimit => told(
            "it was redriven too often: find out why it never fits, then let the count begin anew.",
            [replay(entry, " --reset-count")],
        ),
        R::AfterTerminal | R::IllegalTransition | R::ActorNotAllowed | R::OverRefund
            if entry.facts.version.is_some() =>
        {
            told(
                "it was judged and its version is consumed: its owner corrects it by the next event; only if the \
                 judgement was wrong and no later version was applied, have it judged again.",
                [replay(entry, " --force")],
            )
        }
        R::AfterTerminal | R::IllegalTransition | R::ActorNotAllowed | R::OverRefund => told(
            "it was judged against the order as it was then; if that has changed, replay it.",
            [replay(entry, "")],
        ),
    }
}

fn of_dead_letter(reason: DeadLetterReason, entry: &Entry) -> Advice {
    match reason {
        DeadLetterReason::TooLarge | DeadLetterReason::Malformed => {
            told("repair the event, then replay it.", repair(entry))
        }
        DeadLetterReason::KeyMismatch => {
            let number = entry.facts.order_no.as_deref().unwrap_or("ORDER");
            told(
                "the record's key is not the event's order: replay it with the right key, or repair the event.",
                [replay(entry, &format!(" --key {}", quoted(number)))],
            )
        }
        DeadLetterReason::UnknownAction => told(
            "this version of jumun does not know the action: update the processor, then have it judged again.",
            [replay(entry, " --force")],
        ),
        DeadLetterReason::UnsupportedSchema => told(
            "update the processor if it should know this schema, else repair the event; then replay it.",
            repair(entry),
        ),
    }
}

fn told<const N: usize>(sentence: &str, commands: [String; N]) -> Advice {
    Advice {
        sentence: sentence.to_owned(),
        commands: commands.into(),
    }
}

fn replay(entry: &Entry, rest: &str) -> String {
    format!("jumun dlt replay {}{rest}", entry.id)
}

fn repair(entry: &Entry) -> [String; 3] {
    [
        format!("jumun dlt show {} --value > event.json", entry.id),
        "$EDITOR event.json".to_owned(),
        replay(entry, " --value event.json"),
    ]
}

fn before_it(entry: &Entry) -> String {
    let order = quoted(entry.order_no.as_deref().unwrap_or("ORDER"));
    let version = entry.facts.version.unwrap_or(1).saturating_sub(1);
    let mut command = format!("jumun dlt skip {order} --version {version}");
    if let Some(aggregate) = entry.facts.aggregate {
        command += &format!(" --aggregate {}", aggregate.name());
    }
    if let Some(target) = &entry.facts.target_id {
        command += &format!(" --target {}", quoted(target));
    }
    command + " --reason '…'"
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Letter, rejection};
    use super::*;

    #[test]
    fn every_rejection_has_advice_that_names_its_entry() {
        for reason in RejectionReason::ALL {
            let entry = rejection("r:0:4", reason.name(), "B1", "order.accepted", 7);
            let advice = advice(&entry);
            assert!(advice.sentence.ends_with('.'), "{reason:?}");
            let commands = advice.commands.join("\n");
            assert_eq!(
                commands.contains("r:0:4"),
                !matches!(
                    reason,
                    RejectionReason::OrderIdReuse | RejectionReason::DeliveryLimit
                ),
                "{reason:?}: {commands}"
            );
            assert_eq!(
                commands.contains("--force"),
                reason.is_judged(),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn every_dead_letter_has_advice_that_names_its_entry() {
        for reason in DeadLetterReason::ALL {
            let letter = Letter {
                key: Some(b"B1"),
                value: Some(br#"{"target":{"orderNo":"B 2"}}"#),
                headers: &[
                    ("__streams.errors.topic", b"t"),
                    ("__streams.errors.reason", reason.name().as_bytes()),
                ],
            };
            let advice = advice(&letter.entry("d:1:9"));
            let commands = advice.commands.join("\n");
            assert!(commands.contains("d:1:9"), "{reason:?}: {commands}");
            assert_eq!(
                commands.contains("--key 'B 2'"),
                *reason == DeadLetterReason::KeyMismatch,
                "{commands}"
            );
        }
    }

    #[test]
    fn going_back_names_the_aggregate_and_the_version_before() {
        let entry = rejection("r:0:4", "VERSION_CONFLICT", "B1", "delivery.assigned", 2);
        let commands = advice(&entry).commands;
        assert_eq!(
            commands.first().map(String::as_str),
            Some("jumun dlt skip B1 --version 1 --aggregate delivery --target B1-t --reason '…'")
        );
    }

    #[test]
    fn words_are_safe_for_a_shell() {
        assert_eq!(quoted("B1"), "B1");
        assert_eq!(quoted("it's; rm"), r"'it'\''s; rm'");
    }
}
