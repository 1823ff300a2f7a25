use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, Materialized, Produced, StreamsBuilder};
use topology::testing::{TestDriver, TestDriverConfig};

use super::numbers;

/// A count, a sum and the longest run of numbers, per key; the stores in one place or another.
fn aggregates(place: impl Fn(&str) -> Materialized) -> StreamsBuilder {
    let builder = StreamsBuilder::new();
    let numbers = builder.stream("numbers", Consumed::with(Utf8, I64));
    let grouped = numbers.group_by_key(Grouped::with(Utf8, I64));
    let produced = || Produced::with(Utf8, I64);
    grouped.count(place("count")).to("counted", produced());
    let sum = grouped.reduce(place("sum"), |sum, number| sum + number);
    sum.to("summed", produced());
    let text = grouped.aggregate(
        place("text"),
        String::new,
        |key, number, text: &mut String| {
            let separator = if text.is_empty() { key.as_str() } else { "," };
            text.push_str(separator);
            text.push_str(&number.to_string());
        },
        Utf8,
    );
    text.to("texts", Produced::with(Utf8, Utf8));
    builder
}

/// Processes records, crashes with some committed and some not, and goes on.
fn goes_on_after_a_crash(builder: &StreamsBuilder, config: TestDriverConfig) {
    let mut driver = TestDriver::new(builder.build().unwrap(), config).unwrap();
    let input = driver.create_input_topic("numbers", Utf8, I64);
    input
        .pipe_key_value_list(&mut driver, [("a", 1), ("b", 10), ("a", 2)])
        .unwrap();
    driver.commit().unwrap();
    input
        .pipe_key_value_list(&mut driver, [("a", 3), ("b", 20)])
        .unwrap();
    driver.crash();
    driver.start().unwrap();
    input.pipe_key_value_list(&mut driver, [("a", 4)]).unwrap();
    driver.commit().unwrap();

    let mut counted = driver.create_output_topic("counted", Utf8, I64);
    let counted = counted.read_key_values_to_list(&mut driver).unwrap();
    assert_eq!(
        counted,
        numbers([("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2), ("a", 4)])
    );
    let mut summed = driver.create_output_topic("summed", Utf8, I64);
    let summed = summed.read_key_values_to_map(&mut driver).unwrap();
    assert_eq!(summed, [("a".to_owned(), 10), ("b".to_owned(), 30)].into());
    let mut texts = driver.create_output_topic("texts", Utf8, Utf8);
    let texts = texts.read_values_to_list(&mut driver).unwrap();
    assert_eq!(texts, ["a1", "b10", "a1,2", "a1,2,3", "b10,20", "a1,2,3,4"]);
}

#[test]
fn aggregates_go_on_after_a_crash_where_the_disk_and_the_changelog_left_them() {
    let directory = tempfile::tempdir().unwrap();
    let config = TestDriverConfig::new("app").state_dir(directory.path());
    goes_on_after_a_crash(&aggregates(|name| name.into()), config);
}

#[test]
fn aggregates_in_memory_are_restored_from_their_changelog_alone() {
    let builder = aggregates(|name| Materialized::as_(name).in_memory());
    goes_on_after_a_crash(&builder, TestDriverConfig::new("app"));
}

#[test]
fn without_a_changelog_a_store_in_memory_begins_anew() {
    let builder = StreamsBuilder::new();
    let numbers = builder.stream("numbers", Consumed::with(Utf8, I64));
    let store = Materialized::as_("count")
        .in_memory()
        .with_logging_disabled();
    let counts = numbers.group_by_key(Grouped::with(Utf8, I64)).count(store);
    counts.to("counted", Produced::with(Utf8, I64));
    let config = TestDriverConfig::new("app");
    let mut driver = TestDriver::new(builder.build().unwrap(), config).unwrap();
    let input = driver.create_input_topic("numbers", Utf8, I64);
    input
        .pipe_key_value_list(&mut driver, [("a", 1), ("a", 2)])
        .unwrap();
    driver.commit().unwrap();
    driver.crash();
    driver.start().unwrap();
    input.pipe_key_value_list(&mut driver, [("a", 3)]).unwrap();
    let mut counted = driver.create_output_topic("counted", Utf8, I64);
    assert_eq!(counted.read_values_to_list(&mut driver).unwrap(), [1, 2, 1]);
}
