//! The section `[http]`.

use super::tests::{check_error, given};
use super::*;

#[test]
fn the_token_is_taken_from_any_layer_and_never_shown() {
    let environment = [("JUMUN__HTTP__TOKEN", "hunter2")];
    let effective = given("", &environment, Flags::default()).load();
    let token = effective.configuration.http.token.clone().unwrap();
    assert!(token.is(b"hunter2"));
    for text in [
        effective.print(Format::Toml).unwrap(),
        effective.print(Format::Json).unwrap(),
        format!("{effective:?}"),
    ] {
        assert!(
            !text.contains("hunter2") && text.contains("********"),
            "{text}"
        );
    }
    check_error(
        "[http]\ntoken = \"hunter 2\"",
        "jumun.toml, http.token: must be letters, digits and signs of ASCII without spaces",
    );
}

#[test]
fn others_are_told_the_address_that_is_listened_on_unless_it_is_every_address() {
    let told = |file: &str, bound: &str| {
        let http = given(file, &[], Flags::default()).load().configuration.http;
        http.application_server(bound.parse().unwrap())
    };
    assert_eq!(
        told("", "127.0.0.1:8081").as_deref(),
        Some("127.0.0.1:8081")
    );
    assert_eq!(told("", "[::1]:80").as_deref(), Some("[::1]:80"));
    assert_eq!(told("", "0.0.0.0:8080"), None);
    assert_eq!(told("", "[::]:8080"), None);
    let file = "[http]\napplication_server = \"jumun-0.jumun:80\"";
    assert_eq!(
        told(file, "0.0.0.0:8080").as_deref(),
        Some("jumun-0.jumun:80")
    );
    check_error(
        "[http]\napplication_server = \"jumun-0\"",
        "jumun.toml, http.application_server: \"jumun-0\" has no port; give host:port, such as orders-0.internal:8080",
    );
}
