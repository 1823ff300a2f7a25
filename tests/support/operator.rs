//! The command line as an operator uses it beside a running processor.

use jumun_harness::Kafka;
use serde_json::Value;

use crate::support::processor::{jumun, run_to_end};

/// Runs commands against a cluster; each must succeed.
pub struct Operator<'a>(pub &'a Kafka);

impl Operator<'_> {
    /// What the command prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let (verb, rest) = arguments.split_first().unwrap();
        let mut command = jumun(verb);
        command
            .args(rest)
            .args(["--bootstrap-servers", self.0.bootstrap_servers()]);
        let (status, output, errors) = run_to_end(command).unwrap();
        assert_eq!(status, Some(0), "{arguments:?}: {errors}{output}");
        output
    }

    /// The JSON objects that it prints, one a line.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let parsed = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        output.lines().map(parsed).collect()
    }

    /// `jumun dlt replay` without questions; what it says of it.
    pub fn replay(&self, arguments: &[&str]) -> Value {
        let arguments = [&["dlt", "replay", "--yes"], arguments].concat();
        self.json(&arguments).remove(0)
    }
}
