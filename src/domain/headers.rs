//! The headers that the processor reads.

/// Name of the header that counts redrives of a record.
pub const REDRIVE_COUNT: &str = "x-redrive-count";
/// Name of the header that asks for a judged event to be judged again.
pub const REDRIVE_FORCE: &str = "x-redrive-force";
/// Name of the header that marks a replay: consumers with side effects must not act again.
pub const REPLAY: &str = "x-replay";
/// Name of the header that names the topic from which a redriven record came first.
pub const REDRIVE_TOPIC: &str = "x-redrive-topic";
/// Redrives after which a record is rejected.
pub const REDRIVE_LIMIT: u32 = 5;

/// What the headers of a record ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordHeaders {
    /// How often the record was redriven.
    pub redrive_count: u32,
    /// Whether a judged event is to be judged again.
    pub redrive_force: bool,
    /// Whether the record is a replay.
    pub replay: bool,
}

impl RecordHeaders {
    /// Takes one header into account; unknown names are ignored.
    ///
    /// A redrive count that is not a number counts as over the limit: a redriver that does not count would
    /// send the record round for ever. A missing value counts as none.
    pub fn read(&mut self, name: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        match name {
            REDRIVE_COUNT => {
                self.redrive_count = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or(u32::MAX);
            }
            REDRIVE_FORCE => self.redrive_force = value == b"true",
            REPLAY => self.replay = value == b"true",
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{REDRIVE_LIMIT, RecordHeaders};

    #[test]
    fn headers_are_read_and_a_broken_count_is_over_the_limit() {
        let mut headers = RecordHeaders::default();
        headers.read("x-redrive-count", Some(b"5"));
        headers.read("x-redrive-force", Some(b"true"));
        headers.read("x-replay", Some(b"false"));
        headers.read("traceparent", Some(b"true"));
        assert_eq!(
            headers,
            RecordHeaders {
                redrive_count: 5,
                redrive_force: true,
                replay: false
            }
        );
        headers.read("x-redrive-count", Some(b"many"));
        assert!(headers.redrive_count > REDRIVE_LIMIT);
        headers.read("x-redrive-count", None);
        assert!(headers.redrive_count > REDRIVE_LIMIT);
    }
}
