//! The stored record of an order: compact, binary, with a leading format version.
//!
//! After the version byte come the fields in the order of [`encode`]. Numbers are LEB128 varints (signed ones in
//! zigzag form, as in Protocol Buffers), times are differences to a base time, and bits say which optional
//! fields follow.

use thiserror::Error;

use super::action::Action;
use super::actor::{Aggregate, AggregateSet, Liability};
use super::decode::MAX_PAYLOAD;
use super::deliveries::{MAX_DELIVERIES, MAX_DELIVERY_ID_BYTES};
use super::memory::{MEMORY_EVENTS, Remembered};
use super::order::{MAX_AFTER_TERMINAL, MAX_AFTER_TERMINAL_ID_BYTES, Milestone, Order, OrderFlags};
use super::order_bytes::{Reader, Writer, unzigzag, zigzag};
use super::outcome::{Outcome, RejectionReason};
use super::reason::Reason;
use super::regions::{Claim, Delivery, Fulfilment, Kitchen, Main, Payment, Regions};
use super::waiting::{Aside, MAX_KEPT, Waiting};

/// The format version that this program writes, and the newest it reads.
pub const FORMAT_VERSION: u8 = 2;
/// The oldest it reads. Format 1 remembered of an event neither action nor outcome nor time, knew no retention, and
/// nothing was set aside in it.
pub const OLDEST_FORMAT_VERSION: u8 = 1;

/// The most bytes that the record of an order can have, whatever was sent for it, where so many of its events may be
/// parked at a time: 111 KiB with the default of 64, far below the megabyte that a broker takes.
///
/// Nearly all of it are texts of other people's making: an id, or all texts of the creation, may be as long as an
/// event. An ordinary order has less than a kilobyte; 64 remembered events (the bound) are 2 to 3 KiB of that maximum.
///
/// ```
/// use jumun::domain::order_codec::max_bytes;
///
/// assert!(max_bytes(64) <= 111 * 1024);
/// ```
#[must_use]
pub const fn max_bytes(parked: usize) -> usize {
    /// Numbers, times and single bytes, each at its longest.
    const FIXED: usize = 400;
    const DELIVERY: usize = 3 + 2 * 10 + 1;
    const REMEMBERED: usize = 16 + 8 + 1 + 1 + 10 + 1 + 1 + 10;
    const FACT: usize = 16 + 3 + 1 + 10 + 10;
    const WAITING: usize = 10 + 16 + 8 + 1 + 8 + 3 * 10;
    let texts_of_creation = MAX_PAYLOAD;
    let ghost_event = MAX_PAYLOAD;
    let facts = 2 * (FACT + MAX_PAYLOAD);
    FIXED
        + texts_of_creation
        + ghost_event
        + facts
        + MAX_DELIVERIES * DELIVERY
        + MAX_DELIVERY_ID_BYTES
        + MEMORY_EVENTS * REMEMBERED
        + MAX_AFTER_TERMINAL * FACT
        + MAX_AFTER_TERMINAL_ID_BYTES
        + (parked + MAX_KEPT) * WAITING
}

/// Why bytes are no record of an order.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum OrderCodecError {
    /// Written by another version of the program.
    #[error(
        "order record of format {0}, this program reads formats {OLDEST_FORMAT_VERSION} to {FORMAT_VERSION}; run the program that wrote it, or process the log anew under another application id"
    )]
    Format(u8),
    /// The record ends before it is complete.
    #[error("order record ends early, in {0}")]
    Truncated(&'static str),
    /// A field has a value that it cannot have.
    #[error("order record has an impossible {0}")]
    Impossible(&'static str),
    /// The record goes on after its end.
    #[error("order record has {0} bytes too many")]
    Trailing(usize),
}

use OrderCodecError::Impossible;

/// Appends the record of the order.
pub fn encode(order: &Order, out: &mut Vec<u8>) {
    let mut writer = Writer {
        out,
        base: order.updated_at,
    };
    writer.byte(FORMAT_VERSION);
    writer.signed(order.updated_at);
    writer.number(u64::from(order.generation));
    writer.number(order.seq);
    let regions = &order.regions;
    writer.byte(regions.main.code() | regions.claim.code() << 4);
    writer.byte(regions.delivery.code() | regions.payment.code() << 4);
    writer.byte(
        regions.kitchen.code()
            | order
                .fulfilment
                .map_or(0, |fulfilment| fulfilment.code() + 1)
                << 4,
    );
    writer.number(order.flags.bits());
    writer.number(order.contradicted.bits());
    for text in texts(order) {
        writer.text(text);
    }
    writer.signed(order.amount);
    writer.signed(order.paid);
    writer.signed(order.refunded);
    let optionals = [order.first_promised_at, order.promised_at];
    let times = Milestone::ALL
        .iter()
        .map(|milestone| order.times.get(*milestone))
        .chain(optionals);
    let bits = times
        .clone()
        .enumerate()
        .fold(0, |bits, (at, time)| bits | u64::from(time.is_some()) << at);
    writer.number(bits);
    times.flatten().for_each(|time| writer.time(time));
    writer.number(
        order
            .cook_minutes
            .map_or(0, |minutes| zigzag(minutes).saturating_add(1)),
    );
    writer.number(u64::from(order.attempts));
    writer.number(u64::from(order.reassigned));
    writer.number(u64::from(order.redelivered));
    writer.byte(order.reason.map_or(0, |reason| reason.code() + 1));
    writer.byte(
        order.liability.map_or(0, |liability| liability.code() + 1)
            | order
                .payment_before_claim
                .map_or(0, |payment| payment.code() + 1)
                << 4,
    );
    for cursor in [order.order_cursor, order.payment_cursor, order.claim_cursor] {
        writer.cursor(cursor);
    }
    writer.number(order.deliveries.len() as u64);
    for delivery in order.deliveries.iter() {
        writer.text(&delivery.id);
        writer.cursor(delivery.cursor);
        writer.byte(u8::from(delivery.opened));
    }
    writer.number(order.current_delivery.map_or(0, |place| place as u64 + 1));
    writer.wide(order.created_by);
    writer.number(order.memory.entries().len() as u64);
    for entry in order.memory.entries() {
        writer.wide(entry.id);
        writer.out.extend_from_slice(&entry.hash.to_le_bytes());
        writer.byte(
            entry.aggregate.code()
                | u8::from(entry.judged) << 7
                | u8::from(entry.version.is_some()) << 6,
        );
        if entry.aggregate == Aggregate::Delivery {
            writer.number(entry.delivery as u64);
        }
        if let Some(version) = entry.version {
            writer.number(version);
        }
        writer.byte(entry.action.map_or(0, |action| action.code() + 1));
        writer.byte(entry.outcome.code());
        writer.time(entry.at);
    }
    writer.byte(u8::from(order.last_applied.is_some()) | u8::from(order.ghost.is_some()) << 1);
    for fact in order.last_applied.iter().chain(&order.ghost) {
        writer.fact(fact);
    }
    writer.number(order.after_terminal.len() as u64);
    for fact in &order.after_terminal {
        writer.fact(fact);
    }
    writer.time(order.retained_from);
    let since_base = |at: i64| zigzag(at.wrapping_sub(order.updated_at)).saturating_add(1);
    writer.number(order.retention_timer.map_or(0, since_base));
    write_waiting(&mut writer, order);
}

fn write_waiting(writer: &mut Writer<'_>, order: &Order) {
    let entries = order.waiting.entries();
    writer.number(entries.len() as u64);
    for entry in entries {
        writer.number(entry.arrival);
        writer.wide(entry.id);
        writer.out.extend_from_slice(&entry.hash.to_le_bytes());
        writer.byte(
            entry.aggregate.code()
                | u8::from(entry.aside == Aside::Kept) << 7
                | u8::from(entry.beyond_gap) << 6,
        );
        writer.out.extend_from_slice(&entry.target.to_le_bytes());
        writer.number(entry.version.unwrap_or(0));
        writer.time(entry.since);
        writer.time(entry.deadline);
    }
}

/// Reads a record into the order, in place of what was in it.
///
/// # Errors
/// Bytes that [`encode`] cannot have written; the order is then in an unspecified state.
pub fn decode(bytes: &[u8], order: &mut Order) -> Result<(), OrderCodecError> {
    order.clear();
    let mut reader = Reader { bytes, base: 0 };
    let format = reader.byte("format")?;
    if !(OLDEST_FORMAT_VERSION..=FORMAT_VERSION).contains(&format) {
        return Err(OrderCodecError::Format(format));
    }
    order.updated_at = reader.signed("updatedAt")?;
    reader.base = order.updated_at;
    order.generation = reader.small("generation")?;
    order.seq = reader.number("seq")?;
    read_regions(&mut reader, order)?;
    order.flags = reader.set("flags", OrderFlags::from_bits, OrderFlags::bits)?;
    order.contradicted = reader.set("contradicted", AggregateSet::from_bits, AggregateSet::bits)?;
    for target in texts_mut(order) {
        target.push_str(reader.text("text")?);
    }
    order.amount = reader.signed("amount")?;
    order.paid = reader.signed("paid")?;
    order.refunded = reader.signed("refunded")?;
    read_times(&mut reader, order)?;
    order.cook_minutes = reader.number("cookMinutes")?.checked_sub(1).map(unzigzag);
    order.attempts = reader.small("attempts")?;
    order.reassigned = reader.small("reassigned")?;
    order.redelivered = reader.small("redelivered")?;
    order.reason = optional(reader.byte("reason")?, Reason::from_code, "reason")?;
    let byte = reader.byte("liability")?;
    order.liability = optional(byte & 15, Liability::from_code, "liability")?;
    order.payment_before_claim =
        optional(byte >> 4, Payment::from_code, "payment before the claim")?;
    order.order_cursor = reader.cursor()?;
    order.payment_cursor = reader.cursor()?;
    order.claim_cursor = reader.cursor()?;
    read_deliveries(&mut reader, order)?;
    order.created_by = reader.wide("creator")?;
    read_memory(&mut reader, format, order)?;
    let facts = reader.byte("facts")?;
    if facts > 3 {
        return Err(Impossible("facts"));
    }
    order.last_applied = if facts & 1 == 0 {
        None
    } else {
        Some(reader.fact()?)
    };
    order.ghost = if facts & 2 == 0 {
        None
    } else {
        Some(reader.fact()?)
    };
    let count = reader.number("events after the end")?;
    if count > MAX_AFTER_TERMINAL as u64 {
        return Err(Impossible("number of events after the end"));
    }
    for _ in 0..count {
        order.after_terminal.push(reader.fact()?);
    }
    if format == 1 {
        // Its time begins with its last change; its timer is set when it is written next.
        order.retained_from = order.updated_at;
    } else {
        order.retained_from = reader.time()?;
        let timer = reader.number("timer")?.checked_sub(1).map(unzigzag);
        order.retention_timer = timer.map(|due| due.wrapping_add(order.updated_at));
        read_waiting(&mut reader, order)?;
    }
    if reader.bytes.is_empty() {
        Ok(())
    } else {
        Err(OrderCodecError::Trailing(reader.bytes.len()))
    }
}

fn texts(order: &Order) -> [&String; 8] {
    [
        &order.customer_id,
        &order.store_id,
        &order.category,
        &order.sido,
        &order.sigungu,
        &order.dong,
        &order.payment_method,
        &order.ghost_event,
    ]
}

fn texts_mut(order: &mut Order) -> [&mut String; 8] {
    [
        &mut order.customer_id,
        &mut order.store_id,
        &mut order.category,
        &mut order.sido,
        &mut order.sigungu,
        &mut order.dong,
        &mut order.payment_method,
        &mut order.ghost_event,
    ]
}

fn read_regions(reader: &mut Reader<'_>, order: &mut Order) -> Result<(), OrderCodecError> {
    let (first, second, third) = (
        reader.byte("main")?,
        reader.byte("delivery")?,
        reader.byte("kitchen")?,
    );
    order.regions = Regions {
        main: Main::from_code(first & 15).ok_or(Impossible("main"))?,
        claim: Claim::from_code(first >> 4).ok_or(Impossible("claim"))?,
        delivery: Delivery::from_code(second & 15).ok_or(Impossible("delivery"))?,
        payment: Payment::from_code(second >> 4).ok_or(Impossible("payment"))?,
        kitchen: Kitchen::from_code(third & 15).ok_or(Impossible("kitchen"))?,
    };
    order.fulfilment = optional(third >> 4, Fulfilment::from_code, "fulfilment")?;
    Ok(())
}

fn read_times(reader: &mut Reader<'_>, order: &mut Order) -> Result<(), OrderCodecError> {
    let mut bits = reader.number("times")?;
    let mut next = |reader: &mut Reader<'_>| -> Result<Option<i64>, OrderCodecError> {
        let present = bits & 1 != 0;
        bits >>= 1;
        present.then(|| reader.time()).transpose()
    };
    for milestone in Milestone::ALL {
        order.times.set(*milestone, next(reader)?);
    }
    order.first_promised_at = next(reader)?;
    order.promised_at = next(reader)?;
    if bits == 0 {
        Ok(())
    } else {
        Err(Impossible("times"))
    }
}

fn read_deliveries(reader: &mut Reader<'_>, order: &mut Order) -> Result<(), OrderCodecError> {
    let count = reader.number("deliveries")?;
    if count > MAX_DELIVERIES as u64 {
        return Err(Impossible("number of deliveries"));
    }
    for _ in 0..count {
        let place = order.deliveries.push(reader.text("delivery id")?);
        let cursor = reader.cursor()?;
        let opened = match reader.byte("delivery")? {
            0 => false,
            1 => true,
            _ => return Err(Impossible("delivery")),
        };
        if let Some(delivery) = order.deliveries.get_mut(place) {
            delivery.cursor = cursor;
            delivery.opened = opened;
        }
    }
    order.current_delivery = match reader.number("current delivery")?.checked_sub(1) {
        None => None,
        Some(place) => Some(order.place(place)?),
    };
    Ok(())
}

fn read_memory(
    reader: &mut Reader<'_>,
    format: u8,
    order: &mut Order,
) -> Result<(), OrderCodecError> {
    let count = reader.number("memory")?;
    if count > MEMORY_EVENTS as u64 {
        return Err(Impossible("memory"));
    }
    for _ in 0..count {
        let id = reader.wide("remembered id")?;
        let hash = u64::from_le_bytes(reader.array("remembered hash")?);
        let bits = reader.byte("remembered aggregate")?;
        let aggregate =
            Aggregate::from_code(bits & 63).ok_or(Impossible("remembered aggregate"))?;
        let delivery = match aggregate {
            Aggregate::Delivery => order.place(reader.number("remembered delivery")?)?,
            _ => 0,
        };
        let version = if bits & 64 == 0 {
            None
        } else {
            Some(reader.number("remembered version")?)
        };
        let judged = bits & 128 != 0;
        let (action, outcome, at) = if format == 1 {
            (None, unremembered(judged), order.updated_at)
        } else {
            let action = reader.byte("remembered action")?;
            let outcome = Outcome::from_code(reader.byte("remembered outcome")?)
                .ok_or(Impossible("remembered outcome"))?;
            let action = optional(action, Action::from_code, "remembered action")?;
            (action, outcome, reader.time()?)
        };
        order.memory.restore(Remembered {
            action,
            outcome,
            at,
            id,
            hash,
            aggregate,
            delivery,
            version,
            judged,
        });
    }
    Ok(())
}

/// What format 1 says of an event's outcome; it is only shown, nothing is decided by it.
const fn unremembered(judged: bool) -> Outcome {
    if judged {
        Outcome::Rejected(RejectionReason::IllegalTransition)
    } else {
        Outcome::Applied
    }
}

fn read_waiting(reader: &mut Reader<'_>, order: &mut Order) -> Result<(), OrderCodecError> {
    for _ in 0..reader.number("events set aside")? {
        let arrival = reader.number("arrival")?;
        let id = reader.wide("id of an event set aside")?;
        let hash = u64::from_le_bytes(reader.array("hash of an event set aside")?);
        let bits = reader.byte("aggregate of an event set aside")?;
        let aggregate =
            Aggregate::from_code(bits & 63).ok_or(Impossible("aggregate of an event set aside"))?;
        let target = u64::from_le_bytes(reader.array("target of an event set aside")?);
        let version = reader.number("version of an event set aside")?;
        order.waiting.restore(Waiting {
            arrival,
            aside: if bits & 128 == 0 {
                Aside::Parked
            } else {
                Aside::Kept
            },
            beyond_gap: bits & 64 != 0,
            id,
            hash,
            aggregate,
            target,
            version: (version > 0).then_some(version),
            since: reader.time()?,
            deadline: reader.time()?,
        });
    }
    Ok(())
}

impl Order {
    fn place(&self, number: u64) -> Result<usize, OrderCodecError> {
        usize::try_from(number)
            .ok()
            .filter(|&place| place < self.deliveries.len())
            .ok_or(Impossible("place of a delivery"))
    }
}

fn optional<T>(
    code: u8,
    from_code: fn(u8) -> Option<T>,
    name: &'static str,
) -> Result<Option<T>, OrderCodecError> {
    match code.checked_sub(1) {
        None => Ok(None),
        Some(code) => from_code(code).map(Some).ok_or(Impossible(name)),
    }
}
