//! Which path answers what.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use prometheus::{Encoder, TextEncoder};

use super::status::StatusSource;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PATHS: &str = "/health/live, /health/ready, /metrics, /topology";

/// The answer to `method` on `path`.
pub(super) fn answer(
    source: &dyn StatusSource,
    method: &Method,
    path: &str,
) -> Response<Full<Bytes>> {
    let page = match path {
        "/health/live" => live,
        "/health/ready" => ready,
        "/metrics" => metrics,
        "/topology" => topology,
        _ => {
            let body = format!("there is no {path}; there are {PATHS}\n");
            return response(StatusCode::NOT_FOUND, TEXT, body);
        }
    };
    if method == Method::GET || method == Method::HEAD {
        return page(source);
    }
    let mut refused = response(
        StatusCode::METHOD_NOT_ALLOWED,
        TEXT,
        format!("{method} is not allowed on {path}\n"),
    );
    refused
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    refused
}

fn live(source: &dyn StatusSource) -> Response<Full<Bytes>> {
    if source.is_live() {
        response(StatusCode::OK, TEXT, "live\n")
    } else {
        response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not live\n")
    }
}

fn ready(source: &dyn StatusSource) -> Response<Full<Bytes>> {
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

fn metrics(source: &dyn StatusSource) -> Response<Full<Bytes>> {
    let mut body = Vec::new();
    match TextEncoder::new().encode(&source.metrics().gather(), &mut body) {
        Ok(()) => response(StatusCode::OK, prometheus::TEXT_FORMAT, body),
        Err(error) => failure("metrics", &error),
    }
}

fn topology(source: &dyn StatusSource) -> Response<Full<Bytes>> {
    response(StatusCode::OK, TEXT, source.topology())
}

fn failure(what: &str, error: &dyn std::error::Error) -> Response<Full<Bytes>> {
    tracing::error!(%error, "the {what} could not be written");
    response(
        StatusCode::INTERNAL_SERVER_ERROR,
        TEXT,
        format!("the {what} could not be written: {error}\n"),
    )
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
