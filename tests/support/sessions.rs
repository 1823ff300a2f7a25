//! A broker on which a dead member is noticed soon, under both group protocols.

use std::time::Duration;

use jumun_harness::{Broker, BrokerOptions};

/// Under the consumer protocol the session timeout is the broker's to set; under the classic one each member names it.
pub fn broker_with_session(session: Duration) -> Broker {
    let session = session.as_millis().to_string();
    let properties = [
        ("group.consumer.min.session.timeout.ms", session.as_str()),
        ("group.consumer.session.timeout.ms", &session),
        ("group.consumer.min.heartbeat.interval.ms", "500"),
        ("group.consumer.heartbeat.interval.ms", "500"),
    ];
    Broker::start_with(BrokerOptions {
        properties: properties
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..BrokerOptions::default()
    })
    .unwrap()
}
