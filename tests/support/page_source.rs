//! A server of the live page whose state a test chooses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jumun::http::{self, RestoreProgress, Site, State, Status, StatusSource};
use jumun::page::{About, Page, Told};
use jumun::query::{Group, GroupReader, GroupThread, LocalOrders, Look, Orders, Traces};
use prometheus::Registry;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use topology::io::memory::MemoryLog;
use topology::runtime::StreamsStatus;
use topology::time::SystemClock;

struct Source {
    status: Mutex<Status>,
    registry: Registry,
}

impl StatusSource for Source {
    fn is_live(&self) -> bool {
        true
    }

    fn status(&self) -> Status {
        self.status.lock().unwrap().clone()
    }

    fn streams(&self) -> StreamsStatus {
        StreamsStatus {
            state: topology::runtime::State::Running,
            detail: String::new(),
            paused: None,
            threads: Vec::new(),
            standby_tasks: Vec::new(),
        }
    }

    fn pause(&self, _reason: &str) {}

    fn resume(&self) -> Option<String> {
        None
    }

    fn resume_paused_tasks(&self) -> Vec<String> {
        Vec::new()
    }

    fn metrics(&self) -> &Registry {
        &self.registry
    }

    fn topology(&self) -> String {
        String::new()
    }

    fn drawing(&self) -> String {
        String::new()
    }
}

/// A running server; it stops with [`Fake::stop`] or when it is dropped.
pub struct Fake {
    address: SocketAddr,
    source: Arc<Source>,
    page: Arc<Page>,
    log: Arc<MemoryLog>,
    runtime: Runtime,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// The page shows no single orders.
struct NoOrders;

impl LocalOrders for NoOrders {
    fn look(&self, _order_no: &str) -> Result<Look, topology::Error> {
        Ok(Look::default())
    }
}

impl GroupReader for NoOrders {
    fn read(&mut self) -> Result<Group, topology::Error> {
        Ok(Group::default())
    }
}

fn orders() -> Orders {
    let group = GroupThread::start(Box::new(|| Box::new(NoOrders))).unwrap();
    Orders::new("fake-0", Arc::new(NoOrders), group)
}

impl Fake {
    pub fn start(address: SocketAddr) -> Self {
        Self::telling(address, Told::default())
    }

    /// Of which this is told at all.
    pub fn telling(address: SocketAddr, told: Told) -> Self {
        let source = Arc::new(Source {
            status: Mutex::new(status(State::Running, "", RestoreProgress::default())),
            registry: Registry::new(),
        });
        let about = About {
            version: "0",
            application_id: "fake".to_owned(),
            instance_id: "fake-0".to_owned(),
            rebuild: false,
            log: "memory".to_owned(),
            told,
        };
        let asked: Arc<dyn StatusSource> = Arc::<Source>::clone(&source);
        let log = MemoryLog::new(Arc::new(SystemClock::new()));
        let traces = Traces::new(Arc::<MemoryLog>::clone(&log), "tested-0".to_owned(), false);
        let page = Page::new(Arc::clone(&asked), Arc::<MemoryLog>::clone(&log), about);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(http::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let site = Site {
            source: asked,
            page: Arc::clone(&page),
            orders: Arc::new(orders()),
            traces: Arc::new(traces),
            token: None,
        };
        let served = runtime.spawn(http::serve(listener, site, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            source,
            page,
            log,
            runtime,
            server: Some((stop, served)),
        }
    }

    /// From which the page reads.
    pub fn log(&self) -> &MemoryLog {
        &self.log
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn become_state(&self, state: State, detail: &str, restore: RestoreProgress) {
        *self.source.status.lock().unwrap() = status(state, detail, restore);
    }

    pub fn stop(&mut self) {
        if let Some((stop, served)) = self.server.take() {
            let _ = stop.send(());
            self.runtime.block_on(served).unwrap();
            self.page.close();
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn status(state: State, detail: &str, restore: RestoreProgress) -> Status {
    Status {
        state,
        detail: detail.to_owned(),
        tasks: Vec::new(),
        restore,
    }
}
