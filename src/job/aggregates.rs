//! The aggregates of the order job: judged events in, records of windows out.

use std::time::Duration;

use topology::codec::{Bytes, VarI64};
use topology::graph::Topology;
use topology::io::HeaderBuffer;
use topology::process::{Child, InitContext, ProcessError, Processor, ProcessorContext, Record};
use topology::window::{
    Deltas, EmitStrategy, IdleRule, TimeWindows, WindowResult, Windowed, WindowedAggregator,
    WindowedOptions,
};

use super::codec::{JsonText, JsonTextSerializer};
use super::judged::Judged;
use super::{counters, names, topics};
use crate::config::{Aggregates, Emit};
use crate::domain::aggregates::{Counted, DeltaKind, Group};
use crate::domain::records::{
    AggregateUpdate, AggregateWindow, LateDelta, write_aggregate, write_aggregate_key,
    write_late_aggregate, write_late_aggregate_key,
};

/// Windows are a minute long; their topics are named after it.
const WINDOW: Duration = Duration::from_secs(60);

/// Adds the aggregation of what the judge forwards, and the two topics that tell of it; nothing if it is turned off.
pub(super) fn add(topology: &mut Topology, settings: &Aggregates, merging_tasks: i32) {
    let merged = format!("{}-merge", names::AGGREGATES);
    topology
        .add_windowed_aggregation(
            names::AGGREGATES,
            OrderAggregator::default,
            options(settings, merging_tasks),
            || Bytes,
            || VarI64,
            &[names::JUDGE],
        )
        .add_processor(
            names::AGGREGATE_RECORDS,
            AggregateRecords::default,
            &[&merged],
        )
        .add_sink(
            names::AGGREGATE_UPDATES,
            topics::AGGREGATES,
            || Bytes,
            || JsonTextSerializer,
            &[names::AGGREGATE_RECORDS],
        )
        .add_sink(
            names::LATE_AGGREGATES,
            topics::LATE_AGGREGATES,
            || Bytes,
            || JsonTextSerializer,
            &[names::AGGREGATE_RECORDS],
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
        Some(record.value.occurred_at)
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
    children: Option<Children>,
    key: Vec<u8>,
    json: JsonText,
    headers: HeaderBuffer,
}

#[derive(Clone, Copy)]
struct Children {
    updates: Child,
    late: Child,
}

impl Processor for AggregateRecords {
    type Key = Windowed<Vec<u8>>;
    type Value = WindowResult<i64>;
    type OutKey = Vec<u8>;
    type OutValue = JsonText;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.children = Some(Children {
            updates: context.child(names::AGGREGATE_UPDATES)?,
            late: context.child(names::LATE_AGGREGATES)?,
        });
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, Windowed<Vec<u8>>, WindowResult<i64>>,
        context: &mut ProcessorContext<'_, '_, Vec<u8>, JsonText>,
    ) -> Result<(), ProcessError> {
        let Some(children) = self.children else {
            return Ok(());
        };
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
        let child = match record.value {
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
                children.updates
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
                children.late
            }
        };
        context.forward_to(
            child,
            Record {
                key: &self.key,
                value: &self.json,
                timestamp: record.timestamp,
                headers: self.headers.view(),
            },
        )
    }
}
