//! `jumun skip` on a real Kafka: one record is passed over, becomes a dead letter untouched, and the rest is processed.

use jumun_harness::{Broker, Isolation, Message};

use crate::support::operator::Operator;
use crate::support::processor::{Setup, TIMEOUT, jumun, run_to_end};
use crate::support::topics::{DEAD_LETTERS, ORDERS};
use crate::support::{load, topics};
#[test]
fn one_record_is_passed_over_and_kept_as_a_dead_letter() {
    one_record_is_passed_over("classic");
}

#[test]
fn one_record_is_passed_over_under_the_consumer_protocol() {
    one_record_is_passed_over("consumer");
}

fn one_record_is_passed_over(protocol: &str) {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, 200, 1);
    let setup = Setup::new(&broker, "skipping", state.path())
        .strict()
        .setting("topics.partitions", "1")
        .setting("application.group_protocol", protocol)
        .setting("application.leave_on_stop", "true");
    let mut processor = setup.start_ready();
    let ends = topics::ends(&topics::input_records(&broker));
    topics::wait_consumed(&broker, "skipping", &ends, TIMEOUT);
    let before: u64 = processor.outcomes().values().sum();
    let offset = ends[&(ORDERS.to_owned(), 0)];
    let skip = |offset: i64, rest: &[&str]| {
        let mut command = jumun("skip");
        command
            .args([ORDERS, "0", &offset.to_string()])
            .args(["--reason", "kills the judge", "--by", "kim"])
            .args(["--application-id", "skipping"])
            .args(["--bootstrap-servers", broker.bootstrap_servers()])
            .args(rest);
        run_to_end(command).unwrap()
    };
    let (status, _, errors) = skip(offset, &["--execute"]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("skipping-0-0"), "{errors}");
    processor.stop();

    for value in ["poison", "also broken"] {
        let message = Message::new(ORDERS, "B-SKIP", value).header("id", "e-skip");
        broker.produce([message]).unwrap();
    }
    for (wrong, text) in [
        (offset - 1, "processed already"),
        (offset + 1, "the next record"),
    ] {
        let (status, _, errors) = skip(wrong, &["--execute"]);
        assert_eq!(status, Some(1), "{errors}");
        assert!(errors.contains(text), "{errors}");
    }
    let letters = || {
        broker
            .consume_all(DEAD_LETTERS, Isolation::ReadCommitted)
            .unwrap()
    };
    let already = letters().len();
    assert_eq!(skip(offset, &[]).0, Some(0));
    assert_eq!(letters().len(), already, "a dry run writes nothing");
    let (status, _, errors) = skip(offset, &["--execute"]);
    assert_eq!(status, Some(0), "{errors}");
    let letter = letters()
        .into_iter()
        .find(|letter| letter.value.as_deref() == Some(b"poison"))
        .unwrap();
    assert_eq!(letter.key.as_deref(), Some(&b"B-SKIP"[..]));
    let listed = Operator(&broker).json(&["dlt", "list", "--reason", "SKIPPED"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let listed = listed[0].to_string();
    for text in ["SKIPPED", "kills the judge", "kim"] {
        assert!(listed.contains(text), "{text:?} is not in {listed}");
    }

    let mut processor = setup.start_ready();
    let ends = topics::ends(&topics::input_records(&broker));
    topics::wait_consumed(&broker, "skipping", &ends, TIMEOUT);
    let after: u64 = processor.outcomes().values().sum();
    assert_eq!(after, before + 1, "only the second one was judged");
    processor.stop();
}
