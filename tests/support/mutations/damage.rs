//! What a fault does to a record.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::record::{Arrival, Event};

const CLOCK_WRONG_BY: i64 = 24 * 3_600_000;
/// More than an event may have.
const TOO_LARGE: usize = 17 * 1_024;

/// Gives it an actor who may not do this.
pub fn hijack(arrival: &mut Arrival, event: &Event) {
    let stranger = match event.action.starts_with("payment.") {
        true => "RIDER",
        false => "PG",
    };
    arrival.edit(|value| value["actor"] = json!({"type": stranger, "id": "stranger"}));
}

/// Tells a time that is up to a day off.
pub fn mistime(arrival: &mut Arrival, random: &mut StdRng) {
    let by = random.random_range(-CLOCK_WRONG_BY..=CLOCK_WRONG_BY);
    arrival.edit(|value| shift(&mut value["time"]["occurredAt"], by));
}

fn shift(time: &mut Value, by: i64) {
    let at: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    let shifted = jiff::Timestamp::from_millisecond(at.as_millisecond() + by).unwrap();
    *time = json!(shifted.to_string());
}

/// Makes a dead letter of it, and says for which reason it is one.
pub fn spoil(arrival: &mut Arrival, random: &mut StdRng) -> &'static str {
    match random.random_range(0..9) {
        0 => {
            let value = arrival.value.as_mut().unwrap();
            value.truncate(value.len() / 2);
            "MALFORMED"
        }
        1 => {
            let value = arrival.value.as_mut().unwrap();
            let place = value.len() / 2;
            value.splice(place..place, *b"\xc3\x28");
            "MALFORMED"
        }
        2 => {
            arrival.edit(|value| value["target"]["version"] = json!("one"));
            "MALFORMED"
        }
        3 => {
            arrival.edit(|value| value["target"]["version"] = json!(0));
            "MALFORMED"
        }
        4 => {
            arrival.value = None;
            "MALFORMED"
        }
        5 => {
            arrival.edit(|value| value["padding"] = json!("x".repeat(TOO_LARGE)));
            "TOO_LARGE"
        }
        6 => {
            arrival.edit(|value| value["schema"]["version"] = json!(9));
            "UNSUPPORTED_SCHEMA"
        }
        7 => {
            arrival.key.as_mut().unwrap().reverse();
            "KEY_MISMATCH"
        }
        _ => {
            arrival.key = None;
            "KEY_MISMATCH"
        }
    }
}
