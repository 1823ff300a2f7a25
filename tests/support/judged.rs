//! What a run emitted against what the reference model says of the records that really lie in the input topics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jumun_harness::Kafka;

use crate::support::model::order_of_arrival::order_of_arrival_in_all_partitions;
use crate::support::model::verify::{Report, compare};
use crate::support::model::{InputRecord, Model, Policy, Settings};
use crate::support::topics::Outputs;

/// What the comparison found.
pub struct Comparison {
    pub report: Report,
    /// Input records by `OUTCOME` or `OUTCOME/REASON`, as the model judges them.
    pub outcomes: BTreeMap<String, u64>,
}

/// Compares partition after partition: an order never leaves its own, and whole runs of parsed records are large.
pub fn compare_with_model(kafka: &Kafka, records: &[InputRecord]) -> Comparison {
    let outputs = Outputs::read(kafka);
    let mut homes: HashMap<&[u8], i32> = HashMap::new();
    for record in records {
        homes
            .entry(record.key.as_deref().unwrap_or_default())
            .or_insert(record.partition);
    }
    let now = records
        .iter()
        .map(|record| record.timestamp)
        .max()
        .unwrap_or(0);
    let partitions: BTreeSet<i32> = records.iter().map(|record| record.partition).collect();
    let first = partitions.first().copied().unwrap_or(0);
    let mut sum = Comparison {
        report: Report::default(),
        outcomes: BTreeMap::new(),
    };
    for partition in partitions {
        let of_partition = records
            .iter()
            .filter(|record| record.partition == partition)
            .cloned()
            .collect();
        // As `Setup::strict` has the program judge.
        let mut model = Model::with(Settings {
            automatic_redrive: false,
            ..Settings::new(Policy::STRICT)
        });
        // After the last record: no clock but that of the data is in play.
        model.set_now(now);
        let expected = model.play(&order_of_arrival_in_all_partitions(of_partition));
        // What nobody sent is compared with the first partition, and so is not overlooked.
        let is_key = |key: &[u8]| homes.get(key).copied().unwrap_or(first) == partition;
        let actual = outputs.of(is_key, |of| of == partition);
        add(&mut sum.report, compare(&expected, &actual));
        for (outcome, count) in model.counts() {
            *sum.outcomes.entry(outcome).or_default() += count;
        }
    }
    sum
}

fn add(sum: &mut Report, part: Report) {
    sum.compared += part.compared;
    sum.missing += part.missing;
    sum.duplicate += part.duplicate;
    sum.wrong += part.wrong;
    sum.unexpected += part.unexpected;
    sum.differences.extend(part.differences);
}
