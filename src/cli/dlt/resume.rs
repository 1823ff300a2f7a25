use clap::Args;
use serde::Deserialize;

use crate::cli::Failure;
use crate::cli::control::Control;

const PATH: &str = "/dead-letters/resume";

/// `jumun dlt resume`
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    control: Control,
}

impl Resume {
    pub(super) fn run(&self) -> Result<(), Failure> {
        self.control.post(PATH, told)
    }
}

/// Which tasks go on, as the instance answers.
fn told(answer: &str) -> String {
    #[derive(Deserialize)]
    struct Resumed {
        resumed: Vec<String>,
    }
    match serde_json::from_str(answer) {
        Ok(Resumed { resumed }) if resumed.is_empty() => "nothing was paused".to_owned(),
        Ok(Resumed { resumed }) => format!("resumed: {}", resumed.join(", ")),
        Err(_) => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::OutputFormat;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server that answers one request, and tells what it was asked.
    fn resumed(answer: &'static str, token: &str) -> (String, Result<(), Failure>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1_024];
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "the request has no end");
                request.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        let resume = Resume {
            control: Control {
                url: url.parse().unwrap(),
                token: Some(token.to_owned()),
                format: OutputFormat::Text,
            },
        };
        let ended = resume.run();
        (server.join().unwrap(), ended)
    }

    #[test]
    fn the_token_is_sent_and_success_is_success() {
        let (request, ended) = resumed("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "t0k");
        assert!(
            request.starts_with("POST /dead-letters/resume HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.contains("authorization: Bearer t0k\r\n"),
            "{request}"
        );
        assert!(ended.is_ok());
    }

    #[test]
    fn the_tasks_that_go_on_are_told() {
        assert_eq!(told(r#"{"resumed":["0_1","0_3"]}"#), "resumed: 0_1, 0_3");
        assert_eq!(told(r#"{"resumed":[]}"#), "nothing was paused");
        assert_eq!(told("as you wish"), "as you wish");
    }

    #[test]
    fn refusals_are_explained_and_the_token_is_not_repeated() {
        for (answer, word) in [
            (
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
                "http.token",
            ),
            (
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
                "set one",
            ),
            (
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
                "no instance",
            ),
        ] {
            let (_, ended) = resumed(answer, "s3cret");
            let message = ended.unwrap_err().message;
            assert!(
                message.contains(word) && !message.contains("s3cret"),
                "{message}"
            );
        }
    }

    #[test]
    fn without_a_token_or_with_another_scheme_it_is_wrong_usage() {
        let resume = |url: &str, token: Option<&str>| Resume {
            control: Control {
                url: url.parse().unwrap(),
                token: token.map(str::to_owned),
                format: OutputFormat::Text,
            },
        };
        for resume in [
            resume("http://127.0.0.1:1", None),
            resume("https://127.0.0.1:1", Some("t")),
        ] {
            assert_eq!(resume.run().unwrap_err().exit, crate::cli::Exit::Usage);
        }
        let refused = resume("http://127.0.0.1:1", Some("t")).run().unwrap_err();
        assert_eq!(refused.exit, crate::cli::Exit::Failed);
    }
}
