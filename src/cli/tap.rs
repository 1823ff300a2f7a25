use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;
use topology::io::{Admin, Log, RecordView, TopicPartition, Watermarks};

use super::moment::Moment;
use super::output::{printed, standard};
use super::run::{kafka, signal};
use super::{Failure, Settings};
use crate::dead_letters::facts::order_number;
use crate::scan::{Extent, Next, Scan, Wanted};
use crate::tap::{Condition, at_path, json_line, text_line};

/// Longest time until a signal is obeyed.
const LOOK: Duration = Duration::from_millis(100);
const CALL: Duration = Duration::from_secs(10);

/// `jumun tap`
#[derive(Debug, Args)]
pub struct Tap {
    /// The topic.
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Where to begin: beginning, end, an offset, a time with offset, or how long ago, such as 2h. Default: the end when
    /// following, else the beginning.
    #[arg(long, value_name = "PLACE")]
    from: Option<Place>,
    /// Go on with what comes; the default.
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,
    /// Stop at the end as it is now.
    #[arg(long)]
    no_follow: bool,
    /// Only of this order.
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Only records whose JSON value has this member, by its path: target.version=7; all of several.
    #[arg(long, value_name = "FIELD=VALUE")]
    filter: Vec<Condition>,
    /// Stop after so many records.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only this partition.
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// For people, for programs, or the values alone.
    #[arg(long, value_enum, default_value = "text")]
    format: TapFormat,
    /// Show the headers too.
    #[arg(long)]
    headers: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TapFormat {
    /// One line per record, with what matters of it.
    Text,
    /// One JSON object per line.
    Json,
    /// The value's bytes, one record per line.
    Raw,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Beginning,
    End,
    Offset(i64),
    Time(i64),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "beginning" => return Ok(Self::Beginning),
            "end" => return Ok(Self::End),
            _ => {}
        }
        if let Some(offset) = text.parse().ok().filter(|offset| *offset >= 0) {
            return Ok(Self::Offset(offset));
        }
        match text.parse() {
            Ok(Moment(at)) => Ok(Self::Time(at)),
            Err(_) => Err(
                "write beginning, end, an offset, a time such as 2026-11-20T12:00:00+09:00, or how long ago, such as 2h"
                    .to_owned(),
            ),
        }
    }
}

impl Tap {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let log = kafka(&self.settings.configuration()?)?;
        let stop = stop_by_signal()?;
        let mut scan = self.open(log.as_ref())?;
        let mut out = standard();
        let mut left = self.limit.unwrap_or(u64::MAX);
        while left > 0 && !stop.load(Ordering::Relaxed) {
            match scan.next(LOOK).map_err(Failure::work)? {
                Next::Records(scanned) => {
                    let mut records = scanned.records();
                    let written = records.try_for_each(|record| {
                        if left > 0 && self.print(&mut out, scanned.partition, &record)? {
                            left -= 1;
                        }
                        Ok(())
                    });
                    let written = written.and_then(|()| out.flush());
                    if written.is_err() {
                        return printed(written);
                    }
                }
                Next::Nothing => {}
                Next::End => break,
            }
        }
        Ok(())
    }

    fn open(&self, log: &dyn Log) -> Result<Scan, Failure> {
        let follows = !self.no_follow;
        let from = match self.from {
            Some(from) => from,
            None if follows => Place::End,
            None => Place::Beginning,
        };
        let wanted = Wanted {
            client_id: "jumun-tap",
            topics: &[&self.topic],
            partition: self.partition,
            extent: if follows {
                Extent::Follow
            } else {
                Extent::ToEnd
            },
        };
        Scan::open(log, wanted, |admin, partition, marks| {
            start(admin, partition, marks, from)
        })
        .map_err(Failure::work)
    }

    /// Prints a record that is wanted; whether it is.
    fn print(
        &self,
        out: &mut impl Write,
        partition: &TopicPartition,
        record: &RecordView<'_>,
    ) -> io::Result<bool> {
        let value: Option<Value> = record
            .value
            .and_then(|value| serde_json::from_slice(value).ok());
        if !self.wants(record, value.as_ref()) {
            return Ok(false);
        }
        match self.format {
            TapFormat::Text => {
                let line = text_line(partition, record, value.as_ref(), self.headers);
                writeln!(out, "{line}")?;
            }
            TapFormat::Json => writeln!(out, "{}", json_line(partition, record, value.as_ref()))?,
            TapFormat::Raw => {
                out.write_all(record.value.unwrap_or_default())?;
                out.write_all(b"\n")?;
            }
        }
        Ok(true)
    }

    fn wants(&self, record: &RecordView<'_>, value: Option<&Value>) -> bool {
        let is_of_order = |order: &String| {
            let of_value = |path| value.and_then(|value| at_path(value, path)?.as_str());
            record.key.and_then(order_number).as_ref() == Some(order)
                || of_value("orderNo") == Some(order)
                || of_value("target.orderNo") == Some(order)
        };
        let absent = Value::Null;
        self.order.as_ref().is_none_or(is_of_order)
            && self
                .filter
                .iter()
                .all(|condition| condition.holds(value.unwrap_or(&absent)))
    }
}

fn start(
    admin: &mut dyn Admin,
    partition: &TopicPartition,
    marks: Watermarks,
    from: Place,
) -> Result<i64, topology::Error> {
    match from {
        Place::Beginning => Ok(marks.low),
        Place::End => Ok(marks.high),
        Place::Offset(offset) => Ok(offset),
        Place::Time(at) => {
            let found = admin.offsets_at(std::slice::from_ref(partition), at, CALL)?;
            Ok(found.first().copied().flatten().unwrap_or(marks.high))
        }
    }
}

/// Becomes true with SIGINT or SIGTERM: whoever watches ends it so, and that is no failure.
fn stop_by_signal() -> Result<Arc<AtomicBool>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::work)?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        runtime.block_on(signal());
        told.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_are_read() {
        assert_eq!("beginning".parse(), Ok(Place::Beginning));
        assert_eq!("end".parse(), Ok(Place::End));
        assert_eq!("42".parse(), Ok(Place::Offset(42)));
        assert_eq!(
            "2024-05-12T12:03:11.482+09:00".parse(),
            Ok(Place::Time(1_715_482_991_482))
        );
        assert!(matches!("2h".parse(), Ok(Place::Time(_))));
        for text in ["", "-1", "start", "2026-11-20"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
