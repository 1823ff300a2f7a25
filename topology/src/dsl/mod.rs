//! Typed streams and tables that build a topology, with the names of Kafka Streams' DSL. What fits
//! together compiles, and what does not, does not; what types cannot say (names, topics, stores) is
//! checked when the topology is built, all mistakes at once.
//!
//! A whole program: it counts words, and keeps what each customer has ordered.
//!
//! ```
//! use topology::codec::{I64, Utf8};
//! use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
//! use topology::testing::{TestDriver, TestDriverConfig};
//!
//! let builder = StreamsBuilder::new();
//!
//! builder
//!     .stream("lines", Consumed::with(Utf8, Utf8))
//!     .flat_map_values(|_key, line| line.split(' ').map(str::to_lowercase).collect::<Vec<_>>())
//!     .group_by("by-word", |_key, word| word.clone(), Grouped::with(Utf8, Utf8))
//!     .count("word-counts")
//!     .to("words", Produced::with(Utf8, I64));
//!
//! builder
//!     .stream("orders", Consumed::with(Utf8, I64))
//!     .filter(|_customer, amount| *amount > 0)
//!     .group_by_key(Grouped::with(Utf8, I64))
//!     .reduce("amounts", |sum, amount| sum + amount)
//!     .to("amounts-per-customer", Produced::with(Utf8, I64).latest_per_commit());
//!
//! let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
//! let lines = driver.create_input_topic("lines", Utf8, Utf8);
//! let orders = driver.create_input_topic("orders", Utf8, I64);
//! let mut words = driver.create_output_topic("words", Utf8, I64);
//! let mut amounts = driver.create_output_topic("amounts-per-customer", Utf8, I64);
//!
//! lines.pipe_key_value_list(&mut driver, [("1", "To be"), ("2", "or not to be")])?;
//! let counts = [("be", 2), ("not", 1), ("or", 1), ("to", 2)];
//! let counts = counts.map(|(word, count)| (word.to_owned(), count));
//! assert_eq!(words.read_key_values_to_map(&mut driver)?, counts.into());
//!
//! orders.pipe_key_value_list(&mut driver, [("ann", 10), ("ann", -1), ("ann", 20)])?;
//! assert_eq!(amounts.read_values_to_list(&mut driver)?, [30]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`StreamsBuilder`] | where sources, tables and stores are added, and the topology is built |
//! | [`KStream`] | records, one after the other |
//! | [`BranchedKStream`] | a stream that is being divided |
//! | [`KGroupedStream`] | a stream grouped by key, to be aggregated |
//! | [`TimeWindowedKStream`] | a grouped stream in windows of time, to be aggregated |
//! | [`KTable`] | the last value of each key |
//! | [`Consumed`], [`Produced`], [`Grouped`], [`Repartitioned`] | codecs and settings of a source, a sink, a group, a repartition topic |
//! | [`Materialized`] | the store of a table |

mod aggregate;
mod any_codec;
mod branched;
mod builder;
mod consumed;
mod grouped;
mod grouping;
mod kgrouped_stream;
mod kstream;
mod ktable;
mod materialized;
mod operator;
mod produced;
mod reduction;
mod repartitioned;
mod stateless;
mod store;
mod table_source;
mod time_windowed;
mod topics;
mod windowed_fold;
mod windowed_results;
mod wiring;

pub use branched::BranchedKStream;
pub use builder::StreamsBuilder;
pub use consumed::Consumed;
pub use grouped::Grouped;
pub use kgrouped_stream::KGroupedStream;
pub use kstream::KStream;
pub use ktable::KTable;
pub use materialized::Materialized;
pub use produced::Produced;
pub use repartitioned::Repartitioned;
pub use time_windowed::TimeWindowedKStream;
pub use topics::Topics;
