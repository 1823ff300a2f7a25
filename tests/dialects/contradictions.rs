//! An envelope and what stands outside of it must not be about different events.

use jumun::dialect::Form;

use crate::dialects::fixture::{Fixture, PLAIN, plain};

fn message(form: Form, headers: &'static [(&'static str, &'static [u8])]) -> String {
    let fixture = Fixture {
        headers,
        ..plain(PLAIN)
    };
    match fixture.read_as(form) {
        Ok(_) => "read".to_owned(),
        Err(defect) => format!("{}: {}", defect.reason.name(), defect.message),
    }
}

#[test]
fn another_id_or_action_in_the_headers_is_told_with_both() {
    for form in [Form::Detect, Form::DebeziumOutbox] {
        assert_eq!(
            message(form, &[("id", b"0192f3c1-7c1a-7abc-8def-000000000000")]),
            "MALFORMED: the header says that id is \"0192f3c1-7c1a-7abc-8def-000000000000\", the envelope that it is \
             \"0192f3c1-7c1a-7abc-8def-0123456789ab\""
        );
        assert_eq!(
            message(form, &[("eventType", b"\"order.rejected\"")]),
            "MALFORMED: the header says that action is \"order.rejected\", the envelope that it is \"order.accepted\""
        );
    }
    // On a topic that is said to be plain, headers are nobody's business.
    assert_eq!(message(Form::Plain, &[("id", b"another")]), "read");
}

#[test]
fn the_same_id_is_the_same_however_the_header_is_written() {
    for id in [
        &b"0192f3c1-7c1a-7abc-8def-0123456789ab"[..],
        b"\"0192f3c1-7c1a-7abc-8def-0123456789ab\"",
        b"\"\\u0030192f3c1-7c1a-7abc-8def-0123456789ab\"",
        br#"{"schema":{"type":"string","optional":false},"payload":"0192f3c1-7c1a-7abc-8def-0123456789ab"}"#,
    ] {
        let headers: &'static [(&'static str, &'static [u8])] = Box::leak(Box::new([("id", id)]));
        assert_eq!(message(Form::Detect, headers), "read");
    }
}

#[test]
fn a_cloud_event_of_another_type_than_its_envelope_is_refused() {
    let headers: &[(&str, &[u8])] = &[
        ("ce_specversion", b"1.0"),
        ("ce_id", b"0192f3c1-7c1a-7abc-8def-0123456789ab"),
        ("ce_source", b"order-api"),
        ("ce_type", b"kr.baemin.order.expired"),
    ];
    assert_eq!(
        message(Form::Detect, headers),
        "MALFORMED: the attribute says that action is \"order.expired\", the envelope that it is \"order.accepted\""
    );
}

#[test]
fn a_header_that_cannot_be_read_is_named() {
    let long: &'static [u8] = Box::leak(vec![b'x'; 2_000].into_boxed_slice());
    let headers: &'static [(&'static str, &'static [u8])] = Box::leak(Box::new([("id", long)]));
    assert_eq!(
        message(Form::DebeziumOutbox, headers),
        "MALFORMED: header id has 2000 bytes, at most 1024 are read"
    );
    assert_eq!(
        message(Form::DebeziumOutbox, &[("id", b"\xff")]),
        "MALFORMED: header id is not utf-8"
    );
    assert_eq!(
        message(Form::DebeziumOutbox, &[("version", b"[7]x\"")]),
        "MALFORMED: header version has quotes, backslashes or control characters in its text"
    );
}
