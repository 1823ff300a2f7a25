//! Points that are a backlog and settings.

use super::axis::Axis;
use super::{PROGRAMS, Point};
use crate::backlog::{Filling, Stream};
use crate::error::Result;
use crate::options::GrowthOptions;
use crate::order_job::{OrderJob, PARTITIONS};
use crate::progress::say;
use crate::stand::Stand;

/// What is measured at a point.
struct Setup {
    label: String,
    settings: Vec<String>,
    /// Where it differs from that of the point before.
    filling: Option<Filling>,
}

/// The points of an axis.
fn setups(options: &GrowthOptions, axis: Axis) -> Vec<Setup> {
    let usual = Filling {
        stream: Stream::Usual,
        events: options.events,
        seed: options.seed,
        partitions: PARTITIONS,
        event_bytes: 0,
    };
    let with = |label: String, setting: String| Setup {
        label,
        settings: vec![setting],
        filling: None,
    };
    let over = |label: String, filling: Filling| Setup {
        label,
        settings: Vec::new(),
        filling: Some(filling),
    };
    let mut setups = match axis {
        Axis::Partitions => [1, 4, 12, 24]
            .map(|partitions| {
                over(
                    partitions.to_string(),
                    Filling {
                        partitions,
                        ..usual
                    },
                )
            })
            .into(),
        Axis::EventBytes => vec![
            over("as generated".to_owned(), usual),
            over(
                "2048".to_owned(),
                Filling {
                    event_bytes: 2048,
                    ..usual
                },
            ),
        ],
        Axis::Threads => [1, 2]
            .map(|threads| {
                let setting = format!("application.threads={threads}");
                with(threads.to_string(), setting)
            })
            .into(),
        Axis::CommitInterval => [20, 100, 1_000]
            .map(|interval| {
                let mut setup = with(
                    format!("{interval} ms"),
                    format!("application.commit_interval_ms={interval}"),
                );
                setup.settings.push(format!(
                    "application.catch_up_commit_interval_ms={interval}"
                ));
                setup
            })
            .into(),
        Axis::LiveOrders => Vec::new(),
    };
    if let Some(first) = setups.first_mut() {
        first.filling.get_or_insert(usual);
    }
    setups
}

/// All runs of an axis, the points in turn. Backlogs that differ have a broker each, which idles while it is not its turn.
pub(super) fn measure(
    options: &GrowthOptions,
    job: &mut OrderJob,
    axis: Axis,
) -> Result<Vec<Point>> {
    let setups = setups(options, axis);
    let mut stands: Vec<Stand> = Vec::new();
    let mut places = Vec::new();
    for setup in &setups {
        if let Some(filling) = &setup.filling {
            stands.push(Stand::start(filling)?);
        }
        places.push((
            setup,
            stands.len().saturating_sub(1),
            Point::new(setup.label.clone()),
        ));
    }
    for number in 1..=options.runs {
        for (setup, place, point) in &mut places {
            let Some(stand) = stands.get_mut(*place) else {
                continue;
            };
            let settings: Vec<&str> = setup.settings.iter().map(String::as_str).collect();
            for (name, extent) in PROGRAMS {
                say(&format!(
                    "{}: {}, {name}, run {number}",
                    axis.title(),
                    setup.label
                ));
                let group = format!("{}-{name}-{number}", setup.label).replace(' ', "-");
                let done = stand.order_job(job, name, group, extent, &settings)?;
                point.events = stand.backlog.events();
                point.verified = done.verified;
                point.runs.push(done.run);
            }
        }
    }
    Ok(places.into_iter().map(|(_, _, point)| point).collect())
}
