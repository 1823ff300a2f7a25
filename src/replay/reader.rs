//! Files of events, one a line, plain or gzip by content.
//!
//! A line becomes a record with topic, key and timestamp. Where the line is an envelope, these
//! are `target.type`, `target.orderNo` and `time.recordedAt`. Where it is not (cut off, wrong
//! types, not JSON at all), the line is still a record, because a dead letter is something to
//! replay too. A part that cannot be read is replaced: the topic by that of orders, the key by the
//! first `"orderNo":"…"` in the text or else by none, the timestamp by that of the line before.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::envelope::Envelope;
use crate::generate::InputTopic;
use flate2::bufread::MultiGzDecoder;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 1 << 18;

/// One line of a file as the record it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRecord<'a> {
    /// Where it goes.
    pub topic: InputTopic,
    /// The record's key, if the line has one.
    pub key: Option<Cow<'a, [u8]>>,
    /// Epoch ms.
    pub timestamp: u64,
    /// The line without its end.
    pub value: &'a [u8],
    /// Header `id`, if the line has one.
    pub id: Option<Cow<'a, str>>,
    /// Header `action`, if the line has one.
    pub action: Option<Cow<'a, str>>,
    /// Header `schema-version`, if the line has one.
    pub schema_version: Option<u64>,
}

/// Reads the records of a file, one at a time, in one buffer.
pub struct EventFileReader<R> {
    input: R,
    line: Vec<u8>,
    timestamp: u64,
    lines: u64,
}

impl EventFileReader<Box<dyn BufRead + Send>> {
    /// Opens a file. Whether it is compressed is read from its first bytes, not from its name.
    ///
    /// # Errors
    /// Those of opening and reading the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
        let is_compressed = file.fill_buf()?.starts_with(&GZIP_MAGIC);
        Ok(Self::new(if is_compressed {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        }))
    }
}

impl<R: BufRead> EventFileReader<R> {
    /// Reads plain lines from anywhere.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            timestamp: 0,
            lines: 0,
        }
    }

    /// Lines read so far, empty ones included.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The next record; empty lines are none. `None` at the end.
    ///
    /// # Errors
    /// Those of reading, damaged compression included.
    pub fn next_record(&mut self) -> io::Result<Option<ReplayRecord<'_>>> {
        loop {
            self.line.clear();
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.lines += 1;
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            if !self.line.is_empty() {
                break;
            }
        }
        let record = record(&self.line, self.timestamp);
        self.timestamp = record.timestamp;
        Ok(Some(record))
    }
}

fn record(line: &[u8], previous: u64) -> ReplayRecord<'_> {
    let envelope = Envelope::read(line);
    let target = envelope.target.unwrap_or_default();
    let key = match target.order_number.text() {
        Some(Cow::Borrowed(text)) => Some(Cow::Borrowed(text.as_bytes())),
        Some(Cow::Owned(text)) => Some(Cow::Owned(text.into_bytes())),
        None => quoted_after(line, b"\"orderNo\":\"").map(Cow::Borrowed),
    };
    ReplayRecord {
        topic: topic(target.kind.text().as_deref()),
        key,
        timestamp: envelope
            .time
            .and_then(|time| time.recorded_at.text())
            .and_then(|text| epoch_ms(&text))
            .unwrap_or(previous),
        value: line,
        id: envelope.id.text(),
        action: envelope.action.text(),
        schema_version: envelope.schema.and_then(|schema| schema.version.number()),
    }
}

/// The topic that a `target.type` names; what is no target type goes with the orders.
fn topic(kind: Option<&str>) -> InputTopic {
    match kind {
        Some("delivery") => InputTopic::Delivery,
        Some("payment") => InputTopic::Payment,
        _ => InputTopic::Order,
    }
}

fn epoch_ms(text: &str) -> Option<u64> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(instant.as_millisecond()).ok()
}

/// The text from the first `before` to the next quote, if it is not empty.
fn quoted_after<'a>(line: &'a [u8], before: &[u8]) -> Option<&'a [u8]> {
    let start = line
        .windows(before.len())
        .position(|window| window == before)?
        + before.len();
    let rest = line.get(start..)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    rest.get(..end).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const CREATED: &str = r#"{"id":"a-1","target":{"type":"order","id":"B1","orderNo":"B1","version":1},"action":"order.created","actor":{"type":"CUSTOMER","id":"cu_1"},"info":{},"time":{"occurredAt":"2026-11-20T00:00:00.000+09:00","recordedAt":"2026-11-20T00:00:00.250+09:00"},"schema":{"name":"order.created","version":1}}"#;
    const APPROVED: &str = r#"{ "time" : { "recordedAt" : "2026-11-19T15:00:01Z" }, "target" : { "orderNo" : "B1", "type" : "payment" }, "action" : "payment.approved" }"#;
    const CREATED_AT: u64 = 1_795_100_400_250;
    const APPROVED_AT: u64 = 1_795_100_401_000;

    type Line = (InputTopic, Option<String>, u64, Vec<u8>);

    fn read(input: impl BufRead) -> Vec<Line> {
        let mut reader = EventFileReader::new(input);
        let mut lines = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            let key = record
                .key
                .map(|key| String::from_utf8_lossy(&key).into_owned());
            lines.push((record.topic, key, record.timestamp, record.value.to_owned()));
        }
        lines
    }

    fn line(topic: InputTopic, key: Option<&str>, timestamp: u64, value: &[u8]) -> Line {
        (topic, key.map(str::to_owned), timestamp, value.to_owned())
    }

    fn both() -> Vec<Line> {
        vec![
            line(
                InputTopic::Order,
                Some("B1"),
                CREATED_AT,
                CREATED.as_bytes(),
            ),
            line(
                InputTopic::Payment,
                Some("B1"),
                APPROVED_AT,
                APPROVED.as_bytes(),
            ),
        ]
    }

    #[test]
    fn lines_become_records_whatever_their_ends() {
        for (first, last) in [
            ("\n", "\n"),
            ("\n", ""),
            ("\r\n", "\r\n"),
            ("\n\n\r\n\n", "\n\n"),
        ] {
            let text = format!("{CREATED}{first}{APPROVED}{last}");
            assert_eq!(read(text.as_bytes()), both(), "{first:?} {last:?}");
        }
        assert_eq!(read(&b""[..]), vec![]);
    }

    #[test]
    fn headers_come_from_the_envelope() {
        let mut reader = EventFileReader::new(CREATED.as_bytes());
        let record = reader.next_record().unwrap().unwrap();
        assert_eq!(record.id.as_deref(), Some("a-1"));
        assert_eq!(record.action.as_deref(), Some("order.created"));
        assert_eq!(record.schema_version, Some(1));
    }

    #[test]
    fn compression_is_found_by_content_even_in_several_members() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("no-suffix");
        let mut file = File::create(&path).unwrap();
        for text in [CREATED, APPROVED] {
            let mut member =
                flate2::write::GzEncoder::new(&mut file, flate2::Compression::default());
            writeln!(member, "{text}").unwrap();
            member.finish().unwrap();
        }
        assert_eq!(read(EventFileReader::open(&path).unwrap().input), both());

        let path = directory.path().join("plain.gz");
        std::fs::write(&path, format!("{CREATED}\n{APPROVED}")).unwrap();
        assert_eq!(read(EventFileReader::open(&path).unwrap().input), both());
    }

    #[test]
    fn a_file_cut_off_within_its_compression_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cut.gz");
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        member.write_all(CREATED.as_bytes()).unwrap();
        let bytes = member.finish().unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
        let mut reader = EventFileReader::open(&path).unwrap();
        assert!(reader.next_record().is_err());
    }

    #[test]
    fn broken_lines_are_records_with_what_can_be_read_of_them() {
        use InputTopic::{Delivery, Order};
        let cut = CREATED.get(..90).unwrap();
        let mut bad_utf8 = APPROVED.as_bytes().to_vec();
        bad_utf8[3] = 0xff;
        let check = |broken: &[u8], topic, key, timestamp| {
            let mut text = format!("{CREATED}\n").into_bytes();
            text.extend_from_slice(broken);
            let expected = line(topic, key, timestamp, broken);
            assert_eq!(
                read(text.as_slice())[1],
                expected,
                "{}",
                String::from_utf8_lossy(broken)
            );
        };
        for broken in [
            &b"[1,2,3]"[..],
            b"{}",
            b"null",
            b"17",
            b"not json",
            b"{\"target\":7}",
            b"\xff\xfe",
        ] {
            check(broken, Order, None, CREATED_AT);
        }
        check(cut.as_bytes(), Order, Some("B1"), CREATED_AT);
        check(&bad_utf8, Order, None, CREATED_AT);
        check(
            br#"{"target":{"type":"delivery","orderNo":"B2"},"time":{"recordedAt":5}}"#,
            Delivery,
            Some("B2"),
            CREATED_AT,
        );
        check(
            br#"{"target":{"type":[],"orderNo":12},"time":{"recordedAt":"2026-11-19T15:00:01Z"}}"#,
            Order,
            None,
            APPROVED_AT,
        );
        check(
            br#"{"target":{"type":"payment","orderNo":"B2"},"time":7,"target":{"type":"delivery"}}"#,
            Delivery,
            Some("B2"),
            CREATED_AT,
        );
        check(
            br#"{"target":{"type":"order","orderNo":"B\u0033"}}"#,
            Order,
            Some("B3"),
            CREATED_AT,
        );
    }

    #[test]
    fn broken_lines_before_the_first_time_carry_the_time_zero() {
        assert_eq!(
            read(&b"oops"[..]),
            vec![line(InputTopic::Order, None, 0, b"oops")]
        );
    }

    #[test]
    fn market_days_are_read_whole() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
        for (name, lines, without_key) in [
            ("market-day-0.ndjson.gz", 5_575, 0),
            ("market-day-4.ndjson.gz", 13_089, 0),
            ("market-day-4-faults.ndjson.gz", 13_251, 2),
        ] {
            let path = directory.join(name);
            if !path.exists() {
                println!("skipped: {} does not exist", path.display());
                continue;
            }
            let all = read(EventFileReader::open(&path).unwrap().input);
            assert_eq!(all.len(), lines);
            assert_eq!(
                all.iter().filter(|line| line.1.is_none()).count(),
                without_key,
                "{name}"
            );
            assert!(all.iter().all(|line| line.2 > 1_795_000_000_000));
        }
    }
}
