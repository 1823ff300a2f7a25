//! Which path answers what.

use std::future::Future;
use std::pin::Pin;

use http_body_util::channel::Channel;
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use prometheus::{Encoder, TextEncoder};
use tokio::sync::watch;

use super::Site;
use super::control::Change;
use super::orders;
use super::status::StatusSource;
use crate::page::{self, EVENTS_TYPE, File};

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const HTML: &str = "text/html; charset=utf-8";
const PATHS: &str = "/, /dead-letters/resume, /events, /health/live, /health/ready, /metrics, /orders/{orderNo}, /pause, /resume, /status, /topology, /topology.html";

/// What is answered: all at once, or as it happens.
pub(super) type Body = Either<Full<Bytes>, Channel<Bytes>>;

/// What the answer to a request depends on.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    /// Becomes true when the connection is to end; what is answered as it happens ends then.
    pub(super) ending: &'a watch::Receiver<bool>,
}

/// An answer on its way.
pub(super) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The answer to a request; only that for an order may take a while.
pub(super) fn answer(site: &Site, asked: Asked<'_>) -> Answer {
    match asked.path.starts_with(orders::ORDERS) {
        true => orders::order(site, asked),
        false => at_once(known(site, asked)),
    }
}

/// An answer that is there.
pub(super) fn at_once(response: Response<Body>) -> Answer {
    Box::pin(std::future::ready(response))
}

fn known(site: &Site, asked: Asked<'_>) -> Response<Body> {
    if let Some(change) = Change::at(asked.path) {
        return change.make(site, asked);
    }
    let source = site.source.as_ref();
    let page: &dyn Fn() -> Response<Body> = match asked.path {
        "/events" => &|| events(site, asked),
        "/health/live" => &|| live(source),
        "/health/ready" => &|| ready(source),
        "/metrics" => &|| metrics(source),
        "/status" => &|| status(site),
        "/topology" => &|| topology(source, wants_html(asked.headers)),
        "/topology.html" => &|| topology(source, true),
        path => match File::at(path) {
            Some(file) => &move || html(file.content_type, file.body),
            None => {
                let body = format!("there is no {path}; there are {PATHS}\n");
                return response(StatusCode::NOT_FOUND, TEXT, body);
            }
        },
    };
    if asked.method == Method::GET || asked.method == Method::HEAD {
        return page();
    }
    let body = format!("{} is not allowed on {}\n", asked.method, asked.path);
    let refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, body);
    with(refused, ALLOW, "GET, HEAD")
}

fn live(source: &dyn StatusSource) -> Response<Body> {
    if source.is_live() {
        response(StatusCode::OK, TEXT, "live\n")
    } else {
        response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not live\n")
    }
}

fn ready(source: &dyn StatusSource) -> Response<Body> {
    let status = source.status();
    let code = if status.state.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match serde_json::to_vec(&status) {
        Ok(mut body) => {
            body.push(b'\n');
            response(code, JSON, body)
        }
        Err(error) => failure("status", &error),
    }
}

fn status(site: &Site) -> Response<Body> {
    match site.page.status_report() {
        Ok(mut body) => {
            body.push(b'\n');
            response(StatusCode::OK, JSON, body)
        }
        Err(error) => failure("status", &error),
    }
}

fn metrics(source: &dyn StatusSource) -> Response<Body> {
    let mut body = Vec::new();
    match TextEncoder::new().encode(&source.metrics().gather(), &mut body) {
        Ok(()) => response(StatusCode::OK, prometheus::TEXT_FORMAT, body),
        Err(error) => failure("metrics", &error),
    }
}

/// Text for tools, a drawing for browsers.
fn topology(source: &dyn StatusSource, is_html: bool) -> Response<Body> {
    let answer = if is_html {
        html(
            HTML,
            page::topology_page(&source.drawing(), &source.topology()),
        )
    } else {
        response(StatusCode::OK, TEXT, source.topology())
    };
    with(answer, VARY, "accept")
}

/// Whether a browser asks for a page.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    accepted
        .filter_map(|accepted| accepted.to_str().ok())
        .flat_map(|accepted| accepted.split(','))
        .any(|kind| kind.split(';').next().map(str::trim) == Some("text/html"))
}

fn events(site: &Site, asked: Asked<'_>) -> Response<Body> {
    if asked.method == Method::HEAD {
        return response(StatusCode::OK, EVENTS_TYPE, "");
    }
    let Some(watcher) = site.page.watch() else {
        let body = "too many are watching; try again later\n";
        let refused = response(StatusCode::SERVICE_UNAVAILABLE, TEXT, body);
        return with(refused, RETRY_AFTER, "10");
    };
    let mut streamed = response(StatusCode::OK, EVENTS_TYPE, "");
    *streamed.body_mut() = Either::Right(watcher.into_body(asked.ending.clone()));
    streamed
}

pub(super) fn failure(what: &str, error: &dyn std::error::Error) -> Response<Body> {
    tracing::error!(%error, "the {what} could not be written");
    response(
        StatusCode::INTERNAL_SERVER_ERROR,
        TEXT,
        format!("the {what} could not be written: {error}\n"),
    )
}

/// A part of the page, or a page.
pub(super) fn html(content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let page = response(StatusCode::OK, content_type, body);
    let page = with(page, CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY);
    with(page, REFERRER_POLICY, "no-referrer")
}

pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    let response = with(response, CONTENT_TYPE, content_type);
    let response = with(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    with(response, CACHE_CONTROL, "no-store")
}

pub(super) fn with(
    mut response: Response<Body>,
    name: HeaderName,
    value: &'static str,
) -> Response<Body> {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    response
}
