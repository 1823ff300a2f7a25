//! Records that were set aside, as they came: rows of the store `parked`.
//!
//! Key: the order number, then the number of arrival (8 bytes, big-endian). Value: format version (1 byte), topic,
//! partition, offset, timestamp, key, value and headers; numbers are LEB128 varints, signed ones in zigzag form, and
//! texts and bytes are preceded by their length, by 0 where they are absent and by their length + 1 where they may be.

use topology::codec::varint;
use topology::io::HeaderBuffer;
use topology::process::SourceRecord;

/// The format version that this program writes, and the only one it reads.
const FORMAT_VERSION: u8 = 1;

/// One record that was set aside; used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct SetAside {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Vec<u8>,
    has_key: bool,
    value: Vec<u8>,
    has_value: bool,
    headers: HeaderBuffer,
}

/// The key of a row.
pub(crate) fn write_key(key: &mut Vec<u8>, order_no: &str, arrival: u64) {
    key.clear();
    key.extend_from_slice(order_no.as_bytes());
    key.extend_from_slice(&arrival.to_be_bytes());
}

/// The value of a row.
pub(crate) fn encode(source: &SourceRecord<'_>, out: &mut Vec<u8>) {
    out.clear();
    out.push(FORMAT_VERSION);
    varint::put_bytes(out, source.topic.as_bytes());
    varint::put_signed(out, i64::from(source.partition));
    varint::put_signed(out, source.offset);
    varint::put_signed(out, source.timestamp);
    write_optional(source.key, out);
    write_optional(source.value, out);
    varint::put(out, source.headers.len() as u64);
    for (name, value) in source.headers.iter() {
        varint::put_bytes(out, name.as_bytes());
        write_optional(value, out);
    }
}

fn write_optional(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    varint::put(out, bytes.map_or(0, |bytes| bytes.len() as u64 + 1));
    out.extend_from_slice(bytes.unwrap_or_default());
}

impl SetAside {
    /// Reads a row.
    ///
    /// # Errors
    /// Why not, if [`encode`] cannot have written it.
    pub(crate) fn decode(&mut self, row: &[u8]) -> Result<(), String> {
        match row.split_first() {
            Some((&FORMAT_VERSION, rest)) => self
                .decode_rest(rest)
                .ok_or_else(|| "it is damaged".to_owned()),
            Some((found, _)) => Err(format!(
                "it has format {found}, and this program reads format {FORMAT_VERSION}; run the program that wrote it"
            )),
            None => Err("it is empty".to_owned()),
        }
    }

    fn decode_rest(&mut self, mut rest: &[u8]) -> Option<()> {
        self.topic.clear();
        self.topic.push_str(read_text(&mut rest)?);
        self.partition = i32::try_from(varint::take_signed(&mut rest)?).ok()?;
        self.offset = varint::take_signed(&mut rest)?;
        self.timestamp = varint::take_signed(&mut rest)?;
        let (key, value) = (read_optional(&mut rest)?, read_optional(&mut rest)?);
        for (kept, has, read) in [
            (&mut self.key, &mut self.has_key, key),
            (&mut self.value, &mut self.has_value, value),
        ] {
            kept.clear();
            kept.extend_from_slice(read.unwrap_or_default());
            *has = read.is_some();
        }
        self.headers.clear();
        for _ in 0..varint::take(&mut rest)? {
            let name = read_text(&mut rest)?;
            self.headers.push(name, read_optional(&mut rest)?);
        }
        rest.is_empty().then_some(())
    }

    /// The record as it came; it is of no input of the task now.
    pub(crate) fn source(&self) -> SourceRecord<'_> {
        SourceRecord {
            input: usize::MAX,
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.has_key.then_some(&self.key),
            value: self.has_value.then_some(&self.value),
            headers: self.headers.view(),
        }
    }
}

fn read_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(varint::take_bytes(rest)?).ok()
}

fn read_optional<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let Some(len) = varint::take(rest)?.checked_sub(1) else {
        return Some(None);
    };
    let (bytes, behind) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = behind;
    Some(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let mut headers = HeaderBuffer::default();
        headers.push("id", Some(b"\xff"));
        headers.push("nothing", None);
        headers.push("empty", Some(b""));
        for (key, value) in [
            (Some(&b"B1"[..]), Some(&b"{}"[..])),
            (None, Some(&b""[..])),
            (Some(&b""[..]), None),
        ] {
            let source = SourceRecord {
                input: 0,
                topic: "order.events.v1",
                partition: 3,
                offset: i64::MAX,
                timestamp: -1,
                key,
                value,
                headers: headers.view(),
            };
            let (mut row, mut read) = (Vec::new(), SetAside::default());
            encode(&source, &mut row);
            read.decode(&row).unwrap();
            let back = read.source();
            assert_eq!(
                (back.topic, back.partition, back.offset, back.timestamp),
                ("order.events.v1", 3, i64::MAX, -1)
            );
            assert_eq!((back.key, back.value), (key, value));
            assert!(back.headers.iter().eq(headers.view().iter()));
            for end in 0..row.len() {
                assert!(read.decode(&row[..end]).is_err(), "{end}");
            }
        }
    }

    #[test]
    fn the_bytes_of_a_row_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "parked-record-1.hex");
        let mut headers = HeaderBuffer::default();
        headers.push("id", Some(b"e-1"));
        headers.push("nothing", None);
        let source = SourceRecord {
            input: 0,
            topic: "order.events.v1",
            partition: 3,
            offset: 4711,
            timestamp: 1_763_539_200_000,
            key: Some(b"B1"),
            value: Some(b"{}"),
            headers: headers.view(),
        };
        let (mut key, mut row, mut read) = (Vec::new(), Vec::new(), SetAside::default());
        write_key(&mut key, "B1", 259);
        pinned.assert_written("key", &key);
        encode(&source, &mut row);
        pinned.assert_written("row", &row);
        read.decode(pinned.bytes("row")).unwrap();
        let back = read.source();
        assert_eq!(
            (back.topic, back.partition, back.offset),
            ("order.events.v1", 3, 4711)
        );
        assert_eq!(
            (back.timestamp, back.key, back.value),
            (1_763_539_200_000, Some(&b"B1"[..]), Some(&b"{}"[..]))
        );
        assert!(back.headers.iter().eq(headers.view().iter()));
        row[0] = 2;
        let refused = read.decode(&row).unwrap_err();
        assert!(
            refused.contains("format 2, and this program reads format 1"),
            "{refused}"
        );
    }
}
