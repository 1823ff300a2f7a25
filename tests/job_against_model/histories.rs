//! Clean histories of orders: generated ones, and those of the market days where they are at hand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use jumun::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit};
use serde_json::Value;

use crate::support::driven::{DELIVERIES, ORDERS, PAYMENTS, record_of};
use crate::support::model::InputRecord;

const DATA: &str = "../shared/data";
/// 2026-11-20T11:00:00+09:00.
const START: u64 = 1_795_140_000_000;

/// A file of the market days; they lie beside the project and may be absent.
pub fn data_file(name: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(name);
    if path.exists() {
        return Some(path);
    }
    // Straight to the handle: what `println!` writes is shown of failed tests only.
    writeln!(std::io::stderr(), "skipped: {DATA} is absent").unwrap();
    None
}

pub fn lines(path: &Path) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// The lines of a market day as records, in file order. A line that cannot be read is written when the one before was.
pub fn records(path: &Path) -> Vec<InputRecord> {
    let mut last_timestamp = 0;
    let mut records = Vec::new();
    for line in lines(path) {
        let parsed: Value = serde_json::from_slice(&line).unwrap_or(Value::Null);
        let topic = match parsed["target"]["type"].as_str() {
            Some("delivery") => DELIVERIES,
            Some("payment") => PAYMENTS,
            _ => ORDERS,
        };
        let recorded_at = parsed["time"]["recordedAt"].as_str();
        let recorded_at = recorded_at.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        last_timestamp = recorded_at.map_or(last_timestamp, jiff::Timestamp::as_millisecond);
        let order_no = parsed["target"]["orderNo"].as_str();
        records.push(InputRecord {
            topic: topic.to_string(),
            partition: 0,
            offset: -1,
            key: order_no.map(|order_no| order_no.as_bytes().to_vec()),
            value: Some(line),
            headers: Vec::new(),
            timestamp: last_timestamp,
        });
    }
    records
}

/// The events of so many generated orders, each order by itself.
pub fn generated(orders: u64) -> Vec<Vec<InputRecord>> {
    let config = GeneratorConfig {
        limit: Limit::Orders(orders),
        ..GeneratorConfig::new(4, START)
    };
    let mut generator = Generator::new(config);
    let mut event = GeneratedEvent::default();
    let mut records = Vec::new();
    while generator.next_into(&mut event) {
        records.push(record_of(&event));
    }
    by_order(records)
}

/// Of each order its events, in the order in which they happened.
pub fn by_order(records: Vec<InputRecord>) -> Vec<Vec<InputRecord>> {
    let mut orders: BTreeMap<Vec<u8>, Vec<InputRecord>> = BTreeMap::new();
    for record in records {
        let key = record.key.clone().unwrap_or_default();
        orders.entry(key).or_default().push(record);
    }
    orders.into_values().collect()
}
