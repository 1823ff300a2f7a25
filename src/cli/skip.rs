//! `jumun skip`: passes over one record of an input. The record becomes a dead letter and the group's offset moves on, in one
//! transaction.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use topology::io::{Admin, HeaderBuffer, Log, OutputRecord, ProducerConfig, TopicPartition};

use super::output::{OutputFormat, printed, standard};
use super::reset::refuse_members;
use super::run::kafka;
use super::sending::now_ms;
use super::{Failure, Settings};
use crate::config::Configuration;
use crate::job::topics::{DEAD_LETTERS, SOURCES};
use crate::scan::{Extent, Next, Scan, Wanted};

const CLIENT: &str = "jumun-skip";
const CALL: Duration = Duration::from_secs(30);
const REASON: &str = "SKIPPED";

/// `jumun skip`
#[derive(Debug, Args)]
pub struct Skip {
    /// The input topic.
    topic: String,
    /// Its partition.
    partition: i32,
    /// Offset of the record; the next one that the application would process.
    offset: i64,
    /// Why it must not be processed; the dead letter keeps it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who decides.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,
    /// Do it. Without this it only says what would be done.
    #[arg(long)]
    execute: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: OutputFormat,
    #[command(flatten)]
    settings: Settings,
}

/// The record, as it lies in the input.
struct Found {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: HeaderBuffer,
    first_seen: bool,
}

impl Skip {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if !SOURCES.contains(&self.topic.as_str()) {
            let inputs = SOURCES.join(", ");
            let message = format!("{} is no input; these are: {inputs}", self.topic);
            return Err(Failure::usage(message));
        }
        if self.reason.trim().is_empty() {
            return Err(Failure::usage(
                "--reason is empty; the dead letter keeps it",
            ));
        }
        let configuration = self.settings.configuration()?;
        let log = kafka(&configuration)?;
        let mut admin = log.admin(CLIENT).map_err(Failure::work)?;
        refuse_members(admin.as_mut(), &configuration)?;
        let committed = self.committed(admin.as_mut(), &configuration)?;
        let found = self.find(log.as_ref(), committed)?;
        let letters = configuration.job().output(DEAD_LETTERS);
        if self.execute {
            self.carry_out(
                log.as_ref(),
                admin.as_mut(),
                &configuration,
                &letters,
                found,
            )?;
        }
        self.tell(&letters)
    }

    fn place(&self) -> TopicPartition {
        TopicPartition::new(&self.topic, self.partition)
    }

    fn committed(
        &self,
        admin: &mut dyn Admin,
        configuration: &Configuration,
    ) -> Result<i64, Failure> {
        let group = configuration.application.streams_id();
        let committed = admin.committed(&group, &[self.place()], CALL);
        let committed = committed.map_err(Failure::work)?;
        match committed.first().copied().flatten() {
            Some(committed) if committed <= self.offset => Ok(committed),
            Some(committed) => Err(Failure::work(format!(
                "the group {group} is at offset {committed} of {}: the record at {} is processed already",
                self.place(),
                self.offset
            ))),
            None => Err(Failure::work(format!(
                "the group {group} has committed nothing of {}; check application.id, topic and partition",
                self.place()
            ))),
        }
    }

    /// The first record that the application has before it; between it and the committed offset there may be the markers of
    /// transactions.
    fn find(&self, log: &dyn Log, committed: i64) -> Result<Found, Failure> {
        let wanted = Wanted {
            client_id: CLIENT,
            topics: &[&self.topic],
            partition: Some(self.partition),
            extent: Extent::ToEnd,
        };
        let mut scan = Scan::open(log, wanted, |_, _, _| Ok(committed)).map_err(Failure::work)?;
        loop {
            let records = match scan.next(CALL).map_err(Failure::work)? {
                Next::Records(records) => records,
                Next::Nothing => continue,
                Next::End => break,
            };
            let Some(record) = records.records().next() else {
                continue;
            };
            if record.offset != self.offset {
                return Err(Failure::work(format!(
                    "the next record of {} is at offset {}, not {}: only the next one can be passed over",
                    self.place(),
                    record.offset,
                    self.offset
                )));
            }
            let mut headers = HeaderBuffer::default();
            headers.extend(record.headers);
            return Ok(Found {
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers,
                first_seen: record.headers.last("__streams.errors.first-seen").is_some(),
            });
        }
        Err(Failure::work(format!(
            "{} has no record from offset {committed} on",
            self.place()
        )))
    }

    /// Whoever joins once the offsets are in the transaction waits for its end; whoever joined before is seen by the second
    /// look. So nobody processes the record meanwhile.
    fn carry_out(
        &self,
        log: &dyn Log,
        admin: &mut dyn Admin,
        configuration: &Configuration,
        letters: &str,
        mut found: Found,
    ) -> Result<(), Failure> {
        let group = configuration.application.streams_id();
        let nobody = admin.no_member(&group).map_err(Failure::work)?;
        let mut producer = log
            .producer(&ProducerConfig {
                client_id: CLIENT.to_owned(),
                transactional_id: Some(format!("{group}-skip")),
                transaction_timeout: CALL,
                max_batch_bytes: None,
            })
            .map_err(Failure::work)?;
        let output = producer.register(letters).map_err(Failure::work)?;
        self.add_headers(&mut found, &group);
        producer.init_transactions(CALL).map_err(Failure::work)?;
        producer.begin_transaction().map_err(Failure::work)?;
        let sent = producer
            .send(OutputRecord {
                output,
                partition: None,
                timestamp: found.timestamp,
                key: found.key.as_deref(),
                value: found.value.as_deref(),
                headers: found.headers.view(),
            })
            .and_then(|()| producer.send_offsets(&[(self.place(), self.offset + 1)], &nobody, CALL))
            .map_err(Failure::work)
            .and_then(|()| refuse_members(admin, configuration));
        match sent {
            Ok(()) => producer.commit_transaction(CALL).map_err(Failure::work),
            Err(failure) => {
                producer.abort_transaction(CALL).map_err(Failure::work)?;
                Err(failure)
            }
        }
    }

    /// As the engine writes them of its own dead letters, and who decided.
    fn add_headers(&self, found: &mut Found, group: &str) {
        let now = now_ms().to_string();
        let mut text = |name: &str, value: &str| {
            let name = format!("__streams.errors.{name}");
            found.headers.push(&name, Some(value.as_bytes()));
        };
        text("topic", &self.topic);
        text("partition", &self.partition.to_string());
        text("offset", &self.offset.to_string());
        text("exception", REASON);
        text(
            "message",
            &format!("{} (skipped by {})", self.reason, self.by),
        );
        text("reason", REASON);
        text("class", "operator");
        text("timestamp", &now);
        if !found.first_seen {
            text("first-seen", &now);
        }
        text("skipped-by", &self.by);
        text("application", group);
    }

    fn tell(&self, letters: &str) -> Result<(), Failure> {
        let mut out = standard();
        let place = format!("{}@{}", self.place(), self.offset);
        let text = match (self.format, self.execute) {
            (OutputFormat::Json, done) => json!({
                "dryRun": !done,
                "topic": self.topic,
                "partition": self.partition,
                "offset": self.offset,
                "deadLetters": letters,
            })
            .to_string(),
            (OutputFormat::Text, true) => {
                format!("{place} is a dead letter in {letters}; the next start goes on after it")
            }
            (OutputFormat::Text, false) => format!(
                "{place} would become a dead letter in {letters}; nothing was done, do it with --execute"
            ),
        };
        printed(writeln!(out, "{text}").and_then(|()| out.flush()))
    }
}
