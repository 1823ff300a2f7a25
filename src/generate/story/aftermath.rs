//! Cancels, refunds and claims.

use rand::RngExt;

use super::{Detail, Leg, MINUTE, SECOND, Story};
use crate::generate::action::{Action, ActorType};
use crate::generate::plot::Plot;
use crate::generate::reason::{GatewayCode, Liability, Reason};

/// How far the current delivery has come.
#[derive(PartialEq, Eq)]
enum Progress {
    /// Nothing to cancel.
    None,
    /// A rider is looked for or on the way to the store.
    Coming,
    /// The food is with the rider.
    Riding,
}

impl Story<'_> {
    /// How the story of an accepted order ends, by its plot.
    pub(super) fn conclude(&mut self, accepted: u32, leg: &Leg) {
        match self.plot {
            Plot::CancelledByStore => {
                let at = self.between(accepted + 30 * SECOND, leg.left_store);
                let reason =
                    self.one_of(Reason::SoldOut, &[Reason::StoreClosed, Reason::StoreBusy]);
                self.cancel(at, ActorType::Store, reason, Liability::Store);
            }
            Plot::CancelledBySupport => {
                let at = self.between(accepted + 30 * SECOND, leg.left_store);
                let reason = self.one_of(Reason::DuplicateOrder, &[Reason::CookDelay]);
                self.cancel(at, ActorType::CustomerService, reason, Liability::Platform);
            }
            Plot::CancelGranted => {
                let (at, answered) = self.request_cancel(accepted, leg);
                let reason = self.one_of(Reason::ChangedMind, &[Reason::CookDelay]);
                let request = Detail::Reason(reason);
                self.step(
                    at,
                    Action::OrderCancelRequested,
                    ActorType::Customer,
                    request,
                );
                let actor = self.one_of(ActorType::Store, &[ActorType::CustomerService]);
                self.cancel(answered, actor, reason, Liability::Customer);
            }
            Plot::CancelDeclined => {
                let (at, answered) = self.request_cancel(accepted, leg);
                let reason = self.one_of(Reason::ChangedMind, &[Reason::CookDelay]);
                let request = Detail::Reason(reason);
                self.step(
                    at,
                    Action::OrderCancelRequested,
                    ActorType::Customer,
                    request,
                );
                let actor = self.one_of(ActorType::Store, &[ActorType::CustomerService]);
                let answer = Detail::Reason(Reason::Other);
                self.step(answered, Action::OrderCancelDeclined, actor, answer);
            }
            Plot::NoRiderCancelled => {
                self.cancel(
                    leg.left_store,
                    ActorType::System,
                    Reason::NoRider,
                    Liability::Platform,
                );
            }
            Plot::CancelledOnTheWay => {
                let at = self.between(leg.left_store + MINUTE, leg.arrived);
                let reason = Reason::DeliveryDelay;
                self.cancel(at, ActorType::CustomerService, reason, Liability::Rider);
            }
            Plot::FailedCancelled => {
                let at = leg.arrived + self.between(2 * MINUTE, 10 * MINUTE);
                let reason = Reason::CustomerUnreachable;
                self.cancel(at, ActorType::CustomerService, reason, Liability::Customer);
            }
            // One in six stays RETURNED: nobody closes it.
            Plot::FailedReturned if self.rng.random_range(0..6) > 0 => {
                let at = leg.arrived + self.between(2 * MINUTE, 20 * MINUTE);
                self.cancel(
                    at,
                    ActorType::CustomerService,
                    Reason::Accident,
                    Liability::Rider,
                );
            }
            Plot::PartRefunded => {
                let at = leg.arrived + self.between(5 * MINUTE, 40 * MINUTE);
                let amount = Detail::Amount(self.rng.random_range(1..=5) * 1000);
                self.step(
                    at,
                    Action::PaymentPartRefunded,
                    ActorType::PaymentGateway,
                    amount,
                );
            }
            Plot::PostCancelled => {
                let at = self.post_cancel(leg);
                self.refund(at);
            }
            Plot::PostCancelledWithdrawn => {
                let at = self.post_cancel(leg) + self.between(3 * MINUTE, 30 * MINUTE);
                self.step(
                    at,
                    Action::ClaimWithdrawn,
                    ActorType::CustomerService,
                    Detail::None,
                );
            }
            Plot::PostCancelledRecharged => {
                let refunded = self.post_cancel(leg);
                let at = self.refund(refunded) + self.between(3 * MINUTE, 30 * MINUTE);
                self.step(
                    at,
                    Action::ClaimWithdrawn,
                    ActorType::CustomerService,
                    Detail::Recharge,
                );
            }
            _ => {}
        }
    }

    /// When the customer asks for a cancel and when somebody answers, both before the pick-up.
    fn request_cancel(&mut self, accepted: u32, leg: &Leg) -> (u32, u32) {
        let latest = leg.left_store - 2 * MINUTE;
        let at = self.between(accepted + 30 * SECOND, latest);
        (at, at + self.between(15 * SECOND, 100 * SECOND))
    }

    /// Ends the story with a cancel, whatever else would have happened.
    fn cancel(&mut self, at: u32, actor: ActorType, reason: Reason, liability: Liability) {
        self.cut_off(at);
        self.step(
            at,
            Action::OrderCancelled,
            actor,
            Detail::Fault(reason, liability),
        );
        let canceller = match self.progress() {
            Progress::None => None,
            Progress::Coming => Some(ActorType::System),
            Progress::Riding => Some(ActorType::CustomerService),
        };
        if let Some(canceller) = canceller {
            let after = at + self.between(500, 8 * SECOND);
            self.step(
                after,
                Action::DeliveryCancelled,
                canceller,
                Detail::Reason(reason),
            );
        }
        self.refund_if_paid(at);
    }

    fn cut_off(&mut self, at: u32) {
        self.steps.retain(|step| step.at < at);
    }

    fn progress(&self) -> Progress {
        self.steps
            .iter()
            .filter_map(|step| {
                let progress = match step.action {
                    Action::DeliveryRequested
                    | Action::DeliveryAssigned
                    | Action::DeliveryUnassigned
                    | Action::DeliveryArrivedStore
                    | Action::DeliveryRedispatched => Progress::Coming,
                    Action::DeliveryPickedUp | Action::DeliveryArrivedCustomer => Progress::Riding,
                    Action::DeliveryCancelled
                    | Action::DeliveryFailed
                    | Action::DeliveryReturned
                    | Action::DeliverySwitchedToStore => Progress::None,
                    _ => return None,
                };
                Some((step.at, progress))
            })
            .max_by_key(|(at, _)| *at)
            .map_or(Progress::None, |(_, progress)| progress)
    }

    fn post_cancel(&mut self, leg: &Leg) -> u32 {
        let at = leg.arrived + self.between(3 * MINUTE, 30 * MINUTE);
        let (reason, liability) = self.one_of(
            (Reason::WrongOrMissing, Liability::Store),
            &[
                (Reason::ForeignMatter, Liability::Store),
                (Reason::Damaged, Liability::Rider),
                (Reason::Other, Liability::Platform),
            ],
        );
        let owner_consents = self.rng.random_bool(0.8);
        let detail = Detail::PostCancel {
            reason,
            liability,
            owner_consents,
        };
        self.step(
            at,
            Action::ClaimPostCancelled,
            ActorType::CustomerService,
            detail,
        );
        at
    }

    pub(super) fn refund_if_paid(&mut self, after: u32) {
        if self.order.method.is_online() {
            self.refund(after);
        }
    }

    /// Gives the whole amount back: mostly at once, sometimes at the second attempt or in two
    /// parts. Returns when all of it was back.
    pub(super) fn refund(&mut self, after: u32) -> u32 {
        let mut at = after + self.between(5 * SECOND, 90 * SECOND);
        let mut rest = self.order.amount();
        if self.perhaps(0.08) {
            let code = Detail::Code(GatewayCode::BankUnavailable);
            self.step(
                at,
                Action::PaymentRefundFailed,
                ActorType::PaymentGateway,
                code,
            );
            at += self.between(5 * MINUTE, 20 * MINUTE);
        }
        if self.rng.random_bool(0.08) {
            let part = rest / 3000 * 1000;
            let amount = Detail::Amount(part);
            self.step(
                at,
                Action::PaymentPartRefunded,
                ActorType::PaymentGateway,
                amount,
            );
            rest -= part;
            at += self.between(MINUTE, 10 * MINUTE);
        }
        self.step(
            at,
            Action::PaymentRefunded,
            ActorType::PaymentGateway,
            Detail::Amount(rest),
        );
        at
    }
}
