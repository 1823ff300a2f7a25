//! Configuration: defaults, below a TOML file, below the environment, below flags.
//!
//! ```text
//! jumun.toml                             [application] threads = 2
//! JUMUN__APPLICATION__THREADS=3          environment: JUMUN__<SECTION>__<KEY>
//! --threads 4                            flags
//! ```
//!
//! In `[kafka]` any property of librdkafka may stand, for both clients or, in `[kafka.consumer]` and
//! `[kafka.producer]`, for one; in its variables `_` stands for `.` (`JUMUN__KAFKA__BOOTSTRAP_SERVERS`), as it does in
//! those of topics (`JUMUN__EVENTS__ORDER_EVENTS_V1__FORM`). All mistakes are reported at once, each with the place it
//! was made in.

#[cfg(test)]
mod dead_letters_tests;
mod error;
mod events;
#[cfg(test)]
mod http_tests;
mod judging;
mod kafka;
mod layers;
mod load;
mod nearest;
mod print;
mod secret;
mod settings;
#[cfg(test)]
mod tests;
mod values;
mod watching;

pub use error::{ConfigurationError, ConfigurationErrors};
pub use events::Events;
pub use judging::{Actors, Ghost, Ordering, Parking, Redrive, Retention, Rights};
pub use kafka::{KafkaProperties, Properties, is_secret};
pub use layers::{Flags, Sources};
pub use load::{Effective, load};
pub use print::Format;
pub use secret::Secret;
pub use settings::{
    Aggregates, Application, Configuration, DeadLetters, Emit, GroupProtocol, Http, Included,
    OffsetReset, ProcessingGuarantee, Topics,
};
pub use watching::{Detectors, Timers, TimersWhere};
