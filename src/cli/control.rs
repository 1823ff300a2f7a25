//! Commands that change something at a running instance, which needs its token.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use hyper::{Method, StatusCode, Uri};

use super::Failure;
use super::instance::{asked, server};
use super::output::{OutputFormat, printed, standard};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Longer answers are not read.
const MAX_ANSWER: usize = 64 * 1024;

/// The instance, and the right to change something there.
#[derive(Debug, Args)]
pub(super) struct Control {
    /// The instance: where its HTTP server listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: Uri,
    /// The instance's http.token.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "JUMUN__HTTP__TOKEN",
        hide_env_values = true
    )]
    pub(super) token: Option<String>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: OutputFormat,
}

impl Control {
    /// Asks for `path`, and prints the answer: as it is for programs, in the words of `told` for people.
    pub(super) fn post(&self, path: &str, told: impl Fn(&str) -> String) -> Result<(), Failure> {
        let Some(token) = &self.token else {
            let message =
                "this needs the instance's http.token: give it with --token or JUMUN__HTTP__TOKEN";
            return Err(Failure::usage(message));
        };
        let server = server(&self.url)?;
        let (status, answer) = asked(
            &server,
            Method::POST,
            path,
            Some(token),
            TIMEOUT,
            MAX_ANSWER,
        )?;
        let answer = answer.trim();
        if status.is_success() {
            let mut out = standard();
            let text = match self.format {
                OutputFormat::Json => answer.to_owned(),
                OutputFormat::Text => told(answer),
            };
            return printed(writeln!(out, "{text}").and_then(|()| out.flush()));
        }
        // The instance's own words are the better ones.
        let meaning = if answer.is_empty() || status == StatusCode::NOT_FOUND {
            meaning(status)
        } else {
            answer
        };
        Err(Failure::work(format!("{status}: {meaning}")))
    }
}

/// What a refusal means that says nothing else.
fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "the token is not the instance's http.token",
        StatusCode::FORBIDDEN => {
            "the instance has no http.token, so nobody may change anything; set one, and restart it"
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            "no instance of jumun that can do this listens there"
        }
        _ => "the instance refused",
    }
}
