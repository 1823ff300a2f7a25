//! What is kept of a rule in a scope: from the first bad minute to the end of the finding.
//!
//! ```text
//! 01                        format
//! bad minutes in a row, good minutes in a row, minutes since it was told     bytes
//! began, told as started    zigzag LEB128 of milliseconds; 0 or 1
//! baseline, worst value     8 bytes each, IEEE 754, little-endian
//! ```

use super::rules::{Rule, Verdict};
use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError::{self, Impossible, Trailing};
use crate::domain::records::Phase;

const FORMAT: u8 = 1;
/// A finding that lasts is told again after so many minutes.
const UPDATE_AFTER: u8 = 5;

/// The state of a rule in a scope.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Track {
    bad: u8,
    good: u8,
    untold: u8,
    /// Beginning of the first bad minute, epoch milliseconds.
    began: i64,
    active: bool,
    /// What was usual when it began.
    baseline: f64,
    worst: f64,
}

/// What a minute came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What is to be told.
    pub phase: Phase,
    /// When the finding began, epoch milliseconds.
    pub started_at: i64,
    /// The value farthest from what is usual.
    pub worst: f64,
}

impl Track {
    /// Whether there is nothing to be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.active && self.bad == 0
    }

    /// What was usual when the finding that lasts began.
    #[must_use]
    pub fn baseline(&self) -> Option<f64> {
        self.active.then_some(self.baseline)
    }

    /// When the finding that lasts began, epoch milliseconds.
    #[must_use]
    pub fn active_since(&self) -> Option<i64> {
        self.active.then_some(self.began)
    }

    /// Takes the next minute, which begins at `start`.
    pub fn step(
        &mut self,
        rule: &Rule,
        start: i64,
        verdict: Verdict,
        value: f64,
        baseline: Option<f64>,
    ) -> Option<Step> {
        let is_bad = matches!(verdict, Verdict::Bad | Verdict::Certain);
        let usual = baseline.unwrap_or(0.0);
        if is_bad && self.bad == 0 && !self.active {
            self.began = start;
            (self.baseline, self.worst) = (usual, value);
        }
        if is_bad || self.active {
            let is_worse = (value - self.baseline).abs() > (self.worst - self.baseline).abs();
            self.worst = if is_worse { value } else { self.worst };
        }
        self.bad = if is_bad {
            self.bad.saturating_add(1)
        } else {
            0
        };
        self.good = match verdict {
            Verdict::Good => self.good.saturating_add(1),
            _ => 0,
        };
        let phase = if !self.active {
            if self.bad < rule.begin && verdict != Verdict::Certain {
                return None;
            }
            self.active = true;
            self.untold = 0;
            Phase::Start
        } else if self.good >= rule.end {
            Phase::End
        } else {
            self.untold = self.untold.saturating_add(1);
            if self.untold < UPDATE_AFTER {
                return None;
            }
            self.untold = 0;
            Phase::Update
        };
        let step = Step {
            phase,
            started_at: self.began,
            worst: self.worst,
        };
        if phase == Phase::End {
            *self = Self::default();
        }
        Some(step)
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        for byte in [FORMAT, self.bad, self.good, self.untold] {
            writer.byte(byte);
        }
        writer.signed(self.began);
        writer.byte(u8::from(self.active));
        for number in [self.baseline, self.worst] {
            writer.out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// Bytes that [`Track::encode`] cannot have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, OrderCodecError> {
        let mut reader = Reader { bytes, base: 0 };
        if reader.byte("format of a track")? != FORMAT {
            return Err(Impossible("format of a track"));
        }
        let track = Self {
            bad: reader.byte("bad minutes")?,
            good: reader.byte("good minutes")?,
            untold: reader.byte("untold minutes")?,
            began: reader.signed("beginning")?,
            active: reader.byte("active")? == 1,
            baseline: f64::from_le_bytes(reader.array("baseline")?),
            worst: f64::from_le_bytes(reader.array("worst value")?),
        };
        match reader.bytes.len() {
            0 => Ok(track),
            bytes => Err(Trailing(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Measure, rules};
    use super::*;

    fn surge() -> &'static Rule {
        &rules(Measure::Paid)[0]
    }

    /// `B` bad, `G` good, `-` between, `C` certain; answers what was told at which minute.
    fn told(rule: &Rule, minutes: &str) -> Vec<(usize, &'static str)> {
        let mut track = Track::default();
        let mut told = Vec::new();
        for (at, minute) in minutes.chars().enumerate() {
            let verdict = match minute {
                'B' => Verdict::Bad,
                'C' => Verdict::Certain,
                'G' => Verdict::Good,
                _ => Verdict::Between,
            };
            let (mut bytes, start) = (Vec::new(), at as i64 * 60_000);
            if let Some(step) = track.step(rule, start, verdict, 1.0, Some(2.0)) {
                told.push((at, step.phase.name()));
            }
            track.encode(&mut bytes);
            assert_eq!(Track::decode(&bytes).unwrap(), track);
        }
        told
    }

    #[test]
    fn it_begins_after_bad_minutes_in_a_row_and_ends_after_good_ones() {
        assert_eq!(told(surge(), "BBGBB-BB"), []);
        assert_eq!(told(surge(), "BBBGGGG-"), [(2, "START"), (7, "UPDATE")]);
        assert_eq!(told(surge(), "GBBBGGGGG"), [(3, "START"), (8, "END")]);
        assert_eq!(told(surge(), "C"), [(0, "START")]);
        assert_eq!(
            told(surge(), "BBBBBBBBBBBBBGGGGG")
                .iter()
                .map(|(_, phase)| *phase)
                .collect::<Vec<_>>(),
            ["START", "UPDATE", "UPDATE", "END"]
        );
    }
}
