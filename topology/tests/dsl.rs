//! What programs of typed streams and tables do, and what they are refused for. The documentation of
//! each operator has its plain case.

mod branches;
mod grouping;
mod mistakes;
mod names;
mod programs;
mod restore;
mod tables;
mod windows;

use topology::dsl::StreamsBuilder;
use topology::testing::{TestDriver, TestDriverConfig};

fn driver(builder: &StreamsBuilder, partitions: i32) -> TestDriver {
    let config = TestDriverConfig::new("app").partitions(partitions);
    TestDriver::new(builder.build().unwrap(), config).unwrap()
}

fn describe(builder: &StreamsBuilder) -> String {
    builder.build().unwrap().describe()
}

/// Names of the nodes, in the order in which they are described.
fn nodes(builder: &StreamsBuilder) -> Vec<String> {
    let description = describe(builder);
    let names = description.lines().filter_map(|line| {
        let (_, node) = line.strip_prefix("    ")?.split_once(": ")?;
        Some(node.split(' ').next()?.to_owned())
    });
    names.collect()
}

fn texts<const N: usize>(texts: [(&str, &str); N]) -> Vec<(String, String)> {
    let owned = texts
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

fn numbers<V: Clone, const N: usize>(numbers: [(&str, V); N]) -> Vec<(String, V)> {
    let owned = numbers
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    owned.collect()
}
