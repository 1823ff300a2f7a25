use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use topology::io::Log;
use topology::io::kafka::KafkaLog;
use topology::memory::ClientMemory;
use topology::runtime::StreamsConfig;

use super::{Failure, Settings};
use crate::config::Configuration;
use crate::service::Service;
use crate::{http, logging};

/// Between two looks at the streams' threads.
const LOOK: Duration = Duration::from_millis(50);

/// `jumun run`
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    settings: Settings,
}

impl Run {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let configuration = self.settings.configuration()?;
        logging::start(logging::Format::of_standard_error()).map_err(Failure::usage)?;
        let log = bounded_kafka(&configuration)?;
        serve(&configuration, log, |_| {}, std::future::pending::<()>()).map(|_| ())
    }
}

/// A log on Kafka with the configured properties.
pub(super) fn kafka(configuration: &Configuration) -> Result<Arc<dyn Log>, Failure> {
    Ok(Arc::new(kafka_log(configuration)?))
}

fn kafka_log(configuration: &Configuration) -> Result<KafkaLog, Failure> {
    KafkaLog::new(crate::kafka::properties(&configuration.kafka)).map_err(Failure::usage)
}

/// The same, of a process that has a memory budget: clients beside the streams' own hold little.
pub(super) fn bounded_kafka(configuration: &Configuration) -> Result<Arc<dyn Log>, Failure> {
    let log = kafka_log(configuration)?;
    Ok(Arc::new(log.bounded(ClientMemory::small())))
}

/// Runs the service with its HTTP server until a signal comes, `until` completes, or a thread ends;
/// then stops in order.
pub(super) fn serve(
    configuration: &Configuration,
    log: Arc<dyn Log>,
    adjust: impl FnOnce(&mut StreamsConfig),
    until: impl Future<Output = ()>,
) -> Result<Service, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failure::work)?;
    let context = runtime.enter();
    survive_file_size_limit();
    drop(context);
    // The port first: a second process on this machine is told before it touches anything.
    let listener = runtime
        .block_on(http::bind(configuration.http.listen))
        .map_err(Failure::work)?;
    #[cfg(feature = "pause-hooks")]
    let hooks = crate::pause::Hooks::of_environment().map_err(Failure::usage)?;
    // The port may be any that was free.
    let bound = listener.local_addr().map_err(Failure::work)?;
    let mut service = Service::start(configuration, Arc::clone(&log), |streams| {
        streams.application_server = configuration.http.application_server(bound);
        #[cfg(feature = "pause-hooks")]
        hooks.install(streams);
        adjust(streams);
    })
    .map_err(Failure::work)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let site = service.site(configuration, log, configuration.kafka.bootstrap_servers());
    let page = Arc::clone(&site.page);
    let server = runtime.spawn(http::serve(listener, site, async {
        let _ = stopped.await;
    }));
    let signalled = runtime.block_on(async {
        tokio::select! {
            signal = signal() => Some(signal),
            () = until => None,
            () = ended(&service) => None,
        }
    });
    if let Some(signal) = signalled {
        tracing::info!(signal, "stopping");
    }
    let closed = service.close(configuration.application.shutdown_timeout);
    let _ = stop.send(());
    let _ = runtime.block_on(server);
    page.close();
    closed.map_err(Failure::work)?;
    Ok(service)
}

async fn ended(service: &Service) {
    while !service.streams().is_finished() {
        tokio::time::sleep(LOOK).await;
    }
}

/// A file that may not grow any further is an error of the write, as a full disk is; unhandled, the signal would end the
/// program without a word.
fn survive_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    let kind = SignalKind::from_raw(libc::SIGXFSZ);
    if let Err(error) = signal(kind) {
        tracing::warn!("no handler for SIGXFSZ: {error}");
    }
}

/// SIGTERM or SIGINT.
pub(super) async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
