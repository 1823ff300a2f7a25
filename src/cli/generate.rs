use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::run::kafka;
use super::sending::{Progress, now_ms, report, send, wait_until};
use super::{Failure, Settings};
use crate::feed::Feed;
use crate::generate::{
    Carrier, DayCurve, EventFileWriter, EventSource, FaultConfig, Faults, GeneratedEvent,
    Generator, GeneratorConfig, Incident, IncidentKind, Limit, Rate,
};
use crate::job;
use crate::replay::{Pace, Speed};

/// `jumun generate`
#[derive(Debug, Args)]
pub struct Generate {
    /// Stop after so many orders.
    #[arg(long, value_name = "N", conflicts_with = "events")]
    orders: Option<u64>,
    /// Stop after so many events.
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Events per second of event time, on average.
    #[arg(long, value_name = "N", default_value_t = 330.0)]
    rate: f64,
    /// The same rate all day, without lunch and dinner.
    #[arg(long)]
    flat: bool,
    /// Chooses the stream: equal seeds give equal events.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Event time of the beginning, epoch milliseconds; default: now.
    #[arg(long, value_name = "MS")]
    start_ms: Option<u64>,
    /// Inject duplicates, disorder, lateness, illegal and broken events.
    #[arg(long)]
    faults: bool,
    /// Have something go wrong for a while: paid-no-order, cancel-wave, not-relayed, no-rider, ghost, drop, surge,
    /// post-cancel-wave, duplicate-orders.
    #[arg(long, value_name = "KIND", value_parser = incident)]
    incident: Option<IncidentKind>,
    /// Minutes of event time before it.
    #[arg(long, value_name = "N", default_value_t = 60, requires = "incident")]
    incident_after: u64,
    /// Minutes of event time that it lasts.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "incident")]
    incident_minutes: u64,
    /// Write ndjson to a file (gzipped if it ends in .gz) instead of sending it.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// How fast to send: max, or a multiple of event time such as 60x.
    #[arg(long, value_name = "SPEED", default_value = "max")]
    speed: Speed,
    #[command(flatten)]
    settings: Settings,
}

const MINUTE_MS: u64 = 60_000;

fn incident(name: &str) -> Result<IncidentKind, String> {
    let found = IncidentKind::ALL.iter().find(|kind| kind.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = IncidentKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there are {}", names.join(", "))
    })
}

impl Generate {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut config = GeneratorConfig::new(self.seed, self.start_ms.unwrap_or_else(now_ms));
        config.rate = Rate::EventsPerSecond(self.rate);
        if self.flat {
            config.day_curve = DayCurve::Flat;
        }
        config.limit = match (self.orders, self.events) {
            (Some(orders), _) => Limit::Orders(orders),
            (None, Some(events)) => Limit::Events(events),
            (None, None) => return Err(Failure::usage("say how much: --orders N or --events N")),
        };
        config.incident = self.incident.map(|kind| {
            let from = config
                .start
                .saturating_add(self.incident_after.saturating_mul(MINUTE_MS));
            Incident {
                kind,
                from,
                until: from.saturating_add(self.incident_minutes.saturating_mul(MINUTE_MS)),
            }
        });
        let clean = Generator::new(config);
        let carrier = if self.to.is_some() {
            Carrier::File
        } else {
            Carrier::Topics
        };
        let faults = FaultConfig {
            seed: self.seed,
            carrier,
            ..FaultConfig::default()
        };
        let mut events: Box<dyn EventSource> = if self.faults {
            Box::new(Faults::new(clean, faults))
        } else {
            Box::new(clean)
        };
        match &self.to {
            Some(path) => self.to_file(path, events.as_mut()),
            None => self.to_topics(events.as_mut()),
        }
    }

    fn to_file(&self, path: &Path, events: &mut dyn EventSource) -> Result<(), Failure> {
        let failed =
            |error: std::io::Error| Failure::work(format!("write {}: {error}", path.display()));
        let mut file = EventFileWriter::create(path).map_err(failed)?;
        let progress = Progress::new(self.events);
        let mut event = GeneratedEvent::default();
        while events.next_into(&mut event) {
            file.write(&event).map_err(failed)?;
            progress.set(file.lines());
        }
        let lines = file.lines();
        file.finish().map_err(failed)?;
        progress.finish();
        report([(path.display().to_string(), lines)]);
        Ok(())
    }

    fn to_topics(&self, events: &mut dyn EventSource) -> Result<(), Failure> {
        let configuration = self.settings.configuration()?;
        let log = kafka(&configuration)?;
        let mut feed = Feed::open(
            log.as_ref(),
            "jumun-generate",
            &job::topics::inputs(&configuration.topics),
        )
        .map_err(Failure::work)?;
        let progress = Progress::new(self.events);
        let mut event = GeneratedEvent::default();
        let mut pace: Option<Pace> = None;
        while events.next_into(&mut event) {
            let pace =
                pace.get_or_insert_with(|| Pace::new(self.speed, event.timestamp, Instant::now()));
            wait_until(pace.due(event.timestamp), &mut feed).map_err(Failure::work)?;
            send(&mut feed, &event).map_err(Failure::work)?;
            progress.set(feed.total());
        }
        feed.flush().map_err(Failure::work)?;
        progress.finish();
        report(
            feed.counts()
                .map(|(topic, count)| (topic.to_owned(), count)),
        );
        Ok(())
    }
}
