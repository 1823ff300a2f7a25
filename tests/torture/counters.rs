//! The business counters as an onlooker reads them while instances die: they never fall and never run ahead.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jumun_harness::{Kafka, http_get};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

use crate::topics::{self, INPUTS};

const NAME: &str = "order_events_outcome_total{";

/// One value per series, the furthest that any instance tells (as the recording rules read them).
type Series = BTreeMap<String, u64>;

pub struct Counters {
    observer: BaseConsumer,
    partitions: i32,
    /// The furthest value ever told.
    furthest: Series,
    /// Series that were behind at the last look: an owner of a moment ago may still tell its last values once.
    behind: Series,
    pub looks: usize,
    /// Input records whose offsets are committed, at the last look that got an answer.
    consumed: Option<u64>,
    /// What fell, what ran ahead.
    pub complaints: Vec<String>,
}

impl Counters {
    pub fn new(kafka: &Kafka, group: &str, partitions: i32) -> Self {
        Self {
            observer: topics::observer(kafka, group),
            partitions,
            furthest: Series::new(),
            behind: Series::new(),
            looks: 0,
            consumed: None,
            complaints: Vec::new(),
        }
    }

    /// Reads the counters of these instances; those that do not answer tell nothing.
    pub fn look(&mut self, instances: &[SocketAddr]) {
        let mut told = Series::new();
        for address in instances {
            let Ok((200, body)) = http_get(*address, "/metrics") else {
                continue;
            };
            for line in body.lines().filter(|line| line.starts_with(NAME)) {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value = value.parse::<f64>().unwrap() as u64;
                let known = told.entry(series.to_owned()).or_default();
                *known = value.max(*known);
            }
        }
        self.looks += 1;
        self.check_falls(&told);
        for (series, value) in told {
            let known = self.furthest.entry(series).or_default();
            *known = value.max(*known);
        }
        self.check_ahead();
    }

    /// A fall is one that is still there at the next look.
    fn check_falls(&mut self, told: &Series) {
        let mut behind = Series::new();
        for (series, value) in told {
            let before = self.furthest.get(series).copied().unwrap_or(0);
            if *value < before {
                if self.behind.contains_key(series) {
                    let complaint = format!("{series} fell from {before} to {value}");
                    self.complaints.push(complaint);
                }
                behind.insert(series.clone(), *value);
            }
        }
        self.behind = behind;
    }

    /// More outcomes than committed input records would be a jump; the offsets are asked for afterwards.
    fn check_ahead(&mut self) {
        let mut asked = TopicPartitionList::new();
        for topic in INPUTS {
            asked.add_partition_range(topic, 0, self.partitions - 1);
        }
        let Ok(committed) = self
            .observer
            .committed_offsets(asked, Duration::from_secs(5))
        else {
            return;
        };
        let mut consumed: BTreeMap<i32, u64> = BTreeMap::new();
        for element in committed.elements() {
            if let Offset::Offset(offset) = element.offset() {
                *consumed.entry(element.partition()).or_default() += u64::try_from(offset).unwrap();
            }
        }
        self.consumed = Some(consumed.values().sum());
        for (partition, consumed) in consumed {
            let label = format!("partition=\"{partition}\"");
            let of_partition = self
                .furthest
                .iter()
                .filter(|(series, _)| series.contains(&label));
            let counted: u64 = of_partition.map(|(_, value)| value).sum();
            if counted > consumed {
                self.complaints.push(format!(
                    "partition {partition}: {counted} outcomes of {consumed} records"
                ));
            }
        }
    }

    /// See [`Counters::look`]: input records that were consumed for good.
    pub fn consumed(&self) -> Option<u64> {
        self.consumed
    }

    /// Input records by `OUTCOME` or `OUTCOME/REASON`, over all partitions; outcomes without any are left out.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        let mut outcomes = BTreeMap::new();
        for (series, count) in self.furthest.iter().filter(|(_, count)| **count > 0) {
            let label = |name: &str| {
                let (_, rest) = series.split_once(&format!("{name}=\"")).unwrap();
                rest.split('"').next().unwrap_or_default()
            };
            let name = match label("reason") {
                "" => label("outcome").to_owned(),
                reason => format!("{}/{reason}", label("outcome")),
            };
            *outcomes.entry(name).or_default() += count;
        }
        outcomes
    }
}
