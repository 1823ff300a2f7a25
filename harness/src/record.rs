//! Records as tests write and read them.

use rdkafka::message::{BorrowedMessage, Header, Headers, Message as _, OwnedHeaders};

/// A record to be produced.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) headers: Option<OwnedHeaders>,
}

impl<'a> Message<'a> {
    /// A record without headers whose partition follows from its key as in every JVM producer.
    pub fn new(
        topic: &'a str,
        key: &'a (impl AsRef<[u8]> + ?Sized),
        value: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        let (key, value) = (Some(key.as_ref()), Some(value.as_ref()));
        Self {
            topic,
            partition: None,
            key,
            value,
            timestamp: None,
            headers: None,
        }
    }

    /// A record without a value: it deletes `key` from a compacted topic.
    pub fn tombstone(topic: &'a str, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            topic,
            partition: None,
            key: Some(key.as_ref()),
            value: None,
            timestamp: None,
            headers: None,
        }
    }

    /// Without a key.
    pub fn keyless(mut self) -> Self {
        self.key = None;
        self
    }

    /// Sets the timestamp, in milliseconds since 1970.
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Sets the partition, whatever the key.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Adds a header.
    pub fn header(mut self, key: &str, value: &(impl AsRef<[u8]> + ?Sized)) -> Self {
        let headers = self.headers.take().unwrap_or_default();
        self.headers = Some(headers.insert(Header {
            key,
            value: Some(value.as_ref()),
        }));
        self
    }
}

/// A record read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; -1 if the record has none.
    pub timestamp: i64,
}

/// A copy of what the client has read.
pub(crate) fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message
        .headers()
        .map(|headers| headers.iter())
        .into_iter()
        .flatten();
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
    }
}
