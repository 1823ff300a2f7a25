//! The aggregates of the order job: judged events in, records of windows out.

use std::time::Duration;

use topology::codec::{Bytes, VarI64};
use topology::dsl::{KStream, Produced};
use topology::io::HeaderBuffer;
use topology::process::{ProcessError, Processor, ProcessorContext, Record};
use topology::window::{
    Deltas, EmitStrategy, IdleRule, TimeWindows, WindowResult, Windowed, WindowedAggregator,
    WindowedOptions,
};

use super::codec::{JsonText, JsonTextSerializer};
use super::judged::Judged;
use super::options::JobOptions;
use super::{counters, names, topics};
use crate::config::{Aggregates, Emit};
use crate::domain::aggregates::{Counted, DeltaKind, Group};
use crate::domain::records::{
    AggregateUpdate, AggregateWindow, LateDelta, write_aggregate, write_aggregate_key,
    write_late_aggregate, write_late_aggregate_key,
};

/// Windows are a minute long; their topics are named after it.
const WINDOW: Duration = Duration::from_secs(60);

/// Adds the aggregation of what the judge forwards, and the two topics that tell of it.
pub(super) fn add(judged: &KStream<String, Judged>, job: &JobOptions) {
    let results = judged.aggregate_windowed(
        names::AGGREGATES,
        options(&job.aggregates, job.merging_tasks),
        OrderAggregator::default,
        Bytes,
        VarI64,
    );
    let produced = Produced::with(Bytes, JsonTextSerializer);
    results
        .filter(|_, result| matches!(result, WindowResult::Update { .. }))
        .process(names::AGGREGATE_RECORDS, AggregateRecords::default, &[])
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

/// The settings as the engine takes them.
fn options(settings: &Aggregates, merging_tasks: i32) -> WindowedOptions {
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
    type Aggregate = i64;

    fn event_time(&self, record: Record<'_, String, Judged>) -> Option<i64> {
        record.value.occurred_at
    }

    fn add(
        &mut self,
        record: Record<'_, String, Judged>,
        deltas: &mut Deltas<'_, Vec<u8>, i64>,
    ) -> Result<(), ProcessError> {
        let judged = record.value;
        deltas.caused_by(judged.event_id.as_bytes());
        for delta in judged.deltas.iter() {
            self.group.clear();
            self.group.extend_from_slice(delta.group);
            let (group, at, value) = (&self.group, judged.window_at, &delta.value);
            match delta.kind {
                DeltaKind::Window => deltas.add(group, at, value)?,
                DeltaKind::Running => deltas.add_running(group, at, value)?,
                DeltaKind::Total => deltas.add_total(group, value)?,
            }
        }
        Ok(())
    }

    fn merge(sum: &mut i64, delta: &i64) {
        *sum = sum.saturating_add(*delta);
    }
}

/// Writes the records of windows, and counts late deltas by aggregate.
#[derive(Default)]
pub(super) struct AggregateRecords {
    key: Vec<u8>,
    json: JsonText,
    headers: HeaderBuffer,
}

impl Processor for AggregateRecords {
    type Key = Windowed<Vec<u8>>;
    type Value = WindowResult<i64>;
    type OutKey = Vec<u8>;
    type OutValue = JsonText;

    fn process(
        &mut self,
        record: Record<'_, Windowed<Vec<u8>>, WindowResult<i64>>,
        context: &mut ProcessorContext<'_, '_, Vec<u8>, JsonText>,
    ) -> Result<(), ProcessError> {
        // Our own bytes: what follows on a group that cannot be read would be wrong.
        let group = Group::parse(&record.key.key)
            .map_err(|error| topology::Error::fatal("read a group", error.to_string()))?;
        let window = AggregateWindow {
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
                n,
                revision,
                is_final,
            } => {
                let update = AggregateUpdate {
                    value: *aggregate,
                    n: *n,
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
                    delta: *delta,
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
