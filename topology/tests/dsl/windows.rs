use std::time::Duration;

use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, KGroupedStream, KStream, Produced, StreamsBuilder};
use topology::testing::{TestDriver, TestDriverConfig};
use topology::window::{EmitStrategy, TimeWindowed, TimeWindows, WindowResult, Windowed};

use super::describe;

const SECOND: Duration = Duration::from_secs(1);

/// A minute, with a grace of ten seconds.
fn minutes() -> TimeWindows {
    TimeWindows::of_size(60 * SECOND).grace(10 * SECOND)
}

fn visits(builder: &StreamsBuilder) -> KGroupedStream<String, String> {
    builder
        .stream("visits", Consumed::with(Utf8, Utf8))
        .group_by_key(Grouped::with(Utf8, Utf8))
}

/// `zoo@60=3`, with what kind of result it is.
fn tell(results: &KStream<Windowed<String>, WindowResult<i64>>) {
    let told = results.map(|windowed, result| {
        let text = match result {
            WindowResult::Update {
                aggregate,
                is_final: true,
                ..
            } => format!("={aggregate} final"),
            WindowResult::Update { aggregate, .. } => format!("={aggregate}"),
            WindowResult::Late { delta, .. } => format!("+{delta} late"),
        };
        let seconds = windowed.start / 1000;
        (
            windowed.key.clone(),
            format!("{}@{seconds}{text}", windowed.key),
        )
    });
    told.to("told", Produced::with(Utf8, Utf8));
}

/// A driver with a wall clock at 1000 s: records of all tests lie before.
fn driver(builder: &StreamsBuilder, partitions: i32) -> TestDriver {
    let mut config = TestDriverConfig::new("app").partitions(partitions);
    config.initial_wall_clock_ms = 1_000_000;
    TestDriver::new(builder.build().unwrap(), config).unwrap()
}

/// Visits of the zoo at these seconds, and what is told after a second more of wall clock.
fn told(driver: &mut TestDriver, seconds: &[i64], seen: &mut usize) -> Vec<String> {
    let input = driver.create_input_topic("visits", Utf8, Utf8);
    for second in seconds {
        let (key, value) = ("zoo".to_owned(), "visit".to_owned());
        input
            .pipe_input(driver, &key, &value, second * 1000)
            .unwrap();
    }
    driver.advance_wall_clock_time(SECOND).unwrap();
    let mut output = driver.create_output_topic("told", Utf8, Utf8);
    let all = output.read_values_to_list(driver).unwrap();
    let new = all.iter().skip(*seen).cloned().collect();
    *seen = all.len();
    new
}

#[test]
fn tumbling_windows_are_told_once_when_they_close_and_what_comes_later_apart() {
    let builder = StreamsBuilder::new();
    let counts = visits(&builder).windowed_by(minutes());
    tell(
        &counts
            .emit_strategy(EmitStrategy::OnWindowClose)
            .count("counts"),
    );
    let (mut driver, mut seen) = (driver(&builder, 1), 0);
    assert_eq!(told(&mut driver, &[1, 2, 61], &mut seen), [""; 0]);
    // Within the grace.
    assert_eq!(told(&mut driver, &[3, 69], &mut seen), [""; 0]);
    assert_eq!(told(&mut driver, &[70], &mut seen), ["zoo@0=3 final"]);
    assert_eq!(told(&mut driver, &[4], &mut seen), ["zoo@0+1 late"]);
    assert_eq!(told(&mut driver, &[130], &mut seen), ["zoo@60=3 final"]);
}

#[test]
fn hopping_windows_count_a_record_in_each_that_it_lies_in() {
    let builder = StreamsBuilder::new();
    let windows = TimeWindows::of_size(60 * SECOND).advance_by(30 * SECOND);
    let counts = visits(&builder).windowed_by(windows);
    tell(
        &counts
            .emit_strategy(EmitStrategy::OnWindowClose)
            .count("counts"),
    );
    let (mut driver, mut seen) = (driver(&builder, 1), 0);
    let first = told(&mut driver, &[5, 35, 65, 95], &mut seen);
    assert_eq!(
        first,
        ["zoo@-30=1 final", "zoo@0=2 final", "zoo@30=2 final"]
    );
}

#[test]
fn updates_are_told_every_so_often_and_split_from_what_is_late() {
    let builder = StreamsBuilder::new();
    let every_second = EmitStrategy::OnWindowUpdate(SECOND);
    let counts = visits(&builder)
        .windowed_by(minutes())
        .emit_strategy(every_second)
        .count("counts");
    tell(&counts);
    let keys = TimeWindowed::of(Utf8, minutes());
    counts.updates().to("updates", Produced::with(keys, I64));
    counts.late().to("late", Produced::with(keys, I64));
    let (mut driver, mut seen) = (driver(&builder, 1), 0);
    assert_eq!(told(&mut driver, &[1], &mut seen), ["zoo@0=1"]);
    assert_eq!(told(&mut driver, &[2, 3], &mut seen), ["zoo@0=3"]);
    assert_eq!(
        told(&mut driver, &[70], &mut seen),
        ["zoo@0=3 final", "zoo@60=1"]
    );
    assert_eq!(told(&mut driver, &[4], &mut seen), ["zoo@0+1 late"]);
    let window = |start: i64| Windowed {
        key: "zoo".to_owned(),
        start: start * 1000,
        end: (start + 60) * 1000,
    };
    let mut updates = driver.create_output_topic("updates", keys, I64);
    assert_eq!(
        updates.read_key_values_to_list(&mut driver).unwrap(),
        [
            (window(0), 1),
            (window(0), 3),
            (window(0), 3),
            (window(60), 1)
        ]
    );
    let mut late = driver.create_output_topic("late", keys, I64);
    assert_eq!(
        late.read_key_values_to_list(&mut driver).unwrap(),
        [(window(0), 1)]
    );
}

#[test]
fn records_of_all_partitions_are_put_together_without_being_repartitioned() {
    let builder = StreamsBuilder::new();
    let by_place = builder
        .stream("visits", Consumed::with(Utf8, Utf8))
        .group_by(
            "by-place",
            |_person, place: &String| place.clone(),
            Grouped::with(Utf8, Utf8),
        );
    let counts = by_place.windowed_by(minutes());
    tell(
        &counts
            .emit_strategy(EmitStrategy::OnWindowClose)
            .count("counts"),
    );
    let description = describe(&builder);
    assert!(!description.contains("by-place"), "{description}");
    let mut driver = driver(&builder, 3);
    let input = driver.create_input_topic("visits", Utf8, Utf8);
    // Everybody goes to the zoo in the first minute, and in the third.
    for (start, people) in [(0, 0..30), (130, 0..30)] {
        for person in people {
            let (key, value) = (format!("person {person}"), "zoo".to_owned());
            let timestamp = (start + person / 2) * 1000;
            input
                .pipe_input(&mut driver, &key, &value, timestamp)
                .unwrap();
        }
    }
    for _ in 0..3 {
        driver.advance_wall_clock_time(SECOND).unwrap();
    }
    let mut output = driver.create_output_topic("told", Utf8, Utf8);
    let told = output.read_values_to_list(&mut driver).unwrap();
    assert_eq!(told, ["zoo@0=30 final"]);
}

#[test]
fn a_window_half_full_goes_on_after_a_crash() {
    let builder = StreamsBuilder::new();
    let texts = visits(&builder).windowed_by(minutes());
    let reduced = texts
        .emit_strategy(EmitStrategy::OnWindowClose)
        .reduce("longest", |one, other| one.max(other).clone());
    let longest = reduced.updates();
    longest.to(
        "longest",
        Produced::with(TimeWindowed::of(Utf8, minutes()), Utf8),
    );
    let mut driver = driver(&builder, 1);
    let input = driver.create_input_topic("visits", Utf8, Utf8);
    let pipe = |driver: &mut TestDriver, value: &str, second: i64| {
        let (key, value) = ("k".to_owned(), value.to_owned());
        input
            .pipe_input(driver, &key, &value, second * 1000)
            .unwrap();
    };
    // The empty text is a value, not nothing.
    pipe(&mut driver, "", 1);
    driver.commit().unwrap();
    pipe(&mut driver, "", 61);
    pipe(&mut driver, "b", 62);
    driver.commit().unwrap();
    pipe(&mut driver, "a", 63);
    driver.crash();
    driver.start().unwrap();
    pipe(&mut driver, "", 140);
    for _ in 0..3 {
        driver.advance_wall_clock_time(SECOND).unwrap();
    }
    let keys = TimeWindowed::of(Utf8, minutes());
    let mut output = driver.create_output_topic("longest", keys, Utf8);
    assert_eq!(output.read_values_to_list(&mut driver).unwrap(), ["", "b"]);
}
