//! Records as relays really write them, and what they must be read as.
//!
//! Shapes after Debezium 2.7 (documentation of the outbox event router and of the change events of the MySQL and
//! PostgreSQL connectors), CloudEvents 1.0.2 (Kafka protocol binding, JSON event format) and Confluent's wire format.

use jumun::dialect::{Arrival, Decoded, Decoder, Dialect, Dialects, Form, NoEvent};
use jumun::domain::event::{Defect, OrderEvent};

pub const TOPIC: &str = "order.events.v1";
pub const ORDER: &str = "B24051200001XK7Q";
pub const ID: &str = "0192f3c1-7c1a-7abc-8def-0123456789ab";
pub const KEY: &[u8] = ORDER.as_bytes();

/// The value of a file of `fixtures/`.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name)) as &'static [u8]
    };
}
pub(crate) use file;

pub const PLAIN: &[u8] = file!("plain.json");

/// A record, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Fixture {
    /// The form to configure for its topic.
    pub form: Form,
    pub key: Option<&'static [u8]>,
    pub value: Option<&'static [u8]>,
    pub headers: &'static [(&'static str, &'static [u8])],
}

/// What a record was read as.
pub type Read = Result<(Decoded, OrderEvent), Defect>;

impl Fixture {
    pub fn read_as(&self, form: Form) -> Read {
        let dialect = Dialect {
            form,
            ..Dialect::default()
        };
        read(
            &mut Decoder::new(Dialects::new([(TOPIC.to_owned(), dialect)])),
            self,
        )
    }
}

pub fn read(decoder: &mut Decoder, fixture: &Fixture) -> Read {
    let mut event = OrderEvent::default();
    let arrival = Arrival {
        topic: TOPIC,
        key: fixture.key,
        value: fixture.value,
    };
    let headers = fixture
        .headers
        .iter()
        .map(|(name, value)| (*name, Some(*value)));
    decoder
        .decode(&arrival, headers, &mut event)
        .map(|decoded| (decoded, event))
}

/// A plain record of this value.
pub const fn plain(value: &'static [u8]) -> Fixture {
    Fixture {
        form: Form::Plain,
        key: Some(KEY),
        value: Some(value),
        headers: &[],
    }
}

/// What a fixture must be read as.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// The event of `plain.json`, all of it.
    Whole,
    /// The same but for the actor, whom nobody tells.
    WithoutActor,
    /// Of it only what thin events tell.
    Thin,
    /// `cooking.started`, version 8 of the same order, without information.
    Cooking,
    None(NoEvent),
    /// Reason and beginning of the message.
    Defect(&'static str, &'static str),
}

/// Reads the fixture by the form of its topic, and again as whichever form it shows.
pub fn check(fixture: &Fixture, expected: Expected) {
    check_read(fixture.read_as(fixture.form), expected, "configured");
    check_read(fixture.read_as(Form::Detect), expected, "detected");
}

pub fn check_read(read: Read, expected: Expected, how: &str) {
    let (whole, _) = plain(PLAIN)
        .read_as(Form::Plain)
        .map(|(_, event)| (event, ()))
        .unwrap();
    let (decoded, event) = match (read, expected) {
        (Err(defect), Expected::Defect(reason, message)) => {
            assert_eq!(defect.reason.name(), reason, "{how}: {}", defect.message);
            assert!(
                defect.message.starts_with(message),
                "{how}: {}",
                defect.message
            );
            return;
        }
        (Err(defect), _) => panic!("{how}: {}: {}", defect.reason.name(), defect.message),
        (Ok(read), _) => read,
    };
    if let Expected::None(kind) = expected {
        assert_eq!(decoded, Decoded::NoEvent(kind), "{how}");
        return;
    }
    assert_eq!(decoded, Decoded::Event, "{how}");
    if let Some(defect) = event.defect() {
        panic!("{how}: {}: {}", defect.reason.name(), defect.message);
    }
    assert_eq!(
        (event.order_no(), event.target_id()),
        (ORDER, ORDER),
        "{how}"
    );
    // What is told of a rejected event is its plain envelope, whatever it came in.
    let envelope: serde_json::Value = serde_json::from_str(event.envelope()).unwrap();
    assert_eq!(envelope["target"]["orderNo"], ORDER, "{how}");
    if let Expected::Cooking = expected {
        assert_eq!(
            (event.action_name(), event.version()),
            ("cooking.started", Some(8)),
            "{how}"
        );
        return;
    }
    assert_eq!((event.id(), event.version()), (ID, Some(7)), "{how}");
    assert_eq!(event.action(), whole.action(), "{how}");
    assert_eq!(event.occurred_at(), whole.occurred_at(), "{how}");
    assert_eq!(event.is_thin(), matches!(expected, Expected::Thin), "{how}");
    if let Expected::Thin = expected {
        assert_eq!(
            (event.actor_type(), event.recorded_at()),
            (None, whole.occurred_at()),
            "{how}"
        );
        return;
    }
    assert_eq!(event.recorded_at(), whole.recorded_at(), "{how}");
    assert_eq!(
        (event.info().cook_minutes, event.info().promised_at),
        (Some(20), whole.info().promised_at),
        "{how}"
    );
    if let Expected::Whole = expected {
        assert_eq!(
            event.content_hash(),
            whole.content_hash(),
            "{how}: {}",
            event.envelope()
        );
        assert_eq!(
            (event.actor_type(), event.actor_id()),
            (whole.actor_type(), whole.actor_id()),
            "{how}"
        );
        let plain: serde_json::Value = serde_json::from_slice(PLAIN).unwrap();
        for part in ["id", "target", "action", "actor", "info", "time"] {
            assert_eq!(envelope[part], plain[part], "{how}: {part}");
        }
    } else {
        assert_eq!(event.actor_type(), None, "{how}");
    }
}
