//! A stop keeps within its time whatever the brokers do, and what it could not commit is processed again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, BrokerOptions, wait_for};

use crate::support::judged::compare_with_model;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::{load, topics};
const PARTITIONS: i32 = 2;
const EVENTS: usize = 6_000;
const SHUTDOWN: Duration = Duration::from_secs(6);

/// The broker freezes while a transaction is open; the stop comes while its commit waits for acknowledgements.
#[test]
fn with_a_frozen_broker_a_stop_ends_in_time_and_nothing_is_lost_or_doubled() {
    let mut broker = Broker::start_with(BrokerOptions::default()).unwrap();
    load::preload(&broker, EVENTS, PARTITIONS);
    let records = topics::input_records(&broker);
    let ends = topics::ends(&records);
    let state = tempfile::tempdir().unwrap();
    let phase_file = state.path().join("phase");
    let setup = Setup::new(&broker, "stopped", state.path())
        .strict()
        .flag("--max-rate", "500")
        .setting(
            "application.shutdown_timeout_ms",
            &SHUTDOWN.as_millis().to_string(),
        )
        .env("JUMUN_TEST_PHASE_FILE", &phase_file.display().to_string());

    for leave in ["false", "true"] {
        let setup = setup.clone().setting("application.leave_on_stop", leave);
        let mut processor = setup.start_ready();
        wait_phase(&phase_file, "processing");
        broker.pause().unwrap();
        wait_phase(&phase_file, "draining");
        let asked = Instant::now();
        processor.process.sigterm().unwrap();
        let (status, errors) = processor.wait_end();
        let took = asked.elapsed();
        broker.resume().unwrap();
        tell(format!("leave_on_stop {leave}: ended after {took:.1?}"));
        assert!(took < SHUTDOWN, "{took:?}:\n{errors}");
        assert_eq!(status, Some(0), "{errors}");
        assert!(errors.contains("records unacknowledged after"), "{errors}");
    }

    let processor = setup.flag("--max-rate", "100000").start_ready();
    topics::wait_consumed(&broker, "stopped", &ends, 3 * TIMEOUT);
    processor.stop();
    let report = compare_with_model(&broker, &records).report;
    assert!(report.is_clean(), "{report}");
    assert!(report.compared > EVENTS, "{report}");
}

fn wait_phase(file: &Path, phase: &str) {
    let here = || {
        let text = fs::read_to_string(file).ok()?;
        (text.trim_end() == phase).then_some(())
    };
    wait_for(phase, TIMEOUT, here).unwrap();
}
