use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use topology::io::memory::MemoryLog;
use topology::io::{Log, TopicSpec};
use topology::runtime::StreamsConfig;
use topology::time::SystemClock;

use super::panel::{Panel, label};
use super::run::kafka;
use super::sending::{now_ms, send};
use super::{Failure, Settings};
use crate::config::Configuration;
use crate::feed::Feed;
use crate::generate::{
    EventSource, FaultConfig, Faults, GeneratedEvent, Generator, GeneratorConfig, Rate,
};
use crate::service::Service;
use crate::{http, job, logging};

/// Longest wait for what was sent to be judged, once the generator has stopped by itself.
const CATCH_UP: Duration = Duration::from_secs(30);
/// After Ctrl-C everything is over within five seconds.
const STOP: Duration = Duration::from_secs(4);
const MAX_TASK_IDLE: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(10);
/// Records kept per partition of the log in memory, so that a demo can run for days.
const KEPT_RECORDS: usize = 20_000;

/// `jumun demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Ends by itself after this long, for example 60s or 5m; else Ctrl-C ends it.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Events per second.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rate: u32,
    /// Chooses the stream of events.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    settings: Settings,
}

/// `90s`, `5m`, `2h`, `500ms`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| "write a time such as 60s, 5m or 2h".to_owned())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3_600)),
        other => Err(format!("{other} is no unit of time; use ms, s, m or h")),
    }
}

impl Demo {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut configuration = self.settings.configuration()?;
        logging::start_quiet().map_err(Failure::usage)?;
        let on_kafka = self.settings.bootstrap_servers.is_some();
        let scratch = tempfile::tempdir().map_err(Failure::work)?;
        if !on_kafka {
            // The log ends with the process, and so must the state.
            configuration.application.state_dir = scratch.path().to_owned();
        }
        let log: Arc<dyn Log> = if on_kafka {
            kafka(&configuration)?
        } else {
            let log = MemoryLog::new(Arc::new(SystemClock::new()));
            log.retain_records(Some(KEPT_RECORDS));
            log
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(Failure::work)?;
        let listener = runtime
            .block_on(self.bind(&configuration))
            .map_err(Failure::work)?;
        let address = listener.local_addr().map_err(Failure::work)?;
        let topics = job::topics::inputs(&configuration.topics);
        // Before the processor looks for them.
        drop(Feed::open(log.as_ref(), "jumun-demo", &topics).map_err(Failure::work)?);
        // The events of an order come milliseconds apart here, so inputs are waited for a little.
        let patient = |streams: &mut StreamsConfig| streams.max_task_idle = MAX_TASK_IDLE;
        let mut service =
            Service::start(&configuration, Arc::clone(&log), patient).map_err(Failure::work)?;
        let log_name = if on_kafka {
            configuration.kafka.bootstrap_servers()
        } else {
            "a log in this process"
        };
        self.introduce(address, log_name);
        let (stop_server, stopped) = tokio::sync::oneshot::channel::<()>();
        let site = service.site(&configuration, Arc::clone(&log), log_name);
        let page = Arc::clone(&site.page);
        let server = runtime.spawn(http::serve(listener, site, async {
            let _ = stopped.await;
        }));
        let interrupted = Arc::new(AtomicBool::new(false));
        runtime.spawn({
            let interrupted = Arc::clone(&interrupted);
            async move {
                super::run::signal().await;
                interrupted.store(true, Ordering::SeqCst);
            }
        });
        let outcome = self.play(&service, log.as_ref(), &topics, &interrupted);
        let closed = service.close(STOP);
        let _ = stop_server.send(());
        let _ = runtime.block_on(server);
        page.close();
        let sent = outcome?;
        closed.map_err(Failure::work)?;
        summary(&service, sent, on_kafka)
    }

    async fn bind(
        &self,
        configuration: &Configuration,
    ) -> Result<tokio::net::TcpListener, http::HttpError> {
        let asked = configuration.http.listen;
        match http::bind(asked).await {
            // Two demos side by side are welcome, unless a port was asked for.
            Err(http::HttpError::InUse { .. }) if self.settings.listen.is_none() => {
                http::bind(SocketAddr::new(asked.ip(), 0)).await
            }
            bound => bound,
        }
    }

    #[expect(clippy::print_stderr, reason = "the demo's greeting is for people")]
    fn introduce(&self, address: SocketAddr, log: &str) {
        eprintln!("open http://{address}/");
        let until = self.duration.map_or("until Ctrl-C".to_owned(), |duration| {
            format!("for {} s", duration.as_secs())
        });
        eprintln!(
            "jumun demo: {} events/s {until}, exactly once, on {log}",
            self.rate
        );
        eprintln!(
            "  metrics http://{address}/metrics   health http://{address}/health/ready   topology http://{address}/topology"
        );
    }

    /// Generates until the time is over, someone stops it, or the processor ends; answers with the
    /// number of records sent.
    fn play(
        &self,
        service: &Service,
        log: &dyn Log,
        topics: &[TopicSpec],
        interrupted: &AtomicBool,
    ) -> Result<u64, Failure> {
        let mut config = GeneratorConfig::demo(
            self.seed,
            now_ms(),
            Rate::EventsPerSecond(f64::from(self.rate)),
        );
        config.stores = 3_000;
        let mut faults = Faults::new(
            Generator::new(config),
            FaultConfig {
                seed: self.seed,
                ..FaultConfig::default()
            },
        );
        let started = Instant::now();
        let stop = AtomicBool::new(false);
        let sent = AtomicU64::new(0);
        let mut panel = Panel::new();
        std::thread::scope(|scope| {
            let generator = scope.spawn(|| -> Result<(), topology::Error> {
                // On this thread, because clients stay on the thread that made them.
                let mut feed = Feed::open(log, "jumun-demo", topics)?;
                let mut event = GeneratedEvent::default();
                let mut ready = faults.next_into(&mut event);
                while ready && !stop.load(Ordering::SeqCst) {
                    // Open loop: each event has its time, whatever the processor does.
                    if event.timestamp > now_ms() {
                        feed.poll()?;
                        std::thread::sleep(TICK);
                        continue;
                    }
                    send(&mut feed, &event)?;
                    sent.store(feed.total(), Ordering::Relaxed);
                    ready = faults.next_into(&mut event);
                }
                feed.flush()
            });
            let mut stopping: Option<Instant> = None;
            loop {
                panel.show(service, sent.load(Ordering::Relaxed));
                let over = self
                    .duration
                    .is_some_and(|duration| started.elapsed() >= duration);
                if interrupted.load(Ordering::SeqCst) || service.streams().is_finished() {
                    break;
                }
                if over {
                    stop.store(true, Ordering::SeqCst);
                    let since = *stopping.get_or_insert_with(Instant::now);
                    let judged: u64 = service.outcomes().iter().map(|(_, count)| count).sum();
                    let complete =
                        generator.is_finished() && judged >= sent.load(Ordering::Relaxed);
                    if complete || since.elapsed() > CATCH_UP {
                        break;
                    }
                } else if generator.is_finished() {
                    break;
                }
                std::thread::sleep(TICK);
            }
            stop.store(true, Ordering::SeqCst);
            panel.finish();
            match generator.join() {
                Ok(outcome) => outcome.map_err(Failure::work),
                Err(_) => Err(Failure::work("the generator panicked")),
            }
        })?;
        Ok(sent.load(Ordering::Relaxed))
    }
}

#[expect(clippy::print_stdout, reason = "the summary is the demo's output")]
fn summary(service: &Service, sent: u64, on_kafka: bool) -> Result<(), Failure> {
    let outcomes = service.outcomes();
    let judged: u64 = outcomes.iter().map(|(_, count)| count).sum();
    let consumed = service.records_in();
    println!("events sent      {sent:>12}");
    println!("events consumed  {consumed:>12}");
    for (outcome, count) in outcomes.iter().filter(|(_, count)| *count > 0) {
        println!("  {:<36} {count:>12}", label(*outcome));
    }
    println!("outcomes in all  {judged:>12}");
    // On a Kafka of its own the counts include what earlier runs judged.
    if !on_kafka && judged != consumed {
        return Err(Failure::work(format!(
            "{judged} outcomes for {consumed} records consumed"
        )));
    }
    Ok(())
}
