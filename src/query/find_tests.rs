//! Finding an order among instances that are played by sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use topology::{Error, ErrorClass};

use super::answer::OrderAnswer;
use super::find::{Asked, Orders, Reply};
use super::group::{Group, GroupReader, GroupThread, Owner};
use super::local::{LocalOrders, Look};

/// Of the bare number `B5` among four partitions.
const LIKELY: i32 = 1;

struct Local(Look);

impl LocalOrders for Local {
    fn look(&self, _order_no: &str) -> Result<Look, Error> {
        Ok(self.0.clone())
    }
}

struct Told(Option<Group>);

impl GroupReader for Told {
    fn read(&mut self) -> Result<Group, Error> {
        let rebalances = || Error::new(ErrorClass::Retriable, "describe group", "it rebalances");
        self.0.clone().ok_or_else(rebalances)
    }
}

/// Another instance, which gives one answer to everybody, or none at all.
struct Other {
    server: String,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn other(answer: Option<(u16, Value)>) -> Other {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap();
            request.truncate(read);
            seen.lock().push(String::from_utf8(request).unwrap());
            let Some((status, body)) = &answer else {
                std::future::pending::<()>().await;
                return;
            };
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Other { server, requests }
}

fn absent(absent: &[i32], restoring: &[i32]) -> Option<(u16, Value)> {
    let body = json!({
        "orderNo": "B5", "error": "NOT_FOUND", "detail": "", "instance": "x", "absent": absent, "restoring": restoring,
    });
    Some((404, body))
}

fn owner(instance: &str, server: Option<&str>) -> Owner {
    Owner {
        instance: instance.to_owned(),
        server: server.map(str::to_owned),
    }
}

/// A group of four partitions.
fn group(owners: &[(i32, Owner)]) -> Option<Group> {
    Some(Group {
        partitions: 4,
        owners: owners.iter().cloned().collect::<BTreeMap<_, _>>(),
        unsettled: None,
    })
}

fn look(absent: &[i32], restoring: &[i32]) -> Look {
    Look {
        found: None,
        absent: absent.to_vec(),
        restoring: restoring.to_vec(),
    }
}

async fn find(look: Look, group: Option<Group>, asked: Asked) -> (u16, Value) {
    let thread = GroupThread::start(Box::new(move || Box::new(Told(group)))).unwrap();
    let orders = Orders::new("me", Arc::new(Local(look)), thread);
    let Reply { status, body, .. } = orders.find("B5", asked).await;
    (status.as_u16(), serde_json::from_slice(&body).unwrap())
}

#[test]
fn the_likely_partition_is_that_of_the_bare_number() {
    assert_eq!(topology::io::murmur2::partition_of(b"B5", 4), LIKELY);
}

#[tokio::test]
async fn an_order_that_is_here_is_told_without_asking_anybody() {
    let found = Look {
        found: Some(Box::new(OrderAnswer {
            order_no: "B5".to_owned(),
            ..OrderAnswer::default()
        })),
        ..Look::default()
    };
    let (status, body) = find(found, None, Asked::default()).await;
    assert_eq!((status, &body["orderNo"]), (200, &json!("B5")));
}

#[tokio::test]
async fn the_likely_owner_alone_is_asked_and_its_answer_passed_on() {
    let right = other(Some((200, json!({"orderNo": "B5", "seq": 7})))).await;
    let wrong = other(absent(&[2, 3], &[])).await;
    let group = group(&[
        (0, owner("me", None)),
        (LIKELY, owner("right", Some(&right.server))),
        (2, owner("wrong", Some(&wrong.server))),
        (3, owner("wrong", Some(&wrong.server))),
    ]);
    let asked = Asked {
        is_forwarded: false,
        authorization: Some("Bearer t0k".parse().unwrap()),
    };
    let (status, body) = find(look(&[0], &[]), group, asked).await;
    assert_eq!((status, &body["seq"]), (200, &json!(7)));
    let requests = right.requests.lock();
    assert_eq!(requests.len(), 1);
    for part in [
        "GET /orders/B5 HTTP/1.1\r\n",
        "x-jumun-forwarded-by: me\r\n",
        "authorization: Bearer t0k\r\n",
    ] {
        assert!(requests[0].contains(part), "{}", requests[0]);
    }
    assert!(wrong.requests.lock().is_empty());
}

#[tokio::test]
async fn an_order_with_another_key_is_found_where_it_is() {
    let likely = other(absent(&[LIKELY], &[])).await;
    let real = other(Some((200, json!({"orderNo": "B5"})))).await;
    let group = group(&[
        (0, owner("me", None)),
        (LIKELY, owner("likely", Some(&likely.server))),
        (2, owner("real", Some(&real.server))),
        (3, owner("real", Some(&real.server))),
    ]);
    let (status, _) = find(look(&[0], &[]), group, Asked::default()).await;
    assert_eq!(status, 200);
    assert_eq!(likely.requests.lock().len(), 1);
}

#[tokio::test]
async fn nobody_has_it_only_if_every_partition_says_so() {
    let one = other(absent(&[LIKELY, 2], &[])).await;
    let here = look(&[0, 3], &[]);
    let owners = [
        (0, owner("me", None)),
        (LIKELY, owner("one", Some(&one.server))),
        (2, owner("one", Some(&one.server))),
        (3, owner("me", None)),
    ];
    let (status, body) = find(here.clone(), group(&owners), Asked::default()).await;
    assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")));
    assert_eq!(body["absent"], json!([0, 1, 2, 3]));
    assert_eq!(one.requests.lock().len(), 1);

    // What the group says of a partition counts, not what a member thinks that lost it.
    let mut moved = owners.to_vec();
    moved[2].1 = owner("gone", Some("127.0.0.1:1"));
    let (status, body) = find(here.clone(), group(&moved), Asked::default()).await;
    assert_eq!((status, &body["error"]), (502, &json!("OWNER_UNREACHABLE")));

    let told = |at: usize, owner: Option<Owner>| {
        let mut owners = owners.to_vec();
        match owner {
            Some(owner) => owners[at].1 = owner,
            None => drop(owners.remove(at)),
        }
        group(&owners)
    };
    let (status, body) = find(here.clone(), told(0, None), Asked::default()).await;
    assert_eq!((status, &body["error"]), (503, &json!("NO_OWNER")));
    let mut rebalancing = told(0, None);
    rebalancing.as_mut().unwrap().unsettled = Some("the group rebalances".to_owned());
    let (status, body) = find(here.clone(), rebalancing, Asked::default()).await;
    assert_eq!((status, &body["error"]), (503, &json!("REBALANCING")));
    let silent = told(0, Some(owner("silent", None)));
    let (status, body) = find(here.clone(), silent, Asked::default()).await;
    assert_eq!((status, &body["error"]), (502, &json!("OWNER_UNKNOWN")));
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("http.application_server"), "{detail}");
    let (status, body) = find(here, None, Asked::default()).await;
    assert_eq!((status, &body["error"]), (503, &json!("GROUP_UNAVAILABLE")));
    let (status, body) = find(look(&[3], &[]), group(&owners), Asked::default()).await;
    assert_eq!((status, &body["error"]), (503, &json!("REBALANCING")));
    let (status, body) = find(look(&[3], &[0]), group(&owners), Asked::default()).await;
    assert_eq!((status, &body["error"]), (503, &json!("RESTORING")));
}

#[tokio::test]
async fn what_the_owner_cannot_tell_is_named() {
    for (answer, status, error, word) in [
        (
            absent(&[], &[LIKELY]),
            503,
            "RESTORING",
            "instance one restores",
        ),
        (absent(&[], &[]), 503, "REBALANCING", "on its way"),
        (
            Some((401, json!("no"))),
            502,
            "OWNER_UNREACHABLE",
            "http.token",
        ),
        (
            Some((404, json!("there is no /orders/B5"))),
            502,
            "OWNER_UNREACHABLE",
            "another version",
        ),
    ] {
        let one = other(answer).await;
        let all = (0..4).map(|partition| (partition, owner("one", Some(&one.server))));
        let group = group(&all.collect::<Vec<_>>());
        let (found, body) = find(Look::default(), group, Asked::default()).await;
        assert_eq!((found, &body["error"]), (status, &json!(error)), "{body}");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{detail}");
    }
}

#[tokio::test]
async fn an_owner_that_does_not_answer_is_given_up() {
    let one = other(None).await;
    let all = (0..4).map(|partition| (partition, owner("one", Some(&one.server))));
    let group = group(&all.collect::<Vec<_>>());
    let (status, body) = find(Look::default(), group, Asked::default()).await;
    assert_eq!((status, &body["error"]), (504, &json!("OWNER_TIMEOUT")));
}

#[tokio::test]
async fn what_was_forwarded_is_answered_from_here_alone() {
    let one = other(Some((200, json!({})))).await;
    let all = (0..4).map(|partition| (partition, owner("one", Some(&one.server))));
    let group = group(&all.collect::<Vec<_>>());
    let asked = Asked {
        is_forwarded: true,
        authorization: None,
    };
    let (status, body) = find(look(&[0], &[2]), group, asked).await;
    assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")));
    assert_eq!(
        (&body["absent"], &body["restoring"]),
        (&json!([0]), &json!([2]))
    );
    assert!(one.requests.lock().is_empty());
}

#[tokio::test]
async fn too_many_at_once_are_sent_away() {
    let slow = other(None).await;
    let all = (0..4).map(|partition| (partition, owner("slow", Some(&slow.server))));
    let told = group(&all.collect::<Vec<_>>());
    let thread = GroupThread::start(Box::new(move || Box::new(Told(told)))).unwrap();
    let orders = Arc::new(Orders::new("me", Arc::new(Local(Look::default())), thread));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..17 {
        let orders = Arc::clone(&orders);
        asking.spawn(async move { orders.find("B5", Asked::default()).await });
    }
    let first = asking.join_next().await.unwrap().unwrap();
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(
        (first.status.as_u16(), first.passes, &body["error"]),
        (503, true, &json!("BUSY"))
    );
    while let Some(reply) = asking.join_next().await {
        assert_eq!(reply.unwrap().status.as_u16(), 504);
    }
}
