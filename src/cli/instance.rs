//! Asking a running instance over HTTP.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode, Uri};

use super::Failure;
use crate::http::client::{NoAnswer, Question, ask};

/// `host:port` of an instance's URL.
pub(super) fn server(url: &Uri) -> Result<String, Failure> {
    let is_plain = url.scheme_str().is_none_or(|scheme| scheme == "http");
    match url.host() {
        Some(host) if is_plain => Ok(format!("{host}:{}", url.port_u16().unwrap_or(80))),
        _ => Err(Failure::usage(format!(
            "--url {url} is not like http://127.0.0.1:8080; an instance speaks plain HTTP, beyond this machine through a tunnel"
        ))),
    }
}

/// Asks, and waits for the answer.
pub(super) fn asked(
    server: &str,
    method: Method,
    path: &str,
    token: Option<&str>,
    within: Duration,
    max_answer: usize,
) -> Result<(StatusCode, String), Failure> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value =
            value.map_err(|_| Failure::usage("the token holds what no HTTP header can"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::work)?;
    let question = Question {
        server,
        method,
        path,
        headers,
        within,
        max_answer,
    };
    let answer = runtime.block_on(ask(question));
    let (status, body) = answer.map_err(|error| match error {
        NoAnswer::Failed(..) => {
            Failure::work(format!("{error}; is it the address of http.listen?"))
        }
        NoAnswer::TimedOut(..) => Failure::work(error),
    })?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
