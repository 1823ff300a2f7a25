use super::*;
use crate::top::view::GroupView;

fn view() -> View {
    View {
        format: 1,
        application: "jumun".to_owned(),
        group: GroupView {
            state: "Stable".to_owned(),
            protocol: "classic".to_owned(),
            members: 2,
            trouble: None,
        },
        lag: 1_234_567,
        lag_is_estimate: true,
        events_per_second: Some(4_200.4),
        instances: vec![
            InstanceView {
                id: "orders-0".to_owned(),
                address: Some("10.0.0.7:8080".to_owned()),
                answers: true,
                state: Some("RESTORING".to_owned()),
                tasks: 1,
                events_per_second: Some(4_200.4),
                lag: Some(34_567),
                restoring: 1,
                restore_eta_seconds: Some(190),
                last_commit_age_ms: Some(40),
                standby_tasks: 3,
                standby_lag: 1_250,
                ..InstanceView::default()
            },
            InstanceView {
                id: "주문-1".to_owned(),
                problem: Some("no answer\nfrom it".to_owned()),
                tasks: 1,
                lag: Some(1_200_000),
                ..InstanceView::default()
            },
        ],
        tasks: vec![
            TaskView {
                id: "0_0".to_owned(),
                instance: Some("orders-0".to_owned()),
                thread: Some(1),
                phase: Some("RESTORING".to_owned()),
                lag: Some(34_567),
                lag_ms: Some(2_500),
                restore: Some(RestoreReport {
                    remaining: 580,
                    total: 1_000,
                    records_per_second: 3,
                    eta_seconds: Some(190),
                }),
                paused: Some("11 of 100 records".to_owned()),
                dead_letter_circuit: Some("open".to_owned()),
                last_commit_age_ms: Some(40),
                ..TaskView::default()
            },
            TaskView {
                id: "0_1".to_owned(),
                lag: Some(1_200_000),
                lag_is_estimate: true,
                ..TaskView::default()
            },
        ],
    }
}

#[test]
fn everything_is_told_where_there_is_room() {
    let expected = "\
jumun  group Stable (classic)  members 2  lag ~1,234,567  events/s 4,200  (~ from offsets: markers count)

INSTANCE  ADDRESS        STATE      TASKS  EVENTS/S  LAG        RESTORING  STANDBYS      COMMIT
orders-0  10.0.0.7:8080  RESTORING  1      4,200     34,567     1, 3 min   3, lag 1,250  40 ms
주문-1    -              NO ANSWER  1      -         1,200,000  -          -             -       no answer from it

TASK  OWNER       PHASE      LAG         BEHIND  COMMIT  RESTORE
0_0   orders-0/1  RESTORING  34,567      2.5 s   40 ms   [####......] 42% 3 min  dead letters: 11 of 100 records
0_1   nobody      ?          ~1,200,000  -       -       -";
    assert_eq!(draw(&view(), None, Paint::Plain).join("\n"), expected);
}

#[test]
fn a_narrow_terminal_cuts_and_never_wraps() {
    for width in 0..130 {
        for line in draw(&view(), Some(width), Paint::Plain) {
            assert!(line.width() <= width, "{width}: {line}");
        }
    }
    let lines = draw(&view(), Some(24), Paint::Plain);
    assert_eq!(lines[0], "jumun  group Stable (cl…");
    assert_eq!(lines[4], "주문-1    -            …");
    assert_eq!(lines[1], "");
}

#[test]
fn colours_add_no_width_and_are_on_what_they_say() {
    let coloured = draw(&view(), Some(40), Paint::Colours);
    assert!(
        coloured[0].starts_with("\x1b[1mjumun\x1b[0m"),
        "{coloured:?}"
    );
    let plain = |line: &String| {
        let mut text = String::new();
        let mut within = false;
        for char in line.chars() {
            match char {
                '\x1b' => within = true,
                'm' if within => within = false,
                _ if within => {}
                char => text.push(char),
            }
        }
        text
    };
    let bare: Vec<String> = coloured.iter().map(plain).collect();
    assert_eq!(bare, draw(&view(), Some(40), Paint::Plain));
}

#[test]
fn where_nobody_runs_the_offsets_speak() {
    let nobody = View {
        group: GroupView {
            state: "Empty".to_owned(),
            protocol: "consumer".to_owned(),
            ..GroupView::default()
        },
        application: "jumun".to_owned(),
        lag: 12,
        lag_is_estimate: true,
        ..View::default()
    };
    let lines = draw(&nobody, None, Paint::Plain);
    assert_eq!(lines[1], "nobody runs; committed offsets say lag 12");
    let mut away = nobody;
    away.group.trouble = Some("no answer from kafka:9092".to_owned());
    let lines = draw(&away, None, Paint::Plain);
    assert_eq!(lines[1], "no answer from kafka:9092");
    assert_eq!(lines.len(), 2, "nobody knows whether anybody runs");
}
