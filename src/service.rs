//! A processor that runs, and what it tells about itself over HTTP.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use topology::graph::BuiltTopology;
use topology::io::Log;
use topology::memory::MemoryBudget;
use topology::metrics::EngineMetrics;
use topology::runtime::{
    AutoOffsetReset, GroupProtocol, ProcessingGuarantee, StatusBoard, Streams, StreamsConfig,
    StreamsStatus,
};
use topology::store::{ChangedTopology, StateConfig};

use crate::config::{self, Configuration};
use crate::domain::outcome::Outcome;
use crate::http::{RestoreProgress, Site, State, Status, StatusSource, TaskState, TaskStatus};
use crate::job;
use crate::job::counters::{self, Count};
use crate::job::metrics::{CommittedByStreams, OrderMetrics};
use crate::page::{self, About, Page, Told};
use crate::query::{CommittedOrders, GroupThread, Orders, Traces, admin_reader};

/// The order job on a log, with its metrics and status.
pub struct Service {
    streams: Streams,
    metrics: Arc<EngineMetrics>,
    view: Arc<View>,
    orders: Arc<Orders>,
}

/// The part that other threads may read.
struct View {
    board: Arc<StatusBoard>,
    registry: Registry,
    description: String,
    drawing: String,
}

impl Service {
    /// Starts the order job as configured.
    ///
    /// # Errors
    /// When the state directory cannot be used, or metrics clash.
    pub fn start(
        configuration: &Configuration,
        log: Arc<dyn Log>,
        adjust: impl FnOnce(&mut StreamsConfig),
    ) -> Result<Self, topology::Error> {
        if !configuration.aggregates.enabled {
            tracing::warn!("aggregates are off (aggregates.enabled = false)");
        }
        let job_options = configuration.job();
        let built: BuiltTopology = job::topology(&job_options)
            .build()
            .map_err(|error| topology::Error::fatal("build the topology", error.to_string()))?;
        let description = built.describe();
        let drawing = page::drawing::draw(&built);
        let registry = Registry::new();
        let metrics = Arc::new(EngineMetrics::register(&registry)?);
        let mut streams_config = streams_config(configuration);
        adjust(&mut streams_config);
        #[cfg_attr(not(feature = "pause-hooks"), expect(unused_mut))]
        let mut state_config = state_config(configuration);
        #[cfg(feature = "pause-hooks")]
        crate::pause::Hooks::of_environment()
            .map_err(|error| topology::Error::fatal("read the test hooks", error))?
            .install_in_state(&mut state_config);
        let topology = built.clone();
        let streams = Streams::start(
            built,
            streams_config,
            &configuration.application.state_dir,
            state_config,
            Arc::clone(&log),
            Arc::clone(&metrics),
        )?;
        let committed =
            CommittedByStreams::new(streams.board(), &topology, job_options.merging_tasks);
        OrderMetrics::register(&registry, committed)
            .map_err(|error| topology::Error::fatal("register metrics", error.to_string()))?;
        let instance = &configuration.application.instance_id;
        let group = admin_reader(
            log,
            &configuration.application.streams_id(),
            &format!("{instance}-query"),
        );
        let group = GroupThread::start(group)
            .map_err(|error| topology::Error::fatal("start a thread", error.to_string()))?;
        let local = CommittedOrders::new(streams.board(), &job_options, instance);
        let orders = Arc::new(Orders::new(instance, Arc::new(local), group));
        let view = Arc::new(View {
            board: streams.board(),
            registry,
            description,
            drawing,
        });
        Ok(Self {
            streams,
            metrics,
            view,
            orders,
        })
    }

    /// For the HTTP server.
    pub fn status_source(&self) -> Arc<dyn StatusSource> {
        Arc::clone(&self.view) as Arc<dyn StatusSource>
    }

    /// What the HTTP server serves; history is read from `log`, which people know as `log_name`.
    pub fn site(&self, configuration: &Configuration, log: Arc<dyn Log>, log_name: &str) -> Site {
        let source = self.status_source();
        let about = About {
            version: env!("CARGO_PKG_VERSION"),
            application_id: configuration.application.streams_id(),
            rebuild: configuration.application.rebuild,
            instance_id: configuration.application.instance_id.clone(),
            log: log_name.to_owned(),
            told: Told::of(configuration),
        };
        let traces = Traces::new(Arc::clone(&log), about.instance_id.clone(), about.rebuild);
        let page = Page::new(Arc::clone(&source), log, about);
        let token = configuration.http.token.clone();
        Site {
            source,
            page,
            orders: Arc::clone(&self.orders),
            traces: Arc::new(traces),
            token,
        }
    }

    /// The running streams.
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Input records of committed transactions since the start.
    pub fn records_in(&self) -> u64 {
        self.metrics.records_in()
    }

    /// What became of all records ever, as committed by the tasks of this instance; of parked events, how many are
    /// parked now, so that all together are the records consumed.
    pub fn outcomes(&self) -> Vec<(Outcome, u64)> {
        let mut outcomes: Vec<(Outcome, u64)> =
            Outcome::all().map(|outcome| (outcome, 0)).collect();
        for counts in self.streams.counters().values() {
            let settled = counts.get(counters::count(Count::Settled));
            let settled = settled.copied().unwrap_or(0);
            for ((outcome, sum), count) in outcomes.iter_mut().zip(counts) {
                *sum += match outcome {
                    Outcome::Parked => count.saturating_sub(settled),
                    _ => *count,
                };
            }
        }
        outcomes
    }

    /// Stops in order within `timeout`.
    ///
    /// # Errors
    /// The error that ended a thread, or that the time was not enough.
    pub fn close(&mut self, timeout: Duration) -> Result<(), topology::Error> {
        let closed = self.streams.close(timeout);
        self.orders.close();
        closed
    }
}

fn streams_config(configuration: &Configuration) -> StreamsConfig {
    let application = &configuration.application;
    let mut streams = StreamsConfig::new(application.streams_id(), &application.instance_id);
    streams.group_protocol = match application.group_protocol {
        config::GroupProtocol::Classic => GroupProtocol::Classic,
        config::GroupProtocol::Consumer => GroupProtocol::Consumer,
    };
    streams.num_stream_threads = application.threads;
    streams.num_standby_replicas = application.num_standby_replicas;
    streams.processing_guarantee = match application.processing_guarantee {
        config::ProcessingGuarantee::ExactlyOnceV2 => ProcessingGuarantee::ExactlyOnceV2,
        config::ProcessingGuarantee::AtLeastOnce => ProcessingGuarantee::AtLeastOnce,
    };
    streams.commit_interval = application.commit_interval;
    streams.catch_up_commit_interval = application.catch_up_commit_interval;
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    streams.memory = Some(MemoryBudget {
        max_bytes: bytes(application.memory_max_bytes),
        block_cache_bytes: application.cache_max_bytes.map(bytes),
    });
    streams.max_task_idle = application.max_task_idle;
    streams.transaction_timeout = application.transaction_timeout;
    streams.session_timeout = application.session_timeout;
    streams.auto_offset_reset = match application.auto_offset_reset {
        config::OffsetReset::Earliest => AutoOffsetReset::Earliest,
        config::OffsetReset::Latest => AutoOffsetReset::Latest,
    };
    streams.replication_factor =
        i16::try_from(configuration.topics.replication_factor).unwrap_or(i16::MAX);
    // The bound is the process's; each thread takes its share.
    let threads = u64::try_from(application.threads.max(1)).unwrap_or(1);
    streams.max_rate = application
        .max_rate
        .map(|rate| u32::try_from((rate / threads).max(1)).unwrap_or(u32::MAX));
    streams.dead_letter_circuit = configuration.dead_letters.circuit();
    streams.revocation_timeout = application.shutdown_timeout;
    streams.leave_on_stop = application.leave_on_stop;
    let client_id = format!("{}-{}-keys", application.id, application.instance_id);
    streams.start_check = Some(Arc::new(move |log: &dyn Log| {
        job::input_keys::check(log, &client_id)
    }));
    streams.topics = job::topics::written(configuration);
    streams
}

fn state_config(configuration: &Configuration) -> StateConfig {
    StateConfig {
        changed_topology: match configuration.application.migrate_state {
            true => ChangedTopology::Migrate,
            false => ChangedTopology::Refuse,
        },
        ..StateConfig::default()
    }
}

/// The reason of a pause that somebody asked for, and what ends it.
fn until_resumed(reason: &str) -> String {
    format!("paused: {reason} (jumun resume, or a restart, goes on)")
}

/// The reason of a pause, and what ends it here.
fn with_the_way_on(reason: &str) -> String {
    format!("{reason} (POST /dead-letters/resume with the token of http.token)")
}

impl StatusSource for View {
    fn is_live(&self) -> bool {
        true
    }

    fn status(&self) -> Status {
        let status = self.board.status();
        let mut tasks = Vec::new();
        let mut restore = RestoreProgress::default();
        for task in status.threads.iter().flat_map(|thread| &thread.tasks) {
            let progress = RestoreProgress {
                remaining: u64::try_from(task.restore.remaining).unwrap_or(0),
                total: u64::try_from(task.restore.total).unwrap_or(0),
                records_per_second: task.restore.records_per_second,
                eta_seconds: task.restore.eta_seconds,
            };
            restore.records_per_second += progress.records_per_second;
            // Restored at the same time: the slowest decides.
            restore.eta_seconds = restore.eta_seconds.max(progress.eta_seconds);
            restore.remaining += progress.remaining;
            restore.total += progress.total;
            tasks.push(TaskStatus {
                id: task.id.clone(),
                state: match task.state {
                    _ if task.paused.is_some() => TaskState::Paused,
                    "RUNNING" if status.paused.is_some() => TaskState::Paused,
                    "RESTORING" => TaskState::Restoring,
                    "RUNNING" => TaskState::Running,
                    "SUSPENDED" => TaskState::Suspended,
                    _ => TaskState::Created,
                },
                detail: task
                    .paused
                    .as_deref()
                    .map_or_else(String::new, with_the_way_on),
                restore: progress,
            });
        }
        let restoring = tasks.iter().any(|task| task.state == TaskState::Restoring);
        let paused =
            status.paused.is_some() || tasks.iter().any(|task| task.state == TaskState::Paused);
        let state = match status.state {
            topology::runtime::State::Created => State::Created,
            topology::runtime::State::Rebalancing if restoring => State::Restoring,
            topology::runtime::State::Rebalancing => State::Rebalancing,
            topology::runtime::State::Running if paused => State::Paused,
            topology::runtime::State::Running => State::Running,
            topology::runtime::State::PendingShutdown => State::PendingShutdown,
            topology::runtime::State::NotRunning => State::NotRunning,
            topology::runtime::State::Error => State::Error,
        };
        let detail = match (state, &status.paused) {
            (State::Paused, Some(reason)) => until_resumed(reason),
            (State::Paused, None) => with_the_way_on(&status.detail),
            _ => status.detail,
        };
        Status {
            state,
            detail,
            tasks,
            restore,
        }
    }

    fn streams(&self) -> StreamsStatus {
        self.board.status()
    }

    fn pause(&self, reason: &str) {
        self.board.pause(reason);
    }

    fn resume(&self) -> Option<String> {
        self.board.resume()
    }

    fn resume_paused_tasks(&self) -> Vec<String> {
        self.board.resume_paused_tasks()
    }

    fn metrics(&self) -> &Registry {
        &self.registry
    }

    fn topology(&self) -> String {
        self.description.clone()
    }

    fn drawing(&self) -> String {
        self.drawing.clone()
    }
}
