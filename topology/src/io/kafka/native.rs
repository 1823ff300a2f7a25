//! The calls of librdkafka that the binding lacks or makes dear: batch consume, partition queues with
//! wake-ups, produce through a topic handle, delivery reports in bulk, cached watermarks.
//!
//! With `described_group` the only file with `unsafe`. Every handle here keeps the client it belongs to alive (by `Arc`, or by
//! owning it), and is destroyed before that client.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::{RDKafka, RDKafkaErrorCode, RDKafkaMessage, RDKafkaQueue, RDKafkaTopic};

use super::events::Events;
use crate::io::{Headers, RecordBatch, TopicId};

pub(super) const NO_ERROR: rd::rd_kafka_resp_err_t =
    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
const END_OF_PARTITION: rd::rd_kafka_resp_err_t =
    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF;

/// A client, as its own context knows it. The context belongs to the client and is asked by it, or by who holds it: the
/// client lives whenever the context is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientHandle(NonNull<RDKafka>);

// SAFETY: librdkafka's clients may be used from any thread.
unsafe impl Send for ClientHandle {}
// SAFETY: as above.
unsafe impl Sync for ClientHandle {}

impl ClientHandle {
    pub(super) fn of(client: &Client<Events>) -> Option<Self> {
        NonNull::new(client.native_ptr()).map(Self)
    }

    /// Tells the client of brokers, beside those it knows.
    pub(super) fn add_brokers(self, brokers: &CStr) {
        // SAFETY: the client lives, see above; the text is copied.
        unsafe { rd::rd_kafka_brokers_add(self.0.as_ptr(), brokers.as_ptr()) };
    }
}

/// Wakes the thread that owns a consumer when one of its queues becomes non-empty.
#[derive(Debug, Default)]
pub(super) struct Waker {
    signalled: Mutex<bool>,
    condvar: Condvar,
}

impl Waker {
    /// Makes the present or the next wait return at once.
    pub(super) fn wake(&self) {
        *self.signalled.lock() = true;
        self.condvar.notify_one();
    }

    /// Waits for a wake-up since the last wait, for at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let mut signalled = self.signalled.lock();
        if !*signalled {
            self.condvar.wait_for(&mut signalled, timeout);
        }
        *signalled = false;
    }
}

unsafe extern "C" fn wake(_client: *mut RDKafka, waker: *mut c_void) {
    // SAFETY: the pointer is that of the `Arc<Waker>` which the `Queue` holds; `Queue::drop` takes the callback
    // away under the queue's lock, under which callbacks run, before it gives the `Arc` up.
    let waker = unsafe { &*waker.cast::<Waker>() };
    waker.wake();
}

/// A queue of a consumer.
struct Queue {
    handle: NonNull<RDKafkaQueue>,
    waker: Option<Arc<Waker>>,
    client: Arc<BaseConsumer<Events>>,
}

impl Queue {
    fn new(
        handle: NonNull<RDKafkaQueue>,
        client: Arc<BaseConsumer<Events>>,
        waker: Option<Arc<Waker>>,
    ) -> Self {
        if let Some(waker) = &waker {
            // SAFETY: the queue is live; for the callback's argument see `wake`.
            unsafe {
                rd::rd_kafka_queue_cb_event_enable(
                    handle.as_ptr(),
                    Some(wake),
                    Arc::as_ptr(waker).cast_mut().cast(),
                );
            }
        }
        Self {
            handle,
            waker,
            client,
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the handle is live and ours; its client outlives this call, `self.client` holds it.
        unsafe {
            if self.waker.is_some() {
                rd::rd_kafka_queue_cb_event_enable(self.handle.as_ptr(), None, ptr::null_mut());
            }
            rd::rd_kafka_queue_destroy(self.handle.as_ptr());
        }
    }
}

/// Wake-ups for group events; the queue itself is read by the binding.
pub(super) struct GroupQueue(#[allow(dead_code, reason = "held for its wake-ups")] Queue);

impl GroupQueue {
    pub(super) fn new(client: &Arc<BaseConsumer<Events>>, waker: &Arc<Waker>) -> Option<Self> {
        // SAFETY: the client is live. The call gives a reference of our own, or null without a group.
        let handle = unsafe { rd::rd_kafka_queue_get_consumer(client.client().native_ptr()) };
        let handle = NonNull::new(handle)?;
        Some(Self(Queue::new(
            handle,
            client.clone(),
            Some(waker.clone()),
        )))
    }
}

/// What was taken from a partition's queue besides records.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Records appended.
    pub(super) records: usize,
    /// End of partition seen after the last record.
    pub(super) end: Option<i64>,
    /// The first error of the partition: code, offset, text.
    pub(super) error: Option<(RDKafkaErrorCode, i64, String)>,
    /// As many as asked for were taken: there may be more.
    pub(super) full: bool,
}

/// Messages of one partition, split off the client's common queue.
pub(super) struct PartitionQueue {
    queue: Queue,
    topic: CString,
    partition: i32,
}

impl PartitionQueue {
    /// Splits a partition off. Done *before* the partition is assigned: librdkafka then never forwards it to the
    /// common queue, and no message can slip through there.
    pub(super) fn new(
        client: &Arc<BaseConsumer<Events>>,
        topic: &str,
        partition: i32,
        waker: Option<&Arc<Waker>>,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: client and topic name are live. The call gives a reference of our own, or null.
        let handle = unsafe {
            rd::rd_kafka_queue_get_partition(
                client.client().native_ptr(),
                topic.as_ptr(),
                partition,
            )
        };
        let handle = NonNull::new(handle)?;
        let queue = Queue::new(handle, client.clone(), waker.cloned());
        // SAFETY: the queue is live; null means that it is forwarded nowhere.
        unsafe { rd::rd_kafka_queue_forward(handle.as_ptr(), ptr::null_mut()) };
        Some(Self {
            queue,
            topic,
            partition,
        })
    }

    /// Appends at most `max` records to `batch`, and none once it has `bytes`; never waits. A record below `next` would be
    /// one delivered twice: an error. `next` moves on.
    ///
    /// The queue is emptied in one call, which costs a lock, a look at the clock and statistics as a call per record would.
    /// What is left behind `rd_kafka_yield` goes back to the queue's head.
    ///
    /// IMPORTANT: not by `rd_kafka_consume_batch_queue`. That takes an end-of-partition for a record (librdkafka 2.12):
    /// the client then believes to be one further than it is, and the next time the leader changes it finds the log cut off
    /// below its position, or goes on one record too late after a rebalance.
    pub(super) fn take(
        &self,
        max: usize,
        bytes: usize,
        next: &mut i64,
        batch: &mut RecordBatch,
    ) -> Taken {
        let mut taking = Taking {
            client: self.queue.client.client().native_ptr(),
            left: max,
            bytes,
            next,
            batch,
            taken: Taken::default(),
        };
        // SAFETY: the queue is live; the callback runs within the call, and its argument is what it takes it for.
        unsafe {
            rd::rd_kafka_consume_callback_queue(
                self.queue.handle.as_ptr(),
                0,
                Some(take),
                (&raw mut taking).cast(),
            );
        }
        taking.taken
    }

    fn next(&self) -> Option<NonNull<RDKafkaMessage>> {
        // SAFETY: the queue is live; the answer is null or a message that is ours now.
        NonNull::new(unsafe { rd::rd_kafka_consume_queue(self.queue.handle.as_ptr(), 0) })
    }

    /// Throws away what is left in the queue of a partition that was given up; else it is held as long as the client.
    pub(super) fn discard(&self) {
        while let Some(message) = self.next() {
            // SAFETY: the message is ours, and this is the only place where it is destroyed.
            unsafe { rd::rd_kafka_message_destroy(message.as_ptr()) };
        }
    }

    /// Nothing waits in the queue.
    pub(super) fn is_empty(&self) -> bool {
        // SAFETY: the queue is live.
        unsafe { rd::rd_kafka_queue_length(self.queue.handle.as_ptr()) == 0 }
    }

    /// First kept offset and high watermark as the last fetch answer told; negative where not known.
    pub(super) fn cached_watermarks(&self) -> Option<(i64, i64)> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client and topic name are live; the two integers are written before the call returns.
        let error = unsafe {
            rd::rd_kafka_get_watermark_offsets(
                self.queue.client.client().native_ptr(),
                self.topic.as_ptr(),
                self.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (error == NO_ERROR).then_some((low, high))
    }
}

/// What [`take`] works on while a queue is emptied.
struct Taking<'a> {
    client: *mut RDKafka,
    /// Messages that may still be taken.
    left: usize,
    /// Nothing is taken once the batch has so many.
    bytes: usize,
    next: &'a mut i64,
    batch: &'a mut RecordBatch,
    taken: Taken,
}

unsafe extern "C" fn take(message: *mut RDKafkaMessage, taking: *mut c_void) {
    // SAFETY: the argument is that of the call in `PartitionQueue::take`, which borrows it from nobody else meanwhile.
    let taking = unsafe { &mut *taking.cast::<Taking<'_>>() };
    // SAFETY: the message is live during the callback, and nothing borrowed from it is left: `append` copies.
    unsafe { append(&*message, taking.next, taking.batch, &mut taking.taken) };
    taking.left = taking.left.saturating_sub(1);
    if taking.left == 0 || taking.taken.error.is_some() || taking.batch.bytes() >= taking.bytes {
        taking.taken.full = true;
        // SAFETY: the client is live; this marks that the callback of this thread is the last.
        unsafe { rd::rd_kafka_yield(taking.client) };
    }
}

/// Appends one consumed message to the batch.
///
/// # Safety
///
/// `message` is a live message of a consumer.
unsafe fn append(
    message: &RDKafkaMessage,
    next: &mut i64,
    batch: &mut RecordBatch,
    taken: &mut Taken,
) {
    if message.err == END_OF_PARTITION {
        taken.end = Some(message.offset);
        return;
    }
    if message.err != NO_ERROR {
        // SAFETY: the message is live; the text, if any, belongs to it and is copied.
        let text = unsafe { text(rd::rd_kafka_message_errstr(message)) };
        let error = (message.err.into(), message.offset, text);
        taken.error.get_or_insert(error);
        return;
    }
    if message.offset < *next {
        let text = format!("the client went back from offset {next}");
        let error = (RDKafkaErrorCode::Inconsistent, message.offset, text);
        taken.error.get_or_insert(error);
        return;
    }
    *next = message.offset + 1;
    // SAFETY: the message is live; where key and payload are not null, they point to as many bytes as it says.
    let (timestamp, key, value) = unsafe {
        (
            rd::rd_kafka_message_timestamp(message, ptr::null_mut()),
            slice(message.key.cast(), message.key_len),
            slice(message.payload.cast(), message.len),
        )
    };
    batch.push_with(message.offset, timestamp, key, value, |batch| {
        // SAFETY: the message is live.
        unsafe { append_headers(message, batch) };
    });
    taken.records += 1;
    taken.end = None;
}

/// # Safety
///
/// `message` is a live message of a consumer.
unsafe fn append_headers(message: &RDKafkaMessage, batch: &mut RecordBatch) {
    let mut headers = ptr::null_mut();
    // SAFETY: the message is live; it keeps the headers, which are valid as long as it is.
    if unsafe { rd::rd_kafka_message_headers(message, &raw mut headers) } != NO_ERROR {
        return;
    }
    for index in 0.. {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the headers are live; on success the name is a C string, and the value is null or `size` bytes,
        // both belonging to the headers.
        unsafe {
            if rd::rd_kafka_header_get_all(
                headers,
                index,
                &raw mut name,
                &raw mut value,
                &raw mut size,
            ) != NO_ERROR
            {
                return;
            }
            batch.push_header(CStr::from_ptr(name).to_bytes(), slice(value.cast(), size));
        }
    }
}

/// # Safety
///
/// `start` is null or points to `len` bytes that live as long as `'a`.
unsafe fn slice<'a>(start: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by the contract above.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, len) })
}

/// # Safety
///
/// `text` is null or a C string.
pub(super) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the contract above.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// Whether the client holds a membership. It ends with the `LeaveGroup` request.
pub(super) fn is_member(client: &BaseConsumer<Events>) -> bool {
    let native = client.client().native_ptr();
    // SAFETY: the client is live; the answer is null or a C string of ours, given back to librdkafka.
    unsafe {
        let id = rd::rd_kafka_memberid(native);
        if id.is_null() {
            return false;
        }
        let member = *id != 0;
        rd::rd_kafka_mem_free(native, id.cast());
        member
    }
}

/// The acknowledgement (or refusal) of one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// Index of the registered topic.
    pub(super) output: usize,
    /// Partition.
    pub(super) partition: i32,
    /// Offset, where there was no error.
    pub(super) offset: i64,
    /// The refusal.
    pub(super) error: Option<RDKafkaErrorCode>,
}

/// What is sent, with the topic resolved.
pub(super) struct Outgoing<'a> {
    /// Index of the registered topic.
    pub(super) output: usize,
    /// Explicit partition; the partitioner decides if there is none.
    pub(super) partition: Option<i32>,
    /// Milliseconds since the epoch; 0 is read as "now" by the client.
    pub(super) timestamp: i64,
    /// Key bytes.
    pub(super) key: Option<&'a [u8]>,
    /// Value bytes.
    pub(super) value: Option<&'a [u8]>,
    /// Headers.
    pub(super) headers: Headers<'a>,
}

/// A producer whose records and reports do not go through the binding.
pub(super) struct NativeProducer {
    topics: Vec<NonNull<RDKafkaTopic>>,
    queue: NonNull<RDKafkaQueue>,
    /// Last, so that it outlives the handles above, which `Drop` destroys.
    client: BaseProducer<Events>,
}

impl NativeProducer {
    /// `None` if the client has no event queue, which a producer always has.
    pub(super) fn new(client: BaseProducer<Events>) -> Option<Self> {
        // SAFETY: the client is live; the call gives a reference of our own.
        let queue = unsafe { rd::rd_kafka_queue_get_main(client.client().native_ptr()) };
        Some(Self {
            topics: Vec::new(),
            queue: NonNull::new(queue)?,
            client,
        })
    }

    /// The client, for everything that is not on the record path.
    pub(super) fn client(&self) -> &BaseProducer<Events> {
        &self.client
    }

    /// Resolves a topic once.
    pub(super) fn topic(&mut self, name: &str) -> Option<usize> {
        let name = CString::new(name).ok()?;
        // SAFETY: client and name are live; null settings mean the client's. The handle is ours.
        let topic = unsafe {
            rd::rd_kafka_topic_new(
                self.client.client().native_ptr(),
                name.as_ptr(),
                ptr::null_mut(),
            )
        };
        self.topics.push(NonNull::new(topic)?);
        Some(self.topics.len() - 1)
    }

    /// Hands a record over; librdkafka copies it.
    pub(super) fn send(&self, record: &Outgoing<'_>) -> Result<(), RDKafkaErrorCode> {
        use rd::rd_kafka_vtype_t as v;
        let Some(topic) = self.topics.get(record.output) else {
            return Err(RDKafkaErrorCode::UnknownTopic);
        };
        let (key, key_len) = parts(record.key);
        let (value, value_len) = parts(record.value);
        let headers = Self::headers(record.headers);
        // SAFETY: client and topic handle are live; key, value and headers are null or live for the call, which
        // copies them (`MSG_F_COPY`); each tag is followed by arguments of the C types it demands; the list ends with
        // `END`. On success the headers belong to librdkafka, on error they stay ours.
        unsafe {
            let error = rd::rd_kafka_producev(
                self.client.client().native_ptr(),
                v::RD_KAFKA_VTYPE_RKT,
                topic.as_ptr(),
                v::RD_KAFKA_VTYPE_PARTITION,
                record.partition.unwrap_or(-1),
                v::RD_KAFKA_VTYPE_MSGFLAGS,
                rd::RD_KAFKA_MSG_F_COPY,
                v::RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                v::RD_KAFKA_VTYPE_VALUE,
                value,
                value_len,
                v::RD_KAFKA_VTYPE_TIMESTAMP,
                record.timestamp,
                v::RD_KAFKA_VTYPE_OPAQUE,
                ptr::without_provenance_mut::<c_void>(record.output),
                v::RD_KAFKA_VTYPE_HEADERS,
                headers,
                v::RD_KAFKA_VTYPE_END,
            );
            if error == NO_ERROR {
                return Ok(());
            }
            if !headers.is_null() {
                rd::rd_kafka_headers_destroy(headers);
            }
            Err(error.into())
        }
    }

    fn headers(headers: Headers<'_>) -> *mut rd::rd_kafka_headers_t {
        if headers.is_empty() {
            return ptr::null_mut();
        }
        // SAFETY: the list is ours until it is handed over. Names and values are copied; a name is given with its
        // length, a null value with length 0 (a null header). Lengths of live slices fit `isize`.
        unsafe {
            let list = rd::rd_kafka_headers_new(headers.len());
            for (name, value) in headers.raw() {
                let (value, value_len) = parts(value);
                rd::rd_kafka_header_add(
                    list,
                    name.as_ptr().cast(),
                    name.len().cast_signed(),
                    value,
                    value_len.cast_signed(),
                );
            }
            list
        }
    }

    /// Has everything sent that was handed over, whatever it waits for. The brokers' threads take note of it while this
    /// lasts, so it lasts for `timeout`, unless nothing was in flight: acknowledgements are served elsewhere.
    pub(super) fn flush(&self, timeout: Duration) {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client is live. That records are still on their way is what the answer may say.
        unsafe { rd::rd_kafka_flush(self.client.client().native_ptr(), timeout_ms) };
    }

    /// Serves acknowledgements, errors and logs: waits at most `timeout` for the first, then takes what is there.
    pub(super) fn serve(&self, timeout: Duration, mut report: impl FnMut(Report)) {
        let mut wait = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        loop {
            // SAFETY: the queue is live; the answer is null or an event of ours, destroyed below.
            let event = unsafe { rd::rd_kafka_queue_poll(self.queue.as_ptr(), wait) };
            let Some(event) = NonNull::new(event) else {
                return;
            };
            wait = 0;
            // SAFETY: the event is live, and what is read of it is copied before it is destroyed.
            unsafe {
                self.serve_event(event, &mut report);
                rd::rd_kafka_event_destroy(event.as_ptr());
            }
        }
    }

    /// # Safety
    ///
    /// `event` is live.
    unsafe fn serve_event(
        &self,
        event: NonNull<rd::rd_kafka_event_t>,
        report: &mut impl FnMut(Report),
    ) {
        let event = event.as_ptr();
        let context = self.client.context();
        // SAFETY: the event is live; messages and texts belong to it and are copied.
        unsafe {
            match rd::rd_kafka_event_type(event) {
                rd::RD_KAFKA_EVENT_DR => loop {
                    let Some(message) = rd::rd_kafka_event_message_next(event).as_ref() else {
                        return;
                    };
                    report(Report {
                        output: message._private.addr(),
                        partition: message.partition,
                        offset: message.offset,
                        error: (message.err != NO_ERROR).then(|| message.err.into()),
                    });
                },
                rd::RD_KAFKA_EVENT_ERROR => {
                    let code = rd::rd_kafka_event_error(event).into();
                    let reason = text(rd::rd_kafka_event_error_string(event));
                    context.error(KafkaError::Global(code), &reason);
                }
                rd::RD_KAFKA_EVENT_LOG => {
                    let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
                    if rd::rd_kafka_event_log(
                        event,
                        &raw mut facility,
                        &raw mut line,
                        &raw mut level,
                    ) == 0
                    {
                        context.log(log_level(level), &text(facility), &text(line));
                    }
                }
                _ => {}
            }
        }
    }
}

impl Drop for NativeProducer {
    fn drop(&mut self) {
        // SAFETY: the handles are live and ours; the client is dropped after this.
        unsafe {
            for topic in &self.topics {
                rd::rd_kafka_topic_destroy(topic.as_ptr());
            }
            rd::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

fn parts(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((ptr::null_mut(), 0), |bytes| {
        (bytes.as_ptr().cast_mut().cast(), bytes.len())
    })
}

fn log_level(syslog: i32) -> RDKafkaLogLevel {
    match syslog {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 | 6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}

/// The ids of topics, in order; `None` where there is no such topic, or the broker gives no ids (before 2.8).
pub(super) fn topic_ids(
    client: &Client<Events>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<Option<TopicId>>, RDKafkaErrorCode> {
    let owned: Vec<CString> = names
        .iter()
        .map(|name| CString::new(*name).map_err(|_| RDKafkaErrorCode::InvalidTopic))
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<*const c_char> = owned.iter().map(|name| name.as_ptr()).collect();
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let native = client.native_ptr();
    // SAFETY: the client is live for the whole call. Collection and options are copied by the request and destroyed
    // after it; the queue is ours and outlives the event, of which everything is copied before it is destroyed.
    unsafe {
        let topics =
            rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let options = rd::rd_kafka_AdminOptions_new(
            native,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        rd::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        let queue = rd::rd_kafka_queue_new(native);
        rd::rd_kafka_DescribeTopics(native, topics, options, queue);
        // The request ends by its own timeout; a little later nothing can come any more.
        let event = rd::rd_kafka_queue_poll(queue, timeout_ms.saturating_add(1_000));
        let ids = described_ids(event, &owned);
        if !event.is_null() {
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
        rd::rd_kafka_AdminOptions_destroy(options);
        rd::rd_kafka_TopicCollection_destroy(topics);
        ids
    }
}

/// Copies the ids out of the answer to a description of topics.
///
/// # Safety
/// `event` is null or a live event.
unsafe fn described_ids(
    event: *mut rd::rd_kafka_event_t,
    names: &[CString],
) -> Result<Vec<Option<TopicId>>, RDKafkaErrorCode> {
    if event.is_null() {
        return Err(RDKafkaErrorCode::OperationTimedOut);
    }
    // SAFETY: the event is live.
    let (error, result) = unsafe {
        (
            rd::rd_kafka_event_error(event),
            rd::rd_kafka_event_DescribeTopics_result(event),
        )
    };
    if error != NO_ERROR {
        return Err(error.into());
    }
    if result.is_null() {
        return Err(RDKafkaErrorCode::Fail);
    }
    let mut found = vec![None; names.len()];
    let mut count = 0;
    // SAFETY: the result belongs to the live event, and so do the descriptions, their names and ids; the array has
    // `count` elements. An id may be null, an error is not.
    unsafe {
        let topics = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        for index in 0..count {
            let topic = *topics.add(index);
            let error = rd::rd_kafka_error_code(rd::rd_kafka_TopicDescription_error(topic));
            let id = rd::rd_kafka_TopicDescription_topic_id(topic);
            if error != NO_ERROR || id.is_null() {
                continue;
            }
            let high = rd::rd_kafka_Uuid_most_significant_bits(id);
            let low = rd::rd_kafka_Uuid_least_significant_bits(id);
            let name = CStr::from_ptr(rd::rd_kafka_TopicDescription_name(topic));
            let place = names.iter().position(|known| known.as_c_str() == name);
            if let Some(slot) = place.and_then(|place| found.get_mut(place))
                && (high, low) != (0, 0)
            {
                let bits =
                    (u128::from(high.cast_unsigned()) << 64) | u128::from(low.cast_unsigned());
                *slot = Some(TopicId(bits.to_be_bytes()));
            }
        }
    }
    Ok(found)
}
