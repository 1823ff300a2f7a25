//! The rules, each on one minute of one scope.

use super::Measure;
use crate::domain::detector::Detector;

/// A minute of a scope.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Minute {
    /// What was counted; of a wave in the last hour.
    pub count: f64,
    /// Out of so many; of shares only.
    pub total: f64,
    /// What is usual; none where nothing is known.
    pub baseline: Option<f64>,
}

/// What a minute says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// So bad that it need not last.
    Certain,
    /// Bad, if it lasts.
    Bad,
    /// Neither bad nor good.
    Between,
    /// Good.
    Good,
}

/// How a detector looks at what is measured.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Whose rule it is.
    pub detector: Detector,
    /// Looks at a minute.
    pub judge: fn(&Minute) -> Verdict,
    /// What is told as the value.
    pub value: fn(&Minute) -> f64,
    /// So many bad minutes in a row begin a finding.
    pub begin: u8,
    /// So many good ones in a row end it.
    pub end: u8,
}

/// The rules that look at a measure.
#[must_use]
pub const fn rules(measure: Measure) -> &'static [Rule] {
    match measure {
        Measure::Paid => &[SURGE, DROP],
        Measure::ApprovedAndCancelled => &[APPROVED_AND_CANCELLED],
        Measure::Delayed => &[STATUS_DARK],
        Measure::PostCancelled => &[POST_CANCEL_WAVE],
        Measure::Queue => &[NO_RIDER],
        Measure::Duplicates => &[DUPLICATE_ORDERS],
    }
}

/// More than chance: three standard deviations of what is usual, and never less than of ten.
fn exceeds_chance(minute: &Minute, usual: f64) -> bool {
    minute.count - usual >= 3.0 * usual.max(10.0).sqrt()
}

const fn count(minute: &Minute) -> f64 {
    minute.count
}

fn share(minute: &Minute) -> f64 {
    match minute.total > 0.0 {
        true => minute.count / minute.total,
        false => 0.0,
    }
}

const SURGE: Rule = Rule {
    detector: Detector::OrderSurge,
    judge: |minute| match minute.baseline {
        None => Verdict::Between,
        Some(usual) if minute.count >= 2.0 * usual && exceeds_chance(minute, usual) => Verdict::Bad,
        Some(usual) if minute.count < 1.5 * usual.max(1.0) => Verdict::Good,
        Some(_) => Verdict::Between,
    },
    value: count,
    begin: 3,
    end: 5,
};

const DROP: Rule = Rule {
    detector: Detector::OrderDrop,
    judge: |minute| match minute.baseline {
        Some(usual) if usual >= 100.0 && minute.count <= 0.0 => Verdict::Certain,
        Some(usual) if usual >= 30.0 && minute.count <= 0.5 * usual => Verdict::Bad,
        Some(usual) if minute.count >= 0.7 * usual => Verdict::Good,
        _ => Verdict::Between,
    },
    value: count,
    begin: 2,
    end: 5,
};

const APPROVED_AND_CANCELLED: Rule = Rule {
    detector: Detector::ApprovedAndCancelled,
    judge: |minute| match minute.baseline {
        None => Verdict::Between,
        Some(usual) if minute.count > 3.0 * usual && exceeds_chance(minute, usual) => Verdict::Bad,
        Some(usual) if minute.count < 1.5 * usual.max(1.0) => Verdict::Good,
        Some(_) => Verdict::Between,
    },
    value: count,
    begin: 1,
    end: 5,
};

const DUPLICATE_ORDERS: Rule = Rule {
    detector: Detector::DuplicateOrders,
    judge: |minute| match minute.baseline {
        None => Verdict::Between,
        Some(usual) if minute.count > 5.0 * usual && exceeds_chance(minute, usual) => Verdict::Bad,
        Some(usual) if minute.count < 2.0 * usual.max(1.0) => Verdict::Good,
        Some(_) => Verdict::Between,
    },
    value: count,
    begin: 1,
    end: 5,
};

/// The 95th percentile is above ten seconds: more than a twentieth of the events took longer.
const STATUS_DARK: Rule = Rule {
    detector: Detector::StatusDark,
    judge: |minute| {
        if minute.total < 20.0 {
            Verdict::Between
        } else if share(minute) > 0.05 {
            Verdict::Bad
        } else {
            Verdict::Good
        }
    },
    value: share,
    begin: 1,
    end: 2,
};

const POST_CANCEL_WAVE: Rule = Rule {
    detector: Detector::PostCancelWave,
    judge: |minute| match minute.count > 5.0 {
        true => Verdict::Bad,
        false => Verdict::Good,
    },
    value: count,
    begin: 1,
    end: 1,
};

const NO_RIDER: Rule = Rule {
    detector: Detector::NoRider,
    // Of a few orders that wait, some have done so for long on any day.
    judge: |minute| match minute.count >= 5.0 && share(minute) > 0.2 {
        true => Verdict::Bad,
        false => Verdict::Good,
    },
    value: share,
    begin: 3,
    end: 3,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rule: &Rule, count: f64, total: f64, baseline: Option<f64>) -> Verdict {
        (rule.judge)(&Minute {
            count,
            total,
            baseline,
        })
    }

    #[test]
    fn each_rule_at_its_bounds() {
        use Verdict::{Bad, Between, Certain, Good};
        for (rule, count, total, baseline, expected) in [
            (&SURGE, 200.0, 0.0, Some(100.0), Bad),
            (&SURGE, 199.0, 0.0, Some(100.0), Between),
            (&SURGE, 149.0, 0.0, Some(100.0), Good),
            (&SURGE, 12.0, 0.0, Some(3.0), Between),
            (&SURGE, 13.0, 0.0, Some(3.0), Bad),
            (&SURGE, 1.0, 0.0, Some(0.0), Good),
            (&SURGE, 900.0, 0.0, None, Between),
            (&DROP, 15.0, 0.0, Some(30.0), Bad),
            (&DROP, 14.0, 0.0, Some(29.0), Between),
            (&DROP, 16.0, 0.0, Some(30.0), Between),
            (&DROP, 21.0, 0.0, Some(30.0), Good),
            (&DROP, 0.0, 0.0, Some(100.0), Certain),
            (&DROP, 0.0, 0.0, Some(99.0), Bad),
            (&APPROVED_AND_CANCELLED, 9.0, 0.0, Some(0.0), Between),
            (&APPROVED_AND_CANCELLED, 10.0, 0.0, Some(0.0), Bad),
            (&APPROVED_AND_CANCELLED, 60.0, 0.0, Some(20.0), Between),
            (&APPROVED_AND_CANCELLED, 61.0, 0.0, Some(20.0), Bad),
            (&APPROVED_AND_CANCELLED, 1.0, 0.0, Some(0.0), Good),
            (&DUPLICATE_ORDERS, 9.0, 0.0, Some(0.0), Between),
            (&DUPLICATE_ORDERS, 10.0, 0.0, Some(0.0), Bad),
            (&DUPLICATE_ORDERS, 50.0, 0.0, Some(10.0), Between),
            (&DUPLICATE_ORDERS, 51.0, 0.0, Some(10.0), Bad),
            (&DUPLICATE_ORDERS, 1.0, 0.0, Some(0.0), Good),
            (&DUPLICATE_ORDERS, 99.0, 0.0, None, Between),
            (&STATUS_DARK, 19.0, 19.0, None, Between),
            (&STATUS_DARK, 2.0, 20.0, None, Bad),
            (&STATUS_DARK, 1.0, 20.0, None, Good),
            (&POST_CANCEL_WAVE, 5.0, 0.0, None, Good),
            (&POST_CANCEL_WAVE, 6.0, 0.0, None, Bad),
            (&NO_RIDER, 4.0, 4.0, None, Good),
            (&NO_RIDER, 5.0, 5.0, None, Bad),
            (&NO_RIDER, 5.0, 24.0, None, Bad),
            (&NO_RIDER, 5.0, 25.0, None, Good),
        ] {
            let verdict = judged(rule, count, total, baseline);
            let name = rule.detector.name();
            assert_eq!(verdict, expected, "{name} {count}/{total} {baseline:?}");
        }
    }

    #[test]
    fn each_detector_of_minutes_has_one_rule() {
        let all = Measure::ALL.iter().flat_map(|measure| rules(*measure));
        let mut detectors: Vec<Detector> = all.map(|rule| rule.detector).collect();
        detectors.sort_by_key(|detector| detector.code());
        let minutes = Detector::ALL.iter().filter(|it| it.watch().is_none());
        assert_eq!(detectors, minutes.copied().collect::<Vec<_>>());
    }
}
