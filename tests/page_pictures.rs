//! Pictures of the live page, to be looked at: not run with the other tests.
//!
//! `JUMUN_PICTURES=DIR cargo test --release -p jumun --test all page_pictures -- --ignored --nocapture` writes them to `DIR`;
//! `JUMUN_PICTURES_AFTER=SECONDS` lets the load run that long before; `JUMUN_PICTURES_OF=ADDRESS` takes them of a processor that
//! runs already: what is usual is known after ten minutes.

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

/// The processor that is looked at, and whoever has to be ended then.
fn processor() -> (SocketAddr, Option<Process>) {
    if let Ok(address) = std::env::var("JUMUN_PICTURES_OF") {
        return (address.parse().expect("an address and a port"), None);
    }
    let address: SocketAddr = format!("127.0.0.1:{}", free_port().unwrap())
        .parse()
        .unwrap();
    let mut command = jumun("demo");
    command.args(["--rate", "2000", "--listen", &address.to_string()]);
    let process = Process::start(command).unwrap();
    wait_for("the server", TIMEOUT, || {
        jumun_harness::http_get(address, "/health/live").ok()
    })
    .unwrap();
    (address, Some(process))
}

#[test]
#[ignore = "writes pictures to be looked at"]
fn the_page_under_load() {
    let (address, process) = processor();
    let mut browser = Browser::start();
    browser.open(&format!("http://{address}/"));
    std::thread::sleep(seconds());
    for width in [400, 1280, 2000] {
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
    browser.picture(&directory().join("page-wide.png"), Some(1_330), 0.5);
    browser.look(400, 1_000, "dark");
    std::thread::sleep(Duration::from_secs(2));
    browser.picture(&directory().join("page-narrow.png"), Some(1_330), 0.75);
    an_order_under_load(&mut browser);
    browser.open(&format!("http://{address}/topology.html"));
    browser.wait("document.querySelector('svg.topology') !== null", TIMEOUT);
    browser.look(1400, 1_000, "light");
    browser.picture(&directory().join("topology.png"), None, 1.0);
    drop(browser);
    if let Some(mut process) = process {
        process.sigint().unwrap();
        process.wait_exit(TIMEOUT).unwrap();
    }
}

/// The order that was refused last, from the live page on.
fn an_order_under_load(browser: &mut Browser) {
    browser.evaluate("document.querySelector('#rejections tbody a').click()");
    let read = "document.getElementById('looked')?.innerText.includes('Read in topics') ?? false";
    browser.wait(read, TIMEOUT);
    for (width, scheme) in [(400, "dark"), (1280, "light")] {
        browser.look(width, 900, scheme);
        std::thread::sleep(Duration::from_secs(1));
        let path = directory().join(format!("order-{width}-{scheme}.png"));
        browser.picture(&path, None, 1.0);
    }
    browser.picture(&directory().join("order.png"), Some(900), 0.6);
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
