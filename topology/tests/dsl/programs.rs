use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use topology::codec::{I64, Json, Utf8};
use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};

use super::driver;

/// Lines → words → counts, as in every README.
fn word_count() -> StreamsBuilder {
    let builder = StreamsBuilder::new();
    builder
        .stream("lines", Consumed::with(Utf8, Utf8))
        .flat_map_values(|_key, line| {
            let words = line.split_whitespace().map(str::to_lowercase);
            words.collect::<Vec<_>>()
        })
        .group_by(
            "by-word",
            |_key, word| word.clone(),
            Grouped::with(Utf8, Utf8),
        )
        .count("word-counts")
        .to("words", Produced::with(Utf8, I64));
    builder
}

#[test]
fn words_of_all_partitions_are_counted_together() {
    let mut driver = driver(&word_count(), 4);
    let lines = driver.create_input_topic("lines", Utf8, Utf8);
    let mut words = driver.create_output_topic("words", Utf8, I64);
    let text = ["The quick brown fox", "jumps over the lazy dog", "The end"];
    for round in 0..20 {
        let records = text.iter().zip(0..);
        let records = records.map(|(line, number)| (format!("{round}-{number}"), *line));
        lines.pipe_key_value_list(&mut driver, records).unwrap();
    }
    let records = words.read_key_values_to_list(&mut driver).unwrap();
    let mut counts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (word, count) in records {
        counts.entry(word).or_default().push(count);
    }
    assert_eq!(counts.len(), 9, "{counts:?}");
    // Each count once and in order: all of a word's records met in one task.
    for (word, counts) in counts {
        let times = if word == "the" { 60 } else { 20 };
        assert_eq!(counts, (1..=times).collect::<Vec<i64>>(), "{word}");
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Order {
    customer: String,
    amount: i64,
    is_cancelled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    orders: u32,
    amount: i64,
    largest: i64,
}

/// Orders keyed by their number → an account per customer; the good customers among them.
fn accounts() -> StreamsBuilder {
    let builder = StreamsBuilder::new();
    let orders = builder.stream("orders", Consumed::with(Utf8, Json::<Order>::new()));
    let accounts = orders
        .filter_not(|_number, order| order.is_cancelled)
        .group_by(
            "orders-by-customer",
            |_number, order| order.customer.clone(),
            Grouped::with(Utf8, Json::new()),
        )
        .aggregate(
            "accounts",
            Account::default,
            |_customer, order, account: &mut Account| {
                account.orders += 1;
                account.amount += order.amount;
                account.largest = account.largest.max(order.amount);
            },
            Json::new(),
        );
    accounts.to(
        "accounts",
        Produced::with(Utf8, Json::new()).latest_per_commit(),
    );
    accounts
        .filter(|_customer, account| account.amount >= 100)
        .map_values(|_customer, account| account.amount)
        .to_stream()
        .flat_map_values(|_customer, amount| *amount)
        .to("good-customers", Produced::with(Utf8, I64));
    builder
}

#[test]
fn every_customer_has_an_account_of_the_orders_that_stand() {
    let mut driver = driver(&accounts(), 3);
    let orders = driver.create_input_topic("orders", Utf8, Json::<Order>::new());
    let mut accounts = driver.create_output_topic("accounts", Utf8, Json::<Account>::new());
    let mut good = driver.create_output_topic("good-customers", Utf8, I64);
    let order = |customer: &str, amount, is_cancelled| Order {
        customer: customer.to_owned(),
        amount,
        is_cancelled,
    };
    let records = [
        ("1", order("ann", 30, false)),
        ("2", order("bob", 5, false)),
        ("3", order("ann", 80, false)),
        ("4", order("ann", 1_000, true)),
    ];
    orders.pipe_key_value_list(&mut driver, records).unwrap();
    let told = accounts.read_key_values_to_map(&mut driver).unwrap();
    let account = |orders, amount, largest| Account {
        orders,
        amount,
        largest,
    };
    let expected = [
        ("ann".to_owned(), account(2, 110, 80)),
        ("bob".to_owned(), account(1, 5, 5)),
    ];
    assert_eq!(told, expected.into());
    let good = good.read_key_values_to_list(&mut driver).unwrap();
    assert_eq!(good, [("ann".to_owned(), 110)]);
}
