//! Whatever bytes arrive, every record is read, or dead-lettered with a reason, and none brings the decoder down.
//!
//! `DECODER_INPUTS=10000000` sets how many records are tried (`make fuzz-decoders`), `DECODER_SEED` which ones.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jumun::dialect::{Arrival, Decoded, Decoder, Dialect, Dialects};
use jumun::domain::decode::MAX_PAYLOAD;
use jumun::domain::event::{Defect, OrderEvent};
use serde::Deserialize;

use crate::dialects::fixture::TOPIC;
use crate::dialects::mutation::{Input, fill};

/// Enough to notice a mistake that one record in a hundred thousand shows, within seconds.
const USUAL_INPUTS: u64 = 1_000_000;
const THREADS: u64 = 2;

type Verdict = Result<Decoded, Defect>;

/// What became of all records: by form and kind of outcome, and what must not be.
#[derive(Debug, Default)]
struct Survey {
    outcomes: BTreeMap<String, u64>,
    faults: Vec<String>,
}

impl Survey {
    fn total(&self) -> u64 {
        self.outcomes.values().sum()
    }

    fn merge(&mut self, other: Self) {
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.faults.extend(other.faults);
    }
}

/// Gives the records of these numbers to a decoder.
fn survey(
    numbers: impl Iterator<Item = u64>,
    mut decode: impl FnMut(&Input, &mut OrderEvent) -> Option<Verdict>,
) -> Survey {
    let mut survey = Survey::default();
    let (mut input, mut event) = (Input::default(), OrderEvent::default());
    for number in numbers {
        fill(&mut input, number);
        let verdict = catch_unwind(AssertUnwindSafe(|| decode(&input, &mut event)));
        let fault = match &verdict {
            Err(_) => Some("panicked".to_owned()),
            Ok(None) => Some("was lost".to_owned()),
            Ok(Some(verdict)) => wrong(verdict, &event).err(),
        };
        if let Some(fault) = fault {
            survey.faults.push(format!("record {number} {fault}"));
            continue;
        }
        let kind = match verdict {
            Ok(Some(Ok(Decoded::Event))) if event.defect().is_some() => "event with a defect",
            Ok(Some(Ok(Decoded::Event))) => "event",
            Ok(Some(Ok(Decoded::NoEvent(_)))) => "no event",
            Ok(Some(Err(defect))) => defect.reason.name(),
            Ok(None) | Err(_) => continue,
        };
        *survey
            .outcomes
            .entry(format!("{:?}: {kind}", input.form))
            .or_default() += 1;
    }
    survey
}

/// What an independent parser says of an envelope.
#[derive(Deserialize)]
struct Envelope {
    id: String,
    target: Target,
    action: String,
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "orderNo")]
    order_no: String,
    version: Option<u64>,
}

fn wrong(verdict: &Verdict, event: &OrderEvent) -> Result<(), String> {
    let told = |defect: &Defect| !defect.reason.name().is_empty() && !defect.message.is_empty();
    match verdict {
        Err(defect) if told(defect) => return Ok(()),
        Err(_) => return Err("has a defect without a reason".to_owned()),
        Ok(Decoded::NoEvent(_)) => return Ok(()),
        Ok(Decoded::Event) => {}
    }
    if event.defect().is_some_and(|defect| !told(defect)) {
        return Err("has a defect without a reason".to_owned());
    }
    let text = event.envelope();
    if text.len() > MAX_PAYLOAD {
        return Err(format!("has an envelope of {} bytes", text.len()));
    }
    // Escapes in keys, and halves of surrogates in what nobody reads, are where parsers differ rightly.
    if text.contains('\\') {
        return Ok(());
    }
    let envelope: Envelope = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) if error.to_string().starts_with("recursion limit") => return Ok(()),
        Err(error) => return Err(format!("has an envelope that is none: {error}: {text}")),
    };
    let same = envelope.id == event.id()
        && envelope.action == event.action_name()
        && envelope.target.order_no == event.order_no()
        && envelope.target.version == event.version();
    if same {
        Ok(())
    } else {
        Err(format!("was read otherwise than it is: {text}"))
    }
}

/// The decoder itself, one for each way in which a topic can be read.
fn decoder() -> impl FnMut(&Input, &mut OrderEvent) -> Option<Verdict> {
    let mut decoders: Vec<(Dialect, Decoder)> = Vec::new();
    move |input, event| {
        let dialect = Dialect {
            form: input.form,
            key: input.key_form,
        };
        let place = decoders
            .iter()
            .position(|(known, _)| *known == dialect)
            .unwrap_or_else(|| {
                let dialects = Dialects::new([(TOPIC.to_owned(), dialect)]);
                decoders.push((dialect, Decoder::new(dialects)));
                decoders.len() - 1
            });
        let arrival = Arrival {
            topic: TOPIC,
            key: input.key.as_deref(),
            value: input.value.as_deref(),
        };
        let headers = input
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_deref()));
        Some(decoders[place].1.decode(&arrival, headers, event))
    }
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.replace('_', "").parse().unwrap())
}

#[test]
fn every_record_is_read_or_refused_with_a_reason() {
    let (inputs, seed) = (
        setting("DECODER_INPUTS", USUAL_INPUTS),
        setting("DECODER_SEED", 5),
    );
    let first = seed << 40;
    let mut all = Survey::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let numbers = (first + thread..first + inputs).step_by(THREADS as usize);
                scope.spawn(move || survey(numbers, decoder()))
            })
            .collect();
        for thread in threads {
            all.merge(thread.join().unwrap());
        }
    });
    println!(
        "{} records of seed {seed}: {:#?}",
        all.total(),
        all.outcomes
    );
    assert!(
        all.faults.is_empty(),
        "{:#?}",
        all.faults.iter().take(10).collect::<Vec<_>>()
    );
    assert_eq!(all.total(), inputs);
    // The records are neither all broken nor all sound, for any form.
    for form in [
        "Detect",
        "Plain",
        "DebeziumOutbox",
        "DebeziumRaw",
        "CloudEvents",
        "Thin",
    ] {
        for kind in ["event", "event with a defect", "MALFORMED", "KEY_MISMATCH"] {
            let outcome = format!("{form}: {kind}");
            let count = all.outcomes.get(&outcome).copied().unwrap_or(0);
            assert!(count * 10_000 > inputs, "{outcome}: {count} of {inputs}");
        }
    }
}

#[test]
fn control_a_decoder_that_panics_once_is_noticed() {
    let mut real = decoder();
    let mut calls = 0;
    let found = survey(0..2_000, |input, event| {
        calls += 1;
        assert!(calls != 1_234, "on purpose");
        real(input, event)
    });
    assert_eq!(found.faults, ["record 1233 panicked"]);
    assert_eq!(found.total(), 1_999);
}

#[test]
fn control_a_decoder_that_loses_a_record_or_its_reason_is_noticed() {
    let mut real = decoder();
    let found = survey(0..2_000, |input, event| match real(input, event) {
        Some(Err(mut defect)) if defect.reason.name() == "KEY_MISMATCH" => {
            defect.message.clear();
            Some(Err(defect))
        }
        Some(Ok(Decoded::NoEvent(_))) => None,
        verdict => verdict,
    });
    let of = |fault: &str| {
        found
            .faults
            .iter()
            .filter(|found| found.ends_with(fault))
            .count()
    };
    assert!(
        of("was lost") > 10 && of("has a defect without a reason") > 10,
        "{:?}",
        found.faults
    );
    assert_eq!(found.faults.len() + found.total() as usize, 2_000);
}

#[test]
fn control_a_decoder_that_reads_something_else_is_noticed() {
    let mut real = decoder();
    let mut last = OrderEvent::default();
    let found = survey(0..2_000, |input, event| {
        // Every event is the one before, as if a buffer had not been cleared.
        let verdict = real(input, event);
        if let Some(Ok(Decoded::Event)) = verdict {
            std::mem::swap(event, &mut last);
        }
        verdict
    });
    assert!(!found.faults.is_empty());
}

#[test]
fn nesting_of_any_depth_does_not_exhaust_the_stack() {
    for form in jumun::dialect::Form::NAMES {
        for opening in [
            "[",
            "{\"a\":",
            "{\"payload\":",
            "{\"schema\":{},\"payload\":",
            "\"\\\"",
            "{\"after\":",
            "{\"data\":",
        ] {
            let value = opening.repeat(250_000 / opening.len());
            let handle = std::thread::Builder::new().stack_size(256 * 1024).spawn({
                let form = form.1;
                move || {
                    let input = Input {
                        form,
                        key: Some(value.clone().into_bytes()),
                        value: Some(value.into_bytes()),
                        ..Input::default()
                    };
                    decoder()(&input, &mut OrderEvent::default())
                        .unwrap()
                        .is_err()
                }
            });
            assert!(handle.unwrap().join().unwrap(), "{} {opening}", form.0);
        }
    }
}
