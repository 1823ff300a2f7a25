//! What a record must be to be an event.

use proptest::prelude::*;

use super::fixture::{CREATED_INFO, ev};
use crate::domain::decode::{MAX_PAYLOAD, decode};
use crate::domain::event::OrderEvent;

/// `OK`, `ENVELOPE REASON: message` or `INFO REASON: message`.
fn check(payload: &[u8]) -> String {
    let mut event = OrderEvent::default();
    match decode(Some(payload), &mut event) {
        Err(defect) => format!("ENVELOPE {}: {}", defect.reason.name(), defect.message),
        Ok(()) => event.defect().map_or("OK".to_owned(), |defect| {
            format!("INFO {}: {}", defect.reason.name(), defect.message)
        }),
    }
}

fn replaced(from: &str, to: &str) -> String {
    let json = ev("order.created", "CUSTOMER", 1).json();
    assert!(json.contains(from), "{from}");
    check(json.replacen(from, to, 1).as_bytes())
}

#[test]
fn the_fields_of_an_event_are_read() {
    let json = ev("order.created", "CUSTOMER", 1).json();
    let mut event = OrderEvent::default();
    decode(Some(format!("  {json}\n").as_bytes()), &mut event).unwrap();
    assert!(event.defect().is_none());
    assert_eq!(event.envelope(), json);
    assert_eq!(
        (event.id(), event.order_no(), event.target_id()),
        ("order.created-order-1", "B1", "B1")
    );
    assert_eq!(
        (event.version(), event.action_name(), event.actor_id()),
        (Some(1), "order.created", Some("x1"))
    );
    assert_eq!(
        (event.customer_id(), event.source()),
        (Some("x1"), Some("test"))
    );
    assert_eq!(event.info().amount, Some(20_000));
    assert_eq!(event.text(event.info().category.unwrap()), "치킨");
    assert!(
        event.matches_key(Some(b"B1"))
            && !event.matches_key(Some(b"B2"))
            && !event.matches_key(None)
    );
}

#[test]
fn broken_envelopes_name_the_field() {
    assert!(check(b"").starts_with("ENVELOPE MALFORMED: payload is empty"));
    assert!(check(b"[1]").starts_with("ENVELOPE MALFORMED: payload is not a json object"));
    assert_eq!(check(b"{}"), "ENVELOPE MALFORMED: id is missing");
    assert!(check(b"\xff\xfe{}").starts_with("ENVELOPE MALFORMED: payload is not utf-8"));
    assert!(check(&vec![b' '; MAX_PAYLOAD + 1]).starts_with("ENVELOPE TOO_LARGE"));
    let mut event = OrderEvent::default();
    assert!(decode(None, &mut event).is_err());
    for (from, to, field) in [
        (
            r#""id":"order.created-order-1""#,
            r#""id":7"#,
            "id is not a string",
        ),
        (
            r#""id":"order.created-order-1""#,
            r#""id":"""#,
            "id is empty",
        ),
        (
            r#""id":"order.created-order-1""#,
            r#""id":null"#,
            "id is missing",
        ),
        (
            r#""id":"order.created-order-1""#,
            r#""id":"\ud800""#,
            "id has an escape",
        ),
        (r#""version":1"#, r#""version":0"#, "target.version is not"),
        (r#""version":1"#, r#""version":-1"#, "target.version is not"),
        (
            r#""version":1"#,
            r#""version":"1""#,
            "target.version is not",
        ),
        (
            r#""version":1"#,
            r#""version":1.0"#,
            "target.version is not",
        ),
        (
            r#""version":1"#,
            r#""version":99999999999999999999"#,
            "target.version is not",
        ),
        (
            r#""version":1"#,
            r#""version":1,"version":2"#,
            "target.version is there twice",
        ),
        (
            r#""type":"order""#,
            r#""type":"orders""#,
            "target.type is not",
        ),
        (
            r#""orderNo":"B1""#,
            r#""orderNo":1"#,
            "target.orderNo is not a string",
        ),
        (
            r#""orderNo":"B1""#,
            r#""orderN":"B1""#,
            "target.orderNo is missing",
        ),
        (
            r#""type":"CUSTOMER""#,
            r#""type":"ALIEN""#,
            "actor.type is not",
        ),
        (
            r#""action":"order.created""#,
            r#""action":null"#,
            "action is missing",
        ),
        (
            r#""occurredAt":"2026"#,
            r#""occurredAt":"20x6"#,
            "time.occurredAt is not",
        ),
        (
            r#""recordedAt":"#,
            r#""recorded":"#,
            "time.recordedAt is missing",
        ),
        (
            r#""target":{"#,
            r#""target":[],"t":{"#,
            "target is not an object",
        ),
        (
            r#""source":{"#,
            r#""id":"x","source":{"#,
            "id is there twice",
        ),
        (
            r#""source":{"system":"test"}}"#,
            r#""source":{"system":"test"}"#,
            "not valid json",
        ),
    ] {
        let found = replaced(from, to);
        assert!(
            found.starts_with("ENVELOPE MALFORMED: ") && found.contains(field),
            "{to}: {found}"
        );
    }
}

#[test]
fn defects_behind_a_sound_envelope_are_kept_in_the_order_of_the_taxonomy() {
    let schema = r#""schema":{"name":"order.created","version":1}"#;
    for (from, to, expected) in [
        (
            r#""action":"order.created""#,
            r#""action":"order.teleported""#,
            "INFO UNKNOWN_ACTION: action order.teleported",
        ),
        (
            schema,
            r#""schema":{"name":"order.created","version":9}"#,
            "INFO UNSUPPORTED_SCHEMA: schema.version is 9",
        ),
        (
            schema,
            r#""schemata":1"#,
            "INFO UNSUPPORTED_SCHEMA: schema.version is none",
        ),
        (
            r#""amount":20000,"#,
            "",
            "INFO UNSUPPORTED_SCHEMA: info.amount is missing",
        ),
        (
            r#""amount":20000"#,
            r#""amount":null"#,
            "INFO UNSUPPORTED_SCHEMA: info.amount is missing",
        ),
        (
            r#""storeId":"st_1""#,
            r#""storeId":1"#,
            "INFO MALFORMED: info.storeId is not a string",
        ),
        (
            r#""amount":20000"#,
            r#""amount":-1"#,
            "INFO MALFORMED: info.amount is not",
        ),
        (
            r#""amount":20000"#,
            r#""amount":"20000""#,
            "INFO MALFORMED: info.amount is not",
        ),
        (
            r#""amount":20000"#,
            r#""amount":2e4"#,
            "INFO MALFORMED: info.amount is not",
        ),
        (
            r#""amount":20000"#,
            r#""amount":20000,"discount":-5"#,
            "INFO MALFORMED: info.discount is not",
        ),
        (
            r#""BAEMIN_SINGLE""#,
            r#""DRONE""#,
            "INFO MALFORMED: info.fulfilment is not",
        ),
        (
            r#""dong":"d1""#,
            r#""dong":"d1","promisedAt":"soon""#,
            "INFO MALFORMED: info.promisedAt is not",
        ),
        (
            r#""type":"order""#,
            r#""type":"claim""#,
            "INFO MALFORMED: order.created is no event of a target of type claim",
        ),
        (
            r#""dong":"d1""#,
            r#""dong":"d1","cookMinutes":"x","more":[{}]"#,
            "OK",
        ),
    ] {
        let found = replaced(from, to);
        assert!(found.starts_with(expected), "{to}: {found}");
    }
    let both = replaced(r#""amount":20000"#, r#""discount":-1"#);
    assert!(
        both.starts_with("INFO UNSUPPORTED_SCHEMA"),
        "missing comes before wrong: {both}"
    );
    let liability = ev("order.cancelled", "CS", 2)
        .info(r#"{"liability":"MOON"}"#)
        .json();
    assert!(check(liability.as_bytes()).starts_with("INFO MALFORMED: info.liability"));
    let recharge = ev("claim.withdrawn", "CS", 2)
        .info(r#"{"recharge":"yes"}"#)
        .json();
    assert!(check(recharge.as_bytes()).starts_with("INFO MALFORMED: info.recharge"));
    let no_info = ev("cooking.started", "STORE", 2)
        .json()
        .replace(r#""info":{},"#, "");
    assert_eq!(check(no_info.as_bytes()), "OK");
    let no_version = ev("cooking.started", "STORE", 0).json();
    assert_eq!(check(no_version.as_bytes()), "OK");
}

#[test]
fn escapes_are_resolved_and_nothing_of_the_last_event_remains() {
    let mut event = OrderEvent::default();
    let info = CREATED_INFO
        .replace("st_1", r"st\u005f\n\ud55c")
        .replace("치킨", "\\\"분식\\\"");
    decode(
        Some(
            ev("order.created", "CUSTOMER", 1)
                .info(&info)
                .json()
                .as_bytes(),
        ),
        &mut event,
    )
    .unwrap();
    assert_eq!(event.text(event.info().store_id.unwrap()), "st_\n한");
    assert_eq!(event.text(event.info().category.unwrap()), "\"분식\"");
    decode(
        Some(ev("order.accepted", "STORE", 0).json().as_bytes()),
        &mut event,
    )
    .unwrap();
    let mut fresh = OrderEvent::default();
    decode(
        Some(ev("order.accepted", "STORE", 0).json().as_bytes()),
        &mut fresh,
    )
    .unwrap();
    assert_eq!(format!("{event:?}"), format!("{fresh:?}"));
}

#[test]
fn the_content_hash_covers_the_five_parts_and_not_the_rest() {
    let base = ev("order.cancelled", "CS", 2).info(r#"{"reason":"SOLD_OUT","liability":"STORE"}"#);
    let hash = |json: &str| {
        let mut event = OrderEvent::default();
        decode(Some(json.as_bytes()), &mut event).unwrap();
        event.content_hash()
    };
    let json = base.json();
    let reordered = base
        .clone()
        .info("{ \"liability\" : \"STORE\",\n \"reason\":\"SOLD_OUT\"}")
        .json();
    assert_eq!(hash(&json), hash(&reordered));
    assert_eq!(hash(&json), hash(&base.clone().id("other").json()));
    assert_eq!(
        hash(&json),
        hash(&json.replace(r#""system":"test""#, r#""system":"other","shard":3"#))
    );
    for (from, to) in [
        (r#""version":2"#, r#""version":3"#),
        (r#""type":"CS""#, r#""type":"SYSTEM""#),
        (r#""id":"x1""#, r#""id":"x2""#),
        ("SOLD_OUT", "CHANGED_MIND"),
        ("order.cancelled\",\"actor", "order.rejected\",\"actor"),
        (r#""recordedAt":"2026"#, r#""recordedAt":"2027"#),
    ] {
        assert!(json.contains(from), "{from}");
        assert_ne!(hash(&json), hash(&json.replacen(from, to, 1)), "{to}");
    }
    // Values that change places between parts are other content.
    let swapped = json.replace(
        r#""reason":"SOLD_OUT","liability":"STORE""#,
        r#""reason":"STORE","liability":"SOLD_OUT""#,
    );
    assert_ne!(hash(&json), hash(&swapped));
}

#[test]
fn the_content_hash_is_stored_and_must_not_change_between_builds() {
    let event = ev("order.cancelled", "CS", 2)
        .info(r#"{"reason":"SOLD_OUT","n":[1,{"aKeyThatIsLongerThan16":null}]}"#);
    assert_eq!(event.decoded().content_hash(), 14_160_252_627_990_552_523);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut json = ev("order.created", "CUSTOMER", 1).json().into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        check(&json);
        json.truncate(cut.index(json.len()));
        prop_assert!(check(&json).starts_with("ENVELOPE"));
    }
}
