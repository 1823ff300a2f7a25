//! `jumun top` and `GET /status` on a real Kafka with two real processes: who has what, lag that falls, an instance that is
//! frozen, one that is killed, and nobody.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, free_port, http_get, wait_for};
use serde_json::Value;

use crate::support::load;
use crate::support::processor::{Processor, Setup, TIMEOUT, jumun, run_to_end};

const PARTITIONS: i32 = 4;
const EVENTS: usize = 2_000;
/// So many tasks judge, and so many merge aggregates.
const TASKS: usize = 4 + 2;

struct Scene {
    broker: Broker,
    state: tempfile::TempDir,
    protocol: &'static str,
}

impl Scene {
    fn new(protocol: &'static str) -> Self {
        let broker = Broker::start().unwrap();
        load::preload(&broker, EVENTS, PARTITIONS);
        let state = tempfile::tempdir().unwrap();
        Self {
            broker,
            state,
            protocol,
        }
    }

    fn start(&self, name: &str) -> Processor {
        Setup::new(&self.broker, "seen", &self.state.path().join(name))
            .strict()
            .flag("--instance-id", name)
            .setting("topics.partitions", &PARTITIONS.to_string())
            .setting("application.group_protocol", self.protocol)
            .setting("application.session_timeout_ms", "6000")
            .setting("application.leave_on_stop", "true")
            .start()
    }

    fn top(&self, format: &str) -> String {
        let mut command = jumun("top");
        command
            .args(["--once", "--format", format])
            .args(["--application-id", "seen"])
            .args(["--bootstrap-servers", self.broker.bootstrap_servers()]);
        let (status, told, errors) = run_to_end(command).unwrap();
        assert_eq!(status, Some(0), "{errors}");
        told
    }

    fn view(&self) -> Value {
        serde_json::from_str(&self.top("json")).unwrap()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let seen = wait_for(what, TIMEOUT, || {
            last = self.view();
            is_so(&last).then(|| last.clone())
        });
        seen.unwrap_or_else(|error| panic!("{error}: {last:#}"))
    }
}

fn instance<'a>(view: &'a Value, id: &str) -> &'a Value {
    let mut instances = view["instances"].as_array().unwrap().iter();
    instances.find(|it| it["id"] == id).unwrap_or(&Value::Null)
}

fn owners(view: &Value) -> BTreeSet<&str> {
    let tasks = view["tasks"].as_array().unwrap().iter();
    tasks.filter_map(|task| task["instance"].as_str()).collect()
}

fn all_run(view: &Value) -> bool {
    let tasks = view["tasks"].as_array().unwrap();
    tasks.len() == TASKS
        && tasks.iter().all(|task| task["phase"] == "RUNNING")
        && owners(view) == BTreeSet::from(["one", "two"])
}

#[test]
fn instances_are_seen_whatever_becomes_of_them() {
    instances_are_seen("classic");
}

#[test]
fn instances_are_seen_under_the_consumer_protocol() {
    instances_are_seen("consumer");
}

fn instances_are_seen(protocol: &'static str) {
    let scene = Scene::new(protocol);
    let nobody = scene.view();
    assert_eq!(nobody["group"]["members"], 0, "{nobody:#}");
    assert!(
        nobody["lag"].as_i64().unwrap() >= EVENTS as i64,
        "{nobody:#}"
    );
    let table = scene.top("table");
    assert!(
        table.contains("nobody runs; committed offsets say lag"),
        "{table}"
    );
    assert!(
        !table.contains('\x1b'),
        "colours where there is no terminal"
    );

    let mut one = scene.start("one");
    let mut two = scene.start("two");
    one.wait_ready();
    two.wait_ready();
    let view = scene.wait("both instances, all tasks, no lag", |view| {
        all_run(view) && view["lag"] == 0
    });
    assert_eq!(view["lagIsEstimate"], false, "{view:#}");
    assert_eq!(view["group"]["protocol"], protocol);
    for (id, processor) in [("one", &mut one), ("two", &mut two)] {
        let seen = instance(&view, id);
        assert_eq!(seen["answers"], true, "{view:#}");
        assert_eq!(seen["state"], "RUNNING");
        assert_eq!(seen["address"], processor.address().to_string());
        assert!(seen["eventsPerSecond"].is_number(), "{seen:#}");
        let (status, body) = http_get(processor.address(), "/status").unwrap();
        assert_eq!(status, 200, "{body}");
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(told["format"], 1);
        assert_eq!(told["instanceId"], id);
        assert_eq!(told["tasks"].as_array().unwrap().len(), seen["tasks"]);
        let task = &told["tasks"][0];
        assert_eq!(task["deadLetterCircuit"], "closed");
        assert!(task["commitMs"].is_number(), "{task:#}");
        for input in task["inputs"].as_array().unwrap() {
            assert_eq!(
                (&input["lag"], &input["lagMs"]),
                (&0.into(), &0.into()),
                "{task:#}"
            );
        }
    }

    two.process.sigstop().unwrap();
    let began = Instant::now();
    let view = scene.view();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(instance(&view, "one")["answers"], true, "{view:#}");
    let frozen = instance(&view, "two");
    assert_eq!(frozen["answers"], false, "{view:#}");
    assert!(
        frozen["problem"].as_str().unwrap().contains("within"),
        "{frozen}"
    );
    assert!(
        frozen["tasks"].as_u64().unwrap() > 0,
        "what the group tells of it: {view:#}"
    );
    two.process.sigcont().unwrap();
    scene.wait("the frozen one is back", all_run);

    two.process.kill9().unwrap();
    let view = scene.view();
    let dead = instance(&view, "two");
    assert_eq!(dead["answers"], false, "{view:#}");
    assert!(dead["tasks"].as_u64().unwrap() > 0, "{view:#}");
    if protocol == "classic" {
        // The brokers' own time is too long to be waited for under the other.
        let view = scene.wait("the group gave it up", |view| {
            instance(view, "two").is_null() && owners(view) == BTreeSet::from(["one"])
        });
        assert_eq!(view["group"]["members"], 1);
    }
    one.stop();
}

#[test]
fn brokers_that_are_away_are_named() {
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let mut command = jumun("top");
    command.args(["--once", "--bootstrap-servers", &address]);
    let (status, _, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains(&address), "{errors}");
}
