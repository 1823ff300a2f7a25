//! The page of one order in a real browser: whichever instance has it, whatever its events hold, and where a token is
//! needed.

use std::net::SocketAddr;

use jumun_harness::{Broker, wait_for};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::live_page::check_quiet;
use crate::support::processor::{Setup, TIMEOUT};
use crate::support::sender::{Sender, bare};
use crate::support::topics::create_inputs;

const TOKEN: &str = "the-token-of-this-test";
const PARTITIONS: i32 = 4;
const EVIL: &str = "<img src=x onerror=\"document.body.dataset.evil=1\">";

fn open(browser: &mut Browser, address: SocketAddr, order_no: &str) {
    browser.open(&format!("http://{address}/orders/{order_no}"));
}

fn wait_told(browser: &mut Browser, told: &str) {
    browser.wait(
        &format!("document.body?.dataset.told === '{told}'"),
        TIMEOUT,
    );
}

/// Waits until the page's text, its white space made one, has this part.
fn wait_text(browser: &mut Browser, part: &str) {
    let has = format!(
        "document.getElementById('main').innerText.replace(/\\s+/g, ' ').includes({})",
        json!(part)
    );
    browser.wait(&has, TIMEOUT);
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn details(store: &str) -> Value {
    json!({
        "storeId": store, "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
        "fulfilment": "BAEMIN_SINGLE", "amount": 10_000, "paymentMethod": "CARD",
    })
}

#[test]
fn an_order_is_told_with_its_timeline_what_waits_what_was_refused_and_what_lasts() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, PARTITIONS);
    let state = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        Setup::new(&broker, "paged", &state.path().join(name))
            .flag("--instance-id", name)
            .setting("parking.wait_ms", "600000")
            .start()
    };
    let mut instances = [start("one"), start("two")];
    let [one, two] = [0, 1].map(|at| instances[at].address());
    wait_for("both instances to have two partitions", TIMEOUT, || {
        let has_two = |processor: &mut crate::support::processor::Processor| {
            let (status, body) = processor.readiness();
            let tasks = body["tasks"].as_array().unwrap().iter();
            let judging = tasks.filter(|task| task["id"].as_str().unwrap().starts_with("0_"));
            status == 200 && judging.count() == 2
        };
        instances.iter_mut().all(has_two).then_some(())
    })
    .unwrap();
    let mut sender = Sender::new(&broker, bare);
    // Four minutes ago, so that what waits for acceptance is past its first level.
    sender.at = now() - 4 * 60_000;
    let orders: Vec<String> = (0..8)
        .map(|number| format!("B2611270{number:04}P"))
        .collect();
    for order_no in &orders {
        sender.send(order_no, "CUSTOMER", "order.created", 1, details(EVIL));
        sender.pay(order_no);
        let info =
            json!({"deliveryId": format!("dl-{order_no}"), "type": "SINGLE", "distanceM": 900});
        sender.send(order_no, "SYSTEM", "delivery.requested", 1, info);
        // A rider relays nothing.
        sender.send(
            order_no,
            "RIDER",
            "order.relayed",
            2,
            json!({"channel": "POS"}),
        );
    }
    let mut browser = Browser::start();
    let mut told_by = std::collections::BTreeSet::new();
    for (order_no, address) in orders.iter().flat_map(|order| [(order, one), (order, two)]) {
        open(&mut browser, address, order_no);
        wait_told(&mut browser, "WAITING_ACCEPT");
        wait_text(&mut browser, order_no);
        let by = browser
            .evaluate("/· (one|two) · task/.exec(document.getElementById('as-of').innerText)[1]");
        told_by.insert((address == one, by.as_str().unwrap().to_owned()));
    }
    // Each asked for orders of its own and of the other.
    assert_eq!(told_by.len(), 4, "{told_by:?}");

    let order_no = &orders[0];
    open(&mut browser, one, order_no);
    wait_told(&mut browser, "WAITING_ACCEPT");
    for part in [
        "WAITING ACCEPT 접수대기",
        // Timeline: applied, and refused with its reason.
        "order.created Applied 적용",
        "payment.approved Applied 적용",
        "Rejected ACTOR NOT ALLOWED 권한 없는 행위자",
        // Parked, with what it waits for.
        "Parked events 보류된 이벤트",
        "AWAIT PREDECESSOR 선행 이벤트 없음",
        "then PREDECESSOR TIMEOUT",
        // Timers, and what they told by then.
        "Running timers 실행 중 타이머",
        "Acceptance 접수 대기",
        "Not relayed to the store 가게 미중계",
        // The amount and the place.
        "₩10,000",
        "서울 강남구 역삼동",
    ] {
        wait_text(&mut browser, part);
    }
    // What topics tell: the timer's first level, and by whom the refused event was.
    let again = "document.getElementById('look').click()";
    let told = wait_for("the timer's level in the timeline", TIMEOUT, || {
        browser.evaluate(again);
        std::thread::sleep(std::time::Duration::from_secs(1));
        let rows = browser.evaluate("[...document.querySelectorAll('.timeline tr[data-kind=sla]')].map((row) => row.innerText).join()");
        rows.as_str().unwrap().contains("주의").then_some(())
    });
    told.unwrap();
    wait_text(&mut browser, "order.relayed RIDER 라이더");
    wait_text(&mut browser, "order.rejected.v1");
    wait_text(
        &mut browser,
        "from the beginning of the order or the topic on",
    );
    let level = "document.querySelector('tr[data-watch=accept_wait] .tag').innerText";
    assert_eq!(browser.evaluate(level), json!("warn 주의"));

    // Whatever an event holds is text.
    wait_text(&mut browser, EVIL);
    assert_eq!(
        browser.evaluate("document.querySelectorAll('#main img').length"),
        json!(0)
    );
    assert_eq!(
        browser.evaluate("document.body.dataset.evil ?? ''"),
        json!("")
    );

    // What the reader opens stays open while the page asks again.
    browser.evaluate("document.querySelector('.parked details').open = true");
    let draws = browser.evaluate("Number(document.body.dataset.draws)");
    browser.wait(
        &format!("Number(document.body.dataset.draws) > {draws} + 1"),
        TIMEOUT,
    );
    assert_eq!(
        browser.evaluate("document.querySelector('.parked details').open"),
        json!(true)
    );

    // It is accepted, and what waited goes on, on the page too.
    sender.at = now();
    let info = json!({"cookMinutes": 20, "promisedAt": "2026-11-20T12:41:00+09:00"});
    sender.send(order_no, "STORE", "order.accepted", 3, info);
    wait_told(&mut browser, "ACCEPTED");
    browser.wait("document.querySelector('.parked') === null", TIMEOUT);
    wait_text(&mut browser, "delivery.requested Applied 적용");

    // One that nobody has, found through the search of the page; whatever it is called.
    browser.evaluate(
        "(() => { const form = document.getElementById('find'); form.elements.order.value = ' B/없음<b> '; form.requestSubmit(); })()",
    );
    browser.wait(
        "decodeURIComponent(location.pathname) === '/orders/B/없음<b>'",
        TIMEOUT,
    );
    wait_told(&mut browser, "NOT_FOUND");
    wait_text(&mut browser, "B/없음<b> There is no such order 주문 없음");
    wait_text(&mut browser, "order.rejected.v1");

    for width in [360, 768, 1280, 2000] {
        for scheme in ["light", "dark"] {
            browser.look(width, 900, scheme);
            open(&mut browser, one, order_no);
            wait_told(&mut browser, "ACCEPTED");
            wait_text(&mut browser, "Read in topics");
            let wider = browser.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth",
            );
            assert_eq!(wider, json!(0), "at {width}");
        }
    }
    // Only the status of the page that nobody has was an error.
    let complaints = browser.complaints().to_vec();
    assert!(
        complaints.iter().all(|one| one.contains("404")),
        "{complaints:?}"
    );
    drop(browser);
    instances
        .into_iter()
        .for_each(crate::support::processor::Processor::stop);
}

#[test]
fn where_a_token_is_needed_the_page_asks_for_it_and_keeps_it_for_its_tab() {
    let mut broker = Broker::start().unwrap();
    create_inputs(&broker, 1);
    let state = tempfile::tempdir().unwrap();
    let mut processor = Setup::new(&broker, "paged", state.path())
        .env("JUMUN__HTTP__TOKEN", TOKEN)
        .start_ready();
    let address = processor.address();
    let sender = Sender::new(&broker, bare);
    sender.create("B1");
    sender.create("B2");
    let mut browser = Browser::start();
    let give = |browser: &mut Browser, token: &str| {
        browser.wait("document.getElementById('token') !== null", TIMEOUT);
        browser.evaluate(&format!(
            "(() => {{ const form = document.getElementById('token'); form.elements.token.value = '{token}'; form.requestSubmit(); }})()"
        ));
    };
    open(&mut browser, address, "B1");
    wait_told(&mut browser, "TOKEN");
    let text = browser.evaluate("document.body.innerText");
    assert!(!text.as_str().unwrap().contains("PAYMENT"), "{text}");
    give(&mut browser, "wrong");
    wait_text(&mut browser, "The last one was refused. 거부됨");
    give(&mut browser, TOKEN);
    wait_told(&mut browser, "PAYMENT_WAIT");
    wait_text(
        &mut browser,
        "from the beginning of the order or the topic on",
    );
    open(&mut browser, address, "B2");
    wait_told(&mut browser, "PAYMENT_WAIT");
    assert!(!processor.process.stderr().contains(TOKEN));

    // Without brokers an order of this instance is told from its state, and that topics cannot be read is said.
    broker.kill9().unwrap();
    browser.evaluate("document.getElementById('look').click()");
    wait_text(
        &mut browser,
        "Topics could not be read (TOPICS UNAVAILABLE)",
    );
    open(&mut browser, address, "B1");
    wait_told(&mut browser, "PAYMENT_WAIT");
    check_quiet(&mut browser, address, true);
    // And without the processor that what is shown is old.
    processor.process.kill9().unwrap();
    browser.wait(
        "document.body.dataset.link === 'PAGE_DISCONNECTED'",
        TIMEOUT,
    );
    let banner = browser.evaluate("document.getElementById('banner').innerText");
    assert!(
        banner.as_str().unwrap().contains("NO CONNECTION 연결 끊김"),
        "{banner}"
    );
}
