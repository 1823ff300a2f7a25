//! How many orders reach each step of an order's way, and how many leave it, from `transitions`.

use serde::Serialize;

use super::cells::{Late, Skipped};
use crate::domain::status::DisplayStatus;

/// Orders that went from one status to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    from: DisplayStatus,
    to: DisplayStatus,
    orders: f64,
}

impl Step {
    /// By the names of the statuses; `from` and `to` may be the same.
    pub(super) fn new(from: &str, to: &str, orders: f64) -> Result<Self, Skipped> {
        let status = |name| DisplayStatus::from_name(name).ok_or(Skipped::Malformed);
        Ok(Self {
            from: status(from)?,
            to: status(to)?,
            orders,
        })
    }
}

impl Late for Step {
    fn add(&mut self, other: &Self) -> bool {
        let is_same = (self.from, self.to) == (other.from, other.to);
        if is_same {
            self.orders += other.orders;
        }
        is_same
    }
}

/// The way of an order to which nothing happens.
const WAY: [DisplayStatus; 7] = [
    DisplayStatus::PaymentWait,
    DisplayStatus::WaitingAccept,
    DisplayStatus::Accepted,
    DisplayStatus::Cooking,
    DisplayStatus::Ready,
    DisplayStatus::Delivering,
    DisplayStatus::Completed,
];

/// What an order may leave it for.
const LEFT: [DisplayStatus; 7] = [
    DisplayStatus::PaymentFailed,
    DisplayStatus::Rejected,
    DisplayStatus::Expired,
    DisplayStatus::Cancelled,
    DisplayStatus::Failed,
    DisplayStatus::Returned,
    DisplayStatus::PostCancelled,
];

/// Orders that reached, or left, within the time shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Funnel {
    /// Windows that tell of it.
    pub(super) minutes: usize,
    /// Each step of the way: orders that came to it, or passed it by.
    pub(super) reached: Vec<StatusCount>,
    /// Each way out that was taken.
    pub(super) left: Vec<StatusCount>,
}

/// Orders by a status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StatusCount {
    pub(super) status: &'static str,
    pub(super) korean: &'static str,
    pub(super) count: f64,
}

/// Adds up the steps of some windows.
///
/// Steps may be skipped: whoever goes from below a step to it or beyond has reached it. Who comes back to the way, as
/// after a failed delivery, is not counted for that; what it reaches from there is.
pub(super) fn funnel<'a>(windows: impl Iterator<Item = Vec<&'a Step>>) -> Funnel {
    let mut funnel = Funnel {
        reached: WAY.map(count_of).into(),
        left: LEFT.map(count_of).into(),
        minutes: 0,
    };
    for steps in windows {
        funnel.minutes += usize::from(!steps.is_empty());
        for step in steps {
            if let (Some(from), Some(to)) = (place(step.from), place(step.to)) {
                let passed = funnel.reached.iter_mut().skip(from).take(to - from.min(to));
                passed.for_each(|reached| reached.count += step.orders);
            }
            if step.from != step.to
                && let Some(place) = LEFT.iter().position(|left| *left == step.to)
                && let Some(left) = funnel.left.get_mut(place)
            {
                left.count += step.orders;
            }
        }
    }
    funnel.left.retain(|left| left.count > 0.0);
    funnel
}

const fn count_of(status: DisplayStatus) -> StatusCount {
    StatusCount {
        status: status.name(),
        korean: status.korean(),
        count: 0.0,
    }
}

/// How many steps an order in this status has behind it; none of one that is not on the way.
fn place(status: DisplayStatus) -> Option<usize> {
    if status == DisplayStatus::None {
        return Some(0);
    }
    let place = WAY.iter().position(|step| *step == status)?;
    Some(place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(steps: &[(&str, &str, f64)]) -> Funnel {
        let steps: Vec<Step> = steps
            .iter()
            .map(|(from, to, orders)| Step::new(from, to, *orders).unwrap())
            .collect();
        funnel(steps.iter().map(|step| vec![step]))
    }

    fn counts(counts: &[StatusCount]) -> Vec<(&str, f64)> {
        counts.iter().map(|one| (one.status, one.count)).collect()
    }

    #[test]
    fn who_passes_a_step_by_has_reached_it() {
        let funnel = told(&[
            ("NONE", "PAYMENT_WAIT", 8.0),
            ("NONE", "WAITING_ACCEPT", 2.0),
            ("PAYMENT_WAIT", "WAITING_ACCEPT", 7.0),
            ("WAITING_ACCEPT", "ACCEPTED", 6.0),
            ("ACCEPTED", "ACCEPTED", 50.0),
            ("ACCEPTED", "DELIVERING", 3.0),
            ("ACCEPTED", "COOKING", 2.0),
            ("DELIVERING", "COMPLETED", 2.0),
        ]);
        let expected = [
            ("PAYMENT_WAIT", 10.0),
            ("WAITING_ACCEPT", 9.0),
            ("ACCEPTED", 6.0),
            ("COOKING", 5.0),
            ("READY", 3.0),
            ("DELIVERING", 3.0),
            ("COMPLETED", 2.0),
        ];
        assert_eq!(counts(&funnel.reached), expected);
        assert_eq!(funnel.minutes, 8);
        assert!(funnel.left.is_empty());
    }

    #[test]
    fn who_leaves_the_way_is_told_by_where_to_and_coming_back_reaches_nothing() {
        let funnel = told(&[
            ("PAYMENT_WAIT", "PAYMENT_FAILED", 1.0),
            ("COOKING", "CANCELLED", 4.0),
            ("CANCELLED", "CANCELLED", 9.0),
            ("DELIVERING", "FAILED", 2.0),
            ("FAILED", "READY", 2.0),
            ("COMPLETED", "POST_CANCELLED", 1.0),
            ("POST_CANCELLED", "COMPLETED", 1.0),
            ("READY", "COOKING", 3.0),
        ]);
        let expected = [
            ("PAYMENT_FAILED", 1.0),
            ("CANCELLED", 4.0),
            ("FAILED", 2.0),
            ("POST_CANCELLED", 1.0),
        ];
        assert_eq!(counts(&funnel.left), expected);
        assert!(funnel.reached.iter().all(|step| step.count == 0.0));
    }

    #[test]
    fn a_status_that_nobody_knows_is_malformed() {
        assert!(Step::new("NONE", "EATEN", 1.0).is_err());
    }
}
