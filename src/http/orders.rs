//! `GET /orders/{orderNo}`: where one order stands, as JSON or, for browsers, as a page; with `?traces` what derived topics
//! tell of it. Orders hold personal ids: where a token is configured, it is needed. A browser cannot send one when it
//! opens a page, so the page asks for it and for the order's JSON then.

use std::sync::Arc;

use hyper::header::{ALLOW, AUTHORIZATION, RETRY_AFTER, VARY};
use hyper::{Method, Response, StatusCode};

use super::Site;
use super::control;
use super::routes::{
    Answer, Asked, Body, HTML, JSON, TEXT, at_once, html, response, wants_html, with,
};
use crate::page;
use crate::query::{self, FORWARDED_BY, ProblemKind, Reply, decode_order_no};

/// What the paths of orders begin with.
pub(super) const ORDERS: &str = "/orders/";
/// Asks for what topics tell, perhaps with `since=` and the order's beginning in epoch milliseconds.
const TRACES: &str = "traces";
const SINCE: &str = "since=";

/// Answers for the order of the path.
pub(super) fn order(site: &Site, asked: Asked<'_>) -> Answer {
    if asked.method != Method::GET {
        let body = format!("{} is not allowed on {ORDERS}\n", asked.method);
        let refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, body);
        return at_once(with(refused, ALLOW, "GET"));
    }
    let is_page = wants_html(asked.headers);
    if site.token.is_some()
        && let Some(refused) = control::refusal(site, asked.headers)
    {
        return at_once(if is_page {
            as_page(refused, "")
        } else {
            refused
        });
    }
    let written = asked.path.strip_prefix(ORDERS).unwrap_or_default();
    let Some(order_no) = decode_order_no(written).filter(|order_no| !order_no.is_empty()) else {
        let detail =
            "write /orders/ and the order number, percent-encoded where it needs to be".to_owned();
        let refused = site
            .orders
            .problem(written, ProblemKind::NoOrderNumber, detail);
        return at_once(written_out(refused, is_page));
    };
    let query = asked.query.unwrap_or_default();
    if query.split('&').any(|part| part == TRACES) {
        let since = query.split('&').find_map(|part| part.strip_prefix(SINCE));
        let since = since.and_then(|since| since.parse().ok());
        let traces = Arc::clone(&site.traces);
        return Box::pin(async move { written_out(traces.find(&order_no, since).await, false) });
    }
    let how = query::Asked {
        is_forwarded: asked.headers.contains_key(FORWARDED_BY),
        authorization: asked.headers.get(AUTHORIZATION).cloned(),
    };
    let orders = Arc::clone(&site.orders);
    Box::pin(async move { written_out(orders.find(&order_no, how).await, is_page) })
}

fn written_out(reply: Reply, is_page: bool) -> Response<Body> {
    let answer = match is_page {
        true => {
            let told = String::from_utf8_lossy(&reply.body);
            let mut answer = html(HTML, page::order_page(&told));
            *answer.status_mut() = reply.status;
            answer
        }
        false => response(reply.status, JSON, reply.body),
    };
    let answer = with(answer, VARY, "accept");
    match reply.passes {
        true => with(answer, RETRY_AFTER, "1"),
        false => answer,
    }
}

/// The page that says so, with status and headers of the answer.
fn as_page(answer: Response<Body>, told: &str) -> Response<Body> {
    let (parts, _) = answer.into_parts();
    let mut page = html(HTML, page::order_page(told));
    *page.status_mut() = parts.status;
    for (name, value) in &parts.headers {
        if !page.headers().contains_key(name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    with(page, VARY, "accept")
}
