//! Pictures of the live page, to be looked at: not run with the other tests.
//!
//! `JUMUN_PICTURES=DIR cargo test --release -p jumun --test all page_pictures -- --ignored --nocapture` writes them to `DIR`;
//! `JUMUN_PICTURES_AFTER=SECONDS` lets the load run that long before.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jumun_harness::{Broker, Process, free_port, wait_for};

use crate::support::browser::Browser;
use crate::support::load;
use crate::support::processor::{Setup, TIMEOUT, jumun};

fn directory() -> PathBuf {
    let directory = std::env::var_os("JUMUN_PICTURES").expect("JUMUN_PICTURES names a directory");
    std::fs::create_dir_all(&directory).unwrap();
    directory.into()
}

fn seconds() -> Duration {
    let seconds = std::env::var("JUMUN_PICTURES_AFTER").ok();
    Duration::from_secs(seconds.map_or(20, |seconds| seconds.parse().unwrap()))
}

#[test]
#[ignore = "writes pictures to be looked at"]
fn the_page_under_load() {
    let address: SocketAddr = format!("127.0.0.1:{}", free_port().unwrap())
        .parse()
        .unwrap();
    let mut command = jumun("demo");
    command.args(["--rate", "2000", "--listen", &address.to_string()]);
    let mut process = Process::start(command).unwrap();
    wait_for("the server", TIMEOUT, || {
        jumun_harness::http_get(address, "/health/live").ok()
    })
    .unwrap();
    let mut browser = Browser::start();
    browser.open(&format!("http://{address}/"));
    std::thread::sleep(seconds());
    for width in [400, 2000] {
        for scheme in ["light", "dark"] {
            browser.look(width, 1_000, scheme);
            std::thread::sleep(Duration::from_secs(2));
            let path = directory().join(format!("page-{width}-{scheme}.png"));
            browser.picture(&path, None, 1.0);
        }
    }
    // Those of the README.
    browser.look(2000, 1_000, "light");
    std::thread::sleep(Duration::from_secs(2));
    browser.picture(&directory().join("page-wide.png"), Some(1_000), 0.5);
    browser.look(400, 1_000, "dark");
    std::thread::sleep(Duration::from_secs(2));
    browser.picture(&directory().join("page-narrow.png"), Some(1_000), 0.75);
    browser.open(&format!("http://{address}/topology.html"));
    browser.wait("document.querySelector('svg.topology') !== null", TIMEOUT);
    browser.look(1400, 1_000, "light");
    browser.picture(&directory().join("topology.png"), None, 1.0);
    drop(browser);
    process.sigint().unwrap();
    process.wait_exit(TIMEOUT).unwrap();
}

#[test]
#[ignore = "writes pictures to be looked at"]
fn the_page_with_the_broker_gone_and_with_the_process_gone() {
    let mut broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, 20_000, 4);
    let setup = Setup::new(&broker, "paged", state.path()).flag("--max-rate", "500");
    let mut processor = setup.start_ready();
    let address = processor.address();
    let mut browser = Browser::start();
    browser.look(1400, 1_000, "light");
    browser.open(&format!("http://{address}/"));
    std::thread::sleep(Duration::from_secs(10));
    broker.kill9().unwrap();
    let lost = "document.getElementById('state')?.dataset.name === 'BROKER_LOST'";
    browser.wait(lost, TIMEOUT);
    browser.picture(&directory().join("broker-lost.png"), None, 1.0);
    processor.process.kill9().unwrap();
    let alone = "document.getElementById('state')?.dataset.name === 'PAGE_DISCONNECTED'";
    browser.wait(alone, TIMEOUT);
    std::thread::sleep(Duration::from_secs(4));
    browser.picture(&directory().join("process-gone.png"), None, 1.0);
}
