use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use topology::io::Log;

use super::selection::Selection;
use crate::cli::output::{OutputFormat, confirmed, printed, standard};
use crate::cli::run::kafka;
use crate::cli::sending::Progress;
use crate::cli::{Failure, Settings};
use crate::config::Topics;
use crate::dead_letters::plan::{Plan, plan};
use crate::dead_letters::redrive::{Redrive, RedriveOptions, Repair};
use crate::dead_letters::sending::{Delivery, Missing, Rate, partitions, send};
use crate::job::topics::REDRIVE;

/// So many are sent without asking.
const HANDFUL: usize = 5;

/// `jumun dlt replay`
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    selection: Selection,
    /// Everything, if no entry is named and no condition given.
    #[arg(long)]
    all: bool,
    /// Send this file's bytes in place of the event (- for standard input); for one entry.
    #[arg(long, value_name = "FILE")]
    value: Option<PathBuf>,
    /// Send with the key of this order; for one entry.
    #[arg(long, value_name = "ORDER")]
    key: Option<String>,
    /// Ask for an event that was judged before to be judged again.
    #[arg(long)]
    force: bool,
    /// Count redrives from the beginning; without it an event is redriven five times at most.
    #[arg(long)]
    reset_count: bool,
    /// Do not mark what follows as a replay: consumers with side effects, such as notifications, act on it.
    #[arg(long)]
    as_new: bool,
    /// At most so many events per second.
    #[arg(long, value_name = "N")]
    rate: Option<Rate>,
    /// At most so many events.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
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

impl Replay {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if self.selection.filter().is_empty() && !self.all {
            let message = "say which: by id (jumun dlt replay r:0:17), by --order, --reason, --action, --topic, --since, or \
                           --all";
            return Err(Failure::usage(message));
        }
        let repair = Repair {
            value: self.value.as_deref().map(read_value).transpose()?,
            key: self.key.clone(),
        };
        let configuration = self.settings.configuration()?;
        let log = kafka(&configuration)?;
        let topics = &configuration.topics;
        let count = partitions(log.as_ref(), topics, Missing::Leave).map_err(Failure::work)?;
        let entries = self.selection.entries(log.as_ref())?;
        if repair != Repair::default() && entries.len() != 1 {
            let message = format!(
                "--value and --key are for one entry, not {}; name it by its id",
                entries.len()
            );
            return Err(Failure::usage(message));
        }
        let options = RedriveOptions {
            force: self.force,
            reset_count: self.reset_count,
            as_new: self.as_new,
        };
        let dialects = configuration.events.dialects();
        let plan = plan(entries, &repair, options, self.limit, &dialects, count);
        self.carry_out(&plan, log.as_ref(), topics)
    }

    fn carry_out(&self, plan: &Plan, log: &dyn Log, topics: &Topics) -> Result<(), Failure> {
        let count = plan.redrives.len();
        let is_wanted = self.dry_run
            || self.yes
            || count <= HANDFUL
            || confirmed(&format!("send {count} events to {REDRIVE}?"))?;
        if !is_wanted {
            return Err(Failure::work("nothing was sent"));
        }
        let delivery = if self.dry_run || count == 0 {
            Delivery::default()
        } else {
            partitions(log, topics, Missing::Create).map_err(Failure::work)?;
            let progress = Progress::of("events");
            let total = u64::try_from(count).unwrap_or(u64::MAX);
            let delivery = send(log, &plan.redrives, self.rate, |acknowledged| {
                progress.set_of(u64::try_from(acknowledged).unwrap_or(0), total);
            });
            progress.finish();
            delivery.map_err(Failure::work)?
        };
        let mut out = standard();
        let written = match self.format {
            OutputFormat::Text => self.tell(&mut out, plan, &delivery),
            OutputFormat::Json => writeln!(out, "{}", self.json(plan, &delivery)),
        };
        printed(written.and_then(|()| out.flush()))?;
        self.end(plan, &delivery)
    }

    /// A refusal of what was asked for by name is a failure; of what a condition happened to meet it is not.
    fn end(&self, plan: &Plan, delivery: &Delivery) -> Result<(), Failure> {
        if let Some(error) = &delivery.error {
            let message = format!(
                "{error}: {} of {} events are sent, of {} it is not known",
                delivery.acknowledged,
                plan.redrives.len(),
                delivery.handed_over - delivery.acknowledged,
            );
            return Err(Failure::work(message));
        }
        let refused = plan
            .refused
            .iter()
            .find(|(id, _)| self.selection.names(*id));
        match refused {
            Some((id, refusal)) => Err(Failure::work(format!("{id} was not sent: {refusal}"))),
            None => Ok(()),
        }
    }

    fn tell(&self, out: &mut impl Write, plan: &Plan, delivery: &Delivery) -> io::Result<()> {
        let count = plan.redrives.len();
        let failed = delivery.error.is_some();
        // A handful is told one by one; so is everything that did not go as asked.
        if self.dry_run || failed || count <= HANDFUL {
            for (place, redrive) in plan.redrives.iter().enumerate() {
                let state = self.state(place, delivery);
                writeln!(out, "{state}: {}", described(redrive))?;
            }
        }
        for (id, refusal) in &plan.refused {
            writeln!(out, "refused: {id}: {refusal}")?;
        }
        if plan.superseded > 0 {
            let count = plan.superseded;
            writeln!(out, "left out: {count} older entries of the same events")?;
        }
        if plan.beyond_limit > 0 {
            writeln!(out, "left out: {} events beyond --limit", plan.beyond_limit)?;
        }
        if self.dry_run {
            writeln!(out, "dry run: {count} events would be sent to {REDRIVE}")
        } else {
            writeln!(out, "{} events sent to {REDRIVE}", delivery.acknowledged)
        }
    }

    fn state(&self, place: usize, delivery: &Delivery) -> &'static str {
        if self.dry_run {
            "would be sent"
        } else if place < delivery.acknowledged {
            "sent"
        } else if place < delivery.handed_over {
            "not known whether sent"
        } else {
            "not sent"
        }
    }

    fn json(&self, plan: &Plan, delivery: &Delivery) -> Value {
        let events: Vec<Value> = plan
            .redrives
            .iter()
            .enumerate()
            .map(|(place, redrive)| {
                let state = match self.state(place, delivery) {
                    "would be sent" => "planned",
                    "not known whether sent" => "unknown",
                    "not sent" => "not_sent",
                    sent => sent,
                };
                json!({
                    "id": redrive.entry.map(|id| id.to_string()),
                    "state": state,
                    "orderNo": redrive.order_no,
                    "eventId": redrive.event_id,
                    "action": redrive.action,
                    "version": redrive.version,
                    "partition": redrive.partition,
                    "redriveCount": redrive.count,
                })
            })
            .collect();
        let refused: Vec<Value> = plan
            .refused
            .iter()
            .map(|(id, refusal)| json!({"id": id.to_string(), "why": refusal.to_string()}))
            .collect();
        json!({
            "topic": REDRIVE,
            "dryRun": self.dry_run,
            "sent": delivery.acknowledged,
            "events": events,
            "refused": refused,
            "superseded": plan.superseded,
            "beyondLimit": plan.beyond_limit,
            "error": delivery.error.as_ref().map(ToString::to_string),
        })
    }
}

/// An event on its way, on one line.
pub(super) fn described(redrive: &Redrive) -> String {
    let mut text = String::new();
    if let Some(id) = redrive.entry {
        text += &format!("{id} ");
    }
    text += &redrive.order_no;
    if let Some(action) = &redrive.action {
        text += &format!(" {action}");
    }
    if let Some(version) = redrive.version {
        text += &format!(" v{version}");
    }
    text += &format!(" to partition {}", redrive.partition);
    if redrive.count > 0 {
        text += &format!(", redrive {}", redrive.count);
    }
    text
}

fn read_value(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        return read
            .map(|_| bytes)
            .map_err(|error| Failure::work(format!("read standard input: {error}")));
    }
    std::fs::read(path).map_err(|error| Failure::work(format!("{}: {error}", path.display())))
}
