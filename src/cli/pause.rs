//! `jumun pause` and `jumun resume`: an instance takes no records for a while (KIP-834).

use clap::Args;
use serde::Deserialize;

use super::Failure;
use super::control::Control;
use crate::query::encode_order_no;

/// `jumun pause`
#[derive(Debug, Args)]
pub struct Pause {
    /// Why, for whoever looks at the instance.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    control: Control,
}

/// `jumun resume`
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    control: Control,
}

/// What the instance answers.
#[derive(Deserialize)]
struct Answer {
    paused: bool,
    reason: Option<String>,
}

impl Pause {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let path = match &self.reason {
            Some(reason) => format!("/pause?reason={}", encode_order_no(reason)),
            None => "/pause".to_owned(),
        };
        self.control.post(&path, told)
    }
}

impl Resume {
    pub(super) fn run(&self) -> Result<(), Failure> {
        self.control.post("/resume", told)
    }
}

fn told(answer: &str) -> String {
    match serde_json::from_str(answer) {
        Ok(Answer {
            paused: true,
            reason,
        }) => format!(
            "paused: {}; it takes no records until jumun resume or a restart",
            reason.unwrap_or_default()
        ),
        Ok(Answer {
            paused: false,
            reason: Some(reason),
        }) => format!("takes records again; it was paused: {reason}"),
        Ok(Answer {
            paused: false,
            reason: None,
        }) => "it was not paused".to_owned(),
        Err(_) => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn answers_are_told_in_words() {
        for (answer, words) in [
            (
                r#"{"paused":true,"reason":"a bad deploy"}"#,
                "paused: a bad deploy; it takes no records until jumun resume or a restart",
            ),
            (
                r#"{"paused":false,"reason":"a bad deploy"}"#,
                "takes records again; it was paused: a bad deploy",
            ),
            (r#"{"paused":false,"reason":null}"#, "it was not paused"),
            ("as you wish", "as you wish"),
        ] {
            assert_eq!(told(answer), words);
        }
    }
}
