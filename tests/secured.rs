//! Brokers that ask for TLS and a password, and inputs compressed by each of Kafka's codecs: one broker with a listener of
//! each kind.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jumun_harness::{Broker, BrokerOptions, Isolation, SecuredListener, free_port};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::certificates::{STORE_PASSWORD, certificate};
use crate::support::judged::compare_with_model;
use crate::support::processor::{Setup, TIMEOUT, jumun, run_to_end};
use crate::support::topics::{DELIVERIES, INPUTS, ORDERS, PAYMENTS};
use crate::support::{load, topics};
const PARTITIONS: i32 = 2;
const EVENTS: usize = 1_000;
const USER: &str = "jumun";
const PASSWORD: &str = "open-sesame-7";
/// A refusal is told after this long at the latest; the program's start and one call to the brokers are part of it.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// A broker with a plain and a secured listener, and what a client needs for the latter.
struct Scene {
    broker: Broker,
    scratch: tempfile::TempDir,
    address: String,
    authority: PathBuf,
}

impl Scene {
    fn begin() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let server = certificate(scratch.path(), "broker");
        let port = free_port().unwrap();
        let of_listener = |name: &str, value: &str| {
            let name = format!("listener.name.secured.{name}");
            (name, value.to_owned())
        };
        let broker = Broker::start_with(BrokerOptions {
            properties: vec![
                of_listener("ssl.keystore.type", "PKCS12"),
                of_listener("ssl.keystore.location", &text(&server.store)),
                of_listener("ssl.keystore.password", STORE_PASSWORD),
                of_listener("ssl.key.password", STORE_PASSWORD),
                of_listener("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
                of_listener(
                    "scram-sha-512.sasl.jaas.config",
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;",
                ),
            ],
            secured: Some(SecuredListener {
                port,
                user: USER.to_owned(),
                password: PASSWORD.to_owned(),
            }),
            ..BrokerOptions::default()
        })
        .unwrap();
        Self {
            broker,
            scratch,
            address: format!("127.0.0.1:{port}"),
            authority: server.certificate,
        }
    }

    /// A processor that knows no other way to the broker than the secured one.
    fn setup(&self, application_id: &str, authority: &Path, password: &str) -> Setup {
        Setup::at(&self.address, application_id, self.scratch.path())
            .strict()
            .setting("kafka.security.protocol", "SASL_SSL")
            .setting("kafka.ssl.ca.location", &text(authority))
            .setting("kafka.sasl.mechanism", "SCRAM-SHA-512")
            .setting("kafka.sasl.username", USER)
            .setting("topics.partitions", &PARTITIONS.to_string())
            // Secrets come by the environment, where no list of processes shows them.
            .env("JUMUN__KAFKA__SASL_PASSWORD", password)
    }

    /// The last word of a start that must fail, and how long it took.
    fn refusal(&self, authority: &Path, password: &str) -> String {
        let began = Instant::now();
        let (status, errors) = self
            .setup("refused", authority, password)
            .start()
            .wait_end();
        let took = began.elapsed();
        assert_eq!(status, Some(1), "{errors}");
        assert!(took < REFUSED_WITHIN, "{took:?}: {errors}");
        assert!(!errors.contains(password), "the password shows: {errors}");
        let last = errors.lines().last().unwrap_or_default();
        assert!(last.starts_with("jumun: "), "{errors}");
        last.to_owned()
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Appends the same events again, each topic's compressed by another codec.
fn produce_compressed(broker: &Broker, codec: &str, topic: &str) {
    let records = broker.consume_all(topic, Isolation::ReadCommitted).unwrap();
    let mut config: ClientConfig = broker.client_config();
    config.set("compression.type", codec).set("linger.ms", "50");
    let producer: BaseProducer = config.create().unwrap();
    for record in records.iter().take(EVENTS / 5) {
        let headers = record.headers.iter().fold(
            rdkafka::message::OwnedHeaders::new(),
            |headers, (name, value)| {
                headers.insert(rdkafka::message::Header {
                    key: name,
                    value: value.as_deref(),
                })
            },
        );
        let message = BaseRecord::<[u8], [u8]> {
            key: record.key.as_deref(),
            payload: record.value.as_deref(),
            headers: Some(headers),
            ..BaseRecord::to(topic)
                .partition(record.partition)
                .timestamp(record.timestamp)
        };
        producer.send(message).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
}

/// The codecs of a partition's batches on the broker's disk, by the attributes of each batch (record batch format 2).
fn codecs_on_disk(broker: &Broker) -> [bool; 5] {
    let mut found = [false; 5];
    for topic in INPUTS {
        for partition in 0..PARTITIONS {
            let directory = broker
                .directory()
                .join("data")
                .join(format!("{topic}-{partition}"));
            let log = std::fs::read(directory.join("00000000000000000000.log")).unwrap();
            let mut rest = log.as_slice();
            while rest.len() > 61 {
                // Base offset (8), length (4), leader epoch (4), magic (1), CRC (4), attributes (2).
                let length = u32::from_be_bytes(rest[8..12].try_into().unwrap()) as usize;
                if length == 0 {
                    break;
                }
                found[usize::from(rest[22] & 0b111)] = true;
                rest = rest.get(12 + length..).unwrap_or_default();
            }
        }
    }
    found
}

#[test]
fn the_job_runs_over_tls_and_scram_and_reads_every_codec_and_says_clearly_who_is_refused() {
    let scene = Scene::begin();
    load::preload(&scene.broker, EVENTS, PARTITIONS);
    for (codec, topic) in [
        ("gzip", ORDERS),
        ("snappy", PAYMENTS),
        ("lz4", DELIVERIES),
        ("zstd", ORDERS),
    ] {
        produce_compressed(&scene.broker, codec, topic);
    }
    // None, gzip, snappy, lz4, zstd.
    assert_eq!(codecs_on_disk(&scene.broker), [true; 5]);
    let records = topics::input_records(&scene.broker);

    let setup = scene.setup("secured", &scene.authority, PASSWORD);
    let mut processor = setup.start_ready();
    topics::wait_consumed(&scene.broker, "secured", &topics::ends(&records), TIMEOUT);
    let outcomes = processor.outcomes();
    let log = processor.process.stderr();
    assert!(!log.contains(PASSWORD), "the password shows: {log}");
    processor.stop();
    let comparison = compare_with_model(&scene.broker, &records);
    assert!(comparison.report.is_clean(), "{}", comparison.report);
    assert!(comparison.report.compared > EVENTS, "{}", comparison.report);
    assert_eq!(outcomes, comparison.outcomes);

    let wrong = scene.refusal(&scene.authority, "not-the-password");
    for text in ["SCRAM-SHA-512", "invalid credentials", "sasl.*"] {
        assert!(wrong.contains(text), "{text:?} is not in {wrong}");
    }
    let stranger = certificate(scene.scratch.path(), "stranger");
    let untrusted = scene.refusal(&stranger.certificate, PASSWORD);
    for text in ["certificate verify failed", "ssl.ca.location"] {
        assert!(untrusted.contains(text), "{text:?} is not in {untrusted}");
    }
}

#[test]
fn the_effective_configuration_masks_passwords() {
    let mut command = jumun("config");
    command
        .args(["--set", "kafka.ssl.key.password=hidden-1"])
        .env("JUMUN__KAFKA__SASL_PASSWORD", PASSWORD);
    let (status, output, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("sasl.password"), "{output}");
    assert!(
        !output.contains(PASSWORD) && !output.contains("hidden-1"),
        "{output}"
    );
}
