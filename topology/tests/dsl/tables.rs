use topology::codec::{I64, Nullable, Utf8};
use topology::dsl::{Consumed, Produced, StreamsBuilder};
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::task::TaskId;

use super::{driver, numbers};

#[test]
fn a_tombstone_deletes_the_row_and_passes_on() {
    let builder = StreamsBuilder::new();
    let stock = builder.table("stock", Consumed::with(Utf8, I64), "stock");
    stock.to("copies", Produced::with(Utf8, I64));
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("stock", Utf8, Nullable(I64));
    let mut copies = driver.create_output_topic("copies", Utf8, Nullable(I64));
    let records = [
        ("apple", Some(3)),
        ("pear", Some(4)),
        ("apple", None),
        ("plum", None),
    ];
    input.pipe_key_value_list(&mut driver, records).unwrap();
    assert_eq!(
        copies.read_key_values_to_list(&mut driver).unwrap(),
        numbers(records)
    );
    let task = TaskId {
        subtopology: 0,
        partition: 0,
    };
    let rows = driver.dump(task).unwrap();
    let keys: Vec<_> = rows
        .iter()
        .filter(|row| row.0 == "stock")
        .map(|row| row.1.clone())
        .collect();
    assert_eq!(keys, [b"pear".to_vec()]);
}

#[test]
fn derived_tables_tell_deletions_and_rows_that_no_longer_belong() {
    let builder = StreamsBuilder::new();
    let stock = builder.table("stock", Consumed::with(Utf8, I64), "stock");
    let scarce = stock.filter(|_, pieces| *pieces < 10);
    assert_eq!(stock.queryable_store_name(), Some("stock"));
    assert_eq!(scarce.queryable_store_name(), None);
    scarce
        .map_values(|_, pieces| 10 - pieces)
        .to("orders", Produced::with(Utf8, I64));
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("stock", Utf8, Nullable(I64));
    let mut orders = driver.create_output_topic("orders", Utf8, Nullable(I64));
    let records = [("a", Some(3)), ("a", Some(12)), ("a", Some(9)), ("a", None)];
    input.pipe_key_value_list(&mut driver, records).unwrap();
    assert_eq!(
        orders.read_values_to_list(&mut driver).unwrap(),
        [Some(7), None, Some(1), None]
    );
}

/// Says of each sale what is left of the article, by the table of the stock.
#[derive(Default)]
struct Left {
    stock: Option<KeyValueStore<String, i64>>,
}

impl Processor for Left {
    type Key = String;
    type Value = i64;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.stock = Some(KeyValueStore::open(context, "stock", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, i64>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let mut pieces = 0;
        let stock = self.stock.as_mut().unwrap();
        if !stock.get(context, record.key, &mut pieces)? {
            return Err(ProcessError::record("UNKNOWN_ARTICLE", record.key.as_str()));
        }
        context.forward(record.with_value(&(pieces - record.value)))
    }
}

#[test]
fn a_processor_reads_the_store_of_a_table() {
    let builder = StreamsBuilder::new();
    let stock = builder.table("stock", Consumed::with(Utf8, I64), "stock");
    let sales = builder.stream("sales", Consumed::with(Utf8, I64));
    let store = stock.queryable_store_name().unwrap();
    sales
        .process("left", Left::default, &[store])
        .to("left", Produced::with(Utf8, I64));
    builder.dead_letter_topic("dead");
    let mut driver = driver(&builder, 2);
    let stock = driver.create_input_topic("stock", Utf8, I64);
    let sales = driver.create_input_topic("sales", Utf8, I64);
    let mut left = driver.create_output_topic("left", Utf8, I64);
    let mut dead = driver.create_output_topic("dead", Utf8, I64);
    stock
        .pipe_key_value_list(&mut driver, [("apple", 10), ("pear", 5)])
        .unwrap();
    sales
        .pipe_key_value_list(&mut driver, [("apple", 3), ("plum", 1), ("pear", 5)])
        .unwrap();
    let left = left.read_key_values_to_map(&mut driver).unwrap();
    assert_eq!(
        left,
        [("apple".to_owned(), 7), ("pear".to_owned(), 0)].into()
    );
    let dead = dead.read_key_values_to_list(&mut driver).unwrap();
    assert_eq!(dead, numbers([("plum", 1)]));
}

#[test]
fn a_null_key_is_a_dead_letter_unless_the_codec_takes_it() {
    let builder = StreamsBuilder::new();
    builder.table("stock", Consumed::with(Utf8, I64), "stock");
    builder.dead_letter_topic("dead");
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("stock", Nullable(Utf8), I64);
    input.pipe_input(&mut driver, &None, &7, 1_000).unwrap();
    let mut dead = driver.create_output_topic("dead", Nullable(Utf8), I64);
    let dead = dead.read_key_values_to_list(&mut driver).unwrap();
    assert_eq!(dead, [(None, 7)]);
}
