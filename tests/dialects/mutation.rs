//! Records that are nearly right: fixtures with a few things done to them.

use jumun::dialect::{Form, KeyForm};

use crate::dialects::forms::ALL;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"): each number is a new seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// A record and how its topic is said to be read; its buffers are used again.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub form: Form,
    pub key_form: KeyForm,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Option<Vec<u8>>)>,
}

const FORMS: [Form; 6] = [
    Form::Detect,
    Form::Plain,
    Form::DebeziumOutbox,
    Form::DebeziumRaw,
    Form::CloudEvents,
    Form::Thin,
];
const KEYS: [KeyForm; 4] = [
    KeyForm::Detect,
    KeyForm::Bare,
    KeyForm::Json,
    KeyForm::Schema,
];

/// What hostile or broken producers write.
const PIECES: &[&[u8]] = &[
    b"null",
    b"\"\"",
    b"{}",
    b"[]",
    b"true",
    b"-0",
    b"0",
    b"-1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999999999",
    b"1e999999999",
    b"1.5",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\\"",
    b"\\",
    b"\"",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf0\x9f",
    b"\x00",
    b"\x00\x00\x00\x00\x07",
    b"\xef\xbb\xbf",
    b",",
    b"}",
    b"\"payload\":",
    b"\"payload\":null,",
    b"\"op\":\"d\",",
    b"\"op\":\"u\",",
    b"\"schema\":{},",
    b"\"schema\":{\"version\":2},",
    b"\"target\":{},",
    b"\"id\":\"0192f3c1\",",
    b"\"id\":7,",
    b"\"version\":0,",
    b"\"specversion\":\"1.0\",",
    b"\"ts_ms\":1,",
    b"\"orderNo\":\"B1\",",
    b"\"__debezium_unavailable_value\"",
    b"2024-05-12T12:03:11.482+09:00",
    b"9999-12-31T23:59:60Z",
    b"-9999999999999999",
];

const HEADERS: &[&str] = &[
    "id",
    "eventType",
    "type",
    "action",
    "aggregateid",
    "aggregatetype",
    "target_id",
    "version",
    "occurred_at",
    "created_at",
    "schema-version",
    "actor_type",
    "content-type",
    "x-redrive-topic",
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_version",
    "",
];

/// Fills the input with the record of a number: the same for the same number.
pub fn fill(input: &mut Input, number: u64) {
    let mut random = Random(number);
    let (_, fixture, _) = &ALL[random.below(ALL.len())];
    input.form = match random.below(8) {
        0..2 => fixture.form,
        place => FORMS[place - 2],
    };
    input.key_form = if random.one_in(4) {
        KEYS[random.below(KEYS.len())]
    } else {
        KeyForm::Detect
    };
    input.key = fixture.key.map(<[u8]>::to_vec);
    input.value = fixture.value.map(<[u8]>::to_vec);
    input.headers.clear();
    let headers = fixture
        .headers
        .iter()
        .map(|(name, value)| (*name, Some(value.to_vec())));
    input.headers.extend(headers);
    if random.one_in(64) {
        return;
    }
    for _ in 0..=random.below(3) {
        match random.below(10) {
            0 => mutate_option(&mut random, &mut input.key),
            1 => mutate_headers(&mut random, &mut input.headers),
            2 => wrap(&mut random, &mut input.value),
            _ => mutate_option(&mut random, &mut input.value),
        }
    }
}

fn mutate_option(random: &mut Random, bytes: &mut Option<Vec<u8>>) {
    if random.one_in(128) {
        *bytes = None;
    }
    mutate(random, bytes.get_or_insert_with(Vec::new));
}

fn mutate_headers(random: &mut Random, headers: &mut Vec<(&'static str, Option<Vec<u8>>)>) {
    match random.below(4) {
        0 if !headers.is_empty() => {
            let at = random.below(headers.len());
            headers.remove(at);
        }
        1 => headers.push((random.pick(HEADERS), Some(random.pick(PIECES).to_vec()))),
        2 => headers.push((random.pick(HEADERS), None)),
        _ if !headers.is_empty() => {
            let at = random.below(headers.len());
            mutate_option(random, &mut headers[at].1);
        }
        _ => {}
    }
}

/// JSON in JSON: as a string, as a payload, in a frame, several times.
fn wrap(random: &mut Random, value: &mut Option<Vec<u8>>) {
    let Some(bytes) = value else { return };
    for _ in 0..=random.below(4) {
        *bytes = match random.below(4) {
            0 => [b"\x00\x00\x00\x00\x01", bytes.as_slice()].concat(),
            1 => [b"{\"payload\":", bytes.as_slice(), b"}"].concat(),
            2 => [b"{\"schema\":null,\"payload\":", bytes.as_slice(), b"}"].concat(),
            _ => match std::str::from_utf8(bytes) {
                Ok(text) => serde_json::to_vec(text).unwrap(),
                Err(_) => return,
            },
        };
    }
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len() + 1);
    let end = (at + 1 + random.below(24)).min(bytes.len()).max(at);
    match random.below(12) {
        0 => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
        1 => bytes.truncate(at),
        2 => {
            let (_, other, _) = &ALL[random.below(ALL.len())];
            let other = other.value.unwrap_or_default();
            let from = random.below(other.len());
            let to = (from + random.below(200)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        3 => {
            let depth = if random.one_in(32) {
                40_000
            } else {
                random.below(300)
            };
            let opening: &[u8] = random.pick(&[&b"["[..], b"{\"a\":", b"{\"payload\":"]);
            bytes.splice(at..at, opening.repeat(depth.min(200_000 / opening.len())));
        }
        4 => {
            // A number in the place of a number.
            if let Some(start) = bytes.iter().skip(at).position(u8::is_ascii_digit) {
                let start = at + start;
                let digits = bytes[start..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count();
                let piece = random.pick(PIECES);
                bytes.splice(start..start + digits, piece.iter().copied());
            }
        }
        5 => {
            let piece = random.pick(PIECES);
            bytes.splice(at..at, piece.iter().copied());
        }
        6 => {
            let piece = random.pick(PIECES);
            bytes.splice(at..end, piece.iter().copied());
        }
        7 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        8 => {
            bytes.drain(at..end);
        }
        9 => {
            // A member behind the opening of an object.
            if let Some(open) = bytes.iter().skip(at).position(|byte| *byte == b'{') {
                let piece = random.pick(PIECES);
                bytes.splice(at + open + 1..at + open + 1, piece.iter().copied());
            }
        }
        10 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        _ if random.one_in(16) => {
            let length = random.below(64);
            bytes.clear();
            bytes.extend((0..length).map(|_| random.next() as u8));
        }
        _ => {
            let swapped = random.below(bytes.len().max(1));
            if at < bytes.len() {
                bytes.swap(at, swapped);
            }
        }
    }
}
