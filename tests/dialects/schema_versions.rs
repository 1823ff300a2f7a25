//! E18: what an event of another schema version is read as.

use jumun::dialect::Form;
use jumun::domain::event::OrderEvent;
use jumun::domain::upcast::UPCASTERS;

use crate::dialects::fixture::{PLAIN, plain};

/// The event of `plain.json` with this information and schema version.
fn accepted(info: &str, version: &str) -> OrderEvent {
    let mut envelope: serde_json::Value = serde_json::from_slice(PLAIN).unwrap();
    envelope["info"] = serde_json::from_str(info).unwrap();
    envelope["schema"]["version"] = serde_json::from_str(version).unwrap();
    let text = envelope.to_string();
    plain(text.leak().as_bytes())
        .read_as(Form::Detect)
        .unwrap()
        .1
}

fn minutes(info: &str, version: &str) -> Result<Option<i64>, String> {
    let event = accepted(info, version);
    match event.defect() {
        None => Ok(event.info().cook_minutes),
        Some(defect) => Err(format!("{}: {}", defect.reason.name(), defect.message)),
    }
}

#[test]
fn version_2_of_order_accepted_tells_seconds() {
    assert_eq!(minutes(r#"{"cookMinutes":20}"#, "1"), Ok(Some(20)));
    assert_eq!(minutes(r#"{"cookSeconds":1200}"#, "2"), Ok(Some(20)));
    assert_eq!(minutes(r#"{"cookSeconds":1201}"#, "2"), Ok(Some(21)));
    assert_eq!(
        minutes(r#"{"cookSeconds":9223372036854775807}"#, "2"),
        Ok(Some(153_722_867_280_912_931))
    );
    assert_eq!(minutes(r#"{"cookSeconds":null}"#, "2"), Ok(None));
    assert_eq!(minutes("{}", "2"), Ok(None));
    // Each version knows its own name only; the other one is an additional field, which is ignored.
    assert_eq!(minutes(r#"{"cookSeconds":1200}"#, "1"), Ok(None));
    assert_eq!(
        minutes(r#"{"cookMinutes":7,"cookSeconds":1200}"#, "2"),
        Ok(Some(20))
    );
    assert_eq!(minutes(r#"{"cookMinutes":"no number"}"#, "2"), Ok(None));
}

#[test]
fn other_fields_are_read_as_ever() {
    let event = accepted(
        r#"{"cookSeconds":60,"promisedAt":"2024-05-12T12:41:00.000+09:00","colour":"red"}"#,
        "2",
    );
    assert!(event.defect().is_none());
    let (_, known) = plain(PLAIN).read_as(Form::Plain).unwrap();
    assert_eq!(event.info().promised_at, known.info().promised_at);
}

#[test]
fn what_is_wrong_with_a_later_version_is_told_in_its_own_words() {
    for wrong in [r#""1200""#, "1200.5", "1e3", "99999999999999999999"] {
        assert_eq!(
            minutes(&format!(r#"{{"cookSeconds":{wrong}}}"#), "2"),
            Err("MALFORMED: info.cookSeconds is not an integer".to_owned()),
        );
    }
    assert_eq!(
        minutes(r#"{"cookSeconds":1}"#, "3"),
        Err("UNSUPPORTED_SCHEMA: schema.version is 3, only 1 and 2 are understood".to_owned())
    );
}

#[test]
fn versions_of_the_table_are_later_and_there_once() {
    for (place, upcaster) in UPCASTERS.iter().enumerate() {
        assert!(upcaster.version > 1);
        let same = |other: &&jumun::domain::upcast::Upcaster| {
            (other.action, other.version) == (upcaster.action, upcaster.version)
        };
        assert_eq!(UPCASTERS.iter().position(|other| same(&other)), Some(place));
    }
}
