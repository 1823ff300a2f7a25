//! `GET /orders/{orderNo}` as a client on a raw socket sees it.

use super::tests::{Server, server_with};
use crate::config::Secret;

const TOKEN: &str = "a-token-of-the-test";

async fn ask(server: &Server, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    server.raw(&request).await
}

#[tokio::test]
async fn an_order_is_told_as_json_whatever_its_number_is() {
    let server = server_with(true, None).await;
    for (path, order_no) in [
        ("/orders/here", "here"),
        (
            "/orders/here%2F%EC%A3%BC%EB%AC%B8%20%221%22",
            r#"here/주문 \"1\""#,
        ),
        ("/orders/here?x=1", "here"),
    ] {
        let answer = ask(&server, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-type: application/json\r\n"),
            "{answer}"
        );
        assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
        let start = format!("\r\n\r\n{{\"orderNo\":\"{order_no}\",");
        assert!(answer.contains(&start), "{answer}");
    }
}

#[tokio::test]
async fn what_nobody_has_is_not_found_and_what_is_on_its_way_is_worth_another_try() {
    let server = server_with(true, None).await;
    let answer = ask(&server, "/orders/nowhere", "").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("\"error\":\"NOT_FOUND\""), "{answer}");
    assert!(!answer.contains("retry-after"), "{answer}");
    let answer = ask(&server, "/orders/moving", "").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\"error\":\"REBALANCING\""), "{answer}");
}

#[tokio::test]
async fn a_path_without_an_order_number_is_refused() {
    let server = server_with(true, None).await;
    for path in ["/orders/", "/orders/%ff", "/orders/B1%2"] {
        let answer = ask(&server, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(answer.contains("NO_ORDER_NUMBER"), "{answer}");
    }
    let answer = ask(&server, "/orders", "").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn only_a_get_asks() {
    let server = server_with(true, None).await;
    for method in ["POST", "HEAD", "PUT", "DELETE"] {
        let request =
            format!("{method} /orders/here HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = server.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
        assert!(answer.contains("allow: GET\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn where_a_token_is_configured_it_is_needed() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    for wrong in [
        "",
        "authorization: Bearer x\r\n",
        "authorization: Basic a-token-of-the-test\r\n",
    ] {
        for headers in [
            wrong.to_owned(),
            format!("{wrong}x-jumun-forwarded-by: me\r\n"),
        ] {
            let answer = ask(&server, "/orders/here", &headers).await;
            assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
            assert!(!answer.contains("orderNo"), "{answer}");
        }
    }
    let answer = ask(
        &server,
        "/orders/here",
        &format!("authorization: Bearer {TOKEN}\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
