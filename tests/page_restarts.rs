//! The live page while the processor is killed under load and started again, and while state is restored.

use jumun_harness::{Broker, free_port, wait_for};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::live_page::{check_quiet, open, wait_for_state, wait_for_update};
use crate::support::load;
use crate::support::processor::{Setup, TIMEOUT};

const CREATED: &str =
    "Number(document.querySelector('[data-figure=created]').textContent.replaceAll(',', ''))";

#[test]
fn a_killed_processor_is_told_and_its_figures_go_on_where_they_were() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, 20_000, 4);
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    let setup = Setup::new(&broker, "restarted", state.path())
        .flag("--max-rate", "800")
        .flag("--listen", &listen);
    let mut processor = setup.start_ready();
    let address = processor.address();
    let mut browser = Browser::start();
    open(&mut browser, address);
    wait_for_state(&mut browser, "RUNNING");
    browser.wait(&format!("{CREATED} > 200"), TIMEOUT);
    processor.process.kill9().unwrap();
    wait_for_state(&mut browser, "PAGE_DISCONNECTED");
    let before = browser.evaluate(CREATED).as_f64().unwrap();
    let mut processor = setup.start();
    // Without a hand; the load goes on.
    wait_for_state(&mut browser, "RUNNING");
    wait_for_update(&mut browser);
    let after = browser.evaluate(CREATED).as_f64().unwrap();
    assert!(after >= before, "{before} {after}");
    browser.wait(&format!("{CREATED} > {before} + 100"), TIMEOUT);
    // What was read before is still there, and none of it twice: no minute has more than there were orders.
    browser.wait(
        "document.querySelectorAll('#minutes-table tbody tr').length > 1",
        TIMEOUT,
    );
    let most = "Math.max(...[...document.querySelectorAll('#minutes-table tbody tr')].map((row) => Number(row.cells[1].textContent)))";
    // Five events a second of the day that is replayed.
    assert!(browser.evaluate(most).as_f64().unwrap() <= 300.0);
    check_quiet(&mut browser, address, true);
    drop(browser);
    processor.wait_ready();
    processor.stop();
}

/// The broker is frozen in the middle of a restore, so that it lasts until it has been looked at.
#[test]
fn a_restore_is_shown_as_such_and_orders_are_found_when_it_is_over() {
    let mut broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, 40_000, 4);
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    let setup = Setup::new(&broker, "restored", state.path()).flag("--listen", &listen);
    let mut processor = setup.start_ready();
    wait_for("all events", 2 * TIMEOUT, || {
        (processor.sum("order_events_consumed_total") >= 40_000).then_some(())
    })
    .unwrap();
    let address = processor.address();
    let mut browser = Browser::start();
    open(&mut browser, address);
    processor.stop();
    wait_for_state(&mut browser, "PAGE_DISCONNECTED");
    std::fs::remove_dir_all(setup.store_dir()).unwrap();

    let mut processor = setup.start();
    processor.address();
    let restoring = || {
        let (_, body) = processor.readiness();
        let restore = &body["restore"];
        let (remaining, total) = (restore["remaining"].as_u64()?, restore["total"].as_u64()?);
        (body["state"] == "RESTORING" && remaining > 0 && total > 0).then_some(())
    };
    wait_for("a restore", TIMEOUT, restoring).unwrap();
    broker.pause().unwrap();
    wait_for_state(&mut browser, "RESTORING");
    let told = "(/상태 복원 중 [\\d,]+ of [\\d,]+ offsets/.test(document.getElementById('restore').innerText))";
    assert_eq!(browser.evaluate(told), json!(true));
    let banner = browser.evaluate("document.getElementById('banner').innerText");
    assert!(banner.as_str().unwrap().contains("RESTORING"), "{banner}");
    let shown =
        "document.querySelectorAll('#tasks tr[data-task] .tag[data-level=busy]').length > 0";
    assert_eq!(browser.evaluate(shown), json!(true));
    // Nobody can tell of an order now; its page says so, and asks again by itself.
    let mut other = Browser::start();
    other.open(&format!("http://{address}/orders/B-NOBODY-HAS"));
    other.wait(
        "['GROUP_UNAVAILABLE', 'NO_OWNER', 'REBALANCING', 'RESTORING'].includes(document.body?.dataset.told)",
        TIMEOUT,
    );
    let text = other.evaluate("document.getElementById('problem').innerText");
    assert!(
        text.as_str().unwrap().contains("지금은 알 수 없음"),
        "{text}"
    );
    broker.resume().unwrap();
    wait_for_state(&mut browser, "RUNNING");
    browser.wait("document.getElementById('restore').hidden", TIMEOUT);
    other.wait("document.body.dataset.told === 'NOT_FOUND'", TIMEOUT);
    check_quiet(&mut browser, address, true);
    drop((browser, other));
    processor.stop();
}
