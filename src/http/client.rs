//! One question to an instance of this program, over plain HTTP, with limits on what comes back.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What is asked of an instance.
#[derive(Debug)]
pub struct Question<'a> {
    /// `host:port`.
    pub server: &'a str,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: &'a str,
    /// Headers besides `host`.
    pub headers: HeaderMap,
    /// Longest time until the whole answer is there.
    pub within: Duration,
    /// Longer answers are not read.
    pub max_answer: usize,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// It took too long.
    #[error("no answer from http://{0} within {1:?}")]
    TimedOut(String, Duration),
    /// It could not be reached, or what it said was no answer.
    #[error("no answer from http://{0}: {1}")]
    Failed(String, String),
}

/// Asks, and reads the whole answer.
///
/// # Errors
/// When there is none in time.
pub async fn ask(question: Question<'_>) -> Result<(StatusCode, Bytes), NoAnswer> {
    let (server, within) = (question.server.to_owned(), question.within);
    match timeout(within, exchange(question)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(NoAnswer::Failed(server, error.to_string())),
        Err(_) => Err(NoAnswer::TimedOut(server, within)),
    }
}

async fn exchange(
    question: Question<'_>,
) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(question.server).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(question.method)
        .uri(question.path)
        .body(Empty::<Bytes>::new())?;
    *request.headers_mut() = question.headers;
    let host = HeaderValue::from_str(question.server)?;
    request.headers_mut().insert(HOST, host);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), question.max_answer);
    Ok((status, body.collect().await?.to_bytes()))
}
