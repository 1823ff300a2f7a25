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
