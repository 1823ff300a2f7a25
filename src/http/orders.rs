//! `GET /orders/{orderNo}`: where one order stands. Orders hold personal ids: where a token is configured, it is needed.

use std::sync::Arc;

use hyper::header::{ALLOW, AUTHORIZATION, RETRY_AFTER};
use hyper::{Method, Response, StatusCode};

use super::Site;
use super::control;
use super::routes::{Answer, Asked, Body, JSON, TEXT, at_once, response, with};
use crate::query::{self, FORWARDED_BY, ProblemKind, Reply, decode_order_no};

/// What the paths of orders begin with.
pub(super) const ORDERS: &str = "/orders/";

/// Answers for the order of the path.
pub(super) fn order(site: &Site, asked: Asked<'_>) -> Answer {
    if asked.method != Method::GET {
        let body = format!("{} is not allowed on {ORDERS}\n", asked.method);
        let refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, body);
        return at_once(with(refused, ALLOW, "GET"));
    }
    if site.token.is_some()
        && let Some(refused) = control::refusal(site, asked.headers)
    {
        return at_once(refused);
    }
    let written = asked.path.strip_prefix(ORDERS).unwrap_or_default();
    let Some(order_no) = decode_order_no(written).filter(|order_no| !order_no.is_empty()) else {
        let detail =
            "write /orders/ and the order number, percent-encoded where it needs to be".to_owned();
        let refused = site
            .orders
            .problem(written, ProblemKind::NoOrderNumber, detail);
        return at_once(written_out(refused));
    };
    let how = query::Asked {
        is_forwarded: asked.headers.contains_key(FORWARDED_BY),
        authorization: asked.headers.get(AUTHORIZATION).cloned(),
    };
    let orders = Arc::clone(&site.orders);
    Box::pin(async move { written_out(orders.find(&order_no, how).await) })
}

fn written_out(reply: Reply) -> Response<Body> {
    let answer = response(reply.status, JSON, reply.body);
    match reply.passes {
        true => with(answer, RETRY_AFTER, "1"),
        false => answer,
    }
}
