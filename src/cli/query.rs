mod text;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use hyper::{Method, StatusCode, Uri};

use super::instance::{asked, server};
use super::output::{OutputFormat, printed, standard};
use super::paint::Paint;
use super::sending::now_ms;
use super::{Failure, Settings};
use crate::config::{Configuration, Secret};
use crate::query::{OrderAnswer, Problem, encode_order_no};

/// Longer than the instance itself waits for its group and for the others.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Longer answers are not read; no order is so long.
const MAX_ANSWER: usize = 4 << 20;

/// `jumun query`
#[derive(Debug, Args)]
pub struct Query {
    /// The order number.
    #[arg(value_name = "ORDER")]
    order: String,
    /// Any instance: where its HTTP server listens. Default: http.application_server, else http.listen of the
    /// configuration.
    #[arg(long, value_name = "URL")]
    url: Option<Uri>,
    /// The instances' http.token, where they have one; default: that of the configuration.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: OutputFormat,
    #[command(flatten)]
    settings: Settings,
}

impl Query {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if self.order.is_empty() {
            return Err(Failure::usage("the order number is empty"));
        }
        let configuration = self.settings.configuration()?;
        let server = match &self.url {
            Some(url) => server(url)?,
            None => configured(&configuration),
        };
        let configured = configuration.http.token.as_ref().map(Secret::reveal);
        let token = self.token.as_deref().or(configured);
        let path = format!("/orders/{}", encode_order_no(&self.order));
        let (status, body) = asked(&server, Method::GET, &path, token, TIMEOUT, MAX_ANSWER)?;
        if status != StatusCode::OK {
            return Err(self.refused(&server, status, &body));
        }
        let mut out = standard();
        let written = match self.format {
            OutputFormat::Json => writeln!(out, "{}", body.trim_end()),
            OutputFormat::Text => {
                let answer: OrderAnswer = serde_json::from_str(&body).map_err(|error| {
                    Failure::work(format!("http://{server} answers what is no order: {error}"))
                })?;
                let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
                text::write(&mut out, &answer, now, Paint::of_standard_output())
            }
        };
        printed(written.and_then(|()| out.flush()))
    }

    /// The answer of an instance that has none. A program gets it as it is, on standard output.
    fn refused(&self, server: &str, status: StatusCode, body: &str) -> Failure {
        let Ok(problem) = serde_json::from_str::<Problem>(body) else {
            return Failure::work(match status {
                StatusCode::UNAUTHORIZED => {
                    "the token is missing or wrong; give the instances' http.token with --token or JUMUN__HTTP__TOKEN"
                        .to_owned()
                }
                StatusCode::NOT_FOUND => {
                    format!("http://{server} knows no orders: is it an instance of this version?")
                }
                _ => format!("http://{server} answers {status}: {}", body.trim()),
            });
        };
        if self.format == OutputFormat::Json {
            let mut out = standard();
            let written = writeln!(out, "{}", body.trim_end()).and_then(|()| out.flush());
            if let Err(failure) = printed(written) {
                return failure;
            }
        }
        let name = serde_json::to_value(problem.error).unwrap_or_default();
        let name = name.as_str().unwrap_or_default().to_owned();
        Failure::work(format!("{}: {name}: {}", self.order, problem.detail))
    }
}

/// Where the instance of a configuration answers.
fn configured(configuration: &Configuration) -> String {
    configuration
        .http
        .application_server
        .clone()
        .unwrap_or_else(|| reachable(configuration.http.listen).to_string())
}

/// An address to connect to of one to listen on.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match listen {
        address if !address.ip().is_unspecified() => return address,
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:81", "[::1]:81"),
            ("10.0.0.7:8080", "10.0.0.7:8080"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
