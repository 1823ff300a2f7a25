//! A seeded simulation of a marketplace: the events of orders that are placed, paid, cooked,
//! brought, cancelled and refunded as in life, and of the faults that pipelines add.
//!
//! [`Generator`] yields a clean stream, [`Faults`] damages it, [`EventFileWriter`] puts either
//! into a file that `replay` reads. All are pure computation: equal configurations give equal
//! bytes, and nothing here knows Kafka.

mod action;
mod clock_text;
mod config;
mod day_curve;
mod envelope;
mod event;
mod event_file;
mod fabricate;
#[cfg(test)]
mod fault_tests;
mod faults;
mod generator;
pub(crate) mod identifier;
mod incident;
mod injection;
mod input_topic;
#[cfg(test)]
mod legality;
mod order;
pub mod order_number;
mod place;
mod plot;
mod poison;
mod reason;
mod story;
#[cfg(test)]
mod stream_tests;

pub use action::{Action, ActorType, TargetType};
pub use config::{EVENTS_PER_ORDER, Ending, GeneratorConfig, Limit, Rate};
pub use day_curve::DayCurve;
pub use event::{AggregateVersions, EventSource, GeneratedEvent};
pub use event_file::EventFileWriter;
pub use faults::{FaultConfig, FaultRates, Faults};
pub use generator::Generator;
pub use incident::{Incident, IncidentKind};
pub use injection::{Injection, InjectionKind};
pub use input_topic::InputTopic;
pub use poison::Carrier;
