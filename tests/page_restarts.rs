//! The live page while the processor is killed under load and started again, and while state is restored.

use jumun_harness::{Broker, free_port, wait_for};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::live_page::{check_quiet, open, wait_for_state, wait_for_update};
use crate::support::load;
use crate::support::processor::{Processor, Setup, TIMEOUT};

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

/// The one that takes over waits for the transaction that the dead one left open: a restore that lasts.
#[test]
fn a_restore_is_shown_as_such_and_so_are_orders_meanwhile() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, 40_000, 4);
    let phases = state.path().join("phase");
    let instance = |name: &str| {
        Setup::new(&broker, "restored", &state.path().join(name))
            .flag("--instance-id", name)
            .flag("--max-rate", "500")
            .setting("application.session_timeout_ms", "6000")
            .setting("application.transaction_timeout_ms", "18000")
    };
    let one = instance("one")
        .env("JUMUN_TEST_PAUSE", "committing:400")
        .env("JUMUN_TEST_PHASE_FILE", &phases.display().to_string());
    let mut first = one.start_ready();
    wait_for("some orders", TIMEOUT, || {
        (created(&mut first) > 100.0).then_some(())
    })
    .unwrap();
    for expected in [false, true] {
        // Its beginning, so that it is under way when the signal comes.
        let is_so = || {
            let phase = std::fs::read_to_string(&phases).ok()?;
            ((phase.trim() == "committing") == expected).then_some(())
        };
        wait_for("a commit", TIMEOUT, is_so).unwrap();
    }
    first.process.kill9().unwrap();

    let mut second = instance("two").start();
    let address = second.address();
    let mut browser = Browser::start();
    open(&mut browser, address);
    wait_for_state(&mut browser, "RESTORING");
    let told = "document.getElementById('restore').innerText.includes('상태 복원 중') && /\\d of \\d/.test(document.getElementById('restore').innerText)";
    browser.wait(told, TIMEOUT);
    let banner = browser.evaluate("document.getElementById('banner').innerText");
    assert!(banner.as_str().unwrap().contains("RESTORING"), "{banner}");
    let shown = browser.evaluate(
        "document.querySelectorAll('#tasks tr[data-task] .tag[data-level=busy]').length > 0",
    );
    assert_eq!(shown, json!(true));
    // An order of a partition that is restored cannot be told now; the page of it says so and finds it later.
    let mut other = Browser::start();
    other.open(&format!("http://{address}/orders/B-NOBODY-HAS"));
    other.wait("document.body?.dataset.told === 'RESTORING'", TIMEOUT);
    let text = other.evaluate("document.getElementById('problem').innerText");
    assert!(
        text.as_str().unwrap().contains("지금은 알 수 없음"),
        "{text}"
    );
    wait_for_state(&mut browser, "RUNNING");
    browser.wait("document.getElementById('restore').hidden", TIMEOUT);
    other.wait("document.body.dataset.told === 'NOT_FOUND'", TIMEOUT);
    check_quiet(&mut browser, address, false);
    drop((browser, other));
    second.stop();
}

fn created(processor: &mut Processor) -> f64 {
    let series = processor.metrics("order_created_total{");
    series.iter().map(|(_, count)| count).sum()
}
