//! A generated day that is processed anew, by the time of its records: every level that the model expects is told, once, and
//! no other.

use std::collections::BTreeSet;

use jumun::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit, Rate};
use jumun::job::JobOptions;
use serde_json::Value;

use super::scene::SLA;
use crate::support::driven::{Job, record_of};
use crate::support::model::sla::{Read, expected, moment, told};

const START: i64 = 1_795_143_600_000;

#[test]
fn every_level_of_a_day_is_told_once_and_no_other() {
    let config = GeneratorConfig {
        rate: Rate::OrdersPerSecond(0.5),
        limit: Limit::Orders(6_000),
        ..GeneratorConfig::new(5, START as u64)
    };
    let options = JobOptions {
        rebuild: true,
        ..JobOptions::default()
    };
    let mut job = Job::new(&options, START + 48 * 3_600_000);
    let mut generator = Generator::new(config);
    let mut event = GeneratedEvent::default();
    let mut reads = Vec::new();
    while generator.next_into(&mut event) {
        let value: Value = serde_json::from_slice(&event.value).unwrap();
        let info = &value["info"];
        reads.push(Read {
            id: value["id"].as_str().unwrap().to_owned(),
            timestamp: event.timestamp as i64,
            cook_minutes: info["cookMinutes"].as_i64(),
            promised_at: info["promisedAt"]
                .is_string()
                .then(|| moment(&info["promisedAt"])),
        });
        job.append(&mut record_of(&event));
        if reads.len().is_multiple_of(5_000) {
            job.commit();
            job.crash_and_restart();
        }
    }
    job.commit();
    let transitions = job.transitions();
    let expected = expected(&reads, &transitions);
    let all = told(&job.values(SLA));
    let actual: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(all.len(), actual.len(), "nothing is told twice");
    let missing: Vec<_> = expected.difference(&actual).take(5).collect();
    let others: Vec<_> = actual.difference(&expected).take(5).collect();
    assert!(
        missing.is_empty() && others.is_empty(),
        "missing {missing:?}\nothers {others:?}"
    );
    let timers: BTreeSet<&str> = actual.iter().map(|it| it.1.as_str()).collect();
    assert!(timers.len() >= 8, "{timers:?} of {} records", actual.len());
}
