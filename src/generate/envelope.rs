//! Writing the JSON envelope of an event into a buffer.

use super::action::{Action, ActorType, TargetType};
use super::clock_text::ClockText;
use super::event::AggregateVersions;
use super::order::{Fulfilment, Order};
use super::order_number::OrderNumber;
use super::story::{Detail, MINUTE, Step};

/// Where and when a step of an order became an event.
pub(super) struct Occurrence<'a> {
    pub(super) id: &'a [u8; 36],
    pub(super) number: &'a OrderNumber,
    pub(super) order: &'a Order,
    pub(super) step: &'a Step,
    /// Including this event.
    pub(super) versions: &'a AggregateVersions,
    /// The rider of the order, 0 while there is none.
    pub(super) rider: u32,
    /// When the food is promised, epoch ms.
    pub(super) promised_at: u64,
    pub(super) occurred_at: u64,
    pub(super) recorded_at: u64,
}

/// Writes envelopes. No text in them needs escaping.
#[derive(Debug, Default)]
pub(super) struct EnvelopeWriter {
    clock: ClockText,
}

impl EnvelopeWriter {
    /// The digits yyMMdd of the Korean day of an instant (epoch ms).
    pub(super) fn year_month_day(&mut self, epoch_ms: u64) -> [u8; 6] {
        self.clock.year_month_day(epoch_ms)
    }

    /// Appends the envelope.
    pub(super) fn write(&mut self, into: &mut Vec<u8>, occurrence: &Occurrence<'_>) {
        let Occurrence {
            id,
            number: order_number,
            step,
            versions,
            ..
        } = *occurrence;
        let target = step.action.target();
        text(into, "{\"id\":\"");
        into.extend_from_slice(id);
        text(into, "\",\"target\":{\"type\":\"");
        text(into, target.name());
        text(into, "\",\"id\":\"");
        target_id(into, occurrence);
        text(into, "\",\"orderNo\":\"");
        into.extend_from_slice(order_number);
        text(into, "\",\"version\":");
        number(into, versions.of(target));
        text(into, "},\"action\":\"");
        text(into, step.action.name());
        text(into, "\",\"actor\":{\"type\":\"");
        text(into, step.actor.name());
        text(into, "\",\"id\":\"");
        actor_id(into, occurrence);
        text(into, "\"},\"info\":{");
        self.info(into, occurrence);
        text(into, "},\"time\":{\"occurredAt\":\"");
        self.clock.write(into, occurrence.occurred_at);
        text(into, "\",\"recordedAt\":\"");
        self.clock.write(into, occurrence.recorded_at);
        text(into, "\"},\"schema\":{\"name\":\"");
        text(into, step.action.name());
        text(into, "\",\"version\":1},\"source\":{\"system\":\"");
        text(into, target.source_system());
        text(into, "\"}}");
    }

    fn info(&mut self, into: &mut Vec<u8>, occurrence: &Occurrence<'_>) {
        match occurrence.step.action {
            Action::OrderCreated => return self.created(into, occurrence),
            Action::PaymentApproved => {
                integer(into, "\"amount\":", occurrence.order.amount());
                return string(into, ",\"method\":\"", occurrence.order.method.name());
            }
            Action::DeliveryEtaUpdated => {
                return self.time(into, "\"etaAt\":\"", occurrence.promised_at);
            }
            Action::OrderNoteAdded => return text(into, "\"note\":\"n1\""),
            Action::VerificationPassed | Action::VerificationFailed => {
                return text(into, "\"kind\":\"ADULT\"");
            }
            Action::AggregateReset => {
                let version = occurrence.versions.of(Action::AggregateReset.target());
                return integer(into, "\"version\":", version);
            }
            _ => {}
        }
        match occurrence.step.detail {
            Detail::None => {}
            Detail::Channel(channel) => string(into, "\"channel\":\"", channel.name()),
            Detail::Code(code) => string(into, "\"code\":\"", code.name()),
            Detail::Reason(reason) => string(into, "\"reason\":\"", reason.name()),
            Detail::Fault(reason, liability) => {
                string(into, "\"reason\":\"", reason.name());
                string(into, ",\"liability\":\"", liability.name());
            }
            Detail::PostCancel {
                reason,
                liability,
                owner_consents,
            } => {
                string(into, "\"reason\":\"", reason.name());
                string(into, ",\"liability\":\"", liability.name());
                text(into, ",\"ownerConsent\":");
                text(into, if owner_consents { "true" } else { "false" });
            }
            Detail::Recharge => text(into, "\"recharge\":true"),
            Detail::CookMinutes(minutes) => {
                integer(into, "\"cookMinutes\":", u32::from(minutes));
                self.time(into, ",\"promisedAt\":\"", occurrence.promised_at);
            }
            Detail::AddedMinutes(minutes) => {
                integer(into, "\"addMinutes\":", u32::from(minutes));
                self.time(into, ",\"promisedAt\":\"", occurrence.promised_at);
            }
            Detail::WaitedSeconds(seconds) => {
                integer(into, "\"waitedSec\":", u32::from(seconds));
            }
            Detail::Metres(metres) => {
                text(into, "\"deliveryId\":\"");
                delivery_id(into, occurrence);
                string(into, "\",\"type\":\"", occurrence.order.fulfilment.name());
                integer(into, ",\"distanceM\":", u32::from(metres));
            }
            Detail::Rider(rider) => {
                text(into, "\"riderId\":\"rd_");
                number(into, rider);
                let means = match rider % 10 {
                    0..6 => "MOTORCYCLE",
                    6..8 => "BICYCLE",
                    _ => "CAR",
                };
                string(into, "\",\"means\":\"", means);
                integer(into, ",\"assignNo\":", rider % 8 + 1);
            }
            Detail::Neighbourhood(dong) => {
                text(into, "\"dong\":\"d");
                number(into, dong);
                text(into, "\"");
            }
            Detail::Amount(amount) => integer(into, "\"amount\":", amount),
            Detail::Photo => text(into, "\"proof\":\"PHOTO\""),
        }
    }

    fn created(&mut self, into: &mut Vec<u8>, occurrence: &Occurrence<'_>) {
        let order = occurrence.order;
        text(into, "\"storeId\":\"st_");
        number(into, order.store.number);
        string(into, "\",\"category\":\"", order.store.category);
        string(into, ",\"sido\":\"", order.store.sido);
        text(into, ",\"sigungu\":\"");
        text(into, order.store.sido);
        text(into, "-");
        number(into, order.store.district);
        text(into, "\",\"dong\":\"d");
        number(into, order.store.neighbourhood);
        string(into, "\",\"fulfilment\":\"", order.fulfilment.name());
        integer(into, ",\"itemsTotal\":", order.items_total);
        integer(into, ",\"deliveryFee\":", order.delivery_fee);
        integer(into, ",\"discount\":", order.discount);
        integer(into, ",\"amount\":", order.amount());
        string(into, ",\"paymentMethod\":\"", order.method.name());
        if order.fulfilment == Fulfilment::Single {
            self.time(into, ",\"promisedAt\":\"", occurrence.promised_at);
        }
    }

    fn time(&mut self, into: &mut Vec<u8>, name: &str, epoch_ms: u64) {
        text(into, name);
        self.clock.write(into, epoch_ms);
        text(into, "\"");
    }
}

fn target_id(into: &mut Vec<u8>, occurrence: &Occurrence<'_>) {
    let prefix = match occurrence.step.action.target() {
        TargetType::Order => "",
        TargetType::Payment => "pay_",
        TargetType::Claim => "cl_",
        TargetType::Delivery => return delivery_id(into, occurrence),
    };
    text(into, prefix);
    into.extend_from_slice(occurrence.number);
}

fn delivery_id(into: &mut Vec<u8>, occurrence: &Occurrence<'_>) {
    text(into, "dl_");
    into.extend_from_slice(occurrence.number);
    if occurrence.versions.deliveries > 1 {
        text(into, "-");
        number(into, occurrence.versions.deliveries);
    }
}

fn actor_id(into: &mut Vec<u8>, occurrence: &Occurrence<'_>) {
    let (prefix, id) = match occurrence.step.actor {
        ActorType::Customer => ("cu_", occurrence.order.customer),
        ActorType::Store => ("st_", occurrence.order.store.number),
        ActorType::Rider => ("rd_", occurrence.rider),
        ActorType::Dispatch => ("dp-", occurrence.order.store.district % 4 + 1),
        ActorType::CustomerService => ("cs_", occurrence.order.customer % 200 + 1),
        ActorType::PaymentGateway => ("pg-", occurrence.order.customer % 3 + 1),
        ActorType::System => {
            return text(into, system_name(occurrence.step.action));
        }
    };
    text(into, prefix);
    number(into, id);
}

fn text(into: &mut Vec<u8>, text: &str) {
    into.extend_from_slice(text.as_bytes());
}

fn number(into: &mut Vec<u8>, value: u32) {
    text(into, itoa::Buffer::new().format(value));
}

/// A name and a number.
fn integer(into: &mut Vec<u8>, name: &str, value: u32) {
    text(into, name);
    number(into, value);
}

/// A name with its opening quote, a value, the closing quote.
fn string(into: &mut Vec<u8>, name: &str, value: &str) {
    text(into, name);
    text(into, value);
    text(into, "\"");
}

/// Which part of the order system acts.
const fn system_name(action: Action) -> &'static str {
    match action {
        Action::OrderRelayed => "relay",
        Action::OrderAccepted | Action::CookingStarted => "auto-accept",
        Action::OrderExpired => "expiry",
        Action::DeliveryRequested | Action::DeliveryCancelled => "delivery",
        Action::DeliveryEtaUpdated => "eta",
        Action::VerificationPassed | Action::VerificationFailed => "verification",
        _ => "order",
    }
}

/// How long after acceptance the food is promised, beyond the time for cooking.
pub(super) const PROMISED_RIDE: u32 = 28 * MINUTE;
