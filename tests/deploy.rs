//! The files in `deploy/` name what the program knows: flags, settings, variables, paths of probes, and limits that
//! fit each other.

use std::fs;
use std::path::{Path, PathBuf};

use jumun_harness::http_get;
use serde_json::Value;

use crate::support::processor::{Setup, jumun, run_to_end};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn manifest(file: &str) -> Value {
    serde_saphyr::from_str(&read(&format!("kubernetes/{file}"))).unwrap()
}

/// The configuration file of the ConfigMap, as a file.
fn configuration_file(directory: &Path) -> PathBuf {
    let path = directory.join("jumun.toml");
    let manifest = manifest("configuration.yaml");
    fs::write(&path, manifest["data"]["jumun.toml"].as_str().unwrap()).unwrap();
    path
}

/// What `jumun config` makes of it: the settings with their origins. Fails on what the program does not know.
fn effective(arguments: &[String], environment: &[(String, String)]) -> Result<Value, String> {
    let mut command = jumun("config");
    command.args(arguments).args(["--format", "json"]);
    command.envs(environment.iter().cloned());
    match run_to_end(command).unwrap() {
        (Some(0), text, _) => Ok(serde_json::from_str(&text).unwrap()),
        (_, _, errors) => Err(errors),
    }
}

/// The value of a setting, whatever else is told of it.
fn setting<'a>(effective: &'a Value, section: &str, key: &str) -> &'a Value {
    let found = &effective[section][key];
    let found = found.get("value").unwrap_or(found);
    assert!(!found.is_null(), "no {section}.{key} in {effective}");
    found
}

/// The value of a line `name=value` of the unit.
fn directive(unit: &str, name: &str) -> String {
    let found = unit
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// `768M`, `768Mi`, in bytes.
fn bytes(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.find(|byte: char| !byte.is_ascii_digit()).unwrap());
    let shift = match unit {
        "M" | "Mi" => 20,
        "G" | "Gi" => 30,
        unit => panic!("{unit}"),
    };
    number.parse::<u64>().unwrap() << shift
}

/// A process may take its budget and a fifth (tests/memory_bounds.rs).
fn assert_fits(limit: u64, effective: &Value) {
    let budget = setting(effective, "application", "memory_max_bytes")
        .as_u64()
        .unwrap();
    assert!(
        limit * 5 >= budget * 6,
        "{limit} is too little for {budget}"
    );
}

fn shutdown_seconds(effective: &Value) -> u64 {
    setting(effective, "application", "shutdown_timeout_ms")
        .as_u64()
        .unwrap()
        / 1_000
}

/// The arguments of the unit's command behind `run`, for an instance.
fn unit_arguments(unit: &str, instance: &str, configuration: &Path) -> Vec<String> {
    let command = directive(unit, "ExecStart").replace("%i", instance);
    let mut words = command.split_whitespace().map(str::to_owned);
    assert_eq!(words.next().as_deref(), Some("/usr/local/bin/jumun"));
    assert_eq!(words.next().as_deref(), Some("run"));
    let file = |word: String| match word.as_str() {
        "/etc/jumun/jumun.toml" => configuration.display().to_string(),
        _ => word,
    };
    words.map(file).collect()
}

#[test]
fn the_unit_starts_the_program_as_a_member_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let configuration = configuration_file(directory.path());
    let unit = read("systemd/jumun@.service");
    let arguments = unit_arguments(&unit, "2", &configuration);
    let effective = effective(&arguments, &[]).unwrap();
    assert_eq!(setting(&effective, "application", "instance_id"), "jumun-2");

    let state = setting(&effective, "application", "state_dir")
        .as_str()
        .unwrap()
        .to_owned();
    let kept = directive(&unit, "StateDirectory").replace("%i", "2");
    assert_eq!(state, format!("/var/lib/{kept}"));
    let patience: u64 = directive(&unit, "TimeoutStopSec").parse().unwrap();
    assert!(patience > shutdown_seconds(&effective));
    assert_fits(bytes(&directive(&unit, "MemoryMax")), &effective);

    // Wrong configuration ends with the status that is not tried again.
    let wrong = [arguments, vec!["--no-such-flag".to_owned()]].concat();
    assert!(self::effective(&wrong, &[]).is_err());
    let mut command = jumun("config");
    command.arg("--no-such-flag");
    let (status, _, _) = run_to_end(command).unwrap();
    assert_eq!(
        status.unwrap().to_string(),
        directive(&unit, "RestartPreventExitStatus")
    );
}

#[test]
fn pods_start_the_program_with_settings_that_it_knows() {
    let directory = tempfile::tempdir().unwrap();
    let configuration = configuration_file(directory.path()).display().to_string();
    let set = manifest("stateful-set.yaml");
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];

    let arguments = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| match word.as_str() {
            Some("/etc/jumun/jumun.toml") => configuration.clone(),
            word => word.unwrap().to_owned(),
        });
    let arguments: Vec<String> = arguments.collect();
    assert_eq!(arguments[0], "run");
    let variables = container["env"].as_array().unwrap().iter();
    let environment: Vec<(String, String)> = variables
        .map(|variable| {
            let value = match variable["value"].as_str() {
                Some(value) => value
                    .replace("$(POD_NAME)", "jumun-1")
                    .replace("$(POD_NAMESPACE)", "orders"),
                None if variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name" => {
                    "jumun-1".to_owned()
                }
                None => "a-secret-or-a-namespace".to_owned(),
            };
            (variable["name"].as_str().unwrap().to_owned(), value)
        })
        .collect();
    let effective = effective(&arguments[1..], &environment).unwrap();
    assert_eq!(setting(&effective, "application", "instance_id"), "jumun-1");
    assert_eq!(
        setting(&effective, "http", "application_server"),
        "jumun-1.jumun.orders.svc:8080"
    );
    assert_eq!(setting(&effective, "http", "listen"), "0.0.0.0:8080");
    assert_eq!(container["ports"][0]["containerPort"], 8080);

    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > shutdown_seconds(&effective));
    assert_fits(
        bytes(container["resources"]["limits"]["memory"].as_str().unwrap()),
        &effective,
    );
    let mounts: Vec<&Value> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    let is_state =
        |mount: &&&Value| mount["mountPath"] == *setting(&effective, "application", "state_dir");
    let state = mounts.iter().find(is_state).unwrap();
    assert_eq!(
        state["name"],
        set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    );
    assert_eq!(
        manifest("service.yaml")["metadata"]["name"],
        set["spec"]["serviceName"]
    );
    for labels in [
        &set["spec"]["selector"]["matchLabels"],
        &manifest("service.yaml")["spec"]["selector"],
        &manifest("disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(labels, &set["spec"]["template"]["metadata"]["labels"]);
    }

    // A setting that the program does not know is noticed.
    let wrong = [("JUMUN__APPLICATION__NO_SUCH".to_owned(), "1".to_owned())];
    assert!(self::effective(&arguments[1..], &wrong).is_err());
}

#[test]
fn probes_ask_for_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    // Nobody listens there: liveness does not hang on brokers.
    let mut processor = Setup::at("127.0.0.1:1", "probed", directory.path()).start();
    let address = processor.address();
    let set = manifest("stateful-set.yaml");
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    for (probe, expected) in [
        ("startupProbe", 200),
        ("livenessProbe", 200),
        ("readinessProbe", 503),
    ] {
        let request = &container[probe]["httpGet"];
        assert_eq!(request["port"], container["ports"][0]["name"]);
        let path = request["path"].as_str().unwrap();
        assert_eq!(
            http_get(address, path).unwrap().0,
            expected,
            "{probe} {path}"
        );
    }
    let metrics = set["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"].as_str();
    assert_eq!(http_get(address, metrics.unwrap()).unwrap().0, 200);
    processor.process.kill9().unwrap();
}

#[test]
fn the_container_runs_the_program_and_not_as_root() {
    let file = read("Containerfile");
    let user = "10001";
    assert!(file.contains(&format!("USER {user}:{user}")));
    let set = manifest("stateful-set.yaml");
    let context = &set["spec"]["template"]["spec"]["securityContext"];
    assert_eq!(context["runAsUser"].to_string(), user);
    assert!(file.contains("ENTRYPOINT [\"/usr/local/bin/jumun\"]"));
    let variables = file
        .lines()
        .filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
    let environment: Vec<_> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let effective = effective(&[], &environment).unwrap();
    assert_eq!(
        setting(&effective, "application", "state_dir"),
        "/var/lib/jumun"
    );
    // The base image's compiler is one that the project takes.
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let wanted = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .unwrap();
    assert!(file.contains(&format!(
        "docker.io/library/rust:{}-",
        wanted.trim_end_matches('"')
    )));
}
