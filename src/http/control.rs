//! What changes something: nothing without the configured token (RFC 6750), and nothing at all where none is configured.

use hyper::header::{ALLOW, AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;

use super::Site;
use super::routes::{Asked, Body, JSON, TEXT, failure, response, with};

/// The path that lets paused tasks go on.
pub(super) const RESUME: &str = "/dead-letters/resume";

/// The answer of [`RESUME`].
#[derive(Debug, Serialize)]
struct Resumed {
    /// The tasks that were paused.
    resumed: Vec<String>,
}

/// Lets paused tasks take records again.
pub(super) fn resume(site: &Site, asked: Asked<'_>) -> Response<Body> {
    if asked.method != Method::POST {
        let body = format!("{} is not allowed on {RESUME}\n", asked.method);
        let refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, body);
        return with(refused, ALLOW, "POST");
    }
    if let Some(refused) = refusal(site, asked.headers) {
        return refused;
    }
    let resumed = site.source.resume_paused_tasks();
    tracing::info!(tasks = ?resumed, "resume of paused tasks asked for over HTTP");
    match serde_json::to_vec(&Resumed { resumed }) {
        Ok(mut body) => {
            body.push(b'\n');
            response(StatusCode::OK, JSON, body)
        }
        Err(error) => failure("resumed tasks", &error),
    }
}

/// The answer to somebody who may not change anything.
pub(super) fn refusal(site: &Site, headers: &HeaderMap) -> Option<Response<Body>> {
    let Some(token) = &site.token else {
        let body = "nothing may be changed over HTTP without a token; set one with JUMUN__HTTP__TOKEN (http.token), restart, \
                    and send it as \"Authorization: Bearer <token>\"\n";
        return Some(response(StatusCode::FORBIDDEN, TEXT, body));
    };
    let given = headers.get(AUTHORIZATION).and_then(|header| {
        let (scheme, given) = header.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(given)
    });
    if given.is_some_and(|given| token.is(given)) {
        return None;
    }
    let body = "the token is missing or wrong; send that of http.token as \"Authorization: Bearer <token>\"\n";
    let refused = response(StatusCode::UNAUTHORIZED, TEXT, body);
    Some(with(refused, WWW_AUTHENTICATE, "Bearer"))
}
