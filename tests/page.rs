//! The live page in a real browser: its figures are those of the metrics, it shows what goes wrong and recovers by
//! itself, and it asks no other host for anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jumun::http::{RestoreProgress, State};
use jumun_harness::{Broker, http_get};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::live_page::{check_quiet, demo, end, open, wait_for_state, wait_for_update};
use crate::support::load;
use crate::support::page_source::Fake;
use crate::support::processor::{Setup, TIMEOUT, tell};

/// Figures on the page, and the metric that each is.
const FIGURES: [(&str, &str); 9] = [
    ("records-in", "topology_records_in_total"),
    ("records-out", "topology_records_out_total"),
    (
        "changelog-records",
        "topology_records_out_total{kind=changelog}",
    ),
    ("events", "topology_records_in_total{kind=source}"),
    ("dead-letters", "topology_dead_letters_total"),
    ("commits", "topology_commit_seconds_count"),
    ("rebalances", "topology_rebalances_total"),
    // What has an outcome and what is parked are together what was consumed (I8).
    ("outcomes", "order_events_consumed_total"),
    ("created", "order_created_total"),
];

/// Sums of all series by name, and by name and single label as `name{label=value}`.
fn scrape(address: SocketAddr) -> BTreeMap<String, f64> {
    let (status, body) = http_get(address, "/metrics").unwrap();
    assert_eq!(status, 200);
    let mut sums = BTreeMap::new();
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        *sums.entry(name.to_owned()).or_insert(0.0) += value;
        for label in labels.trim_end_matches('}').split("\",") {
            let label = label.replace('"', "");
            *sums.entry(format!("{name}{{{label}}}")).or_insert(0.0) += value;
        }
    }
    sums
}

/// The figures of one snapshot, taken from the page as text.
fn shown(browser: &mut Browser) -> BTreeMap<String, f64> {
    let figures = browser.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-figure]')]\
         .map((one) => [one.dataset.figure, Number(one.textContent.replaceAll(',', ''))]))",
    );
    let figures = figures.as_object().unwrap();
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
    figures
        .iter()
        .map(|(name, value)| (name.clone(), number(value)))
        .collect()
}

#[test]
fn under_load_each_figure_lies_between_two_scrapes_and_no_other_host_is_asked() {
    let (process, address) = demo("500");
    let mut browser = Browser::start();
    open(&mut browser, address);
    wait_for_state(&mut browser, "RUNNING");
    for _ in 0..5 {
        let before = scrape(address);
        wait_for_update(&mut browser);
        let shown = shown(&mut browser);
        let after = scrape(address);
        for (figure, metric) in FIGURES {
            let (low, found, high) = (before[metric], shown[figure], after[metric]);
            assert!(
                low <= found && found <= high,
                "{figure}: {low} {found} {high}"
            );
        }
        assert!(after["topology_records_in_total"] > before["topology_records_in_total"]);
    }
    // What only topics tell; a window is told for the first time after ten seconds.
    browser.wait(
        "document.querySelector('#minutes-table tbody tr[data-final=false]') !== null",
        TIMEOUT,
    );
    browser.wait(
        "document.querySelectorAll('#plot rect.created.open').length > 0",
        TIMEOUT,
    );
    browser.wait(
        "document.querySelectorAll('#rejections tbody time').length > 5",
        TIMEOUT,
    );
    what_windows_tell_is_shown(&mut browser);
    check_quiet(&mut browser, address, false);
    drop(browser);
    end(process);
}

/// Funnel, lead times, cancel rates and timers of a demo that has run for some seconds.
fn what_windows_tell_is_shown(browser: &mut Browser) {
    let number = |selector: &str| {
        format!("Number(document.querySelector('{selector}')?.textContent.replaceAll(',', ''))")
    };
    let reached = |status: &str| number(&format!("#funnel tr[data-key={status}] .number"));
    let funnel = format!(
        "{} > 20 && {} > 0",
        reached("PAYMENT_WAIT"),
        reached("COMPLETED")
    );
    browser.wait(&funnel, TIMEOUT);
    // Nobody is further than those before him, but for who was on the way when the demo began.
    let way = ["PAYMENT_WAIT", "WAITING_ACCEPT", "ACCEPTED"].map(|status| {
        let value = browser.evaluate(&reached(status));
        value.as_f64().unwrap()
    });
    assert!(way[0] >= 0.5 * way[1] && way[1] >= 0.5 * way[2], "{way:?}");
    let waits = "document.querySelector('#stages tr[data-key=accept] td.number')?.textContent";
    browser.wait(&format!("/^\\d+ (s|m)/.test({waits})"), TIMEOUT);
    browser.wait(
        "document.querySelectorAll('#cancels tbody tr').length > 5",
        TIMEOUT,
    );
    let timers = browser.evaluate("document.querySelectorAll('#timers tr[data-key]').length");
    assert_eq!(timers, json!(11));
    let calm = "document.getElementById('findings').innerText.includes('by the metrics')";
    browser.wait(calm, TIMEOUT);
    // A rejection leads to the page of its order.
    let link = browser.evaluate("document.querySelector('#rejections tbody a').href");
    let order = browser.evaluate("document.querySelector('#rejections tbody a').textContent");
    let link = link.as_str().unwrap();
    assert!(
        link.ends_with(&format!("/orders/{}", order.as_str().unwrap())),
        "{link}"
    );
}

#[test]
fn a_killed_broker_is_named_and_its_return_seen_without_a_hand() {
    let mut broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, 3_000, 4);
    let mut processor = Setup::new(&broker, "paged", state.path())
        .strict()
        .start_ready();
    let address = processor.address();
    let mut browser = Browser::start();
    open(&mut browser, address);
    browser.wait(
        "document.querySelector('[data-figure=events]').textContent === '3,000'",
        TIMEOUT,
    );
    browser.wait(
        "document.querySelector('[data-figure=lag]').textContent === '0'",
        TIMEOUT,
    );
    wait_for_state(&mut browser, "RUNNING");
    // At rest the figures are the same, to the last one.
    wait_for_update(&mut browser);
    let (figures, metrics) = (shown(&mut browser), scrape(address));
    for (figure, metric) in FIGURES {
        assert_eq!(figures[figure], metrics[metric], "{figure}");
    }
    assert_eq!(figures["lag"], metrics["topology_consumer_lag_records"]);
    assert_eq!(figures["in-flight"], metrics["order_in_flight"]);
    let cooking = "document.querySelector('#statuses tr[data-key=COOKING] .number').textContent";
    let cooking = browser.evaluate(cooking);
    let cooking: f64 = cooking.as_str().unwrap().replace(',', "").parse().unwrap();
    assert_eq!(cooking, metrics["order_in_flight{status=COOKING}"]);

    see_a_second_process_come_and_go(&mut browser, &broker);

    broker.kill9().unwrap();
    let gone = Instant::now();
    wait_for_state(&mut browser, "BROKER_LOST");
    let named = gone.elapsed();
    tell(format!("a lost broker was named after {named:.1?}"));
    assert!(named < Duration::from_secs(15), "{named:?}");
    browser.wait("!document.getElementById('banner').hidden", TIMEOUT);
    let banner = browser.evaluate("document.getElementById('banner').innerText");
    let banner = banner.as_str().unwrap();
    for text in ["BROKER LOST", "브로커 연결 끊김", "since "] {
        assert!(banner.contains(text), "{banner}");
    }
    // The page itself is alive.
    wait_for_update(&mut browser);

    broker.start_again().unwrap();
    wait_for_state(&mut browser, "RUNNING");
    browser.wait("document.getElementById('banner').hidden", TIMEOUT);
    browser.wait(
        "document.getElementById('reader').innerText.startsWith('live')",
        TIMEOUT,
    );
    check_quiet(&mut browser, address, false);
    drop(browser);
    processor.stop();
}

/// Tasks move to a second process and come back, and the page follows.
fn see_a_second_process_come_and_go(browser: &mut Browser, broker: &Broker) {
    let tasks = "document.querySelectorAll('#tasks tr[data-task]').length";
    let all = browser.evaluate(tasks).as_u64().unwrap();
    let rebalances = "Number(document.querySelector('[data-figure=rebalances]').textContent)";
    let before = browser.evaluate(rebalances);
    let state = tempfile::tempdir().unwrap();
    let second = Setup::new(broker, "paged", state.path())
        .strict()
        .flag("--instance-id", "second")
        .setting("application.leave_on_stop", "true")
        .start_ready();
    browser.wait(
        &format!("{tasks} < {all} && {rebalances} > {before}"),
        TIMEOUT,
    );
    second.stop();
    browser.wait(&format!("{tasks} === {all}"), TIMEOUT);
    wait_for_state(browser, "RUNNING");
}

#[test]
fn a_lost_connection_is_told_with_its_age_and_comes_back_by_itself() {
    let mut fake = Fake::start("127.0.0.1:0".parse().unwrap());
    let address = fake.address();
    let mut browser = Browser::start();
    open(&mut browser, address);
    wait_for_state(&mut browser, "RUNNING");
    fake.stop();
    wait_for_state(&mut browser, "PAGE_DISCONNECTED");
    browser.wait(
        "/last update \\d+ s ago/.test(document.getElementById('age').innerText)",
        TIMEOUT,
    );
    browser.wait(
        "/^[5-9]초 전/.test(document.getElementById('age').querySelector('[lang=ko]').innerText)",
        TIMEOUT,
    );
    let _again = Fake::start(address);
    wait_for_state(&mut browser, "RUNNING");
    browser.wait("document.getElementById('banner').hidden", TIMEOUT);
    check_quiet(&mut browser, address, true);
}

#[test]
fn each_state_of_the_process_is_named_in_both_languages() {
    let fake = Fake::start("127.0.0.1:0".parse().unwrap());
    let mut browser = Browser::start();
    open(&mut browser, fake.address());
    for (state, english, korean) in [
        (State::Rebalancing, "REBALANCING", "리밸런싱"),
        (State::Restoring, "RESTORING", "상태 복원 중"),
        (State::Paused, "PAUSED", "일부 멈춤"),
        (State::PendingShutdown, "STOPPING", "종료 중"),
        (State::Error, "ERROR", "오류"),
        (State::Running, "RUNNING", "실행 중"),
    ] {
        let progress = RestoreProgress {
            remaining: if state == State::Restoring { 300 } else { 0 },
            total: 1_200,
            records_per_second: 450,
            eta_seconds: (state == State::Restoring).then_some(90),
        };
        fake.become_state(state, "for a reason", progress);
        wait_for_state(&mut browser, state.name());
        let shown = browser.evaluate("document.getElementById('state').innerText");
        let words: Vec<&str> = shown.as_str().unwrap().split_whitespace().collect();
        assert_eq!(words.join(" "), format!("{english} {korean}"));
        let is_calm = state == State::Running;
        assert_eq!(
            browser.evaluate("document.getElementById('banner').hidden"),
            json!(is_calm)
        );
        let restore = browser.evaluate("document.getElementById('restore').innerText");
        let told = [
            "900 of 1,200 offsets (75.0%)",
            "450 records / s",
            "left 남음",
        ]
        .iter()
        .all(|part| restore.as_str().unwrap().contains(part));
        assert_eq!(told, state == State::Restoring, "{restore}");
    }
    // A topic that is not there is told, and absent figures are dashes.
    let absent = "document.getElementById('reader').innerText.includes('does not exist yet')";
    browser.wait(absent, TIMEOUT);
    let in_flight = "document.querySelector('[data-figure=in-flight]').textContent";
    assert_eq!(browser.evaluate(in_flight), json!("—"));
    check_quiet(&mut browser, fake.address(), false);
}

#[test]
fn nothing_is_cut_off_at_any_width_in_light_and_dark() {
    let (process, address) = demo("300");
    let mut browser = Browser::start();
    open(&mut browser, address);
    browser.wait(
        "document.querySelectorAll('#rejections tbody time').length > 5",
        TIMEOUT,
    );
    for path in ["/", "/topology.html"] {
        browser.open(&format!("http://{address}{path}"));
        browser.wait("document.querySelector('.card') !== null", TIMEOUT);
        for width in [360, 400, 640, 768, 1024, 1280, 1600, 2000] {
            for scheme in ["light", "dark"] {
                browser.look(width, 900, scheme);
                if path == "/" {
                    wait_for_update(&mut browser);
                }
                let wider = browser.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
                );
                assert_eq!(wider, json!(0), "{path} at {width}");
                let ground = browser.evaluate("getComputedStyle(document.body).backgroundColor");
                let is_dark = ground == json!("rgb(14, 18, 22)");
                assert_eq!(is_dark, scheme == "dark", "{ground}");
            }
        }
    }
    check_quiet(&mut browser, address, false);
    drop(browser);
    end(process);
}
