//! The page's files and its stream, as a client on a raw socket sees them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tests::{BOUND, Server, read_to_end, server};
use crate::page::{CONTENT_SECURITY_POLICY, File};

#[tokio::test]
async fn the_page_and_its_files_come_with_their_type_and_a_strict_policy() {
    let server = server(true).await;
    for file in File::all() {
        let policy = format!("content-security-policy: {CONTENT_SECURITY_POLICY}");
        server
            .check("GET", file.path, "200", &policy, file.body)
            .await;
        for header in [
            format!("content-type: {}", file.content_type),
            "x-content-type-options: nosniff".to_owned(),
            "cache-control: no-store".to_owned(),
        ] {
            server
                .check("GET", file.path, "200", &header, file.body)
                .await;
        }
    }
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[tokio::test]
async fn the_topology_is_text_for_tools_and_a_drawing_for_browsers() {
    let server = server(true).await;
    let ask = async |path: &str, accept: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: {accept}\r\n\r\n"
        );
        server.raw(&request).await
    };
    let text = ask("/topology", "*/*").await;
    assert!(text.contains("content-type: text/plain"), "{text}");
    assert!(text.contains("vary: accept"), "{text}");
    assert!(text.ends_with("\r\n\r\nTopologies:\n"), "{text}");
    for (path, accept) in [
        ("/topology", "application/xml;q=0.9, text/html;q=0.8"),
        ("/topology.html", "*/*"),
    ] {
        let html = ask(path, accept).await;
        assert!(html.contains("content-type: text/html"), "{html}");
        assert!(html.contains("<svg></svg>"), "{html}");
        assert!(html.contains("content-security-policy: "), "{html}");
    }
}

/// Reads the stream until `count` snapshots have come.
async fn snapshots(stream: &mut TcpStream, count: usize) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer);
        if text.matches("event: snapshot").count() >= count && text.ends_with("\n\n\r\n") {
            return text.into_owned();
        }
        let read = timeout(BOUND, stream.read(&mut part)).await;
        let read = read.expect("snapshots come").unwrap();
        assert!(read > 0, "{text}");
        answer.extend_from_slice(&part[..read]);
    }
}

async fn watch(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream
}

#[tokio::test]
async fn snapshots_come_as_events_one_after_the_other() {
    let server = server(true).await;
    let mut stream = watch(&server).await;
    let answer = snapshots(&mut stream, 2).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for header in ["content-type: text/event-stream", "cache-control: no-store"] {
        assert!(head.lines().any(|line| line == header), "{head}");
    }
    assert!(body.contains("retry: 2000\n\n"), "{body}");
    assert!(
        body.contains("id: 1\nevent: snapshot\ndata: {\"at\":"),
        "{body}"
    );
    assert!(body.contains("id: 2\nevent: snapshot\n"), "{body}");
    assert!(body.contains("\"name\":\"RESTORING\""), "{body}");
}

#[tokio::test]
async fn a_stop_ends_the_stream_in_order_and_at_once() {
    let server = server(true).await;
    let mut stream = watch(&server).await;
    snapshots(&mut stream, 1).await;
    server.stop.send(()).unwrap();
    let rest = read_to_end(&mut stream).await;
    // The last chunk of a chunked body: the answer was ended, not cut off.
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    timeout(Duration::from_secs(2), server.done)
        .await
        .expect("within the grace")
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_in_order_when_its_connection_is_old() {
    let server = server(true).await;
    let mut stream = watch(&server).await;
    let mut answer = Vec::new();
    // The clock of the runtime is virtual: it jumps from snapshot to snapshot.
    timeout(Duration::from_secs(700), stream.read_to_end(&mut answer))
        .await
        .expect("ended by its age")
        .unwrap();
    assert!(answer.ends_with(b"0\r\n\r\n"));
    // Another one is welcome.
    snapshots(&mut watch(&server).await, 1).await;
}

#[tokio::test]
async fn too_many_who_watch_are_sent_away_and_health_still_answers() {
    let server = server(true).await;
    let mut watching = Vec::new();
    for _ in 0..16 {
        let mut stream = watch(&server).await;
        snapshots(&mut stream, 1).await;
        watching.push(stream);
    }
    let body = "too many are watching; try again later\n";
    server
        .check("GET", "/events", "503", "retry-after: 10", body)
        .await;
    server
        .check("GET", "/health/live", "200", "content-length: 5", "live\n")
        .await;
    // A place becomes free when one of them goes.
    drop(watching.pop());
    let free = async {
        loop {
            let mut stream = watch(&server).await;
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            if &first == b"HTTP/1.1 200" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(BOUND, free).await.expect("a place becomes free");
}

#[tokio::test]
async fn the_stream_is_read_only() {
    let server = server(true).await;
    server
        .check(
            "POST",
            "/events",
            "405",
            "allow: GET, HEAD",
            "POST is not allowed on /events\n",
        )
        .await;
    server
        .check(
            "HEAD",
            "/events",
            "200",
            "content-type: text/event-stream",
            "",
        )
        .await;
}
