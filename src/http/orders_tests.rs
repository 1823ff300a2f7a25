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

const BROWSER: &str = "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

#[tokio::test]
async fn a_browser_gets_a_page_with_the_status_of_the_answer_and_no_markup_of_the_order() {
    let server = server_with(true, None).await;
    for (path, status, told) in [
        (
            "/orders/here%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            "200",
            "&quot;orderNo&quot;:&quot;here&lt;script&gt;alert(1)&lt;/script&gt;&quot;",
        ),
        (
            "/orders/nowhere",
            "404",
            "&quot;error&quot;:&quot;NOT_FOUND&quot;",
        ),
        (
            "/orders/moving",
            "503",
            "&quot;error&quot;:&quot;REBALANCING&quot;",
        ),
        ("/orders/", "400", "NO_ORDER_NUMBER"),
    ] {
        let answer = ask(&server, path, BROWSER).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        for header in [
            "content-type: text/html; charset=utf-8\r\n",
            "content-security-policy: default-src 'none';",
            "vary: accept\r\n",
            "cache-control: no-store\r\n",
            "referrer-policy: no-referrer\r\n",
        ] {
            assert!(answer.contains(header), "{header}: {answer}");
        }
        assert!(answer.contains(told), "{answer}");
        assert_eq!(answer.matches("<script").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn the_page_without_a_token_tells_nothing() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    let answer = ask(&server, "/orders/here", BROWSER).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("www-authenticate: Bearer\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/html"), "{answer}");
    assert!(!answer.contains("orderNo"), "{answer}");
    let refused = ask(&server, "/orders/here?traces", "").await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
}

#[tokio::test]
async fn what_topics_tell_is_json_for_everybody() {
    let server = server_with(true, None).await;
    for headers in ["", BROWSER] {
        for path in [
            "/orders/here?traces",
            "/orders/nowhere?traces&since=17",
            "/orders/here?since=no&traces",
        ] {
            let answer = ask(&server, path, headers).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(
                answer.contains("content-type: application/json"),
                "{answer}"
            );
            assert!(answer.contains("\"topics\":[]"), "{answer}");
        }
    }
}
