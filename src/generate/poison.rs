//! Records that cannot be judged, made of good ones.
//!
//! They carry order numbers that no order has (and whose check characters are wrong), so that a
//! stream with poison still tells the same about every order.

use super::event::GeneratedEvent;
use super::order_number::LENGTH;

/// What carries the stream. A file has no keys and no null values beside its lines, so some
/// poison exists on topics only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carrier {
    /// Kafka topics.
    #[default]
    Topics,
    /// A file of one event a line.
    File,
}

/// Ways to spoil a record. Those from `KeyMismatch` on need topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poison {
    Cut,
    BadUtf8,
    Array,
    EmptyObject,
    NullLiteral,
    VersionText,
    VersionZero,
    UnknownActor,
    MissingTime,
    NoInformation,
    TooLarge,
    UnknownAction,
    UnknownSchema,
    KeyMismatch,
    NullKey,
    NullValue,
}

const ALL: [Poison; 16] = [
    Poison::Cut,
    Poison::BadUtf8,
    Poison::Array,
    Poison::EmptyObject,
    Poison::NullLiteral,
    Poison::VersionText,
    Poison::VersionZero,
    Poison::UnknownActor,
    Poison::MissingTime,
    Poison::NoInformation,
    Poison::TooLarge,
    Poison::UnknownAction,
    Poison::UnknownSchema,
    Poison::KeyMismatch,
    Poison::NullKey,
    Poison::NullValue,
];
const FOR_FILES: usize = 13;
/// More than the 16 KiB that an event may have.
const TOO_LARGE: usize = 16 * 1024 + 512;

impl Poison {
    /// The choices that a carrier can carry.
    pub(super) fn choices(carrier: Carrier) -> &'static [Self] {
        match carrier {
            Carrier::Topics => &ALL,
            Carrier::File => ALL.get(..FOR_FILES).unwrap_or(&ALL),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::BadUtf8 => "bad_utf8",
            Self::Array => "array",
            Self::EmptyObject => "empty_object",
            Self::NullLiteral => "null_literal",
            Self::VersionText => "version_text",
            Self::VersionZero => "version_zero",
            Self::UnknownActor => "unknown_actor",
            Self::MissingTime => "missing_time",
            Self::NoInformation => "no_information",
            Self::TooLarge => "too_large",
            Self::UnknownAction => "unknown_action",
            Self::UnknownSchema => "schema_9",
            Self::KeyMismatch => "key_mismatch",
            Self::NullKey => "null_key",
            Self::NullValue => "null_value",
        }
    }

    /// Spoils a copy of an `order.created`. The copy gets an order number of its own first.
    pub(super) fn spoil(self, event: &mut GeneratedEvent) {
        estrange(event);
        let value = &mut event.value;
        match self {
            Self::Cut => value.truncate(value.len() / 2),
            Self::BadUtf8 => replace(value, b"\"category\":\"", b"\"", b"\xc3\x28\xff"),
            Self::Array => set(value, b"[1,2,3]"),
            Self::EmptyObject => set(value, b"{}"),
            Self::NullLiteral => set(value, b"null"),
            Self::VersionText => replace(value, b"\"version\":", b"}", b"\"1\""),
            Self::VersionZero => replace(value, b"\"version\":", b"}", b"0"),
            Self::UnknownActor => replace(value, b"\"actor\":{\"type\":\"", b"\"", b"ROBOT"),
            Self::MissingTime => replace(value, b"\"time\":{", b"}", b""),
            Self::NoInformation => replace(value, b"\"info\":{", b"}", b""),
            Self::TooLarge => {
                value.pop();
                value.extend_from_slice(b",\"pad\":\"");
                value.resize(TOO_LARGE, b'x');
                value.extend_from_slice(b"\"}");
            }
            Self::UnknownAction => {
                replace(value, b"\"action\":\"", b"\"", b"order.teleported");
                event.action = "order.teleported";
            }
            Self::UnknownSchema => {
                replace(
                    value,
                    b"\"schema\":{\"name\":\"order.created\",\"version\":",
                    b"}",
                    b"9",
                );
                event.schema_version = 9;
            }
            Self::KeyMismatch => event.key.reverse(),
            Self::NullKey => event.key.clear(),
            Self::NullValue => value.clear(),
        }
    }
}

/// Gives the event an order number that nobody has: its check characters are turned round, or
/// changed where that makes no difference.
fn estrange(event: &mut GeneratedEvent) {
    let Some(known) = event.key.first_chunk::<LENGTH>().copied() else {
        return;
    };
    let [head @ .., last, check] = known;
    let (last, check) = if last == check {
        (last, if check == b'0' { b'1' } else { b'0' })
    } else {
        (check, last)
    };
    let mut stranger = [0; LENGTH];
    for (slot, byte) in stranger
        .iter_mut()
        .zip(head.into_iter().chain([last, check]))
    {
        *slot = byte;
    }
    let mut from = 0;
    while let Some(at) = position(event.value.get(from..).unwrap_or_default(), &known) {
        let at = from + at;
        event.value.splice(at..at + LENGTH, stranger);
        from = at + LENGTH;
    }
    event.key.clear();
    event.key.extend_from_slice(&stranger);
}

fn set(value: &mut Vec<u8>, text: &[u8]) {
    value.clear();
    value.extend_from_slice(text);
}

/// Replaces what stands between the first `before` and the next `after`, if both occur.
pub(super) fn replace(value: &mut Vec<u8>, before: &[u8], after: &[u8], by: &[u8]) {
    let Some(start) = position(value, before).map(|at| at + before.len()) else {
        return;
    };
    let Some(length) = position(value.get(start..).unwrap_or_default(), after) else {
        return;
    };
    value.splice(start..start + length, by.iter().copied());
}

/// Where a text occurs first.
pub(super) fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
