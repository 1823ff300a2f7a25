//! What the live page shows of derived topics whose records a test writes: what is usual, what detectors find and timers
//! reach, and what is switched off.

use std::net::SocketAddr;

use jumun::page::Told;
use serde_json::{Value, json};
use topology::io::Headers;

use crate::support::browser::Browser;
use crate::support::live_page::{check_quiet, open};
use crate::support::page_source::Fake;
use crate::support::processor::TIMEOUT;
use crate::support::topics::{DETECTOR, SLA};

const AGGREGATES: &str = "order.agg.1m.v1";
const LATE: &str = "order.agg.1m.late.v1";
const MINUTE: i64 = 60_000;

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

fn append(fake: &Fake, topic: &str, key: &str, value: &Value) {
    let value = value.to_string();
    let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
    let log = fake.log();
    log.append(topic, None, key, value, now(), Headers::default())
        .unwrap();
}

fn update(fake: &Fake, agg: &str, dims: Value, start: i64, value: Value) {
    let record = json!({
        "agg": agg, "dims": dims, "windowStart": time(start), "windowEnd": time(start + MINUTE),
        "value": value, "n": 1, "rev": 1, "final": true,
    });
    append(fake, AGGREGATES, &format!("{agg}|{dims}|{start}"), &record);
}

fn text(browser: &mut Browser, id: &str) -> String {
    let text = browser.evaluate(&format!("document.getElementById('{id}').innerText"));
    let words: Vec<String> = text
        .as_str()
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

fn wait_text(browser: &mut Browser, id: &str, part: &str) {
    let has = format!(
        "document.getElementById('{id}').innerText.replace(/\\s+/g, ' ').includes({})",
        json!(part)
    );
    browser.wait(&has, TIMEOUT);
}

fn finding(detector: &str, scope: &str, phase: &str, began: i64, value: f64) -> Value {
    json!({
        "detector": detector, "scope": scope, "phase": phase, "value": value, "baseline": 120,
        "startedAt": time(began), "at": time(now()), "detail": {"windowStart": time(began), "peak": value},
    })
}

fn everything() -> Told {
    Told {
        aggregates: vec![
            "transitions",
            "cancel_rate_flow",
            "lead_accept",
            "promise_error",
        ],
        timers: true,
        detectors: true,
    }
}

#[test]
fn orders_are_held_against_what_is_usual_and_it_is_said_by_what() {
    let fake = Fake::telling(anywhere(), everything());
    fake.log().create_topic(AGGREGATES, 1).unwrap();
    let present = now() - now().rem_euclid(MINUTE);
    for ago in 1..=40 {
        let start = present - ago * MINUTE;
        let dims = json!({"fulfilment": "STORE"});
        let created = json!(if ago < 3 { 41 } else { 100 });
        update(
            &fake,
            "orders_created_by_fulfilment",
            dims.clone(),
            start,
            created,
        );
        let paid = json!(if ago < 3 { 40 } else { 90 });
        update(&fake, "orders_paid_by_fulfilment", dims, start, paid);
    }
    let mut browser = Browser::start();
    open(&mut browser, fake.address());
    wait_text(&mut browser, "plot-text", "mean of the half hour before");
    // 28 minutes with 90 and two with 40.
    wait_text(&mut browser, "plot-text", "Usually 87 paid");
    browser.wait(
        "document.querySelectorAll('#plot line.usual').length > 20",
        TIMEOUT,
    );
    let row = "[...document.querySelector('#minutes-table tbody tr:nth-child(5)').cells].slice(1, 4).map((cell) => cell.textContent).join()";
    assert_eq!(browser.evaluate(row), json!("100,90,90"));

    // A detector knows better.
    fake.log().create_topic(DETECTOR, 1).unwrap();
    let began = present - 2 * MINUTE;
    append(
        &fake,
        DETECTOR,
        "all",
        &finding("order_drop", "all", "START", began, 40.0),
    );
    wait_text(
        &mut browser,
        "plot-text",
        "Usually 120 paid: what the detector held it against",
    );
    wait_text(&mut browser, "findings", "1 now 진행 중");
    wait_text(
        &mut browser,
        "findings",
        "Orders drop 주문 급감 all 40 against 120 usually",
    );
    append(
        &fake,
        DETECTOR,
        "all",
        &finding("order_drop", "all", "END", began, 88.0),
    );
    wait_text(&mut browser, "findings", "nothing unusual 이상 없음");
    let over = "document.querySelectorAll('#findings li.over[data-detector=order_drop]').length";
    assert_eq!(browser.evaluate(over), json!(1));
    check_quiet(&mut browser, fake.address(), false);
}

#[test]
fn windows_add_up_to_funnel_lead_times_and_rates_and_late_ones_count() {
    let fake = Fake::telling(anywhere(), everything());
    for topic in [AGGREGATES, LATE] {
        fake.log().create_topic(topic, 2).unwrap();
    }
    let start = now() - now().rem_euclid(MINUTE) - MINUTE;
    for (from, to, orders) in [
        ("NONE", "PAYMENT_WAIT", 200),
        ("PAYMENT_WAIT", "WAITING_ACCEPT", 150),
        ("WAITING_ACCEPT", "CANCELLED", 30),
        ("WAITING_ACCEPT", "DELIVERING", 100),
    ] {
        let dims = json!({"sido": "서울", "from": from, "to": to, "actor": "SYSTEM"});
        update(&fake, "transitions", dims, start, json!(orders));
    }
    let rate = json!({"rate": 0.2, "cancelled": 10, "paid": 50});
    update(
        &fake,
        "cancel_rate_flow",
        json!({"sido": "서울"}),
        start,
        rate,
    );
    let few = json!({"rate": null, "cancelled": 1, "paid": 3});
    update(
        &fake,
        "cancel_rate_flow",
        json!({"sido": "<b>제주</b>"}),
        start,
        few,
    );
    let same = |ms: u32, count: u32| json!({"p50": ms, "p90": ms, "p95": ms, "p99": ms, "min": ms, "max": ms, "count": count, "negative": 0});
    update(
        &fake,
        "lead_accept",
        json!({"sido": "서울"}),
        start,
        same(65_000, 90),
    );
    update(
        &fake,
        "lead_accept",
        json!({"sido": "부산"}),
        start,
        same(600_000, 10),
    );
    let promise = json!({"p50": 0, "count": 20, "onTime": 15, "onTimeRate": 0.75});
    update(
        &fake,
        "promise_error",
        json!({"sido": "서울"}),
        start,
        promise,
    );
    let late = json!({
        "agg": "cancel_rate_flow", "dims": {"sido": "서울"}, "windowStart": time(start), "windowEnd": time(start + MINUTE),
        "delta": {"cancelled": 5}, "occurredAt": time(start), "eventId": "e",
    });
    append(&fake, LATE, "cancel_rate_flow|서울|x|0|1", &late);
    // The chart needs a window of its own to be whole.
    update(
        &fake,
        "orders_created_by_fulfilment",
        json!({"fulfilment": "STORE"}),
        start,
        json!(200),
    );

    let mut browser = Browser::start();
    open(&mut browser, fake.address());
    wait_text(&mut browser, "funnel", "PAYMENT WAIT 결제대기 200 100.0%");
    wait_text(&mut browser, "funnel", "WAITING ACCEPT 접수대기 150 75.0%");
    wait_text(&mut browser, "funnel", "COOKING 조리중 100 50.0%");
    wait_text(&mut browser, "funnel", "COMPLETED 완료 0 0.0%");
    wait_text(&mut browser, "funnel", "CANCELLED 주문취소 30 15.0%");
    wait_text(&mut browser, "cancels", "서울 30.0% 30.0% 50");
    wait_text(&mut browser, "cancels", "<b>제주</b> — — 3");
    wait_text(
        &mut browser,
        "stages",
        "Acceptance 접수 1 m 05 s 1 m 05 s 100",
    );
    wait_text(&mut browser, "stages", "As promised 약속 준수 75.0% of 20");
    let stages = text(&mut browser, "stages");
    assert!(
        stages.contains("Switched off: aggregates.include leaves out lead_cook"),
        "{stages}"
    );
    check_quiet(&mut browser, fake.address(), false);
}

#[test]
fn a_breach_leads_to_its_order_and_what_is_off_says_so() {
    let fake = Fake::telling(anywhere(), everything());
    fake.log().create_topic(SLA, 1).unwrap();
    let order = "B1/주문 <script>";
    let breach = json!({
        "orderNo": order, "timer": "no_rider", "level": "CRITICAL", "since": time(now() - 20 * MINUTE),
        "deadline": time(now()), "firedAt": time(now()), "status": "COOKING", "dims": {},
    });
    append(&fake, SLA, order, &breach);
    let mut browser = Browser::start();
    open(&mut browser, fake.address());
    wait_text(
        &mut browser,
        "breaches",
        "No rider 배차 대기 critical 심각 COOKING 조리중 20 m 00 s",
    );
    let link = browser.evaluate("document.querySelector('#breaches a').getAttribute('href')");
    assert_eq!(
        link,
        json!("/orders/B1%2F%EC%A3%BC%EB%AC%B8%20%3Cscript%3E")
    );
    check_quiet(&mut browser, fake.address(), false);

    let off = Fake::start(anywhere());
    open(&mut browser, off.address());
    wait_text(
        &mut browser,
        "findings",
        "Switched off: detectors.enabled 탐지기 꺼짐",
    );
    wait_text(
        &mut browser,
        "timers",
        "Switched off: timers.enabled 타이머 꺼짐",
    );
    for id in ["funnel", "stages", "cancels"] {
        wait_text(
            &mut browser,
            id,
            "Switched off: aggregates.enabled 집계 꺼짐",
        );
    }
}
