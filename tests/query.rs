//! Where one order stands, asked of whichever instance, on a real Kafka: with two instances, while events wait, when an
//! instance dies, and with keys that are not the bare order number.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use jumun_harness::{Broker, http_get, wait_for};
use serde_json::{Value, json};

use crate::support::processor::{Processor, Setup, TIMEOUT, jumun, run_to_end, tell};
use crate::support::sender::{Sender, bare};
use crate::support::topics::{DELIVERIES, create_inputs};

const TOKEN: &str = "the-token-of-this-test";
const PARTITIONS: i32 = 4;

fn json_quoted(order_no: &str) -> String {
    format!("\"{order_no}\"")
}

fn instance(broker: &Broker, name: &str, state: &Path) -> Setup {
    Setup::new(broker, "asked", &state.join(name))
        .flag("--instance-id", name)
        .setting("application.session_timeout_ms", "6000")
}

/// Status and body of an answer.
fn ask(address: SocketAddr, order_no: &str, token: Option<&str>) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    let request = format!(
        "GET /orders/{order_no} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n",
        token.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    (status, body)
}

/// Waits until an order is told in a way.
fn wait_told(
    address: SocketAddr,
    order_no: &str,
    token: Option<&str>,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let mut last = (0, Value::Null);
    let told = wait_for(&format!("order {order_no}"), TIMEOUT, || {
        last = ask(address, order_no, token);
        (last.0 == 200 && is_so(&last.1)).then(|| last.1.clone())
    });
    told.unwrap_or_else(|error| panic!("{error}: {last:?}"))
}

/// Waits until the instances share the partitions.
fn wait_shared(instances: &mut [Processor]) {
    let has_two = |processor: &mut Processor| {
        let (status, body) = processor.readiness();
        let judging = |task: &&Value| task["id"].as_str().unwrap().starts_with("0_");
        let tasks = body["tasks"].as_array().unwrap();
        status == 200 && tasks.iter().filter(judging).count() == 2
    };
    wait_for("both instances to have two partitions", TIMEOUT, || {
        instances.iter_mut().all(has_two).then_some(())
    })
    .unwrap();
}

#[test]
fn orders_are_told_by_the_instance_that_has_them_through_any() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, PARTITIONS);
    let state = tempfile::tempdir().unwrap();
    let start = |name| {
        instance(&broker, name, state.path())
            .env("JUMUN__HTTP__TOKEN", TOKEN)
            .start()
    };
    let mut instances = [start("one"), start("two")];
    wait_shared(&mut instances);
    let [one, two] = [0, 1].map(|at| instances[at].address());
    let sender = Sender::new(&broker, bare);
    let token = Some(TOKEN);

    let orders: Vec<String> = (0..12)
        .map(|number| format!("B26112000{number:04}Q"))
        .collect();
    orders.iter().for_each(|order_no| sender.create(order_no));
    let mut owners = BTreeSet::new();
    for order_no in &orders {
        let through_one = wait_told(one, order_no, token, |_| true);
        let through_two = wait_told(two, order_no, token, |_| true);
        for told in [&through_one, &through_two] {
            assert_eq!(told["orderNo"], *order_no.as_str());
            assert_eq!(
                (&told["status"], &told["statusKorean"]),
                (&json!("PAYMENT_WAIT"), &json!("결제대기"))
            );
            assert_eq!(told["timeline"][0]["action"], "order.created");
            assert_eq!(told["retention"]["until"], "2026-12-21T12:00:00.000+09:00");
        }
        assert_eq!(through_one["instance"], through_two["instance"]);
        assert_eq!(through_one["task"], through_two["task"]);
        owners.insert(through_one["instance"].as_str().unwrap().to_owned());
    }
    assert_eq!(owners, ["one".to_owned(), "two".to_owned()].into());

    nobody_may_ask_without_the_token(one, &orders[0]);
    for address in [one, two] {
        let (status, body) = ask(address, "B999", token);
        assert_eq!(
            (status, &body["error"]),
            (404, &json!("NOT_FOUND")),
            "{body}"
        );
        assert_eq!(body["absent"], json!([0, 1, 2, 3]));
    }
    what_waits_is_told_until_it_is_released(&sender, [one, two], &orders[0]);
    a_cancel_without_its_order_is_a_ghost_that_keeps_it(&sender, [one, two]);
    the_command_prints_it(one, &orders[0]);

    // Of an instance that stands still, and of one that dies.
    let of_two = orders.iter().find(|order_no| {
        let told = wait_told(one, order_no, token, |_| true);
        told["instance"] == "two"
    });
    let of_two = of_two.unwrap();
    instances[1].process.sigstop().unwrap();
    let (status, body) = ask(one, of_two, token);
    assert_eq!(
        (status, &body["error"]),
        (504, &json!("OWNER_TIMEOUT")),
        "{body}"
    );
    instances[1].process.sigcont().unwrap();
    wait_told(one, of_two, token, |_| true);
    instances[1].process.kill9().unwrap();
    let (status, body) = ask(one, of_two, token);
    assert_eq!(
        (status, &body["error"]),
        (502, &json!("OWNER_UNREACHABLE")),
        "{body}"
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("instance two has partition "),
        "{detail}"
    );
    let mut named = BTreeSet::new();
    let told = wait_for("the other instance to take over", TIMEOUT, || {
        let (status, body) = ask(one, of_two, token);
        if status == 200 {
            return Some(body);
        }
        let expected = [502, 503].contains(&status);
        assert!(expected, "{status} {body}");
        named.insert(body["error"].as_str().unwrap().to_owned());
        None
    });
    assert_eq!(told.unwrap()["instance"], "one");
    tell(format!("while the partitions moved: {named:?}"));
    let [one, _] = instances;
    assert!(!one.process.stderr().contains(TOKEN));
    one.stop();
}

fn nobody_may_ask_without_the_token(address: SocketAddr, order_no: &str) {
    for token in [None, Some("wrong")] {
        let (status, body) = ask(address, order_no, token);
        assert_eq!(status, 401, "{body}");
        assert!(!body.to_string().contains("storeId"), "{body}");
    }
}

fn what_waits_is_told_until_it_is_released(
    sender: &Sender<'_>,
    through: [SocketAddr; 2],
    order_no: &str,
) {
    sender.pay(order_no);
    let info = json!({"deliveryId": format!("dl-{order_no}"), "type": "SINGLE", "distanceM": 900});
    sender.send(order_no, "SYSTEM", "delivery.requested", 1, info);
    for address in through {
        let waits = |told: &Value| told["parked"].as_array().unwrap().len() == 1;
        let told = wait_told(address, order_no, Some(TOKEN), waits);
        let parked = &told["parked"][0];
        assert_eq!(parked["action"], "delivery.requested");
        assert_eq!(parked["cause"], "AWAIT_PREDECESSOR");
        assert_eq!(parked["inTheEnd"], "PREDECESSOR_TIMEOUT");
        let detail = parked["detail"].as_str().unwrap();
        assert!(detail.contains("main is PAID"), "{detail}");
        assert_eq!(parked["topic"], DELIVERIES);
        assert_eq!(parked["event"]["target"]["id"], format!("dl-{order_no}"));
        let ms = |name: &str| {
            let time: jiff::Timestamp = parked[name].as_str().unwrap().parse().unwrap();
            time.as_millisecond()
        };
        assert_eq!(ms("until") - ms("since"), 30_000);
    }
    sender.accept(order_no);
    for address in through {
        let released = |told: &Value| told["regions"]["delivery"] == "REQUESTED";
        let told = wait_told(address, order_no, Some(TOKEN), released);
        assert_eq!(told["parked"], json!([]));
        let last = told["timeline"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&last["action"], &last["outcome"]),
            (&json!("delivery.requested"), &json!("APPLIED"))
        );
    }
}

fn a_cancel_without_its_order_is_a_ghost_that_keeps_it(
    sender: &Sender<'_>,
    through: [SocketAddr; 2],
) {
    let order_no = "B261120GHOST";
    let info = json!({"reason": "CHANGED_MIND", "liability": "CUSTOMER"});
    sender.send(order_no, "CUSTOMER", "order.cancelled", 2, info);
    for address in through {
        let told = wait_told(address, order_no, Some(TOKEN), |_| true);
        assert_eq!(told["status"], "NONE");
        assert_eq!(told["ghost"]["action"], "order.cancelled");
        assert_eq!(
            told["ghost"]["eventId"],
            format!("{order_no}-order.cancelled")
        );
        let kept = told["kept"].as_array().unwrap();
        assert_eq!(kept.len(), 1, "{told}");
        assert_eq!(
            (&kept[0]["cause"], &kept[0]["version"], &kept[0]["until"]),
            (&json!("PREMATURE"), &json!(2), &Value::Null)
        );
    }
}

fn the_command_prints_it(address: SocketAddr, order_no: &str) {
    let run = |order_no: &str, url: &str, more: &[&str]| {
        let mut command = jumun("query");
        command.args([order_no, "--url", url]).args(more);
        run_to_end(command).unwrap()
    };
    let url = format!("http://{address}");
    let (code, out, error) = run(order_no, &url, &["--token", TOKEN]);
    assert_eq!(code, Some(0), "{error}");
    let headline = format!("{order_no}  ACCEPTED 접수완료\n");
    assert!(out.starts_with(&headline), "{out}");
    assert!(
        out.contains("delivery.requested") && !out.contains('\x1b'),
        "{out}"
    );
    let (code, out, _) = run(order_no, &url, &["--token", TOKEN, "--format", "json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["orderNo"]), (Some(0), &json!(order_no)));

    let (code, _, error) = run("B999", &url, &["--token", TOKEN]);
    assert_eq!(code, Some(1));
    assert!(error.contains("B999: NOT_FOUND: "), "{error}");
    let (code, _, error) = run(order_no, &url, &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("http.token"), "{error}");
    let (code, _, error) = run(order_no, "https://x", &[]);
    assert_eq!(code, Some(2), "{error}");
    // The address and the token of the configuration.
    let mut command = jumun("query");
    command
        .args([order_no, "--listen", &address.to_string()])
        .env("JUMUN__HTTP__TOKEN", TOKEN);
    let (code, out, error) = run_to_end(command).unwrap();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.starts_with(&headline), "{out}");
}

#[test]
fn orders_with_keys_in_json_are_found_too() {
    orders_with_keys_in_json_are_found("classic");
}

#[test]
fn orders_are_found_under_the_consumer_protocol() {
    orders_with_keys_in_json_are_found("consumer");
}

fn orders_with_keys_in_json_are_found(protocol: &str) {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, PARTITIONS);
    let state = tempfile::tempdir().unwrap();
    let sender = Sender::new(&broker, json_quoted);
    let orders: Vec<String> = (0..12)
        .map(|number| format!("B26112000{number:04}J"))
        .collect();
    orders.iter().for_each(|order_no| sender.create(order_no));
    let start = |name| {
        instance(&broker, name, state.path())
            .setting("application.group_protocol", protocol)
            .start()
    };
    let mut instances = [start("one"), start("two")];
    wait_shared(&mut instances);
    let mut elsewhere = 0;
    for order_no in &orders {
        let told = [0, 1].map(|at| {
            let address = instances[at].address();
            wait_told(address, order_no, None, |_| true)
        });
        assert_eq!(told[0]["instance"], told[1]["instance"]);
        let bare = topology::io::murmur2::partition_of(order_no.as_bytes(), PARTITIONS);
        elsewhere += usize::from(told[0]["task"] != format!("0_{bare}"));
    }
    assert!(
        elsewhere > 3,
        "the bare number's partition is the wrong one for most"
    );
    let (status, body) = ask(instances[0].address(), "B999", None);
    assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")));
    instances.into_iter().for_each(Processor::stop);
}

#[test]
fn while_an_instance_begins_or_restores_the_state_is_named() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, PARTITIONS);
    let state = tempfile::tempdir().unwrap();
    let sender = Sender::new(&broker, bare);
    let order_no = "B261120000001R";
    sender.create(order_no);
    let setup = instance(&broker, "one", state.path());
    let mut processor = setup.start_ready();
    wait_told(processor.address(), order_no, None, |_| true);
    processor.stop();
    // The whole state comes from the changelog.
    std::fs::remove_dir_all(setup.store_dir()).unwrap();

    let mut processor = setup.start();
    let address = processor.address();
    let mut named = BTreeSet::new();
    let told = wait_for("the order", TIMEOUT, || {
        let (status, body) = ask(address, order_no, None);
        if status == 200 {
            return Some(body);
        }
        assert_eq!(status, 503, "{body}");
        named.insert(body["error"].as_str().unwrap().to_owned());
        None
    });
    assert_eq!(told.unwrap()["status"], "PAYMENT_WAIT");
    tell(format!("before the order was there: {named:?}"));
    assert!(!named.is_empty());
    let passing = ["GROUP_UNAVAILABLE", "NO_OWNER", "REBALANCING", "RESTORING"];
    assert!(
        named.iter().all(|name| passing.contains(&name.as_str())),
        "{named:?}"
    );

    let (status, body) = http_get(address, "/orders").unwrap();
    assert_eq!(status, 404);
    assert!(body.contains("/orders/{orderNo}"), "{body}");
    processor.stop();
}
