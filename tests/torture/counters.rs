//! The business counters as an onlooker reads them while instances die: they never fall and never run ahead.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jumun_harness::{Kafka, http_get};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

use crate::support::topics::{self, INPUTS};

const NAME: &str = "order_events_outcome_total{";

/// One value per series, the furthest that any instance tells (as the recording rules read them).
type Series = BTreeMap<String, u64>;

pub struct Counters {
    observer: BaseConsumer,
    /// Asks for offsets with no transaction under way.
    patient: BaseConsumer,
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
            patient: kafka
                .client_config()
                .set("group.id", group)
                .set("isolation.level", "read_committed")
                .create()
                .unwrap(),
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

    /// More outcomes than committed input records would be a jump. The offsets are asked for afterwards, and once no
    /// transaction is under way: a commit is answered before its markers are written, and until then the offsets of
    /// before are told.
    fn check_ahead(&mut self) {
        let Some(consumed) = self.committed(&self.observer, Duration::from_secs(5)) else {
            return;
        };
        self.consumed = Some(consumed.values().sum());
        let is_ahead = |consumed: &BTreeMap<i32, u64>| {
            let ahead = (0..self.partitions).filter_map(|partition| {
                let counted = self.counted(partition);
                let consumed = consumed.get(&partition).copied().unwrap_or(0);
                (counted > consumed).then(|| {
                    format!("partition {partition}: {counted} outcomes of {consumed} records")
                })
            });
            ahead.collect::<Vec<String>>()
        };
        if is_ahead(&consumed).is_empty() {
            return;
        }
        // No answer while a dead owner's transaction is open: the next look asks again.
        if let Some(consumed) = self.committed(&self.patient, Duration::from_secs(2)) {
            let ahead = is_ahead(&consumed);
            self.complaints.extend(ahead);
        }
    }

    fn counted(&self, partition: i32) -> u64 {
        let label = format!("partition=\"{partition}\"");
        let series = self.furthest.iter();
        let of_partition = series.filter(|(series, _)| series.contains(&label));
        of_partition.map(|(_, value)| value).sum()
    }

    /// Input records whose offsets are committed, by partition; none if one of them is not known.
    fn committed(&self, asking: &BaseConsumer, timeout: Duration) -> Option<BTreeMap<i32, u64>> {
        let mut asked = TopicPartitionList::new();
        for topic in INPUTS {
            asked.add_partition_range(topic, 0, self.partitions - 1);
        }
        let committed = asking.committed_offsets(asked, timeout).ok()?;
        let mut consumed: BTreeMap<i32, u64> = BTreeMap::new();
        for element in committed.elements() {
            element.error().ok()?;
            if let Offset::Offset(offset) = element.offset() {
                *consumed.entry(element.partition()).or_default() += u64::try_from(offset).unwrap();
            }
        }
        Some(consumed)
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
