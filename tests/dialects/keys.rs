//! Keys are order numbers, however they are written.

use jumun::dialect::key::{KeyEncoding, ParsedKey};
use jumun::dialect::{Arrival, Decoder, Dialect, Dialects, Form, KeyForm};
use jumun::domain::event::OrderEvent;

use crate::dialects::fixture::{KEY, ORDER, PLAIN, TOPIC, file};

const QUOTED: &[u8] = b"\"B24051200001XK7Q\"";
const ESCAPED: &[u8] = b"\"\\u004224051200001XK7Q\"";
const OBJECT: &[u8] = b"{\"aggregateid\": \"B24051200001XK7Q\"}";
const SCHEMA: &[u8] = file!("key-schema-string.json");
const SCHEMA_OBJECT: &[u8] = file!("key-schema-struct.json");
const FRAMED: &[u8] = b"\x00\x00\x00\x00\x07\"B24051200001XK7Q\"";

fn outcome(form: KeyForm, key: Option<&[u8]>) -> String {
    let dialect = Dialect {
        form: Form::Plain,
        key: form,
    };
    let mut decoder = Decoder::new(Dialects::new([(TOPIC.to_owned(), dialect)]));
    let arrival = Arrival {
        topic: TOPIC,
        key,
        value: Some(PLAIN),
    };
    match decoder.decode(&arrival, std::iter::empty(), &mut OrderEvent::default()) {
        Ok(_) => "read".to_owned(),
        Err(defect) => format!("{}: {}", defect.reason.name(), defect.message),
    }
}

#[test]
fn every_encoding_of_the_order_number_is_its_key() {
    for key in [KEY, QUOTED, ESCAPED, OBJECT, SCHEMA, SCHEMA_OBJECT, FRAMED] {
        let shown = String::from_utf8_lossy(key);
        assert_eq!(outcome(KeyForm::Detect, Some(key)), "read", "{shown}");
    }
}

#[test]
fn a_topic_whose_keys_are_told_takes_no_others() {
    for (form, fitting) in [
        (KeyForm::Bare, &[KEY][..]),
        (KeyForm::Json, &[QUOTED, ESCAPED, OBJECT, FRAMED]),
        (KeyForm::Schema, &[SCHEMA, SCHEMA_OBJECT]),
    ] {
        for key in [KEY, QUOTED, ESCAPED, OBJECT, SCHEMA, SCHEMA_OBJECT, FRAMED] {
            let read = outcome(form, Some(key)) == "read";
            assert_eq!(
                read,
                fitting.contains(&key),
                "{form:?} {}",
                String::from_utf8_lossy(key)
            );
        }
    }
}

#[test]
fn another_key_or_none_is_a_mismatch() {
    assert_eq!(
        outcome(KeyForm::Detect, None),
        "KEY_MISMATCH: the record has no key; it must be target.orderNo"
    );
    assert_eq!(
        outcome(KeyForm::Detect, Some(b"B2")),
        "KEY_MISMATCH: the record's key \"B2\" is not target.orderNo \"B24051200001XK7Q\""
    );
    for key in [
        &b""[..],
        b" B24051200001XK7Q",
        b"\"B2\"",
        b"{\"id\":\"B24051200001XK7Q\"}",
        b"\xff",
        b"7",
        b"\"",
        b"\x00",
    ] {
        assert!(
            outcome(KeyForm::Detect, Some(key)).starts_with("KEY_MISMATCH"),
            "{key:?}"
        );
    }
    let by_row = outcome(KeyForm::Detect, Some(file!("key-schema-struct-of-id.json")));
    assert!(
        by_row.ends_with("(message.key.columns=<table>:aggregateid)"),
        "{by_row}"
    );
}

#[test]
fn keys_with_the_same_around_them_are_the_same_bytes_for_an_order() {
    let around = |key: &'static [u8]| {
        let key = ParsedKey::read(key).unwrap();
        assert_eq!(key.order_no(), ORDER);
        (key.encoding, key.around())
    };
    assert_eq!(around(KEY), (KeyEncoding::Bare, (&b""[..], &b""[..])));
    assert_eq!(
        around(QUOTED),
        (KeyEncoding::Json, (&b"\""[..], &b"\""[..]))
    );
    assert_eq!(
        around(FRAMED),
        (
            KeyEncoding::Json,
            (&b"\x00\x00\x00\x00\x07\""[..], &b"\""[..])
        )
    );
    for key in [OBJECT, SCHEMA, SCHEMA_OBJECT] {
        let (_, (before, after)) = around(key);
        assert_eq!([before, KEY, after].concat(), key);
    }
    // The same encoding with another schema is another key.
    let optional: &[u8] =
        br#"{"schema":{"type":"string","optional":true},"payload":"B24051200001XK7Q"}"#;
    assert_ne!(around(SCHEMA), around(optional));
}

#[test]
fn a_redriven_record_is_read_as_one_of_its_own_topic() {
    let thin = Dialect {
        form: Form::Thin,
        key: KeyForm::Json,
    };
    let mut decoder = Decoder::new(Dialects::new([("payment.events.v1".to_owned(), thin)]));
    let arrival = Arrival {
        topic: "order.redrive.v1",
        key: Some(QUOTED),
        value: Some(file!("thin.json")),
    };
    let mut event = OrderEvent::default();
    let headers = [("x-redrive-topic", Some(&b"payment.events.v1"[..]))];
    assert!(
        decoder
            .decode(&arrival, headers.into_iter(), &mut event)
            .is_ok()
    );
    // The processor itself writes the key bare.
    let bare = Arrival {
        key: Some(KEY),
        ..arrival
    };
    assert!(
        decoder
            .decode(&bare, headers.into_iter(), &mut event)
            .is_ok()
    );
    // Of a record that was not redriven the header says nothing.
    let direct = Arrival {
        topic: TOPIC,
        ..bare
    };
    assert!(
        decoder
            .decode(&direct, headers.into_iter(), &mut event)
            .is_ok()
    );
    // From any other topic the same is detected.
    let headers = [("x-redrive-topic", Some(&b"order.events.v1"[..]))];
    assert!(
        decoder
            .decode(&bare, headers.into_iter(), &mut event)
            .is_ok()
    );
}
