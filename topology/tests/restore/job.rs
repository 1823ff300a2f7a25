//! Counts per key: a changelog record for every record.

use topology::codec::{I64, Utf8};
use topology::graph::{BuiltTopology, StoreBuilder, Topology};
use topology::io::Headers;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::testing::TestDriver;

#[derive(Default)]
struct Count {
    counts: Option<KeyValueStore<String, i64>>,
}

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = ();
    type OutValue = ();

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, (), ()>,
    ) -> Result<(), ProcessError> {
        let counts = self.counts.as_mut().unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        counts.put(context, record.key, &(count + 1))
    }
}

pub fn topology() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &["in"], || Utf8, || Utf8);
    topology.add_processor("count", Count::default, &["in"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.build().unwrap()
}

/// So many records, each of a key of its own.
pub fn append(driver: &TestDriver, partition: i32, records: usize) {
    for number in 0..records {
        let key = format!("k{number}");
        let (key, value) = (Some(key.as_bytes()), Some(&b"x"[..]));
        let headers = Headers::default();
        driver
            .log()
            .append("in", Some(partition), key, value, number as i64, headers)
            .unwrap();
    }
}
