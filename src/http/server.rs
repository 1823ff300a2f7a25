//! A small HTTP/1.1 server with limits on everything a client decides.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::routes::{Asked, answer};
use super::status::StatusSource;
use crate::config::Secret;
use crate::page::Page;
use crate::query::{Orders, Traces};

/// Bytes of request line and headers together.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// From the first moment of a connection, or the last answer, to the end of the next request's headers.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// A client that never reads its answer must not hold a connection for ever.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
const MAX_CONNECTIONS: usize = 64;
/// What an answer under way may still take when the server stops or the connection has grown old.
const GRACE: Duration = Duration::from_secs(3);
/// Before the next try when the system has no file descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served.
#[derive(Clone)]
pub struct Site {
    /// Tells health, metrics and topology.
    pub source: Arc<dyn StatusSource>,
    /// The live page.
    pub page: Arc<Page>,
    /// Answers for single orders.
    pub orders: Arc<Orders>,
    /// What derived topics tell of single orders.
    pub traces: Arc<Traces>,
    /// What a client must show to change something, or to see a single order; `None`: nobody may change anything, and
    /// whoever reaches the server may see.
    pub token: Option<Secret>,
}

/// Why there is no HTTP server.
#[derive(Debug, Error)]
pub enum HttpError {
    /// Another process listens there.
    #[error(
        "http.listen: {address} is already in use by another process; stop it or set http.listen to another port"
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Any other refusal.
    #[error("http.listen: cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}

/// Takes the address; the listener's own address tells the port where port 0 was asked for.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => HttpError::InUse { address },
            _ => HttpError::Listen { address, source },
        })?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "HTTP is reachable from other machines");
    }
    Ok(listener)
}

/// Answers requests until `stop` completes, then lets answers under way finish within three seconds.
pub async fn serve(listener: TcpListener, site: Site, stop: impl Future<Output = ()>) {
    match listener.local_addr() {
        Ok(address) => tracing::info!(%address, "HTTP listens"),
        Err(error) => tracing::warn!(%error, "HTTP listens on an address that cannot be told"),
    }
    let (stopping, stopped) = watch::channel(false);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        // Finished connections are forgotten as they end, or the set would grow for ever.
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                let connection = connection(stream, site.clone(), stopped.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                tokio::select! {
                    () = &mut stop => break,
                    () = sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let all_done = async { while connections.join_next().await.is_some() {} };
    // Each connection has its own grace; this bound is for one that does not keep to it. Dropping the set ends it.
    let _ = timeout(GRACE * 2, all_done).await;
}

/// Takes a connection only when there is room for it; until then it waits in the system's queue.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

async fn connection(stream: TcpStream, site: Site, mut stopped: watch::Receiver<bool>) {
    // Told to an answer that is sent as it happens, which else would know no end.
    let (end, ending) = watch::channel(false);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let asked = Asked {
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query(),
            headers: request.headers(),
            ending: &ending,
        };
        let answer = answer(&site, asked);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = time_to_end(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            let _ = end.send(true);
            timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // The client's fault or the network's; worth a line only to someone who looks for it.
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

async fn time_to_end(stopped: &mut watch::Receiver<bool>) {
    tokio::select! {
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = sleep(MAX_CONNECTION_AGE) => {}
    }
}
