//! What changes something: nothing without the configured token (RFC 6750), and nothing at all where none is configured.

use hyper::header::{ALLOW, AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;

use super::Site;
use super::routes::{Asked, Body, JSON, TEXT, failure, response, with};
use crate::query::decode_order_no;

/// What may be asked for.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Tasks that paused by themselves go on.
    ResumeTasks,
    /// The instance takes no more records.
    Pause,
    /// It does again.
    Resume,
}

/// The answer of [`Change::ResumeTasks`].
#[derive(Debug, Serialize)]
struct Resumed {
    /// The tasks that were paused.
    resumed: Vec<String>,
}

/// The answer of [`Change::Pause`] and [`Change::Resume`].
#[derive(Debug, Serialize)]
struct Paused {
    /// Whether the instance takes no records from now on.
    paused: bool,
    /// Why; of a resume, why it was paused until now, if it was.
    reason: Option<String>,
}

impl Change {
    /// What a path asks for.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/dead-letters/resume" => Some(Self::ResumeTasks),
            "/pause" => Some(Self::Pause),
            "/resume" => Some(Self::Resume),
            _ => None,
        }
    }

    /// Makes the change for somebody who may.
    pub(super) fn make(self, site: &Site, asked: Asked<'_>) -> Response<Body> {
        if asked.method != Method::POST {
            let body = format!("{} is not allowed on {}\n", asked.method, asked.path);
            let refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, body);
            return with(refused, ALLOW, "POST");
        }
        if let Some(refused) = refusal(site, asked.headers) {
            return refused;
        }
        let source = site.source.as_ref();
        match self {
            Self::ResumeTasks => {
                let resumed = source.resume_paused_tasks();
                tracing::info!(tasks = ?resumed, "resume of paused tasks asked for over HTTP");
                told(&Resumed { resumed })
            }
            Self::Pause => {
                let Some(reason) = reason(asked.query) else {
                    let body = "reason= holds what is no percent-encoded UTF-8\n";
                    return response(StatusCode::BAD_REQUEST, TEXT, body);
                };
                source.pause(&reason);
                tracing::warn!(reason, "paused over HTTP");
                told(&Paused {
                    paused: true,
                    reason: Some(reason),
                })
            }
            Self::Resume => {
                let reason = source.resume();
                tracing::warn!(?reason, "resumed over HTTP");
                told(&Paused {
                    paused: false,
                    reason,
                })
            }
        }
    }
}

/// What the query gives as `reason=`, without control characters, which have no business in logs.
fn reason(query: Option<&str>) -> Option<String> {
    let mut parts = query.unwrap_or_default().split('&');
    let given = parts.find_map(|part| part.strip_prefix("reason="));
    let text = match given {
        Some(text) => decode_order_no(text)?,
        None => String::new(),
    };
    let text: String = text.chars().filter(|char| !char.is_control()).collect();
    let text = text.trim();
    Some(match text.is_empty() {
        true => "no reason was given".to_owned(),
        false => text.to_owned(),
    })
}

fn told(answer: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(answer) {
        Ok(mut body) => {
            body.push(b'\n');
            response(StatusCode::OK, JSON, body)
        }
        Err(error) => failure("answer", &error),
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
