//! The count job: ours on typed streams, against Kafka Streams with write-back and in plain DSL, over the same backlog.

use std::collections::HashMap;
use std::env;
use std::process::Command;

use topology::io::{Log, TopicPartition};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::aims::{Aim, Ratio};
use super::context::{Context, turns};
use super::measured::{
    BROKER_BYTES, BYTES, CPU, CPU_SECOND_HALF, DISK_BYTES, Measured, PACE, PACE_SECOND_HALF, PEAK,
    RECORDS,
};
use super::part::Part;
use super::peer::{Peer, Profile};
use super::table::{MIB, Table};
use crate::contestant::{self, Contestant, PutOut};
use crate::count_job::{OUTPUT, WINDOW};
use crate::error::{Error, Result};
use crate::order_job::{self, Launch, PARTITIONS};
use crate::partitions;
use crate::progress::Progress;
use crate::stand::Stand;

const OURS: &str = "jumun, typed streams";
const WRITE_BACK: &str = "KS, write-back";
const DSL: &str = "KS, plain DSL";
const PROGRAMS: [&str; 3] = [OURS, WRITE_BACK, DSL];

const AIMS: [Aim; 9] = [
    Aim::told("CPU seconds per million events", CPU, 2, Ratio::TimesLower),
    Aim::told(
        "  of the second half",
        CPU_SECOND_HALF,
        2,
        Ratio::TimesLower,
    ),
    Aim::told("events/s over the backlog", PACE, 0, Ratio::TimesHigher),
    Aim::told(
        "  of the second half",
        PACE_SECOND_HALF,
        0,
        Ratio::TimesHigher,
    ),
    Aim::told("peak resident memory, MiB", PEAK, 0, Ratio::TimesLower).per(MIB),
    Aim::told("outputs per event", RECORDS, 3, Ratio::TimesLower),
    Aim::told("bytes of outputs per event", BYTES, 0, Ratio::TimesLower),
    Aim::told(
        "bytes to the broker per event",
        BROKER_BYTES,
        0,
        Ratio::TimesLower,
    ),
    Aim::told("bytes to disk per event", DISK_BYTES, 0, Ratio::TimesLower),
];

/// As `application.memory_max_bytes` is by default.
const MEMORY_MAX_BYTES: usize = 512 << 20;
/// Windows stay open for so long, in event time. Within it lies what relays deliver late, and how far inputs are ahead of
/// each other while a backlog is worked off: then nothing is late, and every record counts on all sides.
const GRACE_MS: u64 = 600_000;

/// All runs that are missing, and the table.
pub(super) fn measure(context: &mut Context<'_>) -> Result<Table> {
    let bench = &context.options.bench;
    let heap = context.options.count_java_heap.clone();
    let sizes = format!("{}-{}-{heap}", bench.events, bench.seed);
    let (rounds, interval) = (context.options.rounds, bench.job.commit_interval_ms);
    let mut kept = context.kept(Part::Count, &sizes, PROGRAMS.len())?;
    let mut expected: Option<Counts> = None;
    turns(&mut kept, rounds, &PROGRAMS, |program, number| {
        let (stand, _, peer) = context.stand()?;
        let expected = match &mut expected {
            Some(expected) => expected,
            none => none.insert(Counts::expected(stand)?),
        };
        let peer = peer?.with_heap(&heap);
        run(stand, &peer, program, number, interval, expected)
    })?;
    Table::of(
        Part::Count,
        format!(
            "the count job: records per key and minute; ours includes the repartitioned partial counts of its two stages; heap of \
             the peer {heap}"
        ),
        &PROGRAMS,
        &AIMS,
        kept.into_runs(),
    )
}

/// Counts by a hash of key and window.
#[derive(Debug, Default, PartialEq)]
struct Counts(HashMap<u64, i64>);

impl Counts {
    /// What must come of the inputs: a fold over all records that have a key.
    fn expected(stand: &Stand) -> Result<Self> {
        let window = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
        let from: Vec<_> = stand
            .backlog
            .ends
            .keys()
            .map(|(topic, partition)| (TopicPartition::new(topic.clone(), *partition), 0))
            .collect();
        let mut progress = Progress::start("counting the backlog", stand.backlog.events());
        let mut counts = Self::default();
        let mut records = 0;
        partitions::read(&stand.log, &from, |_, record| {
            records += 1;
            progress.at(records);
            if let Some(key) = record.key.filter(|key| !key.is_empty()) {
                let start = record.timestamp.div_euclid(window) * window;
                *counts.0.entry(place(key, start)).or_default() += 1;
            }
            Ok(())
        })?;
        Ok(counts)
    }

    /// Takes a record of the output: each replaces the one before it.
    fn told(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<()> {
        let place_and_count = key
            .and_then(<[u8]>::split_last_chunk::<8>)
            .zip(value.and_then(|value| value.try_into().ok()));
        let ((key, start), count) = place_and_count.ok_or_else(|| {
            Error::failed(format!(
                "a record of {OUTPUT} is no count: {key:?}, {value:?}"
            ))
        })?;
        let start = i64::from_be_bytes(*start);
        self.0.insert(place(key, start), i64::from_be_bytes(count));
        Ok(())
    }

    /// What was compared, if what was told is the same.
    fn compare(&self, told: &Self) -> Result<String> {
        if self == told {
            let records: i64 = self.0.values().sum();
            return Ok(format!(
                "{} counts of {records} records, each as a fold over the inputs says",
                self.0.len()
            ));
        }
        let differs = |(place, count): &(&u64, &i64)| told.0.get(*place) != Some(*count);
        let missing = self.0.iter().filter(differs).count();
        let sum = |counts: &Self| counts.0.values().sum::<i64>();
        Err(Error::failed(format!(
            "the counts are wrong, so there is no figure: {missing} of {} differ; {} were told, of {} records, not {}",
            self.0.len(),
            told.0.len(),
            sum(told),
            sum(self),
        )))
    }
}

fn place(key: &[u8], start: i64) -> u64 {
    xxh3_64_with_seed(key, start.cast_unsigned())
}

/// One run of a program over the backlog, under a name of its own.
fn run(
    stand: &mut Stand,
    peer: &Peer,
    program: &'static str,
    number: u32,
    commit_interval_ms: u64,
    expected: &Counts,
) -> Result<Measured> {
    let side = match program {
        WRITE_BACK => "write-back",
        DSL => "dsl",
        _ => "jumun",
    };
    let group = format!("count-{side}-{number}");
    // All begin with an output that is not there.
    forget_output(stand)?;
    let directory = order_job::directory()?;
    let launch = Launch {
        bootstrap_servers: stand.broker.bootstrap_servers(),
        application_id: &group,
        directory: directory.path(),
        partitions: PARTITIONS,
        address: order_job::address()?,
    };
    let grace = GRACE_MS.to_string();
    let command = match program {
        OURS => ours(&launch, commit_interval_ms, &stand.backlog.topics)?,
        _ => {
            let settings = [
                ("job", "count"),
                ("count.variant", side),
                ("count.grace.ms", &grace),
            ];
            peer.command(Profile::Tuned, &launch, &settings)
        }
    };
    let contestant = Contestant {
        name: program,
        command,
        group: group.clone(),
        state: Some(launch.state()),
        put_out: Some(put_out(stand)?),
    };
    let segments = stand.segments()?;
    let (mut run, ()) = contestant::measure(contestant, &stand.broker, &stand.backlog, || Ok(()))?;
    run.broker_bytes = stand.segments()?.saturating_sub(segments);
    let mut told = Counts::default();
    let from = partitions::of(stand.admin.as_mut(), &[OUTPUT])?;
    let from: Vec<_> = from.into_iter().map(|partition| (partition, 0)).collect();
    run.records_out = partitions::read(&stand.log, &from, |_, record| {
        let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len) as u64;
        run.bytes_out += len(record.key) + len(record.value);
        told.told(record.key, record.value)
    })?;
    let verified = expected.compare(&told)?;
    stand.told(&run);
    Ok(Measured::of_run(&run, verified, stand.backlog.events()))
}

fn ours(launch: &Launch<'_>, commit_interval_ms: u64, inputs: &[String]) -> Result<Command> {
    let program = env::current_exe().map_err(Error::file("finding", "this program".as_ref()))?;
    let mut command = Command::new(program);
    command
        .arg("count")
        .args(["--bootstrap-servers", launch.bootstrap_servers])
        .args(["--application-id", launch.application_id])
        .arg("--state-dir")
        .arg(launch.state())
        .args(["--commit-interval-ms", &commit_interval_ms.to_string()])
        .args(["--grace-ms", &GRACE_MS.to_string()])
        .args(["--partitions", &launch.partitions.to_string()])
        .args(["--memory-max-bytes", &MEMORY_MAX_BYTES.to_string()])
        .args(inputs);
    Ok(command)
}

/// Records and transaction markers in the output so far.
fn put_out(stand: &Stand) -> Result<PutOut> {
    let mut admin = stand.log.admin("jumun-bench-outputs")?;
    Ok(Box::new(move || {
        let partitions = partitions::of(admin.as_mut(), &[OUTPUT])?;
        let ends = partitions::ends(admin.as_mut(), &partitions)?;
        Ok(ends.iter().map(|(_, end)| end.unsigned_abs()).sum())
    }))
}

fn forget_output(stand: &mut Stand) -> Result<()> {
    if !partitions::of(stand.admin.as_mut(), &[OUTPUT])?.is_empty() {
        stand.broker.delete_topics(&[OUTPUT])?;
        // It is gone for everybody a moment after.
        while !partitions::of(stand.admin.as_mut(), &[OUTPUT])?.is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(records: &[(&str, i64, i64)]) -> Counts {
        let mut counts = Counts::default();
        for (key, start, count) in records {
            let key = [key.as_bytes(), &start.to_be_bytes()].concat();
            counts.told(Some(&key), Some(&count.to_be_bytes())).unwrap();
        }
        counts
    }

    #[test]
    fn the_last_count_of_a_key_in_a_window_is_the_one_that_counts() {
        let expected = told(&[("a", 0, 2), ("a", 60_000, 1)]);
        let same = told(&[("a", 0, 1), ("a", 60_000, 1), ("a", 0, 2)]);
        let verified = expected.compare(&same).unwrap();
        assert!(verified.starts_with("2 counts of 3 records"), "{verified}");
    }

    #[test]
    fn a_wrong_count_is_no_figure() {
        let expected = told(&[("a", 0, 2), ("b", 0, 1)]);
        for wrong in [
            told(&[("a", 0, 2)]),
            told(&[("a", 0, 1), ("b", 0, 2)]),
            told(&[("a", 0, 2), ("b", 0, 1), ("c", 0, 1)]),
        ] {
            assert!(expected.compare(&wrong).is_err(), "{wrong:?}");
        }
        assert!(Counts::default().told(None, None).is_err());
    }
}
