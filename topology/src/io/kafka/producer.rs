//! A producer on librdkafka: transactional, or idempotent only.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{Producer as _, PurgeConfig};
use rdkafka::types::{RDKafkaErrorCode as Code, RDKafkaRespErr};

use super::client::create;
use super::consumer::Membership;
use super::errors;
use super::native::{NativeProducer, Outgoing, Report};
use super::positions::offset_list;
use crate::io::{
    GroupMetadata, GroupProtocol, IoResult, OutputId, OutputRecord, Producer, TopicPartition,
};
use crate::{Error, ErrorClass};

/// One call of `abort_transaction` lasts at most this long; reports are served in between, or it could wait for ever.
const ABORT_STEP: Duration = Duration::from_millis(500);
/// Steps in which acknowledgements are waited for.
const POLL_STEP: Duration = Duration::from_millis(1);
/// The report of a refusal follows the state it leaves the transaction in within this time.
const REPORT: Duration = Duration::from_millis(200);
/// For the question whether a topic exists.
const ASK: Duration = Duration::from_secs(2);
/// One call of `init_transactions` lasts at most this long. While the coordinator ends what a predecessor left open, for some
/// milliseconds, it refuses, and librdkafka (2.12) asks again after 500; a call made again asks at once, unless a request is
/// out.
const INIT_STEP: Duration = Duration::from_millis(20);

struct Output {
    topic: String,
    /// Highest acknowledged offset by partition, -1 for none.
    last: Vec<i64>,
}

/// What delivery reports have told.
#[derive(Default)]
struct Deliveries {
    outputs: Vec<Output>,
    in_flight: usize,
    /// First refusal: code, output, partition.
    refused: Option<(Code, usize, i32)>,
}

impl Deliveries {
    fn take(&mut self, report: Report) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(code) = report.error {
            // Purged by ourselves on abort: no refusal.
            if !matches!(code, Code::PurgeQueue | Code::PurgeInflight) {
                self.refused
                    .get_or_insert((code, report.output, report.partition));
            }
            return;
        }
        let (Some(output), Ok(partition)) = (
            self.outputs.get_mut(report.output),
            usize::try_from(report.partition),
        ) else {
            return;
        };
        if output.last.len() <= partition {
            output.last.resize(partition + 1, -1);
        }
        if let Some(last) = output.last.get_mut(partition) {
            *last = report.offset.max(*last);
        }
    }
}

pub(super) struct KafkaProducer {
    native: NativeProducer,
    deliveries: Deliveries,
    delivery_timeout: Duration,
    transactional: bool,
}

impl KafkaProducer {
    pub(super) fn new(
        config: &ClientConfig,
        client_id: &str,
        transaction_timeout: Option<Duration>,
    ) -> IoResult<Self> {
        const CREATE: &str = "create producer";
        let native = NativeProducer::new(create(config, client_id, CREATE)?)
            .ok_or_else(|| Error::fatal(CREATE, "the client has no event queue"))?;
        Ok(Self {
            native,
            deliveries: Deliveries::default(),
            delivery_timeout: transaction_timeout.unwrap_or(Duration::from_secs(120)),
            transactional: transaction_timeout.is_some(),
        })
    }

    fn serve(&mut self, timeout: Duration) {
        let deliveries = &mut self.deliveries;
        self.native.serve(timeout, |report| deliveries.take(report));
    }

    /// Waits until nothing is in flight. The binding's own flush costs a multiple of 100 ms.
    fn drain(&mut self, deadline: Instant) {
        self.serve(Duration::ZERO);
        while self.deliveries.in_flight > 0 && Instant::now() < deadline {
            self.hasten(POLL_STEP);
        }
    }

    fn hasten(&mut self, timeout: Duration) {
        if self.deliveries.in_flight > 0 {
            self.native.flush(timeout);
        }
        self.serve(Duration::ZERO);
    }

    fn topic(&self, output: usize) -> &str {
        self.deliveries
            .outputs
            .get(output)
            .map_or("unknown topic", |output| &output.topic)
    }

    /// Whether the brokers say, and say again, that there is no such topic: one that has just started may not know it yet.
    fn is_missing(&self, topic: &str) -> bool {
        let missing = || {
            let client = self.native.client().client();
            client.fetch_metadata(Some(topic), ASK).is_ok_and(|found| {
                let mut errors = found.topics().iter().filter_map(MetadataTopic::error);
                errors.any(|error| error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            })
        };
        missing() && {
            std::thread::sleep(ASK);
            missing()
        }
    }

    /// A fatal error of the client hides behind a code that only says so.
    fn fatal(&self, operation: &'static str, code: Code) -> Option<Error> {
        if code != Code::Fatal {
            return None;
        }
        let (code, reason) = self.native.client().client().fatal_error()?;
        Some(errors::fatal_client(operation, code, &reason))
    }

    fn transaction(&self, operation: &'static str, error: &KafkaError) -> Error {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        self.fatal(operation, code)
            .unwrap_or_else(|| errors::error(operation, error))
    }

    /// What `send` was refused for. If a record of the transaction was refused before, [`Producer::delivery_error`] tells
    /// of that one.
    fn send_error(&mut self, code: Code, output: usize) -> Error {
        const OPERATION: &str = "send";
        if let Some(fatal) = self.fatal(OPERATION, code) {
            return fatal;
        }
        let error = match code {
            Code::MessageSizeTooLarge => Error::new(
                ErrorClass::User,
                OPERATION,
                "the record is larger than message.max.bytes of the producer; make it smaller or raise both that and \
                 the topic's max.message.bytes",
            ),
            Code::QueueFull => Error::new(
                ErrorClass::Abortable,
                OPERATION,
                "the client's queue stayed full for the whole delivery timeout: the brokers take nothing",
            ),
            // A transaction that has to be aborted takes no more records.
            Code::State if self.transactional => {
                let deadline = Instant::now() + REPORT;
                while self.deliveries.refused.is_none() && Instant::now() < deadline {
                    self.serve(POLL_STEP);
                }
                Error::new(
                    ErrorClass::Abortable,
                    OPERATION,
                    "no transaction is open that takes records",
                )
            }
            _ if errors::may_lack_topic(code) => {
                self.deliveries.refused.get_or_insert((code, output, -1));
                Error::new(ErrorClass::Abortable, OPERATION, code.to_string())
            }
            _ => Error::new(errors::class(code), OPERATION, code.to_string()),
        };
        error.at(self.topic(output).to_owned())
    }
}

impl Producer for KafkaProducer {
    fn register(&mut self, topic: &str) -> IoResult<OutputId> {
        let known = self
            .deliveries
            .outputs
            .iter()
            .position(|output| output.topic == topic);
        let index = match known {
            Some(index) => index,
            None => {
                let index = self.native.topic(topic).ok_or_else(|| {
                    Error::fatal("register topic", "not a valid topic name").at(topic)
                })?;
                self.deliveries.outputs.push(Output {
                    topic: topic.to_owned(),
                    last: Vec::new(),
                });
                index
            }
        };
        u32::try_from(index)
            .map(OutputId)
            .map_err(|_| Error::fatal("register topic", "too many topics").at(topic))
    }

    fn init_transactions(&mut self, timeout: Duration) -> IoResult<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let began = Instant::now();
            let left = deadline.saturating_duration_since(began);
            let result = self.native.client().init_transactions(left.min(INIT_STEP));
            self.serve(Duration::ZERO);
            let Err(error) = result else {
                return Ok(());
            };
            let error = self.transaction("init transactions", &error);
            if left <= INIT_STEP || error.class() != ErrorClass::Retriable {
                return Err(error);
            }
            std::thread::sleep(INIT_STEP.saturating_sub(began.elapsed()));
        }
    }

    fn begin_transaction(&mut self) -> IoResult<()> {
        self.deliveries.refused = None;
        let result = self.native.client().begin_transaction();
        result.map_err(|error| self.transaction("begin transaction", &error))
    }

    fn send(&mut self, record: OutputRecord<'_>) -> IoResult<()> {
        let output = record.output.0 as usize;
        let outgoing = Outgoing {
            output,
            partition: record.partition,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        let mut deadline = None;
        loop {
            match self.native.send(&outgoing) {
                Ok(()) => {
                    self.deliveries.in_flight += 1;
                    return Ok(());
                }
                Err(Code::QueueFull) => {
                    let now = Instant::now();
                    if now >= *deadline.get_or_insert(now + self.delivery_timeout) {
                        return Err(self.send_error(Code::QueueFull, output));
                    }
                    self.hasten(POLL_STEP);
                }
                Err(code) => return Err(self.send_error(code, output)),
            }
        }
    }

    fn poll(&mut self, timeout: Duration) -> IoResult<()> {
        self.serve(timeout);
        Ok(())
    }

    fn flush(&mut self, timeout: Duration) -> IoResult<()> {
        self.hasten(timeout);
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.deliveries.in_flight
    }

    fn delivery_error(&mut self) -> Option<Error> {
        const OPERATION: &str = "deliver record";
        let (code, output, partition) = self.deliveries.refused.take()?;
        let topic = self.topic(output);
        let error = if let Some(fatal) = self.fatal(OPERATION, code) {
            fatal.of_class(ErrorClass::Fenced)
        } else if errors::may_lack_topic(code) && self.is_missing(topic) {
            Error::fatal(
                OPERATION,
                "the topic does not exist any more; create it again as it was, or start again, which creates the topics \
                 that are the application's own",
            )
        } else {
            errors::delivery(OPERATION, code)
        };
        Some(if partition < 0 {
            error.at(topic)
        } else {
            error.at(format!("{topic}-{partition}"))
        })
    }

    fn last_offset(&self, output: OutputId, partition: i32) -> Option<i64> {
        let output = self.deliveries.outputs.get(output.0 as usize)?;
        let last = *output.last.get(usize::try_from(partition).ok()?)?;
        (last >= 0).then_some(last)
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
        timeout: Duration,
    ) -> IoResult<()> {
        const OPERATION: &str = "send offsets to transaction";
        let membership = group.0.downcast_ref::<Membership>().ok_or_else(|| {
            Error::fatal(OPERATION, "the group metadata is not of a kafka consumer")
        })?;
        let list = offset_list(OPERATION, offsets)?;
        let result =
            self.native
                .client()
                .send_offsets_to_transaction(&list, &membership.metadata, timeout);
        result.map_err(|error| {
            let mapped = self.transaction(OPERATION, &error);
            let epoch_moved = matches!(
                error.rdkafka_error_code(),
                Some(Code::IllegalGeneration | Code::StaleMemberEpoch)
            );
            // The broker moves the epoch on before the member hears of it. Who has lost the partitions is no member at
            // all any more, which is another code.
            if epoch_moved && membership.protocol == GroupProtocol::Consumer {
                return mapped.of_class(ErrorClass::Abortable);
            }
            mapped
        })
    }

    fn commit_transaction(&mut self, timeout: Duration) -> IoResult<()> {
        let deadline = Instant::now() + timeout;
        self.drain(deadline);
        if self.deliveries.in_flight > 0 {
            return Err(Error::new(
                ErrorClass::Retriable,
                "commit transaction",
                format!(
                    "{} records are not acknowledged yet",
                    self.deliveries.in_flight
                ),
            ));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let result = self.native.client().commit_transaction(left.max(POLL_STEP));
        self.serve(Duration::ZERO);
        result.map_err(|error| self.transaction("commit transaction", &error))
    }

    fn abort_transaction(&mut self, timeout: Duration) -> IoResult<()> {
        let deadline = Instant::now() + timeout;
        // What is on the wire already cannot be taken back without losing the order of sequence numbers: it is waited for.
        self.native.client().purge(PurgeConfig::default().queue());
        self.drain(deadline);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let step = left.clamp(POLL_STEP, ABORT_STEP);
            let result = self.native.client().abort_transaction(step);
            self.serve(Duration::ZERO);
            match result.map_err(|error| self.transaction("abort transaction", &error)) {
                Ok(()) => {
                    self.deliveries.refused = None;
                    return Ok(());
                }
                Err(error) if error.class() == ErrorClass::Retriable && !left.is_zero() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
