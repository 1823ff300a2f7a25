//! What a client tells on its own: logs, errors, decisions of the group. Kept here until the owner asks.

use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;

use super::native::ClientHandle;
use crate::io::GroupEvent;

/// The context of every client.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) client_id: String,
    pub(super) group: Mutex<VecDeque<GroupEvent>>,
    pub(super) closing: AtomicBool,
    trouble: Mutex<Option<String>>,
    refusal: Mutex<Option<String>>,
    last_reason: Mutex<String>,
    /// `bootstrap.servers`.
    brokers: CString,
    client: OnceLock<ClientHandle>,
}

impl Events {
    /// Of a client to be created with `config`: see `client`.
    pub(super) fn new(client_id: &str, config: &ClientConfig) -> Self {
        let brokers = config.get("bootstrap.servers").unwrap_or_default();
        Self {
            client_id: client_id.to_owned(),
            // A text with a zero byte in it was refused by the client's configuration before.
            brokers: CString::new(brokers).unwrap_or_default(),
            client: OnceLock::new(),
            group: Mutex::default(),
            closing: AtomicBool::new(false),
            trouble: Mutex::default(),
            refusal: Mutex::default(),
            last_reason: Mutex::default(),
        }
    }

    /// The client whose context this is.
    pub(super) fn attach(&self, client: &Client<Self>) {
        if let Some(client) = ClientHandle::of(client) {
            let _ = self.client.set(client);
        }
    }

    /// Tells the client of the brokers that it was created with. Asked in a moment in which all brokers are fenced by their
    /// controller, as after a freeze, a broker names none, and librdkafka (2.12) forgets those it knew: it may begin again
    /// with `bootstrap.servers` or, by a race, never (its issue 5301). Known ones are not added twice.
    pub(super) fn remind(&self) {
        if let Some(client) = self.client.get() {
            client.add_brokers(&self.brokers);
        }
    }

    /// What is wrong between us and the brokers.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    pub(super) fn set_trouble(&self, text: String) {
        *self.trouble.lock() = Some(text);
    }

    /// A broker was heard.
    pub(super) fn clear_trouble(&self) {
        *self.trouble.lock() = None;
        *self.refusal.lock() = None;
    }

    /// How a broker and we last refused each other, by credentials or certificates. librdkafka tries again for ever.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.lock().clone()
    }

    /// The text of the last error; an error handed over by the binding has only a code.
    pub(super) fn last_reason(&self) -> String {
        self.last_reason.lock().clone()
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        let client_id = self.client_id.as_str();
        // librdkafka reports every lost connection as an error or a warning, and retries: no news at "info".
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(target: "librdkafka", client_id, facility, "{line}");
            }
            RDKafkaLogLevel::Error => {
                tracing::warn!(target: "librdkafka", client_id, facility, "{line}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::debug!(target: "librdkafka", client_id, facility, "{line}");
            }
            RDKafkaLogLevel::Debug => {
                tracing::trace!(target: "librdkafka", client_id, facility, "{line}");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        reason.clone_into(&mut self.last_reason.lock());
        let Some(code) = error.rdkafka_error_code() else {
            return;
        };
        tracing::debug!(client_id = self.client_id, ?code, "{reason}");
        if code == RDKafkaErrorCode::AllBrokersDown {
            self.remind();
        }
        let is_refusal = match code {
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => true,
            // A handshake that was cut off may be that of a broker that is stopping.
            RDKafkaErrorCode::SSL => reason.contains("certificate") || reason.contains("alert"),
            _ => false,
        };
        if is_refusal {
            *self.refusal.lock() = Some(reason.to_owned());
        }
        if matches!(
            code,
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
        ) {
            self.set_trouble(reason.to_owned());
        }
    }
}

impl ConsumerContext for Events {
    fn rebalance(
        &self,
        consumer: &rdkafka::consumer::BaseConsumer<Self>,
        decision: rd_kafka_resp_err_t,
        partitions: &mut rdkafka::TopicPartitionList,
    ) {
        super::rebalance::decided(self, consumer, decision, partitions);
    }
}

impl ProducerContext for Events {
    type DeliveryOpaque = usize;

    /// Only reached while the binding drops a producer; what it purges then is nobody's business.
    fn delivery(&self, _: &DeliveryResult<'_>, _: usize) {}
}

impl Events {
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}
