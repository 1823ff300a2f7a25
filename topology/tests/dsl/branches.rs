use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Produced, StreamsBuilder};

use super::{driver, numbers, texts};

#[test]
fn a_record_goes_to_the_first_branch_it_fits_and_without_a_default_to_none() {
    let builder = StreamsBuilder::new();
    let amounts = builder.stream("amounts", Consumed::with(Utf8, I64));
    let mut split = amounts.split();
    let large = split.branch("large", |_, amount| *amount >= 100);
    let even = split.branch("even", |_, amount| amount % 2 == 0);
    large.to("large", Produced::with(Utf8, I64));
    even.to("even", Produced::with(Utf8, I64));
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("amounts", Utf8, I64);
    let mut large = driver.create_output_topic("large", Utf8, I64);
    let mut even = driver.create_output_topic("even", Utf8, I64);
    let records = [("a", 1), ("b", 2), ("c", 100), ("d", 101), ("e", 4)];
    input.pipe_key_value_list(&mut driver, records).unwrap();
    let large = large.read_key_values_to_list(&mut driver).unwrap();
    assert_eq!(large, numbers([("c", 100), ("d", 101)]));
    let even = even.read_key_values_to_list(&mut driver).unwrap();
    assert_eq!(even, numbers([("b", 2), ("e", 4)]));
}

#[test]
fn the_default_branch_takes_what_is_left_and_branches_go_their_own_ways() {
    let builder = StreamsBuilder::new();
    let words = builder.stream("words", Consumed::with(Utf8, Utf8));
    let mut split = words.split();
    let short = split.branch("short", |_, word| word.len() < 4);
    let long = split.default_branch("long");
    let short = short.map_values(|_, word| format!("{word}!"));
    let long = long.map_values(|_, word| word.to_uppercase());
    short.merge(&long).to("said", Produced::with(Utf8, Utf8));
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("words", Utf8, Utf8);
    let mut said = driver.create_output_topic("said", Utf8, Utf8);
    let records = [("a", "oh"), ("b", "never"), ("c", "yes")];
    input.pipe_key_value_list(&mut driver, records).unwrap();
    assert_eq!(
        said.read_key_values_to_list(&mut driver).unwrap(),
        texts([("a", "oh!"), ("b", "NEVER"), ("c", "yes!")])
    );
}

#[test]
fn merged_streams_are_processed_by_timestamp() {
    let builder = StreamsBuilder::new();
    let one = builder.stream("one", Consumed::with(Utf8, Utf8));
    let other = builder.stream("other", Consumed::with(Utf8, Utf8));
    one.merge(&other).to("both", Produced::with(Utf8, Utf8));
    let mut driver = driver(&builder, 1);
    // Both topics hold their records before any is processed.
    let records = [("one", 10), ("one", 30), ("other", 20), ("other", 40)];
    for (topic, timestamp) in records {
        let value = format!("{topic} {timestamp}");
        let (key, value) = (Some(&b"k"[..]), Some(value.as_bytes()));
        let log = driver.log();
        log.append(topic, None, key, value, timestamp, Default::default())
            .unwrap();
    }
    let mut both = driver.create_output_topic("both", Utf8, Utf8);
    assert_eq!(
        both.read_values_to_list(&mut driver).unwrap(),
        ["one 10", "other 20", "one 30", "other 40"]
    );
}

#[test]
fn a_stream_used_twice_gives_every_record_to_both() {
    let builder = StreamsBuilder::new();
    let words = builder.stream("words", Consumed::with(Utf8, Utf8));
    words.to("copies", Produced::with(Utf8, Utf8));
    words
        .map_values(|_, word| word.len() as i64)
        .to("lengths", Produced::with(Utf8, I64));
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("words", Utf8, Utf8);
    let mut copies = driver.create_output_topic("copies", Utf8, Utf8);
    let mut lengths = driver.create_output_topic("lengths", Utf8, I64);
    let records = [("a", "one"), ("b", "three")];
    input.pipe_key_value_list(&mut driver, records).unwrap();
    let copies = copies.read_values_to_list(&mut driver).unwrap();
    assert_eq!(copies, ["one", "three"]);
    assert_eq!(lengths.read_values_to_list(&mut driver).unwrap(), [3, 5]);
}
