//! The aggregates of the order job: judged events in, records of windows out.

use std::time::Duration;

use topology::codec::Bytes;
use topology::dsl::{KStream, Produced, StreamsBuilder};
use topology::graph::StoreBuilder;
use topology::io::HeaderBuffer;
use topology::process::{InitContext, ProcessError, Processor, ProcessorContext, Record};
use topology::window::{
    Deltas, EmitStrategy, IdleRule, TimeWindows, WindowResult, Windowed, WindowedAggregator,
    WindowedOptions,
};

use super::codec::{AggregateValues, JsonText, JsonTextSerializer, OrderNumberSerializer};
use super::counters::{self, Closed};
use super::detectors::{MinuteDetectors, MinuteOptions};
use super::duplicates::DuplicatePairs;
use super::judged::Judged;
use super::options::JobOptions;
use super::top_stores::{self, TopStores};
use super::{names, topics};
use crate::config::Emit;
use crate::domain::aggregates::{
    AggregateValue, BusinessAggregate, Counted, DeltaKind, Group, is_suspected, merged_by,
};
use crate::domain::detection::is_measured;
use crate::domain::records::{
    AggregateUpdate, AggregateWindow, LateDelta, riders, write_aggregate, write_aggregate_key,
    write_late_aggregate, write_late_aggregate_key,
};

/// Windows are a minute long; their topics are named after it.
const WINDOW: Duration = Duration::from_secs(60);
/// The windows of cohorts, of what becomes of the orders of a minute, are kept open for so long, and the grace.
const COHORT: Duration = Duration::from_secs(3_600);
/// The number of these windows in the aggregation.
const COHORT_WINDOWS: u8 = 1;
/// The number of those that the detectors look at, and in which orders that may have been sent twice meet.
const MEASURED_WINDOWS: u8 = 2;

/// What the merging tells.
type Results = KStream<Windowed<Vec<u8>>, WindowResult<AggregateValue>>;

/// Adds the aggregation of what the judge forwards, and the two topics that tell of it.
pub(super) fn add(builder: &StreamsBuilder, judged: &KStream<String, Judged>, job: &JobOptions) {
    builder.add_state_store(StoreBuilder::persistent(names::TOP_STORES));
    builder.add_state_store(StoreBuilder::persistent(names::DUPLICATES));
    builder.add_state_store(StoreBuilder::persistent(names::DETECTORS));
    let results = judged.aggregate_windowed(
        names::AGGREGATES,
        options(job),
        OrderAggregator::default,
        Bytes,
        AggregateValues,
    );
    let results = with_duplicates(&results, job);
    add_detectors(&results, job);
    let produced = Produced::with(Bytes, JsonTextSerializer);
    let results = results.filter(|window, _| !is_measured(&window.key));
    results
        .filter(|_, result| matches!(result, WindowResult::Update { .. }))
        .process(
            names::AGGREGATE_RECORDS,
            AggregateRecords::of_updates,
            &[names::TOP_STORES],
        )
        .to(
            &job.output(topics::AGGREGATES),
            produced.clone().with_name(names::AGGREGATE_UPDATES),
        );
    results
        .filter(|_, result| matches!(result, WindowResult::Late { .. }))
        .process(names::LATE_RECORDS, AggregateRecords::default, &[])
        .to(
            &job.output(topics::LATE_AGGREGATES),
            produced.with_name(names::LATE_AGGREGATES),
        );
}

/// In place of what is known of orders that may have been sent twice the number of their pairs.
fn with_duplicates(results: &Results, job: &JobOptions) -> Results {
    let grace_ms = ms(job.minutes.grace);
    let pairs = results
        .filter(|window, _| is_suspected(&window.key))
        .process(
            names::DUPLICATE_PAIRS,
            move || DuplicatePairs::new(grace_ms),
            &[names::DUPLICATES],
        );
    results
        .filter(|window, _| !is_suspected(&window.key))
        .merge(&pairs)
}

/// Adds the detectors that look at minutes, and the topic that tells of their findings. The operator and its store are there
/// whether they look or not: what was on can be switched off.
fn add_detectors(results: &Results, job: &JobOptions) {
    let options = MinuteOptions {
        enabled: job.minutes.enabled,
        grace_ms: ms(job.minutes.grace),
        idle_distance_ms: ms(job.aggregates.idle_distance),
        rebuild: job.rebuild,
    };
    let findings = results
        .filter(|window, _| is_measured(&window.key))
        .process(
            names::MINUTE_DETECTORS,
            move || MinuteDetectors::new(options),
            &[names::DETECTORS],
        );
    if job.minutes.enabled {
        let produced = Produced::with(OrderNumberSerializer, JsonTextSerializer);
        findings.to(
            &job.output(topics::DETECTOR),
            produced.with_name(names::MINUTE_FINDINGS),
        );
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The settings as the engine takes them.
fn options(job: &JobOptions) -> WindowedOptions {
    let (settings, merging_tasks) = (&job.aggregates, job.merging_tasks);
    let measured = TimeWindows::of_size(WINDOW).grace(job.minutes.grace);
    WindowedOptions {
        partitions: Some(merging_tasks),
        emit: match settings.emit {
            Emit::Updates => EmitStrategy::OnWindowUpdate(settings.early_interval),
            Emit::Final => EmitStrategy::OnWindowClose,
        },
        idle: IdleRule {
            after: settings.idle,
            distance: settings.idle_distance,
        },
        more_windows: [
            Some(TimeWindows::of_size(WINDOW).grace(settings.grace.saturating_add(COHORT))),
            Some(measured),
        ],
        ..WindowedOptions::new(TimeWindows::of_size(WINDOW).grace(settings.grace))
    }
}

/// Adds what judged events count for; groups are keys to be read by [`Group::parse`].
#[derive(Debug, Default)]
pub(super) struct OrderAggregator {
    group: Vec<u8>,
}

impl WindowedAggregator for OrderAggregator {
    type Key = String;
    type Value = Judged;
    type Group = Vec<u8>;
    type Aggregate = AggregateValue;

    fn event_time(&self, record: Record<'_, String, Judged>) -> Option<i64> {
        record.value.occurred_at
    }

    fn add(
        &mut self,
        record: Record<'_, String, Judged>,
        deltas: &mut Deltas<'_, Vec<u8>, AggregateValue>,
    ) -> Result<(), ProcessError> {
        let judged = record.value;
        deltas.caused_by(judged.event_id.as_bytes());
        for delta in judged.deltas.iter() {
            self.group.clear();
            self.group.extend_from_slice(delta.group);
            let at = delta.at.unwrap_or(judged.window_at);
            let (group, value) = (&self.group, delta.value);
            match delta.kind {
                DeltaKind::Window => deltas.add(group, at, value)?,
                DeltaKind::Cohort => deltas.add_in(COHORT_WINDOWS, group, at, value)?,
                DeltaKind::Running => deltas.add_running(group, at, value)?,
                DeltaKind::Measured => deltas.add_in(MEASURED_WINDOWS, group, at, value)?,
                DeltaKind::Total => deltas.add_total(group, value)?,
            }
        }
        Ok(())
    }

    fn merge(sum: &mut AggregateValue, delta: &AggregateValue) {
        sum.merge(delta);
    }

    fn merged_by(group: &[u8]) -> &[u8] {
        merged_by(group)
    }
}

/// Writes the records of windows; counts late deltas by aggregate, and the riders of closed minutes.
#[derive(Default)]
pub(super) struct AggregateRecords {
    key: Vec<u8>,
    json: JsonText,
    headers: HeaderBuffer,
    top_stores: Option<TopStores>,
}

impl AggregateRecords {
    /// Of updates, which alone are told of the top stores.
    fn of_updates() -> Self {
        Self {
            top_stores: Some(TopStores::default()),
            ..Self::default()
        }
    }
}

impl Processor for AggregateRecords {
    type Key = Windowed<Vec<u8>>;
    type Value = WindowResult<AggregateValue>;
    type OutKey = Vec<u8>;
    type OutValue = JsonText;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        match &mut self.top_stores {
            Some(top_stores) => top_stores.init(context),
            None => Ok(()),
        }
    }

    fn process(
        &mut self,
        record: Record<'_, Windowed<Vec<u8>>, WindowResult<AggregateValue>>,
        context: &mut ProcessorContext<'_, '_, Vec<u8>, JsonText>,
    ) -> Result<(), ProcessError> {
        // Our own bytes: what follows on a group that cannot be read would be wrong.
        let group = Group::parse(&record.key.key)
            .map_err(|error| topology::Error::fatal("read a group", error.to_string()))?;
        let mut window = AggregateWindow {
            group,
            start: record.key.start,
            end: record.key.end,
        };
        self.key.clear();
        self.json.0.clear();
        self.headers.clear();
        match record.value {
            WindowResult::Update {
                aggregate,
                moved,
                n,
                revision,
                is_final,
            } => {
                let mut n = *n;
                let (mut value, mut moved) = (aggregate, moved);
                if group.counted == Counted::Aggregate(BusinessAggregate::TopStores) {
                    let Some(top_stores) = self.top_stores.as_mut().filter(|_| *is_final) else {
                        return Ok(());
                    };
                    window.start = window.end.saturating_sub(top_stores::WINDOW_MS);
                    (value, n) = top_stores.close(record.key, aggregate, n, context)?;
                    moved = value;
                }
                if group.counted == Counted::Aggregate(BusinessAggregate::RiderLoad) && *is_final {
                    let closed = [Closed::Riders, Closed::Deliveries];
                    for (closed, number) in closed.into_iter().zip(riders(value.thing())) {
                        context.count(counters::closed(closed), number);
                    }
                }
                let update = AggregateUpdate {
                    value,
                    moved,
                    n,
                    rev: *revision,
                    is_final: *is_final,
                };
                write_aggregate_key(&mut self.key, &window);
                write_aggregate(&mut self.json.0, &window, &update);
            }
            WindowResult::Late {
                delta,
                timestamp,
                cause,
                number,
                closed_before,
            } => {
                let late = LateDelta {
                    delta,
                    occurred_at: *timestamp,
                    event_id: &String::from_utf8_lossy(cause),
                    closed_before: *closed_before,
                    partition: context.task_id().partition,
                    n: *number,
                };
                if let Counted::Aggregate(aggregate) = group.counted {
                    context.count(counters::late(aggregate), 1);
                }
                write_late_aggregate_key(&mut self.key, &window, &late);
                write_late_aggregate(&mut self.json.0, &window, &late);
                self.headers.push("event-id", Some(cause));
            }
        }
        context.forward(Record {
            key: &self.key,
            value: &self.json,
            timestamp: record.timestamp,
            headers: self.headers.view(),
        })
    }
}
