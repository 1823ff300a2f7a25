//! The server as a client on a raw socket sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::{IntCounter, Registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::config::Secret;
use crate::page::{About, Page, Told};
use crate::query::{
    Group, GroupReader, GroupThread, LocalOrders, Look, OrderAnswer, Orders, Owner, Traces,
};
use topology::io::memory::MemoryLog;
use topology::runtime::StreamsStatus;
use topology::time::SystemClock;

pub(super) const BOUND: Duration = Duration::from_secs(20);

struct Source {
    status: Mutex<Status>,
    live: bool,
    registry: Registry,
    resumes: AtomicUsize,
    paused: Mutex<Option<String>>,
}

impl StatusSource for Source {
    fn is_live(&self) -> bool {
        self.live
    }

    fn status(&self) -> Status {
        self.status.lock().clone()
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

    fn pause(&self, reason: &str) {
        *self.paused.lock() = Some(reason.to_owned());
    }

    fn resume(&self) -> Option<String> {
        self.paused.lock().take()
    }

    fn resume_paused_tasks(&self) -> Vec<String> {
        self.resumes.fetch_add(1, Ordering::SeqCst);
        vec!["0_1".to_owned()]
    }

    fn metrics(&self) -> &Registry {
        &self.registry
    }

    fn topology(&self) -> String {
        "Topologies:\n".to_owned()
    }

    fn drawing(&self) -> String {
        "<svg></svg>".to_owned()
    }
}

/// Has the orders whose numbers begin with `here`, and cannot tell of `moving`.
struct Local;

impl LocalOrders for Local {
    fn look(&self, order_no: &str) -> Result<Look, topology::Error> {
        let found = order_no.starts_with("here").then(|| OrderAnswer {
            order_no: order_no.to_owned(),
            ..OrderAnswer::default()
        });
        let absent = if order_no == "moving" {
            vec![]
        } else {
            vec![0]
        };
        Ok(Look {
            found: found.map(Box::new),
            absent,
            restoring: Vec::new(),
        })
    }
}

/// A group of one.
struct Alone;

impl GroupReader for Alone {
    fn read(&mut self) -> Result<Group, topology::Error> {
        let owner = Owner {
            instance: "tested-0".to_owned(),
            server: None,
        };
        Ok(Group {
            partitions: 1,
            owners: [(0, owner)].into(),
            unsettled: None,
        })
    }
}

fn status(state: State) -> Status {
    let restore = RestoreProgress {
        remaining: 3,
        total: 10,
        records_per_second: 7,
        eta_seconds: Some(1),
    };
    let task = TaskStatus {
        id: "0_1".to_owned(),
        state: TaskState::Restoring,
        detail: String::new(),
        restore,
    };
    Status {
        state,
        detail: "reading changelogs".to_owned(),
        tasks: vec![task],
        restore,
    }
}

/// A running server, its source and the way to stop it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    source: Arc<Source>,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) done: JoinHandle<()>,
}

pub(super) async fn server(live: bool) -> Server {
    server_with(live, None).await
}

pub(super) async fn server_with(live: bool, token: Option<Secret>) -> Server {
    let registry = Registry::new();
    let counter = IntCounter::new("order_events_total", "events").unwrap();
    counter.inc_by(5);
    registry.register(Box::new(counter)).unwrap();
    let source = Arc::new(Source {
        status: Mutex::new(status(State::Restoring)),
        live,
        registry,
        resumes: AtomicUsize::new(0),
        paused: Mutex::new(None),
    });
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let asked: Arc<dyn StatusSource> = Arc::<Source>::clone(&source);
    let about = About {
        version: "0",
        application_id: "tested".to_owned(),
        instance_id: "tested-0".to_owned(),
        rebuild: false,
        log: "memory".to_owned(),
        told: Told::default(),
    };
    let log = MemoryLog::new(Arc::new(SystemClock::new()));
    let traces = Traces::new(Arc::<MemoryLog>::clone(&log), "tested-0".to_owned(), false);
    let page = Page::new(Arc::clone(&asked), log, about);
    let group = GroupThread::start(Box::new(|| Box::new(Alone))).unwrap();
    let site = Site {
        source: asked,
        page,
        orders: Arc::new(Orders::new("tested-0", Arc::new(Local), group)),
        traces: Arc::new(traces),
        token,
    };
    let done = tokio::spawn(serve(listener, site, async {
        let _ = stopped.await;
    }));
    Server {
        address,
        source,
        stop,
        done,
    }
}

impl Server {
    /// How often tasks were resumed.
    pub(super) fn resumes(&self) -> usize {
        self.source.resumes.load(Ordering::SeqCst)
    }

    /// Why the instance is paused.
    pub(super) fn paused(&self) -> Option<String> {
        self.source.paused.lock().clone()
    }

    /// Sends `request` as it is and reads until the server closes the connection.
    pub(super) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read all.
        let _ = stream.write_all(request.as_bytes()).await;
        read_to_end(&mut stream).await
    }

    async fn request(&self, method: &str, path: &str) -> String {
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        ))
        .await
    }

    pub(super) async fn check(
        &self,
        method: &str,
        path: &str,
        status: &str,
        header: &str,
        body: &str,
    ) {
        let answer = self.request(method, path).await;
        let (head, found) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{method} {path}: {head}"
        );
        assert!(
            head.lines().any(|line| line == header),
            "{method} {path}: {head}"
        );
        assert_eq!(found, body, "{method} {path}");
    }
}

pub(super) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is reset ends the answer too.
    let _ = timeout(BOUND, stream.read_to_end(&mut answer))
        .await
        .expect("the server keeps the connection open");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn each_path_answers_what_it_is_for() {
    let server = server(true).await;
    let text = "content-type: text/plain; charset=utf-8";
    server
        .check("GET", "/health/live", "200", text, "live\n")
        .await;
    server
        .check("GET", "/topology", "200", text, "Topologies:\n")
        .await;
    server
        .check(
            "GET",
            "/topology?verbose",
            "200",
            "content-length: 12",
            "Topologies:\n",
        )
        .await;
    let metrics = "# HELP order_events_total events\n# TYPE order_events_total counter\norder_events_total 5\n";
    server
        .check(
            "GET",
            "/metrics",
            "200",
            "content-type: text/plain; version=0.0.4",
            metrics,
        )
        .await;
    server
        .check("HEAD", "/topology", "200", "content-length: 12", "")
        .await;
}

#[tokio::test]
async fn readiness_is_the_running_state_alone_and_tells_the_progress() {
    let server = server(true).await;
    let json = "content-type: application/json";
    let body = |state: &str| {
        format!(
            "{{\"state\":\"{state}\",\"detail\":\"reading changelogs\",\"tasks\":[{{\"id\":\"0_1\",\"state\":\"RESTORING\",\
             \"restore\":{{\"remaining\":3,\"total\":10,\"records_per_second\":7,\"eta_seconds\":1}}}}],\"restore\":{{\"remaining\":3,\"total\":10,\"records_per_second\":7,\"eta_seconds\":1}}}}\n"
        )
    };
    server
        .check("GET", "/health/ready", "503", json, &body("RESTORING"))
        .await;
    *server.source.status.lock() = status(State::Running);
    server
        .check("GET", "/health/ready", "200", json, &body("RUNNING"))
        .await;
    *server.source.status.lock() = status(State::Paused);
    server
        .check("GET", "/health/ready", "503", json, &body("PAUSED"))
        .await;
    *server.source.status.lock() = status(State::PendingShutdown);
    server
        .check(
            "GET",
            "/health/ready",
            "503",
            json,
            &body("PENDING_SHUTDOWN"),
        )
        .await;
    // Liveness does not follow readiness.
    server
        .check("GET", "/health/live", "200", "content-length: 5", "live\n")
        .await;
}

#[tokio::test]
async fn a_process_that_stands_still_is_not_live() {
    let server = server(false).await;
    server
        .check(
            "GET",
            "/health/live",
            "503",
            "content-length: 9",
            "not live\n",
        )
        .await;
}

#[tokio::test]
async fn unknown_paths_and_other_methods_are_refused() {
    let server = server(true).await;
    let body = "there is no /nothing; there are /, /dead-letters/resume, /events, /health/live, /health/ready, /metrics, /orders/{orderNo}, /pause, /resume, /status, /topology, /topology.html\n";
    server
        .check("GET", "/nothing", "404", "cache-control: no-store", body)
        .await;
    server
        .check(
            "POST",
            "/metrics",
            "405",
            "allow: GET, HEAD",
            "POST is not allowed on /metrics\n",
        )
        .await;
}

#[tokio::test]
async fn a_head_without_bounds_is_refused() {
    let server = server(true).await;
    let long = "x".repeat(100 * 1024);
    let answer = server
        .raw(&format!(
            "GET / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n"
        ))
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let many = "a: b\r\n".repeat(100);
    let answer = server
        .raw(&format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"))
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    server
        .check("GET", "/health/live", "200", "content-length: 5", "live\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_is_cut_off() {
    let server = server(true).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /metr").await.unwrap();
    let mut answer = Vec::new();
    // The clock of the runtime is virtual: it jumps to the server's own limit as soon as nothing else can happen.
    let _ = timeout(Duration::from_secs(60), stream.read_to_end(&mut answer))
        .await
        .expect("cut off within a minute");
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_the_port() {
    let server = server(true).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.stop.send(()).unwrap();
    read_to_end(&mut idle).await;
    timeout(BOUND, server.done).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let server = server(true).await;
    let error = bind(server.address).await.unwrap_err();
    assert!(matches!(error, HttpError::InUse { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "http.listen: {} is already in use by another process; stop it or set http.listen to another port",
            server.address
        )
    );
}
