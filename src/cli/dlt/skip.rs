use std::io::{self, Write};

use clap::Args;
use serde_json::json;
use topology::io::Log;
use topology::io::murmur2::partition_of;

use super::replay::described;
use super::selection::{Selection, newest_rejection};
use crate::cli::output::{OutputFormat, confirmed, printed, standard};
use crate::cli::run::kafka;
use crate::cli::sending::now_ms;
use crate::cli::{Failure, Settings};
use crate::config::Topics;
use crate::dead_letters::redrive::Redrive;
use crate::dead_letters::sending::{Missing, partitions, send};
use crate::dead_letters::skip::{Decision, Target, reset};
use crate::dead_letters::{EntryId, Origin};
use crate::domain::actor::Aggregate;
use crate::job::topics::{INPUTS, REDRIVE};

/// `jumun dlt skip`
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Skip {
    /// The order; or an entry whose event was rejected for a gap, which says all the rest.
    #[arg(value_name = "ORDER|ID")]
    what: String,
    /// The version that counts as the last one from then on: the next event is one more.
    #[arg(long, value_name = "V")]
    version: Option<u64>,
    /// Of which aggregate: order, delivery, payment or claim. Default: order.
    #[arg(long, value_name = "AGGREGATE", value_parser = aggregate)]
    aggregate: Option<Aggregate>,
    /// The aggregate's id; needed for a delivery.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Why the missing events will never come, and who says so.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who decides.
    #[arg(long, value_name = "ID", env = "USER", default_value = "unknown")]
    actor: String,
    /// Say what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: OutputFormat,
    #[command(flatten)]
    settings: Settings,
}

fn aggregate(text: &str) -> Result<Aggregate, String> {
    Aggregate::from_name(text).ok_or_else(|| "order, delivery, payment or claim".to_owned())
}

impl Skip {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let id = self.what.parse::<EntryId>().ok();
        self.check(id)?;
        let configuration = self.settings.configuration()?;
        let log = kafka(&configuration)?;
        let topics = &configuration.topics;
        let count = partitions(log.as_ref(), topics, Missing::Leave).map_err(Failure::work)?;
        let (target, origin) = match id {
            Some(id) => self.of_entry(id, log.as_ref())?,
            None => self.by_hand(log.as_ref())?,
        };
        let partition = origin
            .filter(|origin| {
                let topic = origin.topic.as_str();
                (INPUTS.contains(&topic) || topic == REDRIVE) && origin.partition < count
            })
            .map_or_else(
                || partition_of(target.order_no.as_bytes(), count),
                |origin| origin.partition,
            );
        let decision = Decision {
            actor: self.actor.clone(),
            reason: self.reason.clone(),
            at_ms: i64::try_from(now_ms()).unwrap_or(i64::MAX),
        };
        let redrive = reset(&target, &decision, partition);
        self.carry_out(&target, &redrive, log.as_ref(), topics)
    }

    fn check(&self, id: Option<EntryId>) -> Result<(), Failure> {
        let is_described =
            self.version.is_some() || self.aggregate.is_some() || self.target.is_some();
        if id.is_some() && is_described {
            let message = "an entry says itself which version is missing; leave --version, --aggregate and --target away, \
                           or name the order instead";
            return Err(Failure::usage(message));
        }
        if id.is_none() && self.version.is_none() {
            return Err(Failure::usage(
                "say with --version which version is to count as the last one",
            ));
        }
        if self.reason.trim().is_empty() {
            return Err(Failure::usage("--reason is empty; the order keeps it"));
        }
        Ok(())
    }

    fn of_entry(&self, id: EntryId, log: &dyn Log) -> Result<(Target, Option<Origin>), Failure> {
        let selection = Selection::of(id);
        let entries = selection.entries(log)?;
        let entry = entries
            .first()
            .ok_or_else(|| Failure::work(format!("there is no entry {id}")))?;
        let target =
            Target::before(entry).map_err(|error| Failure::work(format!("{id}: {error}")))?;
        Ok((target, entry.origin.clone()))
    }

    fn by_hand(&self, log: &dyn Log) -> Result<(Target, Option<Origin>), Failure> {
        let aggregate = self.aggregate.unwrap_or(Aggregate::Order);
        let version = self.version.unwrap_or(0);
        let target = Target::named(&self.what, aggregate, self.target.as_deref(), version)
            .map_err(Failure::usage)?;
        let rejection = newest_rejection(log, &self.what)?;
        Ok((target, rejection.and_then(|entry| entry.origin)))
    }

    fn carry_out(
        &self,
        target: &Target,
        redrive: &Redrive,
        log: &dyn Log,
        topics: &Topics,
    ) -> Result<(), Failure> {
        let aggregate = match target.id == target.order_no {
            true => format!("the {}", target.aggregate.name()),
            false => format!("{} {}", target.aggregate.name(), target.id),
        };
        let effect = format!(
            "{aggregate} of order {} continues after version {}; the order is marked incomplete, and its waiting events \
             are tried again",
            target.order_no, target.version
        );
        if !self.dry_run && !self.yes && !confirmed(&format!("{effect}. Send it?"))? {
            return Err(Failure::work("nothing was sent"));
        }
        if !self.dry_run {
            partitions(log, topics, Missing::Create).map_err(Failure::work)?;
            let sent = send(log, std::slice::from_ref(redrive), None, |_| {});
            if let Some(error) = sent.map_err(Failure::work)?.error {
                return Err(Failure::work(error));
            }
        }
        let mut out = standard();
        let written = self.tell(&mut out, &effect, target, redrive);
        printed(written.and_then(|()| out.flush()))
    }

    fn tell(
        &self,
        out: &mut impl Write,
        effect: &str,
        target: &Target,
        redrive: &Redrive,
    ) -> io::Result<()> {
        if self.format == OutputFormat::Json {
            let line = json!({
                "topic": REDRIVE,
                "dryRun": self.dry_run,
                "eventId": redrive.event_id,
                "orderNo": target.order_no,
                "aggregate": target.aggregate.name(),
                "targetId": target.id,
                "version": target.version,
                "partition": redrive.partition,
            });
            return writeln!(out, "{line}");
        }
        let state = if self.dry_run {
            "would be sent"
        } else {
            "sent"
        };
        writeln!(out, "{state}: {}", described(redrive))?;
        writeln!(out, "{effect}")
    }
}
