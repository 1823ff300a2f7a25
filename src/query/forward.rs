//! Asking another instance: one hop, because whoever is asked so answers from its own state only.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::percent;
use super::problem::{Problem, ProblemKind};
use crate::http::client::{NoAnswer, Question, ask};

/// Marks a question that was forwarded; its value is the instance that did. Two instances that disagree about an owner
/// would else send it to and fro.
pub const FORWARDED_BY: &str = "x-jumun-forwarded-by";

/// Longest wait for the other instance.
const WITHIN: Duration = Duration::from_secs(3);
/// Longer answers are not passed on: 128 events that were set aside, of 16 KiB each at most, and the order.
const MAX_ANSWER: usize = 4 << 20;

/// What another instance said.
#[derive(Debug)]
pub(super) enum Heard {
    /// It has the order; the body tells of it.
    Order(Bytes),
    /// It has not, as far as it can tell.
    Absent {
        absent: Vec<i32>,
        restoring: Vec<i32>,
    },
    /// Nothing of use.
    Nothing(ProblemKind, String),
}

/// Asks the instance at `server`.
pub(super) async fn forward(
    server: &str,
    order_no: &str,
    from: &str,
    authorization: Option<HeaderValue>,
) -> Heard {
    let mut headers = HeaderMap::new();
    // Whatever an instance is called: that there is a value is what counts.
    let from = HeaderValue::from_str(from).unwrap_or(HeaderValue::from_static("another"));
    headers.insert(HeaderName::from_static(FORWARDED_BY), from);
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    let path = format!("/orders/{}", percent::encode(order_no));
    let question = Question {
        server,
        method: Method::GET,
        path: &path,
        headers,
        within: WITHIN,
        max_answer: MAX_ANSWER,
    };
    match ask(question).await {
        Ok((status, body)) => heard(server, status, body),
        Err(error @ NoAnswer::TimedOut(..)) => {
            Heard::Nothing(ProblemKind::OwnerTimeout, error.to_string())
        }
        Err(error @ NoAnswer::Failed(..)) => {
            Heard::Nothing(ProblemKind::OwnerUnreachable, error.to_string())
        }
    }
}

fn heard(server: &str, status: StatusCode, body: Bytes) -> Heard {
    if status == StatusCode::OK {
        return Heard::Order(body);
    }
    if status == StatusCode::UNAUTHORIZED {
        let detail = format!(
            "http://{server} refuses the token: all instances of an application need the same http.token"
        );
        return Heard::Nothing(ProblemKind::OwnerUnreachable, detail);
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if problem.error == ProblemKind::NotFound => Heard::Absent {
            absent: problem.absent,
            restoring: problem.restoring,
        },
        Ok(problem) => Heard::Nothing(problem.error, problem.detail),
        Err(_) => {
            let detail = format!(
                "http://{server} answers {status}: is it another program, or another version?"
            );
            Heard::Nothing(ProblemKind::OwnerUnreachable, detail)
        }
    }
}
