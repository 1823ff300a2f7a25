//! Sends records to `order.redrive.v1`: acknowledged, in their order, and no faster than asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use thiserror::Error;
use topology::io::{HeaderBuffer, Log, OutputRecord, Producer, ProducerConfig, TopicSpec};

use super::redrive::Redrive;
use crate::config::Topics;
use crate::job::topics::{INPUTS, ORDER_EVENTS, REDRIVE, redrive};
use crate::scan::{Extent, Next, Scan, ScanError, Wanted};

const CLIENT: &str = "jumun-dlt";
const CALL: Duration = Duration::from_secs(10);
/// Longest wait for the brokers to take what was sent.
const FLUSH: Duration = Duration::from_secs(60);
/// So many records at most are in doubt when the brokers refuse.
const UNACKNOWLEDGED: usize = 100;
/// Where a partition's newest timestamp is looked for: among its last records, for transaction markers take offsets too.
const TAIL: i64 = 100;

/// Why nothing can be sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// The inputs do not exist.
    #[error(
        "there is no topic {ORDER_EVENTS}, so nobody would judge what is redriven; check bootstrap.servers"
    )]
    NoInputs,
    /// The topic is not co-partitioned with the inputs.
    #[error(
        "{REDRIVE} has {redrive} partitions, {ORDER_EVENTS} has {inputs}: events would go astray; create {REDRIVE} with \
         {inputs} partitions"
    )]
    Partitions {
        /// Of the topic.
        redrive: i32,
        /// Of the inputs.
        inputs: i32,
    },
    /// A topic cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] topology::Error),
}

/// Whether the topic is created where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is.
    Create,
    /// It is not: nothing will be sent.
    Leave,
}

/// How many partitions the inputs have, and `order.redrive.v1`.
///
/// # Errors
/// When the brokers do not answer, or the topics do not fit each other.
pub fn partitions(log: &dyn Log, topics: &Topics, missing: Missing) -> Result<i32, SendError> {
    let mut admin = log.admin(CLIENT)?;
    let found = admin.describe_topics(&[ORDER_EVENTS, REDRIVE], CALL)?;
    let count = |place: usize| {
        let topic = found.get(place)?.as_ref()?;
        Some(topic.partitions)
    };
    let inputs = count(0).ok_or(SendError::NoInputs)?;
    match count(1) {
        Some(redrive) if redrive != inputs => {
            return Err(SendError::Partitions { redrive, inputs });
        }
        None if missing == Missing::Create => {
            let spec = TopicSpec {
                partitions: inputs,
                ..redrive(topics)
            };
            admin.create_topics(&[spec], CALL)?;
        }
        Some(_) | None => {}
    }
    Ok(inputs)
}

/// How many records are sent per second, at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(f64);

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("rate \"{0}\" is not a positive number of events per second such as 50 or 50/s")]
pub struct ParseRateError(String);

impl std::str::FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let number = text.strip_suffix("/s").unwrap_or(text).parse::<f64>().ok();
        number
            .filter(|number| number.is_finite() && *number > 0.0)
            .map(Self)
            .ok_or_else(|| ParseRateError(text.to_owned()))
    }
}

impl Rate {
    /// How long after the first record that of this number is due, counted from 0.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jumun::dead_letters::sending::Rate;
    ///
    /// let rate: Rate = "50/s".parse().unwrap();
    /// assert_eq!(rate.due(100), Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn due(self, number: usize) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let seconds = number as f64 / self.0;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// So many may wait for their acknowledgement: about those of a second.
    fn unacknowledged(self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and is cut to the bounds"
        )]
        let of_a_second = self.0 as usize;
        of_a_second.clamp(1, UNACKNOWLEDGED)
    }
}

/// What became of the records, which were sent in their order.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The first so many are in the topic.
    pub acknowledged: usize,
    /// The first so many were handed to the client; whether those beyond the acknowledged ones are in the topic is not
    /// known.
    pub handed_over: usize,
    /// Why it went no further.
    pub error: Option<topology::Error>,
}

/// Sends the records; `progress` is told how many are acknowledged.
///
/// A redriven record stands behind all that was there when it was sent, by its timestamp too: the tasks choose among
/// their inputs by time, so only then is it judged after the same events when the log is processed once more.
///
/// # Errors
/// When no producer can be had. What goes wrong later is told in the answer.
pub fn send(
    log: &dyn Log,
    redrives: &[Redrive],
    rate: Option<Rate>,
    mut progress: impl FnMut(usize),
) -> Result<Delivery, SendError> {
    let newest = newest_timestamps(log, redrives)?;
    let mut producer = log.producer(&ProducerConfig {
        client_id: CLIENT.to_owned(),
        transactional_id: None,
        transaction_timeout: CALL,
        max_batch_bytes: None,
    })?;
    let output = producer.register(REDRIVE)?;
    let chunk = rate.map_or(UNACKNOWLEDGED, Rate::unacknowledged);
    let start = Instant::now();
    let mut delivery = Delivery::default();
    let mut headers = HeaderBuffer::default();
    for (number, redrive) in redrives.iter().enumerate() {
        if let Some(rate) = rate {
            let wait = rate.due(number).saturating_sub(start.elapsed());
            std::thread::sleep(wait);
        }
        headers.clear();
        for (name, value) in &redrive.headers {
            headers.push(name, value.as_deref());
        }
        let newest = newest.get(&redrive.partition).copied().unwrap_or(0);
        let sent = producer.send(OutputRecord {
            output,
            partition: Some(redrive.partition),
            timestamp: redrive.timestamp.max(newest),
            key: Some(&redrive.key),
            value: Some(&redrive.value),
            headers: headers.view(),
        });
        if let Err(error) = sent {
            delivery.error = Some(error);
            return Ok(delivery);
        }
        delivery.handed_over = number + 1;
        let is_last = delivery.handed_over == redrives.len();
        if is_last || delivery.handed_over - delivery.acknowledged >= chunk {
            if let Err(error) = flush(producer.as_mut()) {
                delivery.error = Some(error);
                return Ok(delivery);
            }
            delivery.acknowledged = delivery.handed_over;
            progress(delivery.acknowledged);
        }
    }
    Ok(delivery)
}

fn flush(producer: &mut dyn Producer) -> Result<(), topology::Error> {
    let deadline = Instant::now() + FLUSH;
    while producer.in_flight() > 0 && Instant::now() < deadline {
        producer.flush(Duration::from_millis(5))?;
    }
    producer.poll(Duration::ZERO)?;
    if let Some(error) = producer.delivery_error() {
        return Err(error);
    }
    match producer.in_flight() {
        0 => Ok(()),
        left => Err(topology::Error::new(
            topology::ErrorClass::Retriable,
            "send events",
            format!("{left} are not acknowledged after {} s", FLUSH.as_secs()),
        )),
    }
}

/// The newest timestamps at the ends of the partitions that are written to, over all inputs; none is in the future.
fn newest_timestamps(log: &dyn Log, redrives: &[Redrive]) -> Result<BTreeMap<i32, i64>, SendError> {
    let mut newest: BTreeMap<i32, i64> = redrives
        .iter()
        .map(|redrive| (redrive.partition, 0))
        .collect();
    let [orders, payments, deliveries] = INPUTS;
    let wanted = Wanted {
        client_id: CLIENT,
        topics: &[orders, payments, deliveries, REDRIVE],
        partition: None,
        extent: Extent::ToEnd,
    };
    let mut scan = Scan::open(log, wanted, |_, partition, marks| {
        let is_needed = newest.contains_key(&partition.partition);
        Ok(if is_needed {
            marks.high - TAIL
        } else {
            marks.high
        })
    })?;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    loop {
        match scan.next(CALL)? {
            Next::Records(scanned) => {
                let slot = newest.entry(scanned.partition.partition).or_default();
                for record in scanned.records() {
                    *slot = record.timestamp.min(now).max(*slot);
                }
            }
            Next::Nothing => {}
            Next::End => return Ok(newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fixture::rejection;
    use super::super::redrive::{RedriveOptions, Repair};
    use super::*;
    use crate::dialect::Dialects;
    use topology::io::Headers;
    use topology::io::memory::{Fault, MemoryLog, OperationKind};
    use topology::time::SystemClock;

    const TOPICS: Topics = Topics {
        partitions: 7,
        output_partitions: 2,
        replication_factor: 1,
    };

    fn log() -> Arc<MemoryLog> {
        let log = MemoryLog::new(Arc::new(SystemClock::new()));
        for topic in INPUTS {
            log.create_topic(topic, 4).unwrap();
        }
        log
    }

    fn redrives(count: u64) -> Vec<Redrive> {
        let made = |version| {
            let entry = rejection("r:0:4", "SEQ_GAP", "B1", "order.accepted", version);
            let (repair, options) = (Repair::default(), RedriveOptions::default());
            super::super::redrive::redrive(&entry, &repair, options, &Dialects::default(), 4)
                .unwrap()
        };
        (1..=count).map(made).collect()
    }

    #[test]
    fn rates_are_read_and_tell_when_a_record_is_due() {
        let rate: Rate = "4".parse().unwrap();
        assert_eq!(rate.due(0), Duration::ZERO);
        assert_eq!(rate.due(6), Duration::from_millis(1_500));
        assert_eq!(
            "0.5/s".parse::<Rate>().unwrap().due(1),
            Duration::from_secs(2)
        );
        for text in ["", "0", "-1", "fast", "nan", "1/m"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_topic_is_created_as_wide_as_the_inputs_and_never_for_a_dry_run() {
        let log = log();
        assert_eq!(
            partitions(log.as_ref(), &TOPICS, Missing::Leave).unwrap(),
            4
        );
        assert!(log.records(REDRIVE, 0, true).is_err());
        assert_eq!(
            partitions(log.as_ref(), &TOPICS, Missing::Create).unwrap(),
            4
        );
        assert_eq!(log.records(REDRIVE, 3, true).unwrap().len(), 0);
    }

    #[test]
    fn a_topic_that_is_not_co_partitioned_is_refused() {
        let log = log();
        log.create_topic(REDRIVE, 3).unwrap();
        let error = partitions(log.as_ref(), &TOPICS, Missing::Create).unwrap_err();
        assert!(error.to_string().contains("has 3 partitions"), "{error}");
    }

    #[test]
    fn records_are_sent_in_their_order_behind_all_that_is_there_by_time() {
        let log = log();
        partitions(log.as_ref(), &TOPICS, Missing::Create).unwrap();
        // Of this partition, newer than the event; and of another one, newer still.
        for (partition, timestamp) in [(2, 9_000), (3, 99_000)] {
            log.append(
                "payment.events.v1",
                Some(partition),
                Some(b"B1"),
                Some(b"{}"),
                timestamp,
                Headers::default(),
            )
            .unwrap();
        }
        let mut told = Vec::new();
        let delivery = send(log.as_ref(), &redrives(250), None, |count| told.push(count)).unwrap();
        assert_eq!((delivery.acknowledged, delivery.handed_over), (250, 250));
        assert_eq!(told, [100, 200, 250]);
        let records = log.records(REDRIVE, 2, true).unwrap();
        assert_eq!(records.len(), 250);
        assert!(records.iter().all(|record| record.timestamp == 9_000));
        let sent: Vec<Vec<u8>> = redrives(250)
            .into_iter()
            .map(|redrive| redrive.value)
            .collect();
        let found: Vec<Vec<u8>> = records
            .into_iter()
            .filter_map(|record| record.value)
            .collect();
        assert_eq!(found, sent);
    }

    #[test]
    fn what_was_sent_before_a_refusal_is_told() {
        let log = log();
        partitions(log.as_ref(), &TOPICS, Missing::Create).unwrap();
        let sends = std::sync::atomic::AtomicUsize::new(0);
        log.on_operation(Box::new(move |operation| {
            let refused = operation.kind == OperationKind::Send
                && sends.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 150;
            refused.then_some(Fault::Fail(topology::ErrorClass::Fatal))
        }));
        let delivery = send(log.as_ref(), &redrives(250), None, |_| {}).unwrap();
        assert_eq!((delivery.acknowledged, delivery.handed_over), (100, 150));
        assert!(delivery.error.is_some());
    }
}
