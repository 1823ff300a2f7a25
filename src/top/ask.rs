//! Asks all instances at once for what they tell of themselves. One that is frozen costs no more than the deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};
use tokio::task::JoinSet;

use super::brokers::Group;
use super::report::InstanceReport;
use crate::http::client::{Question, ask};

/// Longest wait for an instance.
pub const WITHIN: Duration = Duration::from_millis(800);
/// Longer answers are not read: [`super::report::MAX_TASKS`] tasks of half a dozen inputs.
const MAX_ANSWER: usize = 8 << 20;

/// What each instance answered, by its id, or why it did not.
pub type Answers = BTreeMap<String, Result<InstanceReport, String>>;

/// Asks every instance of the group that told where it answers.
pub async fn ask_all(group: &Group) -> Answers {
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    for member in &group.members {
        if let Some(address) = &member.address {
            addresses.insert(&member.instance, address);
        }
    }
    let mut asked = JoinSet::new();
    for (instance, address) in addresses {
        let (instance, address) = (instance.to_owned(), address.to_owned());
        let application = group.id.clone();
        asked.spawn(async move {
            let answer = ask_one(&address).await;
            let answer = answer.and_then(|report| check(report, &application, &instance));
            (instance, answer)
        });
    }
    let mut answers = Answers::new();
    while let Some(answer) = asked.join_next().await {
        // A task that panicked has no name; its instance is then one that did not answer.
        if let Ok((instance, answer)) = answer {
            answers.insert(instance, answer);
        }
    }
    answers
}

async fn ask_one(address: &str) -> Result<InstanceReport, String> {
    let question = Question {
        server: address,
        method: Method::GET,
        path: "/status",
        headers: HeaderMap::new(),
        within: WITHIN,
        max_answer: MAX_ANSWER,
    };
    let (status, body) = ask(question).await.map_err(|error| error.to_string())?;
    match status {
        StatusCode::OK => serde_json::from_slice(&body)
            .map_err(|error| format!("http://{address} answers what is no status: {error}")),
        StatusCode::NOT_FOUND => Err(format!(
            "http://{address} knows no /status: is it an older version?"
        )),
        other => Err(format!("http://{address} answers {other}")),
    }
}

/// The address may be another's by now.
fn check(
    report: InstanceReport,
    application: &str,
    instance: &str,
) -> Result<InstanceReport, String> {
    if report.application_id == application && report.instance_id == instance {
        return Ok(report);
    }
    Err(format!(
        "instance {} of {} answers at its address",
        report.instance_id, report.application_id
    ))
}
