//! What changes something over HTTP, as a client on a raw socket sees it.

use super::tests::{Server, server_with};
use crate::config::Secret;

const TOKEN: &str = "a-token-of-the-test";

async fn resume(server: &Server, method: &str, authorization: Option<&str>) -> String {
    let authorization = authorization
        .map(|value| format!("authorization: {value}\r\n"))
        .unwrap_or_default();
    let request = format!(
        "{method} /dead-letters/resume HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}\r\n"
    );
    server.raw(&request).await
}

#[tokio::test]
async fn the_token_resumes_the_paused_tasks() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    for scheme in ["Bearer", "bearer"] {
        let answer = resume(&server, "POST", Some(&format!("{scheme} {TOKEN}"))).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-type: application/json"),
            "{answer}"
        );
        assert!(
            answer.ends_with("\r\n\r\n{\"resumed\":[\"0_1\"]}\n"),
            "{answer}"
        );
    }
    assert_eq!(server.resumes(), 2);
}

#[tokio::test]
async fn a_missing_or_wrong_token_is_refused_and_changes_nothing() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    for wrong in [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer a-token-of-the-tes"),
        Some("Bearer a-token-of-the-test2"),
        Some("Basic a-token-of-the-test"),
        Some(TOKEN),
    ] {
        let answer = resume(&server, "POST", wrong).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{wrong:?}: {answer}");
        assert!(answer.contains("www-authenticate: Bearer\r\n"), "{answer}");
        assert!(!answer.contains(TOKEN), "{answer}");
    }
    assert_eq!(server.resumes(), 0);
}

#[tokio::test]
async fn without_a_configured_token_nobody_may_and_the_fix_is_told() {
    let server = server_with(true, None).await;
    for authorization in [None, Some("Bearer "), Some("Bearer x")] {
        let answer = resume(&server, "POST", authorization).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(answer.contains("JUMUN__HTTP__TOKEN"), "{answer}");
    }
    assert_eq!(server.resumes(), 0);
}

#[tokio::test]
async fn only_a_post_resumes() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let answer = resume(&server, method, Some(&format!("Bearer {TOKEN}"))).await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
        assert!(answer.contains("allow: POST\r\n"), "{answer}");
    }
    assert_eq!(server.resumes(), 0);
}

async fn change(server: &Server, path: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    );
    server.raw(&request).await
}

#[tokio::test]
async fn an_instance_is_paused_with_a_reason_and_resumed() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    let answer = change(&server, "/pause?reason=%EB%B0%B0%ED%8F%AC%0Anow").await;
    assert!(
        answer.ends_with("{\"paused\":true,\"reason\":\"배포now\"}\n"),
        "{answer}"
    );
    assert_eq!(server.paused().as_deref(), Some("배포now"));
    let answer = change(&server, "/resume").await;
    assert!(
        answer.ends_with("{\"paused\":false,\"reason\":\"배포now\"}\n"),
        "{answer}"
    );
    assert_eq!(server.paused(), None);
    let answer = change(&server, "/resume").await;
    assert!(
        answer.ends_with("{\"paused\":false,\"reason\":null}\n"),
        "{answer}"
    );
    let answer = change(&server, "/pause").await;
    assert!(answer.contains("no reason was given"), "{answer}");
    let answer = change(&server, "/pause?reason=%ff").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_pause_needs_the_token() {
    let server = server_with(true, Some(Secret::new(TOKEN))).await;
    for path in ["/pause", "/resume"] {
        let answer = server
            .raw(&format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    assert_eq!(server.paused(), None);
}
