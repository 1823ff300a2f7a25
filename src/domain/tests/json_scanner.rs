//! The scanner of JSON text, against the library.

use crate::domain::json::Scanner;
use proptest::prelude::*;

fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.value().and_then(|_| scanner.finish()).is_ok()
}

fn hash(text: &str) -> u64 {
    let mut scanner = Scanner::new(text);
    let value = scanner.value().unwrap();
    scanner.member_hash(&value.clone(), &value)
}

fn content(text: &str) -> u64 {
    Scanner::new(text).value().unwrap().content
}

#[test]
fn the_hash_ignores_key_order_and_white_space_and_nothing_else() {
    let base =
        content(r#"{"a":1,"b":{"x":[1,"2"],"y":null},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#);
    let same = content(
        "{ \"b\" :{\"y\": null,\n\"x\":[ 1,\"2\" ]}, \"aVeryLongKeyOfMoreThanSixteenBytes\": \"v\",\"a\":1 }",
    );
    assert_eq!(base, same);
    for other in [
        r#"{"a":2,"b":{"x":[1,"2"],"y":null},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
        r#"{"a":1,"b":{"x":["2",1],"y":null},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
        r#"{"a":1,"b":{"x":[1,2],"y":null},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
        r#"{"a":1,"b":{"x":[1,"2"],"y":"null"},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
        r#"{"a":1.0,"b":{"x":[1,"2"],"y":null},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
        r#"{"a":1,"b":{"x":[1,"2"]},"y":null,"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
        r#"{"b":1,"a":{"x":[1,"2"],"y":null},"aVeryLongKeyOfMoreThanSixteenBytes":"v"}"#,
    ] {
        assert_ne!(base, content(other), "{other}");
    }
    assert_ne!(hash("1"), hash("2"));
}

#[test]
fn nesting_has_a_bound() {
    assert!(is_json(&format!("{}{}", "[".repeat(128), "]".repeat(128))));
    assert!(!is_json(&"[".repeat(16_000)));
    assert!(!is_json(&r#"{"a":"#.repeat(4_000)));
}

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0".to_owned()),
        Just("1.5e+3".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|v| format!("[{}]", v.join(" , "))),
            proptest::collection::vec(("[a-z\"\\\\]{0,20}", inner), 0..4).prop_map(|v| {
                let members: Vec<_> = v
                    .iter()
                    .map(|(k, v)| format!("{}:{v}", serde_json::to_string(k).unwrap()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn accepts_what_the_library_accepts(text in json_text(), cut in any::<prop::sample::Index>(), byte in any::<char>()) {
        prop_assert!(is_json(&text));
        let mut broken: Vec<char> = text.chars().collect();
        let at = cut.index(broken.len());
        broken[at] = byte;
        let broken: String = broken.into_iter().collect();
        prop_assert_eq!(is_json(&broken), serde_json::from_str::<serde::de::IgnoredAny>(&broken).is_ok(), "{}", broken);
    }

    #[test]
    fn accepts_nothing_else(text in "[\\[\\]{}\",:0-9eE.+\\-a-u\\\\ \\n]{0,24}") {
        prop_assert_eq!(is_json(&text), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
    }
}
