//! Precedence, checks and printing of the configuration.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::dialect::{Dialect, Form, KeyForm};
use crate::domain::action::Action;
use crate::domain::actor::{ActorSet, ActorType};
use crate::domain::aggregates::{BusinessAggregate, BusinessAggregateSet};
use crate::domain::ordering::{Choice, OrderingPolicy};
use crate::domain::rights::may_cancel;
use crate::domain::status::DisplayStatus;

/// Sources with `file` as the content of a TOML file.
pub(super) struct Given {
    directory: TempDir,
    sources: Sources,
}

pub(super) fn given(file: &str, environment: &[(&str, &str)], flags: Flags) -> Given {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jumun.toml");
    fs::write(&path, file).unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Given {
        directory,
        sources: Sources {
            file: Some(path),
            environment,
            flags,
        },
    }
}

impl Given {
    pub(super) fn load(&self) -> Effective {
        load(&self.sources).unwrap()
    }

    /// The mistakes, with the directory of the file taken off.
    fn errors(&self) -> Vec<String> {
        let prefix = format!("{}/", self.directory.path().display());
        let errors = load(&self.sources).unwrap_err();
        errors
            .iter()
            .map(|error| error.to_string().replace(&prefix, ""))
            .collect()
    }
}

/// Expects exactly one mistake in a file.
pub(super) fn check_error(file: &str, expected: &str) {
    assert_eq!(given(file, &[], Flags::default()).errors(), [expected]);
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let Configuration {
        application,
        kafka,
        topics,
        parking,
        redrive,
        ghost,
        retention,
        cancel_rights,
        actors,
        aggregates,
        timers,
        timers_where,
        detectors,
        dead_letters,
        events,
        http,
    } = load(&Sources::default()).unwrap().configuration;
    assert_eq!(
        (application.id.as_str(), application.instance_id.as_str()),
        ("jumun", "jumun-0")
    );
    assert_eq!(
        (application.state_dir, application.threads),
        (PathBuf::from("data"), 1)
    );
    assert_eq!(
        application.processing_guarantee,
        ProcessingGuarantee::ExactlyOnceV2
    );
    assert_eq!(application.group_protocol, GroupProtocol::Classic);
    assert_eq!(application.commit_interval, Duration::from_millis(100));
    assert_eq!(application.catch_up_commit_interval, Duration::from_secs(1));
    assert_eq!(application.transaction_timeout, Duration::from_secs(10));
    assert_eq!(kafka.bootstrap_servers(), "127.0.0.1:9092");
    assert_eq!(
        (
            topics.partitions,
            topics.output_partitions,
            topics.replication_factor
        ),
        (4, 2, 1)
    );
    assert_eq!(application.ordering.0, OrderingPolicy::DEFAULT);
    assert!(!application.rebuild);
    assert_eq!(parking, Parking::default());
    assert_eq!(
        (parking.wait, parking.payment_wait, parking.longest_wait),
        (
            Duration::from_secs(30),
            Duration::from_secs(600),
            Duration::from_secs(600)
        )
    );
    assert_eq!((parking.max_per_order, parking.max_per_task), (64, 64));
    assert!(redrive.automatic && !ghost.autoapply);
    assert_eq!(retention.after, Duration::from_secs(31 * 86_400));
    assert_eq!(cancel_rights, Rights::default());
    assert_eq!(actors, Actors::default());
    assert_eq!(aggregates, Aggregates::default());
    assert_eq!(timers, Timers::default());
    assert!(timers.enabled && timers.max_lag == Duration::from_secs(60));
    assert_eq!(timers_where, TimersWhere::default());
    assert_eq!(detectors, Detectors::default());
    assert!(detectors.enabled);
    assert!(aggregates.enabled);
    assert_eq!(
        (aggregates.grace, aggregates.idle, aggregates.idle_distance),
        (
            Duration::from_secs(120),
            Duration::from_secs(30),
            Duration::from_secs(60)
        )
    );
    assert_eq!(
        (aggregates.early_interval, aggregates.emit),
        (Duration::from_secs(10), Emit::Updates)
    );
    assert_eq!(
        (dead_letters.circuit, dead_letters.share.part()),
        (true, 0.01)
    );
    assert_eq!((dead_letters.window, dead_letters.minimum), (1_000, 10));
    assert_eq!(events, Events::default());
    assert_eq!(http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(http.token, None);
}

#[test]
fn who_may_do_what_is_data() {
    let file = "[cancel_rights]\nREADY = [\"CS\", \"RIDER if reason\"]\nDELIVERING = []\n\
                [actors]\n\"order.accepted\" = [\"STORE\", \"CS\"]";
    let environment = [("JUMUN__CANCEL_RIGHTS__RETURNED", "CS, STORE")];
    let effective = given(file, &environment, Flags::default()).load();
    let job = effective.configuration.job();
    let may = |status, actor, reason| may_cancel(&job.judging.cancel_rights, status, actor, reason);
    assert!(may(DisplayStatus::Ready, ActorType::Cs, false));
    assert!(!may(DisplayStatus::Ready, ActorType::System, true));
    assert!(may(DisplayStatus::Ready, ActorType::Rider, true));
    assert!(!may(DisplayStatus::Ready, ActorType::Rider, false));
    assert!(!may(DisplayStatus::Delivering, ActorType::Cs, true));
    assert!(may(DisplayStatus::Returned, ActorType::Store, false));
    assert!(may(DisplayStatus::Cooking, ActorType::System, false));
    let store_and_cs = ActorSet::EMPTY.with(ActorType::Store).with(ActorType::Cs);
    assert_eq!(job.judging.actors, [(Action::OrderAccepted, store_and_cs)]);
    let toml = effective.print(Format::Toml).unwrap();
    assert!(
        toml.contains("READY = [\"CS\",\"RIDER if reason\"]"),
        "{toml}"
    );
    assert!(
        toml.contains("\"order.accepted\" = [\"STORE\",\"CS\"]"),
        "{toml}"
    );
}

#[test]
fn ordering_is_a_preset_or_a_table_of_causes() {
    let ordering = |file: &str| {
        let effective = given(file, &[], Flags::default()).load();
        let printed = effective.print(Format::Toml).unwrap();
        (effective.configuration.job().judging.ordering, printed)
    };
    let (park, printed) = ordering("[application]\nordering = \"park\"");
    assert_eq!(park, OrderingPolicy::PARK);
    assert!(printed.contains("ordering = \"park\""), "{printed}");
    let (mixed, printed) =
        ordering("[application.ordering]\ngap = \"accept\"\npredecessor = \"reject\"");
    let expected = OrderingPolicy {
        violation: Choice::Reject,
        predecessor: Choice::Reject,
        gap: Choice::Accept,
    };
    assert_eq!(mixed, expected);
    assert!(printed.contains("gap = \"accept\""), "{printed}");
}

#[test]
fn aggregates_have_a_section_of_their_own() {
    let file = "[aggregates]\ngrace_ms = 0\nidle_ms = 5_000\nearly_interval_ms = 1000\nemit = \"final\"\ninclude = [\"gmv\", \"lead_cook\"]";
    let environment = [("JUMUN__AGGREGATES__IDLE_DISTANCE_MS", "7000")];
    let flags = Flags::default().with("aggregates.enabled", false);
    let effective = given(file, &environment, flags).load();
    let expected = Aggregates {
        enabled: false,
        include: Included(
            BusinessAggregateSet::EMPTY
                .with(BusinessAggregate::Gmv)
                .with(BusinessAggregate::LeadCook),
        ),
        grace: Duration::ZERO,
        idle: Duration::from_secs(5),
        idle_distance: Duration::from_secs(7),
        early_interval: Duration::from_secs(1),
        emit: Emit::Final,
    };
    assert_eq!(effective.configuration.aggregates, expected);
    let toml = effective.print(Format::Toml).unwrap();
    for line in [
        "[aggregates]\n",
        "enabled = false ",
        "grace_ms = 0 ",
        "idle_ms = 5000 ",
        "idle_distance_ms = 7000 ",
        "early_interval_ms = 1000 ",
        "emit = \"final\" ",
        "include = [\"lead_cook\",\"gmv\"] ",
    ] {
        assert!(toml.contains(line), "{line}: {toml}");
    }
}

#[test]
fn aggregates_are_chosen_by_their_names() {
    for (file, variable, expected) in [
        ("", "all", Included::ALL),
        (
            "[aggregates]\ninclude = \"all\"",
            "in_flight, top_stores",
            Included(
                BusinessAggregateSet::EMPTY
                    .with(BusinessAggregate::InFlight)
                    .with(BusinessAggregate::TopStores),
            ),
        ),
    ] {
        let environment = [("JUMUN__AGGREGATES__INCLUDE", variable)];
        let effective = given(file, &environment, Flags::default()).load();
        assert_eq!(effective.configuration.aggregates.include, expected);
    }
    let effective = given("", &[], Flags::default()).load();
    assert_eq!(effective.configuration.aggregates.include, Included::ALL);
    assert!(
        effective
            .print(Format::Toml)
            .unwrap()
            .contains("include = \"all\" ")
    );
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let file = "[application]\nid = \"file\"\nthreads = 2\nstate_dir = \"file\"\n[kafka]\n\"bootstrap.servers\" = \"file:1\"";
    let environment = [
        ("JUMUN__APPLICATION__THREADS", "3"),
        ("JUMUN__APPLICATION__STATE_DIR", "environment"),
        ("JUMUN__KAFKA__BOOTSTRAP_SERVERS", "environment:1"),
        ("JUMUN_LOG", "debug"),
        ("PATH", "/bin"),
    ];
    let flags = Flags::default()
        .with("application.state_dir", "flag")
        .with_some("http.listen", None::<String>);
    let effective = given(file, &environment, flags).load();
    let Configuration {
        application, kafka, ..
    } = &effective.configuration;
    assert_eq!(application.id, "file");
    assert_eq!(application.instance_id, "file-0");
    assert_eq!(application.threads, 3);
    assert_eq!(application.state_dir, PathBuf::from("flag"));
    assert_eq!(kafka.bootstrap_servers(), "environment:1");
    let origin = |key: &str| {
        effective.origins[key]
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(origin("application.id"), "jumun.toml, application.id");
    assert_eq!(origin("application.threads"), "JUMUN__APPLICATION__THREADS");
    assert_eq!(origin("application.state_dir"), "--state-dir");
    assert_eq!(
        origin("kafka.bootstrap.servers"),
        "JUMUN__KAFKA__BOOTSTRAP_SERVERS"
    );
    assert_eq!(origin("http.listen"), "default");
}

#[test]
fn kafka_properties_may_be_quoted_or_not_and_each_client_has_its_own() {
    let file = "[kafka]\nbootstrap.servers = \"a:1\"\nsocket.keepalive.enable = true\n[kafka.consumer]\nfetch.min.bytes = 7\n\
                [kafka.producer]\n\"linger.ms\" = 5\nbatch.size = 100";
    let environment = [
        ("JUMUN__KAFKA__CONSUMER__FETCH_MIN_BYTES", "8"),
        ("JUMUN__KAFKA__SASL_PASSWORD", "0123"),
    ];
    let flags = Flags::default()
        .with("kafka.producer.linger.ms", 6)
        .with("kafka.bootstrap.servers", "b:2");
    let kafka = given(file, &environment, flags).load().configuration.kafka;
    let expected = [
        ("bootstrap.servers", "b:2"),
        ("sasl.password", "0123"),
        ("socket.keepalive.enable", "true"),
    ];
    assert!(kafka.common.iter().eq(expected));
    assert!(kafka.consumer.iter().eq([("fetch.min.bytes", "8")]));
    assert!(
        kafka
            .producer
            .iter()
            .eq([("batch.size", "100"), ("linger.ms", "6")])
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_known_one() {
    check_error(
        "[application]\ntreads = 2",
        "jumun.toml, application.treads: unknown key application.treads; did you mean application.threads?",
    );
    check_error(
        "[topics]\nstate_dir = \"x\"",
        "jumun.toml, topics.state_dir: unknown key topics.state_dir; did you mean application.state_dir?",
    );
    check_error(
        "threads = 2",
        "jumun.toml, threads: unknown key threads; did you mean application.threads?",
    );
    check_error(
        "[aplication]\nid = \"x\"",
        "jumun.toml, aplication.id: unknown section [aplication]; did you mean [application]?",
    );
    check_error(
        "[http]\nentirely_different = 1",
        "jumun.toml, http.entirely_different: unknown key http.entirely_different",
    );
    let environment = [("JUMUN__HTTP__LISTN", "127.0.0.1:1")];
    assert_eq!(
        given("", &environment, Flags::default()).errors(),
        ["JUMUN__HTTP__LISTN: unknown key http.listn; did you mean http.listen?"]
    );
}

#[test]
fn every_reserved_property_is_refused_with_its_reason_wherever_it_stands() {
    for property in [
        "isolation.level",
        "acks",
        "enable.idempotence",
        "partitioner",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "transactional.id",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "group.remote.assignor",
        "partition.assignment.strategy",
        "auto.offset.reset",
        "enable.partition.eof",
    ] {
        for section in ["kafka", "kafka.consumer", "kafka.producer"] {
            let errors = given(
                &format!("[{section}]\n\"{property}\" = \"x\""),
                &[],
                Flags::default(),
            )
            .errors();
            assert_eq!(errors.len(), 1, "{errors:?}");
            let start = format!("jumun.toml, {section}.{property}: \"{property}\" cannot be set: ");
            assert!(
                errors[0].starts_with(&start) && errors[0].len() > start.len() + 10,
                "{errors:?}"
            );
        }
    }
    assert_eq!(
        given(
            "",
            &[("JUMUN__KAFKA__CONSUMER__GROUP_ID", "x")],
            Flags::default()
        )
        .errors(),
        [
            "JUMUN__KAFKA__CONSUMER__GROUP_ID: \"group.id\" cannot be set: it is application.id; set that"
        ]
    );
}

#[test]
fn values_out_of_range_are_refused() {
    check_error(
        "[application]\nthreads = 0",
        "jumun.toml, application.threads: must be a whole number from 1 to 256, not 0",
    );
    check_error(
        "[application]\nprocessing_guarantee = \"exactly_once\"",
        "jumun.toml, application.processing_guarantee: must be \"exactly_once_v2\" or \"at_least_once\", not \"exactly_once\"",
    );
    check_error(
        "[application]\ngroup_protocol = \"eager\"",
        "jumun.toml, application.group_protocol: must be \"classic\" or \"consumer\", not \"eager\"",
    );
    check_error(
        "[application]\nordering = \"lenient\"",
        "jumun.toml, application.ordering: must be \"default\", \"strict\", \"park\", or a table of violation, predecessor \
         and gap, not \"lenient\"",
    );
    check_error(
        "[application.ordering]\npredecessor = \"accept\"",
        "jumun.toml, application.ordering: predecessor must be \"reject\" or \"park\", not \"accept\"",
    );
    check_error(
        "[parking]\nmax_task_share = 1.5",
        "jumun.toml, parking.max_task_share: must be a share from 0 to 1 such as 0.01, not 1.5",
    );
    check_error(
        "[cancel_rights]\nCOMPLETED = [\"CS\"]",
        "jumun.toml, cancel_rights.COMPLETED: \"COMPLETED\" is no display status in which an order can be cancelled",
    );
    check_error(
        "[cancel_rights]\nREADY = [\"CS\", \"STOER if reason\"]",
        "jumun.toml, cancel_rights.READY: \"STOER\" is no kind of actor; did you mean STORE?",
    );
    check_error(
        "[actors]\n\"order.acepted\" = [\"STORE\"]",
        "jumun.toml, actors.order.acepted: \"order.acepted\" is no action; did you mean order.accepted?",
    );
    check_error(
        "[actors]\n\"order.accepted\" = []",
        "jumun.toml, actors.order.accepted: must name at least one actor",
    );
    check_error(
        "[aggregates]\nemit = \"early\"",
        "jumun.toml, aggregates.emit: must be \"updates\" or \"final\", not \"early\"",
    );
    check_error(
        "[aggregates]\nearly_interval_ms = 10",
        "jumun.toml, aggregates.early_interval_ms: must be a whole number from 100 to 86400000, not 10",
    );
    check_error(
        "[aggregates]\ninclude = [\"orders_crated\"]",
        "jumun.toml, aggregates.include: \"orders_crated\" is no aggregate; did you mean orders_created?",
    );
    check_error(
        "[aggregates]\ninclude = []",
        "jumun.toml, aggregates.include: must name at least one aggregate, or \"all\"",
    );
    check_error(
        "[aggregates]\ngrace_ms = -1",
        "jumun.toml, aggregates.grace_ms: must be a whole number from 0 to 86400000, not -1",
    );
    check_error(
        "[aggregates]\nenabled = \"perhaps\"",
        "jumun.toml, aggregates.enabled: must be true or false, not \"perhaps\"",
    );
    check_error(
        "[http]\nlisten = \"8080\"",
        "jumun.toml, http.listen: must be an address and a port such as 127.0.0.1:8080 or [::1]:8080, not \"8080\"",
    );
    check_error(
        "[application]\nid = \"a/b\"",
        "jumun.toml, application.id: \"a/b\" must be at most 120 of a-z, A-Z, 0-9, \".\", \"_\", \"-\", as in a topic's name",
    );
    check_error(
        "[kafka]\na = [1]",
        "jumun.toml, kafka.a: must be a text, a number or a boolean, not a list",
    );
    check_error(
        "[kafka]\nbootstrap.servers = \"\"",
        "jumun.toml, kafka.bootstrap.servers: is empty; name at least one broker as host:port",
    );
    check_error("kafka = 1", "jumun.toml, kafka: must be a table");
    check_error(
        "application = 1",
        "jumun.toml, application: [application] must be a table",
    );
    check_error(
        "[application]\ncommit_interval_ms = 2000\ntransaction_timeout_ms = 1000",
        "jumun.toml, application.commit_interval_ms: application.commit_interval_ms is 2000 ms and \
         application.transaction_timeout_ms is 1000 ms (jumun.toml, application.transaction_timeout_ms): the broker would \
         abort every transaction before its commit; raise the timeout",
    );
    check_error(
        "[application]\nmemory_max_bytes = 1000",
        "jumun.toml, application.memory_max_bytes: must be a whole number from 67108864 to 17592186044416, not 1000",
    );
    check_error(
        "[application]\ncache_max_bytes = 300000000",
        "jumun.toml, application.cache_max_bytes: application.cache_max_bytes is 300000000 and \
         application.memory_max_bytes is 536870912 (default): more than half of it; raise memory_max_bytes, or leave \
         cache_max_bytes out",
    );
}

#[test]
fn the_memory_is_set_in_every_layer() {
    let file = "[application]\nmemory_max_bytes = 100000000";
    let bytes = |environment: &[(&str, &str)], flags| {
        let effective = given(file, environment, flags).load();
        effective.configuration.application.memory_max_bytes
    };
    let variable = [("JUMUN__APPLICATION__MEMORY_MAX_BYTES", "200000000")];
    let flag = || Flags::default().with("application.memory_max_bytes", 300_000_000);
    assert_eq!(bytes(&[], Flags::default()), 100_000_000);
    assert_eq!(bytes(&variable, Flags::default()), 200_000_000);
    assert_eq!(bytes(&variable, flag()), 300_000_000);
    let default = given("", &[], Flags::default()).load();
    assert_eq!(
        default.configuration.application.memory_max_bytes,
        512 << 20
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let file = "[application]\nthreads = -1\ncolour = \"red\"\n[kafka]\nacks = 1";
    let errors = given(
        file,
        &[("JUMUN__TOPICS__PARTITIONS", "many")],
        Flags::default().with("http.listen", "x"),
    )
    .errors();
    let places: Vec<&str> = errors
        .iter()
        .map(|error| error.split(": ").next().unwrap())
        .collect();
    let expected = [
        "jumun.toml, application.threads",
        "jumun.toml, kafka.acks",
        "JUMUN__TOPICS__PARTITIONS",
        "--listen",
        "jumun.toml, application.colour",
    ];
    assert_eq!(places, expected);
}

#[test]
fn a_file_that_is_absent_or_no_toml_is_refused() {
    let mut absent = given("", &[], Flags::default());
    absent.sources.file = Some(absent.directory.path().join("absent.toml"));
    assert!(
        absent.errors()[0].starts_with("absent.toml: cannot be read: "),
        "{:?}",
        absent.errors()
    );
    let errors = given("[application\n", &[], Flags::default()).errors();
    assert!(
        errors.len() == 1 && errors[0].starts_with("jumun.toml: ") && errors[0].contains("line 1"),
        "{errors:?}"
    );
}

#[test]
fn the_effective_configuration_is_printed_with_secrets_masked() {
    let file = "[application]\nmax_rate = 5\n[kafka]\nsasl.username = \"u\"\n[kafka.producer]\nssl.key.pem = \"hunter2\"";
    let effective = given(
        file,
        &[("JUMUN__KAFKA__SASL_PASSWORD", "hunter2")],
        Flags::default(),
    )
    .load();
    let toml = effective.print(Format::Toml).unwrap();
    let json = effective.print(Format::Json).unwrap();
    for text in [&toml, &json, &format!("{effective:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("********"), "{text}");
    }
    let line = |start: &str| {
        toml.lines()
            .find(|line| line.starts_with(start))
            .unwrap()
            .to_owned()
    };
    assert_eq!(line("threads"), format!("{:<48} # default", "threads = 1"));
    assert_eq!(
        line("\"sasl.password\""),
        format!(
            "{:<48} # JUMUN__KAFKA__SASL_PASSWORD",
            "\"sasl.password\" = \"********\""
        )
    );
    assert!(line("max_rate").ends_with("jumun.toml, application.max_rate"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["application"]["commit_interval_ms"], 100);
    assert_eq!(json["kafka"]["sasl.username"], "u");
    assert_eq!(json["kafka"]["producer"]["ssl.key.pem"], "********");
}

#[test]
fn what_is_printed_can_be_read_back() {
    let file = "[application]\nstate_dir = 'C:\\a \"b\"\t'\nmax_rate = 7\nleave_on_stop = true\nmigrate_state = true\n[kafka]\nclient.id = \"\u{e4}\\u007f\"\n\
                [kafka.consumer]\nfetch.min.bytes = 1\n[topics]\npartitions = 9\n[events.\"order.events.v1\"]\nform = \"thin\"\nkey = \"json\"\n[aggregates]\nemit = \"final\"\ngrace_ms = 1\n[http]\nlisten = \"[::1]:0\"";
    let first = given(file, &[], Flags::default()).load();
    let again = given(&first.print(Format::Toml).unwrap(), &[], Flags::default()).load();
    assert_eq!(again.configuration, first.configuration);
}

#[test]
fn each_topic_has_a_form_whichever_way_its_name_is_written() {
    let thin = Dialect {
        form: Form::Thin,
        key: KeyForm::Json,
    };
    let environment = [
        ("JUMUN__EVENTS__PAYMENT_EVENTS_V1__FORM", "thin"),
        ("JUMUN__EVENTS__PAYMENT_EVENTS_V1__KEY", "json"),
    ];
    let flags = Flags::default()
        .with("events.delivery.events.v1.form", "thin")
        .with("events.delivery.events.v1.key", "json");
    for name in ["\"order.events.v1\"", "order.events.v1"] {
        let file = format!("[events.{name}]\nform = \"thin\"\nkey = \"json\"");
        let effective = given(&file, &environment, flags.clone()).load();
        let dialects = effective.configuration.events.dialects();
        for topic in crate::dialect::topics::INPUTS {
            assert_eq!(dialects.of(topic), thin, "{topic}");
        }
        let origin = &effective.origins["events.payment.events.v1.form"];
        assert_eq!(origin, "JUMUN__EVENTS__PAYMENT_EVENTS_V1__FORM");
        let toml = effective.print(Format::Toml).unwrap();
        assert!(
            toml.contains("[events.\"order.events.v1\"]\nform = \"thin\""),
            "{toml}"
        );
        assert!(!toml.contains("[events]"), "{toml}");
    }
}

#[test]
fn topics_and_forms_that_are_not_known_are_refused_with_the_nearest() {
    check_error(
        "[events.\"orders.events.v1\"]\nform = \"plain\"",
        "jumun.toml, events.orders.events.v1.form: \"orders.events.v1\" is no input topic, those are order.events.v1, \
         payment.events.v1, delivery.events.v1; did you mean \"order.events.v1\"?",
    );
    check_error(
        "[events.\"order.events.v1\"]\nform = \"debezium_out\"",
        "jumun.toml, events.order.events.v1.form: must be \"detect\" or \"plain\" or \"debezium_outbox\" or \
         \"debezium_raw\" or \"cloudevents\" or \"thin\", not \"debezium_out\"; did you mean \"debezium_outbox\"?",
    );
    check_error(
        "[events.\"order.events.v1\"]\nforms = \"plain\"",
        "jumun.toml, events.order.events.v1.forms: unknown key events.order.events.v1.forms; did you mean form?",
    );
    check_error(
        "[events.\"order.events.v1\"]\nkey = 7",
        "jumun.toml, events.order.events.v1.key: must be \"detect\" or \"bare\" or \"json\" or \"schema\", not 7",
    );
    check_error(
        "[event.\"order.events.v1\"]\nform = \"plain\"",
        "jumun.toml, event.order.events.v1: unknown section [event]; did you mean [events]?",
    );
    check_error(
        "[events]\nform = \"plain\"",
        "jumun.toml, events.form: \"form\" is no input topic, those are order.events.v1, payment.events.v1, \
         delivery.events.v1",
    );
}
