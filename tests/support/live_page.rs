//! What tests of the live page have in common.

use std::net::SocketAddr;

use jumun_harness::{Process, wait_for};

use super::browser::Browser;
use super::processor::{TIMEOUT, jumun};

/// Waits for a snapshot that was made after now.
pub fn wait_for_update(browser: &mut Browser) {
    let updates = browser.evaluate("Number(document.body.dataset.updates ?? 0)");
    // The next one may be on its way already.
    let later = format!("Number(document.body.dataset.updates) >= {} + 2", updates);
    browser.wait(&later, TIMEOUT);
}

/// Waits until the page names this state.
pub fn wait_for_state(browser: &mut Browser, name: &str) {
    let expression = format!("document.getElementById('state').dataset.name === '{name}'");
    browser.wait(&expression, TIMEOUT);
}

/// Opens the live page and waits for its first snapshot.
pub fn open(browser: &mut Browser, address: SocketAddr) {
    browser.open(&format!("http://{address}/"));
    browser.wait(
        "document.body !== null && Number(document.body.dataset.updates) > 0",
        TIMEOUT,
    );
}

/// Every request went to the server, and nothing failed but what may.
pub fn check_quiet(browser: &mut Browser, address: SocketAddr, may_fail: bool) {
    let origin = format!("http://{address}/");
    let requests = browser.requests().to_vec();
    assert!(requests.len() >= 10, "{requests:?}");
    for request in &requests {
        assert!(request.starts_with(&origin), "{request}");
    }
    let complaints = browser.complaints();
    assert!(may_fail || complaints.is_empty(), "{complaints:?}");
}

/// A demo, and the address it prints first.
pub fn demo(rate: &str) -> (Process, SocketAddr) {
    let mut command = jumun("demo");
    command.args(["--rate", rate, "--listen", "127.0.0.1:0"]);
    let process = Process::start(command).unwrap();
    let address = wait_for("the page's address", TIMEOUT, || {
        let errors = process.stderr();
        let first = errors.lines().next()?;
        first
            .strip_prefix("open http://")?
            .strip_suffix('/')?
            .parse()
            .ok()
    });
    let address = address.unwrap_or_else(|error| panic!("{error}: {}", process.stderr()));
    (process, address)
}

/// Ctrl-C, and the end it asks for.
pub fn end(mut process: Process) {
    process.sigint().unwrap();
    let status = process.wait_exit(TIMEOUT).unwrap();
    assert!(status.success(), "{status}: {}", process.stderr());
}
