//! The detectors that look at minutes: what was measured in closed minutes in, findings out.
//!
//! Minutes are looked at in their order, each once: all of those that the watermark of the merging task has closed, also
//! the ones in which nothing happened. All state is in the store `detectors`, in rows of five kinds, by the first byte:
//!
//! ```text
//! 00                                  up to which minute was looked (8 bytes, big-endian)
//! 01 measure scope                    its first minute (8 bytes, big-endian)
//! 02 measure scope minute             what was measured: two sums (zigzag LEB128); kept for an hour
//! 03 measure scope minute of the week what was counted in the last weeks, see `Past`
//! 04 detector scope                   a finding, see `Track`
//! 05 measure scope                    the latest value of a gauge: its window, two sums (zigzag LEB128)
//! ```
//!
//! A scope is its length (1 byte) and its text; a minute its beginning (8 bytes, big-endian, the sign flipped).

use std::ops::{Bound, ControlFlow};
use std::time::Duration;

use topology::io::Headers;
use topology::process::{
    InitContext, ProcessError, Processor, ProcessorContext, Punctuation, PunctuationType, Record,
};
use topology::store::StoreId;
use topology::window::{WindowResult, Windowed};

use super::codec::JsonText;
use super::{counters, names};
use crate::domain::aggregates::AggregateValue;
use crate::domain::detection::{
    self, MINUTE_MS, Measure, Minute, Past, Rule, SEED_MINUTES, Track, Verdict, from_seed,
    minute_of_week, read_measured, rules, week, write_sums,
};
use crate::domain::detector::Detector;
use crate::domain::records::{Finding, Phase, write_finding, write_minute_detail};

/// Between two looks at the watermark.
const INTERVAL: Duration = Duration::from_secs(1);
/// Minutes that are looked at in one go.
const PORTION: usize = 60;
/// Rows that are removed in one go.
const REMOVED: usize = 1_000;
/// A new application begins no more minutes ago than this: an event whose clock is wrong must not have years looked at.
const FIRST_LOOK_MINUTES: i64 = 7 * 24 * 60;
/// So long what was measured is kept, in minutes: the longest that a rule looks back.
const KEPT_MINUTES: i64 = 60;
/// For so long the minutes of a finding that lasts are unusual.
const HELD_MS: i64 = 60 * MINUTE_MS;
/// Stands in the second sum of minutes of which what is usual is not learnt, where a measure has no second sum.
const UNUSUAL: i64 = 1;
/// A watermark this far behind is a pipeline that lags, not a drop of orders.
const LAGGING_MS: i64 = 60_000;

const LOOKED: [u8; 1] = [0];
const SCOPE: u8 = 1;
const COUNTED: u8 = 2;
const PAST: u8 = 3;
const TRACK: u8 = 4;
const GAUGE: u8 = 5;

type DetectorContext<'c, 'a> = ProcessorContext<'c, 'a, String, JsonText>;

/// Settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinuteOptions {
    /// Whether they look at all.
    pub(super) enabled: bool,
    /// How long after its end a minute waits for what comes late, milliseconds.
    pub(super) grace_ms: i64,
    /// So far behind the wall clock the watermark is when nothing comes any more, milliseconds.
    pub(super) idle_distance_ms: i64,
    /// A log is processed anew: its time is the watermark, and there is no lag.
    pub(super) rebuild: bool,
}

/// A scope of a measure.
struct Scope {
    measure: Measure,
    name: String,
    first: i64,
}

/// Looks at minutes.
pub(super) struct MinuteDetectors {
    options: MinuteOptions,
    store: Option<StoreId>,
    /// They do not look, and what they would have looked at is gone.
    is_empty: bool,
    key: Vec<u8>,
    end: Vec<u8>,
    row: Vec<u8>,
    detail: Vec<u8>,
    json: JsonText,
}

fn broken(what: &str) -> ProcessError {
    let detail = format!("{what} of detectors cannot be read: reset the application");
    topology::Error::fatal("read a row of detectors", detail).into()
}

fn ordered(at: i64) -> [u8; 8] {
    (at ^ i64::MIN).to_be_bytes()
}

fn write_key(out: &mut Vec<u8>, kind: u8, code: u8, scope: &str, rest: &[u8]) {
    out.clear();
    let len = u8::try_from(scope.len()).unwrap_or(u8::MAX);
    out.extend_from_slice(&[kind, code, len]);
    out.extend_from_slice(scope.as_bytes());
    out.extend_from_slice(rest);
}

fn read_sums<const N: usize>(bytes: Option<&[u8]>) -> Result<[i64; N], ProcessError> {
    let read = |bytes| detection::read_sums(bytes).map_err(|_| broken("a sum"));
    bytes.map_or(Ok([0; N]), read)
}

impl MinuteDetectors {
    pub(super) fn new(options: MinuteOptions) -> Self {
        Self {
            options,
            store: None,
            is_empty: false,
            key: Vec::new(),
            end: Vec::new(),
            row: Vec::new(),
            detail: Vec::new(),
            json: JsonText::default(),
        }
    }

    fn store(&self) -> Result<StoreId, ProcessError> {
        let none = || topology::Error::fatal("use a store", "the processor was not initialised");
        self.store.ok_or_else(|| none().into())
    }

    fn number(
        &self,
        key: &[u8],
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<Option<i64>, ProcessError> {
        let Some(bytes) = context.get(self.store()?, key)? else {
            return Ok(None);
        };
        let bytes = bytes.try_into().map_err(|_| broken("a moment"))?;
        Ok(Some(i64::from_be_bytes(bytes)))
    }

    /// Remembers the first minute of a scope. Of minutes that close together the first need not come first.
    fn note(
        &mut self,
        measure: Measure,
        scope: &str,
        start: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        write_key(&mut self.key, SCOPE, measure.code(), scope, &[]);
        let first = self.number(&self.key, context)?;
        if first.is_none_or(|first| start < first) {
            context.put(store, &self.key, &start.to_be_bytes())?;
        }
        Ok(())
    }

    /// Keeps what was measured in a minute.
    fn keep(
        &mut self,
        measure: Measure,
        scope: &str,
        start: i64,
        sums: [i64; 2],
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let minute = ordered(start);
        write_key(&mut self.key, COUNTED, measure.code(), scope, &minute);
        write_sums(&mut self.row, &sums);
        context.put(self.store()?, &self.key, &self.row)
    }

    /// What was measured in a minute.
    fn counted(
        &mut self,
        measure: Measure,
        scope: &str,
        start: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<[i64; 2], ProcessError> {
        let minute = ordered(start);
        write_key(&mut self.key, COUNTED, measure.code(), scope, &minute);
        read_sums(context.get(self.store()?, &self.key)?)
    }

    /// Keeps the latest value of a gauge.
    fn keep_gauge(
        &mut self,
        measure: Measure,
        scope: &str,
        start: i64,
        sums: [i64; 2],
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        write_key(&mut self.key, GAUGE, measure.code(), scope, &[]);
        let known = context.get(store, &self.key)?;
        if known.is_some() && read_sums::<3>(known)?[0] > start {
            return Ok(());
        }
        write_sums(&mut self.row, &[start, sums[0], sums[1]]);
        context.put(store, &self.key, &self.row)
    }

    fn scopes(&self, context: &mut DetectorContext<'_, '_>) -> Result<Vec<Scope>, ProcessError> {
        let (from, to) = ([SCOPE], [SCOPE + 1]);
        let mut scopes = Vec::new();
        let mut failed = false;
        context.range(
            self.store()?,
            Bound::Included(&from[..]),
            Bound::Excluded(&to[..]),
            &mut |key, value| {
                let read = || {
                    let (&[_, code, _], name) = key.split_first_chunk::<3>()?;
                    Some(Scope {
                        measure: Measure::from_code(code)?,
                        name: std::str::from_utf8(name).ok()?.to_owned(),
                        first: i64::from_be_bytes(value.try_into().ok()?),
                    })
                };
                match read() {
                    Some(scope) => scopes.push(scope),
                    None => failed = true,
                }
                ControlFlow::Continue(())
            },
        )?;
        match failed {
            true => Err(broken("a scope")),
            false => Ok(scopes),
        }
    }

    /// What is not measured is not 0: switched on again, they begin anew, with what is usual and with what they have told.
    fn forget_minutes(
        &mut self,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        if self.is_empty {
            return Ok(());
        }
        let store = self.store()?;
        let (from, to) = (LOOKED, [COUNTED + 1]);
        let mut keys = Vec::new();
        context.range(
            store,
            Bound::Included(&from[..]),
            Bound::Excluded(&to[..]),
            &mut |key, _| {
                keys.push(key.to_vec());
                match keys.len() < REMOVED {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            },
        )?;
        for key in &keys {
            context.delete(store, key)?;
        }
        self.is_empty = keys.len() < REMOVED;
        Ok(())
    }

    /// Looks at the minutes that are closed, a portion of them.
    fn look(&mut self, context: &mut DetectorContext<'_, '_>) -> Result<(), ProcessError> {
        let Some(watermark) = context.watermark() else {
            return Ok(());
        };
        let looked = self.number(&LOOKED, context)?;
        let closed_before = watermark
            .saturating_sub(self.options.grace_ms)
            .div_euclid(MINUTE_MS)
            * MINUTE_MS;
        if looked.is_some_and(|next| next >= closed_before) {
            return Ok(());
        }
        let scopes = self.scopes(context)?;
        let oldest = match self.options.rebuild {
            true => i64::MIN,
            false => closed_before - FIRST_LOOK_MINUTES * MINUTE_MS,
        };
        let first = scopes.iter().map(|scope| scope.first).min();
        let Some(mut next) = looked.or(first.map(|first| first.max(oldest))) else {
            return Ok(());
        };
        for _ in 0..PORTION {
            if next >= closed_before {
                break;
            }
            for scope in &scopes {
                // One that is seen later is not looked at before.
                if scope.first <= next {
                    self.look_at(scope, next, watermark, context)?;
                }
            }
            next += MINUTE_MS;
        }
        context.put(self.store()?, &LOOKED, &next.to_be_bytes())
    }

    fn look_at(
        &mut self,
        scope: &Scope,
        start: i64,
        watermark: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let store = self.store()?;
        let measure = scope.measure;
        if measure == Measure::Queue {
            write_key(&mut self.key, GAUGE, measure.code(), &scope.name, &[]);
            let [_, total, count] = read_sums(context.get(store, &self.key)?)?;
            let minute = Minute {
                count: count as f64,
                total: total as f64,
                baseline: None,
            };
            self.apply(scope, start, minute, watermark, context)?;
            return Ok(());
        }
        let [count, total] = self.counted(measure, &scope.name, start, context)?;
        let mut minute = Minute {
            count: count as f64,
            total: total as f64,
            baseline: None,
        };
        let has_usual = matches!(
            measure,
            Measure::Paid | Measure::ApprovedAndCancelled | Measure::Duplicates
        );
        let mut last_hour = 0;
        if has_usual {
            let mut usual = self.usual(scope, start, count, context)?;
            if usual.is_none() {
                let from = (start - SEED_MINUTES * MINUTE_MS).max(scope.first);
                let (sum, unusual) = self.sum(scope, from, start, context)?;
                usual = from_seed(sum, (start - from) / MINUTE_MS - unusual);
            }
            if usual.is_none() {
                usual = self.held(scope, start, context)?;
            }
            minute.baseline = usual;
        } else if measure == Measure::PostCancelled {
            let from = start - (KEPT_MINUTES - 1) * MINUTE_MS;
            (last_hour, _) = self.sum(scope, from, start + MINUTE_MS, context)?;
            minute.count = last_hour as f64;
        }
        let old = ordered(start - KEPT_MINUTES * MINUTE_MS);
        write_key(&mut self.key, COUNTED, measure.code(), &scope.name, &old);
        if context.get(store, &self.key)?.is_some() {
            context.delete(store, &self.key)?;
        }
        let is_unusual = self.apply(scope, start, minute, watermark, context)?;
        if has_usual && is_unusual {
            self.keep(measure, &scope.name, start, [count, UNUSUAL], context)?;
        }
        if measure == Measure::PostCancelled && last_hour == 0 {
            let (later, _) = self.sum(scope, start + MINUTE_MS, i64::MAX, context)?;
            if later > 0 {
                return Ok(());
            }
            // Stores come and go.
            write_key(&mut self.key, SCOPE, measure.code(), &scope.name, &[]);
            context.delete(store, &self.key)?;
        }
        Ok(())
    }

    /// Sum of what was counted in the minutes from one to before another, but for unusual ones, and how many these are.
    fn sum(
        &mut self,
        scope: &Scope,
        from: i64,
        to: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(i64, i64), ProcessError> {
        let code = scope.measure.code();
        write_key(&mut self.key, COUNTED, code, &scope.name, &ordered(from));
        write_key(&mut self.end, COUNTED, code, &scope.name, &ordered(to));
        let (mut sum, mut unusual, mut failed) = (0i64, 0, None);
        context.range(
            self.store()?,
            Bound::Included(&self.key[..]),
            Bound::Excluded(&self.end[..]),
            &mut |_, value| {
                match read_sums::<2>(Some(value)) {
                    Ok([_, UNUSUAL]) => unusual += 1,
                    Ok([count, _]) => sum = sum.saturating_add(count),
                    Err(error) => failed = Some(error),
                }
                ControlFlow::Continue(())
            },
        )?;
        failed.map_or(Ok((sum, unusual)), Err)
    }

    /// What was usual when a finding that lasts began.
    fn held(
        &mut self,
        scope: &Scope,
        start: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<Option<f64>, ProcessError> {
        let mut held = None;
        for rule in rules(scope.measure) {
            let (track, _) = self.track(rule, scope, context)?;
            let lasts = |since: i64| start - since < HELD_MS;
            held = held.or(track
                .baseline()
                .filter(|_| track.active_since().is_some_and(lasts)));
        }
        Ok(held)
    }

    /// The state of a rule, and whether there is a row of it; its key is left in the buffer.
    fn track(
        &mut self,
        rule: &Rule,
        scope: &Scope,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(Track, bool), ProcessError> {
        write_key(&mut self.key, TRACK, rule.detector.code(), &scope.name, &[]);
        match context.get(self.store()?, &self.key)? {
            Some(bytes) => Ok((Track::decode(bytes).map_err(|_| broken("a finding"))?, true)),
            None => Ok((Track::default(), false)),
        }
    }

    /// What is usual at this minute of the week, and remembers what was counted in it now.
    fn usual(
        &mut self,
        scope: &Scope,
        start: i64,
        count: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<Option<f64>, ProcessError> {
        let store = self.store()?;
        let mut neighbours = Vec::with_capacity(5);
        for shift in -2..=2 {
            let minute = minute_of_week(start + shift * MINUTE_MS).to_be_bytes();
            write_key(
                &mut self.key,
                PAST,
                scope.measure.code(),
                &scope.name,
                &minute,
            );
            let mut past = Past::default();
            if let Some(bytes) = context.get(store, &self.key)? {
                past.decode(bytes).map_err(|_| broken("past counts"))?;
            }
            if shift == 0 {
                let mut now = past.clone();
                now.remember(week(start), count);
                self.row.clear();
                now.encode(&mut self.row);
                context.put(store, &self.key, &self.row)?;
            }
            neighbours.push(past);
        }
        Ok(Past::usual(&neighbours, week(start)))
    }

    /// Applies the rules to a minute; answers whether it is unusual, and says nothing of what is usual.
    fn apply(
        &mut self,
        scope: &Scope,
        start: i64,
        minute: Minute,
        watermark: i64,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<bool, ProcessError> {
        let store = self.store()?;
        let mut is_unusual = false;
        for rule in rules(scope.measure) {
            let (mut track, was_there) = self.track(rule, scope, context)?;
            let verdict = match self.is_lagging(rule, watermark, context) {
                true => Verdict::Between,
                false => (rule.judge)(&minute),
            };
            let value = (rule.value)(&minute);
            let step = track.step(rule, start, verdict, value, minute.baseline);
            // What lasts for long is what is usual by now.
            let is_new = track
                .active_since()
                .is_none_or(|since| start - since < HELD_MS);
            is_unusual |= !track.is_empty() && is_new;
            if !track.is_empty() {
                self.row.clear();
                track.encode(&mut self.row);
                context.put(store, &self.key, &self.row)?;
            } else if was_there {
                context.delete(store, &self.key)?;
            }
            let Some(step) = step else { continue };
            let at = match self.options.rebuild {
                true => watermark,
                false => context.wall_clock_ms(),
            };
            self.detail.clear();
            let total = Some(minute.total).filter(|total| *total > 0.0);
            write_minute_detail(&mut self.detail, start, step.worst, total);
            let finding = Finding {
                detector: rule.detector.name(),
                scope: &scope.name,
                phase: step.phase,
                value,
                baseline: minute.baseline,
                started_at: step.started_at,
                at,
                detail: &self.detail,
            };
            self.json.0.clear();
            write_finding(&mut self.json.0, &finding);
            count(rule.detector, step.phase, context);
            context.forward(Record {
                key: &scope.name,
                value: &self.json,
                timestamp: at,
                headers: Headers::default(),
            })?;
        }
        Ok(is_unusual)
    }

    /// Where the watermark is far behind, few orders are no drop of orders.
    fn is_lagging(&self, rule: &Rule, watermark: i64, context: &DetectorContext<'_, '_>) -> bool {
        let delay = context.wall_clock_ms().saturating_sub(watermark);
        rule.detector == Detector::OrderDrop
            && !self.options.rebuild
            && delay > LAGGING_MS.saturating_add(self.options.idle_distance_ms)
    }
}

fn count(detector: Detector, phase: Phase, context: &mut DetectorContext<'_, '_>) {
    match phase {
        Phase::Start => context.count(counters::found(detector), 1),
        Phase::Update => {}
        Phase::End => context.count(counters::found_over(detector), 1),
    }
}

impl Processor for MinuteDetectors {
    type Key = Windowed<Vec<u8>>;
    type Value = WindowResult<AggregateValue>;
    type OutKey = String;
    type OutValue = JsonText;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store = Some(context.store(names::DETECTORS)?);
        context.schedule(INTERVAL, PunctuationType::WallClockTime);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, Windowed<Vec<u8>>, WindowResult<AggregateValue>>,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        let (measure, scope) = read_measured(&record.key.key).ok_or_else(|| broken("a group"))?;
        let is_gauge = measure == Measure::Queue;
        if !self.options.enabled && !is_gauge {
            return Ok(());
        }
        let (aggregate, start) = match record.value {
            WindowResult::Update {
                aggregate,
                is_final,
                ..
            } if is_gauge || *is_final => (aggregate, record.key.start),
            WindowResult::Late { delta, .. } if measure == Measure::Delayed => {
                // What is delayed comes late, by its nature: it counts in the next minute that is looked at.
                let Some(next) = self.number(&LOOKED, context)? else {
                    return Ok(());
                };
                (delta, next)
            }
            // A minute was looked at already; a gauge's next window has it.
            _ => return Ok(()),
        };
        if self.options.enabled {
            self.note(measure, scope, start, context)?;
        }
        let mut sums = [aggregate.sum(0), aggregate.sum(1)];
        if is_gauge {
            return self.keep_gauge(measure, scope, start, sums, context);
        }
        if measure == Measure::Delayed {
            let [delayed, all] = self.counted(measure, scope, start, context)?;
            sums = [sums[0].saturating_add(delayed), sums[1].saturating_add(all)];
        }
        self.keep(measure, scope, start, sums, context)
    }

    fn on_punctuate(
        &mut self,
        _punctuation: Punctuation,
        context: &mut DetectorContext<'_, '_>,
    ) -> Result<(), ProcessError> {
        match self.options.enabled {
            true => self.look(context),
            false => self.forget_minutes(context),
        }
    }
}
