//! jumun (주문, "order"): the order-event processor of a food-delivery marketplace, exactly once, on Kafka.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | what an event means for an order: decoding, lifecycle, judging, records; pure |
//! | [`dialect`] | the forms in which events arrive, each read as the one envelope that the domain knows; pure |
//! | [`job`] | the order job on the engine: topology, operator, topics, counters |
//! | [`service`] | a running processor and what it tells about itself |
//! | [`page`] | the live page: what people see of a running processor |
//! | [`dead_letters`] | dead letters and rejections: found, understood, repaired, sent again |
//! | [`query`] | where one order stands, asked of whichever instance |
//! | [`top`] | all instances of an application at a glance |
//! | [`scan`] | topics read from one place to another, without a group |
//! | [`tap`] | what a person sees of a record |
//! | [`generate`], [`replay`], [`feed`] | events: made up, read from files, sent |
//! | [`config`], [`http`], [`logging`], [`cli`] | how it is set up, watched and called |

pub mod cli;
pub mod config;
pub mod dead_letters;
pub mod dialect;
pub mod domain;
pub mod feed;
pub mod generate;
pub mod http;
pub mod job;
pub mod kafka;
pub mod logging;
pub mod page;
#[cfg(feature = "pause-hooks")]
pub mod pause;
pub mod query;
pub mod replay;
pub mod scan;
pub mod service;
pub mod tap;
pub mod top;
