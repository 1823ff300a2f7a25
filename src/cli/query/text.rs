//! An order for a person who was woken up for it.

use std::io::{self, Write};

use super::super::paint::{Paint, Tone};
use super::super::span::span;
use crate::query::{FactAnswer, KstTime, OrderAnswer, SetAsideAnswer, TimelineEntry};

/// Writes everything that matters of an order; `now` is epoch milliseconds.
pub(super) fn write(
    out: &mut impl Write,
    order: &OrderAnswer,
    now: i64,
    paint: Paint,
) -> io::Result<()> {
    head(out, order, paint)?;
    trouble(out, order, paint)?;
    waiting(out, order, now, paint)?;
    timeline(out, order, paint)?;
    hints(out, order, paint)
}

fn head(out: &mut impl Write, order: &OrderAnswer, paint: Paint) -> io::Result<()> {
    let status = match order.status.as_str() {
        "NONE" => "NONE 없음 (never created)".to_owned(),
        status => format!("{status} {}", order.status_korean),
    };
    let headline = format!("{}  {status}", order.order_no);
    writeln!(out, "{}", paint.paint(Tone::Strong, headline))?;
    let regions = &order.regions;
    writeln!(
        out,
        "  main {}, kitchen {}, delivery {}, payment {}, claim {}",
        regions.main, regions.kitchen, regions.delivery, regions.payment, regions.claim
    )?;
    let dims = [
        &order.sido,
        &order.sigungu,
        &order.dong,
        &order.category,
        &order.fulfilment,
        &order.store_id,
        &order.customer_id,
    ];
    let dims: Vec<&str> = dims.into_iter().flatten().map(String::as_str).collect();
    if !dims.is_empty() {
        writeln!(out, "  {}", dims.join(" · "))?;
    }
    if order.status != "NONE" {
        let method = order.payment_method.as_deref().unwrap_or("unknown method");
        writeln!(
            out,
            "  {} won, paid {}, refunded {} ({method})",
            order.amount, order.paid, order.refunded
        )?;
    }
    let mut versions = Vec::new();
    for (name, version) in [
        ("order", order.versions.order),
        ("payment", order.versions.payment),
        ("claim", order.versions.claim),
    ] {
        versions.extend(version.map(|version| format!("{name} {version}")));
    }
    let deliveries = order.versions.delivery.iter();
    versions.extend(deliveries.map(|(id, version)| format!("delivery {id} {version}")));
    let generation = match order.generation {
        0 | 1 => String::new(),
        generation => format!(", generation {generation}"),
    };
    if !versions.is_empty() {
        writeln!(
            out,
            "  versions: {}; seq {}{generation}",
            versions.join(", "),
            order.seq
        )?;
    }
    let place = format!(
        "  {} has it in task {}; as of {}; kept until {}",
        order.instance,
        order.task,
        moment(order.as_of),
        moment(order.retention.until)
    );
    writeln!(out, "{}", paint.paint(Tone::Faint, place))
}

fn trouble(out: &mut impl Write, order: &OrderAnswer, paint: Paint) -> io::Result<()> {
    if let Some(ghost) = &order.ghost {
        let meaning = match order.hold {
            true => "HOLD: its cancel came before it, and consumers wait until that is settled",
            false => "GHOST: it was cancelled, and never created so far",
        };
        let line = format!("{meaning}: {}", fact(ghost));
        writeln!(out, "{}", paint.paint(Tone::Warning, line))?;
    }
    if !order.contradicted_by.is_empty() {
        let owners = order.contradicted_by.join(", ");
        let line = format!("CONTRADICTED by the owner of: {owners}");
        writeln!(out, "{}", paint.paint(Tone::Warning, line))?;
    }
    let flags: Vec<&str> = order
        .flags
        .iter()
        .map(String::as_str)
        .filter(|flag| *flag != "contradicted")
        .collect();
    if !flags.is_empty() {
        writeln!(out, "flags: {}", flags.join(", "))?;
    }
    for late in &order.after_terminal {
        let line = format!("after the end: {}", fact(late));
        writeln!(out, "{}", paint.paint(Tone::Bad, line))?;
    }
    Ok(())
}

fn fact(fact: &FactAnswer) -> String {
    let at = moment(fact.occurred_at);
    format!(
        "{}{} at {at}, event {}",
        fact.action,
        version(fact.version),
        fact.event_id
    )
}

fn version(version: Option<u64>) -> String {
    version.map_or_else(String::new, |version| format!(" v{version}"))
}

fn waiting(out: &mut impl Write, order: &OrderAnswer, now: i64, paint: Paint) -> io::Result<()> {
    if !order.parked.is_empty() {
        let line = format!("\nwaits ({})", order.parked.len());
        writeln!(out, "{}", paint.paint(Tone::Strong, line))?;
    }
    for parked in &order.parked {
        let until = parked.until.unwrap_or(parked.since);
        let then = match &parked.in_the_end {
            Some(reason) => format!("then rejected: {reason}"),
            None => "about to be judged".to_owned(),
        };
        let line = format!(
            "  {}; until {} ({}), {then}",
            set_aside(parked),
            moment(until),
            relative(until.0.saturating_sub(now))
        );
        writeln!(out, "{}", paint.paint(Tone::Warning, line))?;
    }
    if !order.kept.is_empty() {
        let line = format!(
            "\nrejected, judged again by itself once it can be ({})",
            order.kept.len()
        );
        writeln!(out, "{}", paint.paint(Tone::Strong, line))?;
    }
    for kept in &order.kept {
        writeln!(
            out,
            "  {}; since {}",
            set_aside(kept),
            relative(kept.since.0.saturating_sub(now))
        )?;
    }
    Ok(())
}

fn set_aside(event: &SetAsideAnswer) -> String {
    let missing = match (&event.cause, &event.detail) {
        (Some(cause), Some(detail)) => format!("{cause}: {detail}"),
        _ => "nothing is missing any more".to_owned(),
    };
    format!(
        "{}{} [{}-{} @{}] {missing}",
        event.action,
        version(event.version),
        event.topic,
        event.partition,
        event.offset
    )
}

fn timeline(out: &mut impl Write, order: &OrderAnswer, paint: Paint) -> io::Result<()> {
    if order.timeline.is_empty() {
        return Ok(());
    }
    let line = format!(
        "\ntimeline, last {} events as they were judged (KST)",
        order.timeline.len()
    );
    writeln!(out, "{}", paint.paint(Tone::Strong, line))?;
    let wide = |entry: &TimelineEntry| entry.action.as_deref().unwrap_or("?").len();
    let width = order.timeline.iter().map(wide).max().unwrap_or(0);
    for entry in &order.timeline {
        let outcome = match &entry.reason {
            Some(reason) => format!("{}/{reason}", entry.outcome),
            None => entry.outcome.clone(),
        };
        let tone = match entry.outcome.as_str() {
            "APPLIED" | "APPLIED_SKIP" => Tone::Good,
            "ANNOTATED" => Tone::Faint,
            _ => Tone::Bad,
        };
        let action = entry.action.as_deref().unwrap_or("?");
        let aggregate = entry.delivery_id.as_deref().unwrap_or(&entry.aggregate);
        writeln!(
            out,
            "  {}  {action:<width$}  {}  {aggregate}{}",
            moment(entry.at),
            paint.paint(tone, format!("{outcome:<12}")),
            version(entry.version)
        )?;
    }
    Ok(())
}

fn hints(out: &mut impl Write, order: &OrderAnswer, paint: Paint) -> io::Result<()> {
    let rejected = order
        .timeline
        .iter()
        .any(|entry| matches!(entry.outcome.as_str(), "REJECTED" | "DLT"));
    let mut hints = vec![format!(
        "{}: jumun dlt list --order {}",
        match rejected || !order.kept.is_empty() {
            true => "what was rejected, with its reason and what to do",
            false =>
                "the timeline does not hold what was rejected for something missing; that is in",
        },
        quoted(&order.order_no)
    )];
    if order
        .parked
        .iter()
        .any(|it| it.cause.as_deref() == Some("SEQ_GAP"))
    {
        hints.push(format!(
            "a version that will never come is passed over with: jumun dlt skip {} --version <the last missing one> --reason <why>",
            quoted(&order.order_no)
        ));
    }
    writeln!(out)?;
    for hint in hints {
        writeln!(out, "{}", paint.paint(Tone::Faint, hint))?;
    }
    Ok(())
}

/// For a shell, where it would read something else.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Date and time in Korea, to the millisecond.
fn moment(time: KstTime) -> String {
    let text = time.text();
    let text = text.strip_suffix("+09:00").unwrap_or(&text);
    text.replacen('T', " ", 1)
}

/// A distance in time: `in 25 s`, `3 min ago`.
fn relative(ms: i64) -> String {
    let amount = span(ms.unsigned_abs() / 1_000);
    match ms < 0 {
        true => format!("{amount} ago"),
        false => format!("in {amount}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2026-11-20T12:00:10+09:00
    const NOW: i64 = 1_795_143_610_000;

    fn answer() -> OrderAnswer {
        let answer = json!({
            "orderNo": "B1", "status": "WAITING_ACCEPT", "statusKorean": "접수대기", "generation": 1, "seq": 2,
            "regions": {"main": "PAID", "kitchen": "IDLE", "delivery": "NONE", "payment": "APPROVED", "claim": "NONE"},
            "versions": {"order": 1, "payment": 1}, "sido": "서울", "amount": 20_000, "paid": 20_000,
            "paymentMethod": "CARD", "flags": ["contradicted", "incomplete"], "contradictedBy": ["payment"],
            "retention": {"until": "2026-12-21T12:00:00+09:00"}, "instance": "jumun-0", "task": "0_3",
            "asOf": "2026-11-20T12:00:10+09:00",
            "timeline": [
                {"at": "2026-11-20T12:00:00+09:00", "action": "order.created", "outcome": "APPLIED",
                 "aggregate": "order", "version": 1, "eventId": "e1"},
                {"at": "2026-11-20T12:00:01.250+09:00", "action": "payment.approved", "outcome": "REJECTED",
                 "reason": "ILLEGAL_TRANSITION", "aggregate": "payment", "version": 1, "eventId": "e2"},
            ],
            "parked": [
                {"action": "delivery.requested", "eventId": "e3", "aggregate": "delivery", "version": 1,
                 "since": "2026-11-20T12:00:05+09:00", "until": "2026-11-20T12:00:35+09:00",
                 "cause": "AWAIT_PREDECESSOR", "detail": "not while main is PAID",
                 "inTheEnd": "PREDECESSOR_TIMEOUT", "topic": "delivery.events.v1", "partition": 3, "offset": 7},
            ],
        });
        serde_json::from_value(answer).unwrap()
    }

    fn written(answer: &OrderAnswer, paint: Paint) -> String {
        let mut out = Vec::new();
        write(&mut out, answer, NOW, paint).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_person_sees_where_it_stands_and_what_it_waits_for() {
        let text = written(&answer(), Paint::Plain);
        assert!(text.starts_with("B1  WAITING_ACCEPT 접수대기\n"), "{text}");
        for line in [
            "  main PAID, kitchen IDLE, delivery NONE, payment APPROVED, claim NONE\n",
            "  versions: order 1, payment 1; seq 2\n",
            "CONTRADICTED by the owner of: payment\n",
            "flags: incomplete\n",
            "  delivery.requested v1 [delivery.events.v1-3 @7] AWAIT_PREDECESSOR: not while main is PAID; \
             until 2026-11-20 12:00:35.000 (in 25 s), then rejected: PREDECESSOR_TIMEOUT\n",
            "  2026-11-20 12:00:00.000  order.created     APPLIED       order v1\n",
            "  2026-11-20 12:00:01.250  payment.approved  REJECTED/ILLEGAL_TRANSITION  payment v1\n",
            "jumun dlt list --order B1\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains('\x1b'));
        assert!(written(&answer(), Paint::Colours).contains("\x1b[33m  delivery.requested"));
    }

    #[test]
    fn a_ghost_is_told_from_an_order() {
        let mut ghost = OrderAnswer {
            order_no: "B 2".to_owned(),
            status: "NONE".to_owned(),
            ghost: Some(FactAnswer {
                event_id: "e9".to_owned(),
                action: "order.cancelled".to_owned(),
                version: Some(2),
                occurred_at: KstTime(NOW),
            }),
            ..OrderAnswer::default()
        };
        let text = written(&ghost, Paint::Plain);
        assert!(text.contains("never created"), "{text}");
        assert!(
            text.contains("GHOST: it was cancelled, and never created so far: order.cancelled v2"),
            "{text}"
        );
        assert!(text.contains("--order 'B 2'\n"), "{text}");
        ghost.status = "PAYMENT_WAIT".to_owned();
        ghost.hold = true;
        assert!(written(&ghost, Paint::Plain).contains("HOLD: "));
    }

    #[test]
    fn distances_are_rounded_down() {
        for (ms, text) in [
            (0, "in 0 s"),
            (25_900, "in 25 s"),
            (-119_000, "119 s ago"),
            (-600_000, "10 min ago"),
            (7_200_000, "in 2 h"),
            (2_678_400_000, "in 31 d"),
        ] {
            assert_eq!(relative(ms), text);
        }
    }
}
