//! How many dead letters are too many, as configured.

use std::fmt;

/// A task whose recent records were dead-lettered more often than this takes no more of them: the fault is then not in
/// single records but in what sends or judges them, such as a bad deployment.
///
/// ```
/// # use topology::task::{DeadLetterCircuit, Share};
/// let circuit = DeadLetterCircuit::default();
/// assert!(!circuit.is_exceeded(10, 1_000), "1 % is not more than 1 %");
/// assert!(circuit.is_exceeded(11, 1_000));
/// assert!(!circuit.is_exceeded(9, 9), "too few to tell");
/// assert!(circuit.is_exceeded(10, 10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterCircuit {
    /// Largest share of the last records that may be dead-lettered. Default 1 %.
    pub share: Share,
    /// So many last records of a task are looked at, or all that it has seen if they are fewer. Default 1,000.
    pub window: usize,
    /// Fewer dead letters in the window than this are never too many. Default 10.
    pub minimum: usize,
}

impl Default for DeadLetterCircuit {
    fn default() -> Self {
        Self {
            share: Share::of(0.01),
            window: 1_000,
            minimum: 10,
        }
    }
}

impl DeadLetterCircuit {
    /// Whether `dead` dead letters among `records` records are too many.
    pub fn is_exceeded(&self, dead: usize, records: usize) -> bool {
        dead >= self.minimum && self.share.is_exceeded(dead, records)
    }
}

/// A part of a whole, from 0 to 1, exact to a millionth: sums of counts are compared without rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    millionths: u32,
}

const WHOLE: u32 = 1_000_000;

impl Share {
    /// The nearest millionth to `part`; what lies outside of 0 to 1 becomes the nearer of them.
    pub fn of(part: f64) -> Self {
        let millionths = (part * f64::from(WHOLE))
            .round()
            .clamp(0.0, f64::from(WHOLE));
        Self {
            millionths: millionths as u32,
        }
    }

    /// From 0 to 1.
    pub fn part(self) -> f64 {
        f64::from(self.millionths) / f64::from(WHOLE)
    }

    fn is_exceeded(self, part: usize, whole: usize) -> bool {
        part as u128 * u128::from(WHOLE) > whole as u128 * u128::from(self.millionths)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.millionths) / 10_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_compared_without_rounding() {
        // 0.29 * 100 is 28.999999999999996 in floating point.
        assert!(!Share::of(0.29).is_exceeded(29, 100));
        assert!(Share::of(0.29).is_exceeded(30, 100));
        assert!(
            !Share::of(1.0).is_exceeded(7, 7),
            "all is not more than all"
        );
        assert!(Share::of(0.0).is_exceeded(1, 1_000));
        assert_eq!(Share::of(7.0), Share::of(1.0));
        assert_eq!(Share::of(0.015).to_string(), "1.5 %");
        assert_eq!(Share::of(0.01).part(), 0.01);
    }
}
