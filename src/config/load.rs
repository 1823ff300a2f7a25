//! From merged layers to a checked configuration. Reading goes on after a mistake, so that all are told at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};
use topology::runtime::Share;

use super::error::{ConfigurationError, ConfigurationErrors};
use super::events::{EVENTS, variable};
use super::judging::{self, Actors, Ghost, Ordering, Parking, Redrive, Retention, Rights};
use super::kafka::{KafkaProperties, Properties, reserved};
use super::layers::{ENVIRONMENT_LAYER, FLAGS_LAYER, KAFKA, SCOPES, Sources, merge};
use super::nearest::nearest;
use super::settings::{
    Aggregates, Application, Configuration, DeadLetters, GroupProtocol, Http, OffsetReset,
    ProcessingGuarantee, Topics,
};
use super::values::{
    address, application_server, boolean, choice, identifier, included, kind, number, scalar,
    share, text, token, whole,
};
use super::watching::TIMERS_WHERE;
use crate::domain::ordering::OrderingPolicy;

/// Sections whose keys are data.
const CANCEL_RIGHTS: &str = "cancel_rights";
const ACTORS: &str = "actors";
pub(super) const DEFAULT_ORIGIN: &str = "default";
const DEFAULT_BOOTSTRAP_SERVERS: &str = "127.0.0.1:9092";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::LOCALHOST,
    8080,
));
/// A day in milliseconds: no timeout of ours makes sense beyond it.
pub(super) const DAY_MS: u64 = 86_400_000;

/// A checked configuration that still knows where each setting came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The configuration.
    pub configuration: Configuration,
    /// Setting (`application.threads`) → file, variable, flag or `default`.
    pub origins: BTreeMap<String, String>,
}

/// Reads and checks the configuration.
///
/// # Errors
///
/// All mistakes together: an unreadable file, unknown keys, refused properties, values out of their range.
///
/// ```
/// use jumun::config::{Flags, Sources, load};
///
/// let flags = Flags::default().with("application.threads", 2);
/// let effective = load(&Sources { flags, ..Sources::default() })?;
/// assert_eq!(effective.configuration.application.threads, 2);
/// # Ok::<(), jumun::config::ConfigurationErrors>(())
/// ```
pub fn load(sources: &Sources) -> Result<Effective, ConfigurationErrors> {
    let mut errors = Vec::new();
    let figment = merge(sources, &mut errors);
    let tree = match figment.data() {
        Ok(mut data) => data.remove(&Profile::Default).unwrap_or_default(),
        Err(error) => {
            errors.push(ConfigurationError {
                place: "configuration".to_owned(),
                problem: error.to_string(),
            });
            Dict::new()
        }
    };
    let mut reader = Reader {
        figment: &figment,
        tree,
        known: Vec::new(),
        origins: BTreeMap::new(),
        errors,
    };
    let configuration = Configuration {
        application: reader.application(),
        kafka: reader.kafka(),
        topics: reader.topics(),
        parking: reader.parking(),
        redrive: reader.redrive(),
        ghost: reader.ghost(),
        retention: reader.retention(),
        cancel_rights: reader.cancel_rights(),
        actors: reader.actors(),
        aggregates: reader.aggregates(),
        timers: reader.timers(),
        timers_where: reader.timers_where(),
        detectors: reader.detectors(),
        events: reader.events(),
        dead_letters: reader.dead_letters(),
        http: reader.http(),
    };
    reader.cross_check(&configuration);
    reader.refuse_unknown();
    if reader.errors.is_empty() {
        Ok(Effective {
            configuration,
            origins: reader.origins,
        })
    } else {
        Err(ConfigurationErrors::new(reader.errors))
    }
}

/// Takes settings out of the tree one by one; what is left at the end is unknown.
pub(super) struct Reader<'a> {
    figment: &'a Figment,
    pub(super) tree: Dict,
    known: Vec<(&'static str, &'static str)>,
    pub(super) origins: BTreeMap<String, String>,
    errors: Vec<ConfigurationError>,
}

impl Reader<'_> {
    fn application(&mut self) -> Application {
        const SECTION: &str = "application";
        let id = self.setting(SECTION, "id", "jumun".to_owned(), identifier);
        let instance = format!("{id}-0");
        let mut ms = |key, default, range| {
            self.milliseconds(SECTION, key, Duration::from_millis(default), range)
        };
        let commit_interval = ms("commit_interval_ms", 100, (1, 60_000));
        let max_task_idle = ms("max_task_idle_ms", 0, (0, DAY_MS));
        let transaction_timeout = ms("transaction_timeout_ms", 10_000, (1_000, 900_000));
        // No default that a short timeout of transactions makes wrong.
        let within = transaction_timeout / 2;
        let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let catch_up_commit_interval = ms(
            "catch_up_commit_interval_ms",
            within.min(1_000),
            (1, 60_000),
        );
        let session_timeout = ms("session_timeout_ms", 45_000, (500, 1_800_000));
        let shutdown_timeout = ms("shutdown_timeout_ms", 20_000, (1_000, DAY_MS));
        Application {
            instance_id: self.setting(SECTION, "instance_id", instance, identifier),
            state_dir: self.setting(SECTION, "state_dir", PathBuf::from("data"), |value| {
                text(value).map(PathBuf::from)
            }),
            group_protocol: self.setting(SECTION, "group_protocol", GroupProtocol::Classic, choice),
            threads: self.setting(SECTION, "threads", 1, |value| number(value, (1, 256))),
            num_standby_replicas: self.setting(SECTION, "num_standby_replicas", 0, |value| {
                number(value, (0, 1))
            }),
            processing_guarantee: self.setting(
                SECTION,
                "processing_guarantee",
                ProcessingGuarantee::ExactlyOnceV2,
                choice,
            ),
            ordering: self.setting(
                SECTION,
                "ordering",
                Ordering(OrderingPolicy::DEFAULT),
                judging::ordering,
            ),
            rebuild: self.setting(SECTION, "rebuild", false, boolean),
            memory_max_bytes: self.setting(SECTION, "memory_max_bytes", 512 << 20, |value| {
                whole(value, (64 << 20, 1 << 44))
            }),
            cache_max_bytes: self.setting(SECTION, "cache_max_bytes", None, |value| {
                whole(value, (1 << 20, 1 << 44)).map(Some)
            }),
            max_rate: self.setting(SECTION, "max_rate", None, |value| {
                whole(value, (1, 1_000_000_000)).map(Some)
            }),
            auto_offset_reset: self.setting(
                SECTION,
                "auto_offset_reset",
                OffsetReset::Earliest,
                choice,
            ),
            leave_on_stop: self.setting(SECTION, "leave_on_stop", false, boolean),
            migrate_state: self.setting(SECTION, "migrate_state", false, boolean),
            id,
            commit_interval,
            catch_up_commit_interval,
            max_task_idle,
            transaction_timeout,
            session_timeout,
            shutdown_timeout,
        }
    }

    fn topics(&mut self) -> Topics {
        const SECTION: &str = "topics";
        let partitions = |value: &Value| number(value, (1, 10_000));
        Topics {
            partitions: self.setting(SECTION, "partitions", 4, partitions),
            output_partitions: self.setting(SECTION, "output_partitions", 2, partitions),
            replication_factor: self.setting(SECTION, "replication_factor", 1, |value| {
                number(value, (1, 100))
            }),
        }
    }

    fn parking(&mut self) -> Parking {
        const SECTION: &str = "parking";
        let default = Parking::default();
        let mut ms = |key, default| self.milliseconds(SECTION, key, default, (1, DAY_MS));
        Parking {
            wait: ms("wait_ms", default.wait),
            payment_wait: ms("payment_wait_ms", default.payment_wait),
            longest_wait: ms("longest_wait_ms", default.longest_wait),
            max_per_order: self.setting(SECTION, "max_per_order", default.max_per_order, |value| {
                number(value, (1, 1_000))
            }),
            max_per_task: self.setting(SECTION, "max_per_task", default.max_per_task, |value| {
                number(value, (1, 1_000_000))
            }),
            max_task_share: self.setting(
                SECTION,
                "max_task_share",
                default.max_task_share,
                |value| share(value).map(Share::part),
            ),
        }
    }

    fn redrive(&mut self) -> Redrive {
        let default = Redrive::default();
        Redrive {
            automatic: self.setting("redrive", "automatic", default.automatic, boolean),
        }
    }

    fn ghost(&mut self) -> Ghost {
        let default = Ghost::default();
        Ghost {
            autoapply: self.setting("ghost", "autoapply", default.autoapply, boolean),
        }
    }

    fn retention(&mut self) -> Retention {
        let default = Retention::default();
        Retention {
            // Longer than ten years is for ever.
            after: self.milliseconds(
                "retention",
                "after_ms",
                default.after,
                (1_000, 3_650 * DAY_MS),
            ),
        }
    }

    fn cancel_rights(&mut self) -> Rights {
        let table = self.table(CANCEL_RIGHTS);
        judging::rights(&table, |key, value, problem| {
            self.error(value, &format!("{CANCEL_RIGHTS}.{key}"), problem);
        })
    }

    fn actors(&mut self) -> Actors {
        let table = self.table(ACTORS);
        judging::actors(&table, |key, value, problem| {
            self.error(value, &format!("{ACTORS}.{key}"), problem);
        })
    }

    /// Takes a section whose keys are data.
    fn table(&mut self, section: &str) -> Dict {
        let table = match self.tree.remove(section) {
            Some(Value::Dict(_, table)) => table,
            Some(other) => {
                self.error(&other, section, format!("[{section}] must be a table"));
                Dict::new()
            }
            None => Dict::new(),
        };
        for (key, value) in &table {
            let path = format!("{section}.{key}");
            let place = self.place(value, &path);
            self.origins.insert(path, place);
        }
        table
    }

    fn aggregates(&mut self) -> Aggregates {
        const SECTION: &str = "aggregates";
        let default = Aggregates::default();
        let mut ms = |key, default, range| self.milliseconds(SECTION, key, default, range);
        Aggregates {
            grace: ms("grace_ms", default.grace, (0, DAY_MS)),
            idle: ms("idle_ms", default.idle, (100, DAY_MS)),
            idle_distance: ms("idle_distance_ms", default.idle_distance, (0, DAY_MS)),
            early_interval: ms("early_interval_ms", default.early_interval, (100, DAY_MS)),
            enabled: self.setting(SECTION, "enabled", default.enabled, boolean),
            include: self.setting(SECTION, "include", default.include, included),
            emit: self.setting(SECTION, "emit", default.emit, choice),
        }
    }

    fn dead_letters(&mut self) -> DeadLetters {
        const SECTION: &str = "dead_letters";
        const MOST: u64 = 1_000_000;
        let default = DeadLetters::default();
        DeadLetters {
            circuit: self.setting(SECTION, "circuit", default.circuit, boolean),
            share: self.setting(SECTION, "share", default.share, share),
            window: self.setting(SECTION, "window", default.window, |value| {
                number(value, (1, MOST))
            }),
            minimum: self.setting(SECTION, "minimum", default.minimum, |value| {
                number(value, (1, MOST))
            }),
        }
    }

    fn http(&mut self) -> Http {
        const SECTION: &str = "http";
        Http {
            listen: self.setting(SECTION, "listen", DEFAULT_LISTEN, address),
            application_server: self.setting(SECTION, "application_server", None, |value| {
                application_server(value).map(Some)
            }),
            token: self.setting(SECTION, "token", None, |value| token(value).map(Some)),
        }
    }

    fn kafka(&mut self) -> KafkaProperties {
        let mut kafka = KafkaProperties::default();
        let table = match self.tree.remove(KAFKA) {
            Some(Value::Dict(_, table)) => table,
            Some(other) => {
                self.error(&other, KAFKA, "must be a table".to_owned());
                Dict::new()
            }
            None => Dict::new(),
        };
        for (key, value) in table {
            let path = format!("{KAFKA}.{key}");
            match (key.as_str(), value) {
                ("consumer", Value::Dict(_, table)) => {
                    self.properties(&path, table, &mut kafka.consumer)
                }
                ("producer", Value::Dict(_, table)) => {
                    self.properties(&path, table, &mut kafka.producer)
                }
                (scope, value) if SCOPES.contains(&scope) => {
                    self.error(&value, &path, "must be a table".to_owned());
                }
                (_, value) => self.property(&path, &key, &value, &mut kafka.common),
            }
        }
        match kafka.common.get("bootstrap.servers") {
            None => {
                kafka
                    .common
                    .set("bootstrap.servers", DEFAULT_BOOTSTRAP_SERVERS);
                self.origins.insert(
                    "kafka.bootstrap.servers".to_owned(),
                    DEFAULT_ORIGIN.to_owned(),
                );
            }
            Some(servers) if servers.trim().is_empty() => {
                let place = self
                    .origins
                    .get("kafka.bootstrap.servers")
                    .cloned()
                    .unwrap_or_default();
                let problem = "is empty; name at least one broker as host:port".to_owned();
                self.errors.push(ConfigurationError { place, problem });
            }
            Some(_) => {}
        }
        kafka
    }

    fn properties(&mut self, path: &str, table: Dict, into: &mut Properties) {
        for (key, value) in table {
            self.property(&format!("{path}.{key}"), &key, &value, into);
        }
    }

    fn property(&mut self, path: &str, name: &str, value: &Value, into: &mut Properties) {
        if let Some(reason) = reserved(name) {
            self.error(value, path, format!("\"{name}\" cannot be set: {reason}"));
            return;
        }
        match scalar(value) {
            Some(text) => {
                into.set(name, text);
                self.origins
                    .insert(path.to_owned(), self.place(value, path));
            }
            None => self.error(
                value,
                path,
                format!("must be a text, a number or a boolean, not {}", kind(value)),
            ),
        }
    }

    /// Takes one setting; a wrong value is noted and the default stands in for it.
    pub(super) fn setting<T>(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> T {
        self.known.push((section, key));
        let path = format!("{section}.{key}");
        let table = match self.tree.get_mut(section) {
            Some(Value::Dict(_, table)) => Some(table),
            _ => None,
        };
        let Some(value) = table.and_then(|table| table.remove(key)) else {
            self.origins.insert(path, DEFAULT_ORIGIN.to_owned());
            return default;
        };
        match parse(&value) {
            Ok(parsed) => {
                let place = self.place(&value, &path);
                self.origins.insert(path, place);
                parsed
            }
            Err(problem) => {
                self.error(&value, &path, problem);
                default
            }
        }
    }

    pub(super) fn milliseconds(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: Duration,
        range: (u64, u64),
    ) -> Duration {
        self.setting(section, key, default, |value| {
            whole(value, range).map(Duration::from_millis)
        })
    }

    fn cross_check(&mut self, configuration: &Configuration) {
        let application = &configuration.application;
        for (key, interval) in [
            ("commit_interval_ms", application.commit_interval),
            (
                "catch_up_commit_interval_ms",
                application.catch_up_commit_interval,
            ),
        ] {
            if interval < application.transaction_timeout {
                continue;
            }
            let key = format!("application.{key}");
            let origin = |key: &str| self.origins.get(key).cloned().unwrap_or_default();
            let (place, other) = (origin(&key), origin("application.transaction_timeout_ms"));
            let problem = format!(
                "{key} is {} ms and application.transaction_timeout_ms is {} ms ({other}): \
                 the broker would abort every transaction before its commit; raise the timeout",
                interval.as_millis(),
                application.transaction_timeout.as_millis(),
            );
            self.errors.push(ConfigurationError { place, problem });
        }
        if let Some(cache) = application.cache_max_bytes
            && cache > application.memory_max_bytes / 2
        {
            let origin = |key: &str| self.origins.get(key).cloned().unwrap_or_default();
            let place = origin("application.cache_max_bytes");
            let problem = format!(
                "application.cache_max_bytes is {cache} and application.memory_max_bytes is {} ({}): more than half of it; \
                 raise memory_max_bytes, or leave cache_max_bytes out",
                application.memory_max_bytes,
                origin("application.memory_max_bytes"),
            );
            self.errors.push(ConfigurationError { place, problem });
        }
        let DeadLetters {
            window, minimum, ..
        } = configuration.dead_letters;
        if minimum > window {
            let origin = |key: &str| self.origins.get(key).cloned().unwrap_or_default();
            let place = match origin("dead_letters.minimum") {
                place if place == DEFAULT_ORIGIN => origin("dead_letters.window"),
                place => place,
            };
            let problem = format!(
                "dead_letters.minimum is {minimum} and dead_letters.window is {window}: there can never be so many; set \
                 dead_letters.circuit = false to switch it off"
            );
            self.errors.push(ConfigurationError { place, problem });
        }
    }

    fn refuse_unknown(&mut self) {
        for (section, value) in std::mem::take(&mut self.tree) {
            let is_section = self.known.iter().any(|(known, _)| *known == section);
            match value {
                Value::Dict(_, table) if is_section => {
                    for (key, value) in table {
                        let path = format!("{section}.{key}");
                        let problem = format!("unknown key {path}{}", self.nearest(&key));
                        self.error(&value, &path, problem);
                    }
                }
                Value::Dict(_, table) => {
                    let sections = self.known.iter().map(|(section, _)| *section).chain([
                        KAFKA,
                        CANCEL_RIGHTS,
                        ACTORS,
                        EVENTS,
                        TIMERS_WHERE,
                    ]);
                    let hint =
                        nearest(&section, sections).map(|name| format!("; did you mean [{name}]?"));
                    let problem =
                        format!("unknown section [{section}]{}", hint.unwrap_or_default());
                    // A table has no place of its own, what is in it has.
                    match table.iter().next() {
                        Some((key, value)) => {
                            self.error(value, &format!("{section}.{key}"), problem)
                        }
                        None => self.errors.push(ConfigurationError {
                            place: section,
                            problem,
                        }),
                    }
                }
                value if is_section => {
                    self.error(&value, &section, format!("[{section}] must be a table"))
                }
                value => {
                    let problem = format!("unknown key {section}{}", self.nearest(&section));
                    self.error(&value, &section, problem);
                }
            }
        }
    }

    /// The known key most like `key`, in whichever section it is.
    fn nearest(&self, key: &str) -> String {
        nearest(key, self.known.iter().map(|(_, known)| *known))
            .and_then(|found| self.known.iter().find(|(_, known)| *known == found))
            .map(|(section, key)| format!("; did you mean {section}.{key}?"))
            .unwrap_or_default()
    }

    pub(super) fn error(&mut self, value: &Value, path: &str, problem: String) {
        let place = self.place(value, path);
        self.errors.push(ConfigurationError { place, problem });
    }

    /// Where `value` was written, as its author would look for it.
    pub(super) fn place(&self, value: &Value, path: &str) -> String {
        let Some(metadata) = self.figment.get_metadata(value.tag()) else {
            return path.to_owned();
        };
        match (metadata.name.as_ref(), &metadata.source) {
            (ENVIRONMENT_LAYER, _) => {
                if let Some(name) = variable(path) {
                    return name;
                }
                let levels =
                    if path.starts_with("kafka.consumer.") || path.starts_with("kafka.producer.") {
                        3
                    } else {
                        2
                    };
                let names: Vec<String> = path
                    .splitn(levels, '.')
                    .map(|name| name.replace('.', "_").to_uppercase())
                    .collect();
                format!("JUMUN__{}", names.join("__"))
            }
            (FLAGS_LAYER, _) => {
                let name = path.split_once('.').map_or(path, |(_, key)| key);
                format!("--{}", name.replace(['_', '.'], "-"))
            }
            (_, Some(source)) => match source.file_path() {
                Some(file) => format!("{}, {path}", file.display()),
                None => path.to_owned(),
            },
            (_, None) => path.to_owned(),
        }
    }
}
