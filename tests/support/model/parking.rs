//! How events are set aside, tried again, and given up (order-domain 4.1).

use super::event::{InputRecord, Parsed, parse};
use super::judge::{self, Matter};
use super::policy::Choice;
use super::verdict::{Case, Verdict};
use super::waiting::Parked;
use super::{Judged, Model, Outcome, Step, redrive};

/// One consumed record, and all that it sets going.
pub fn consume(model: &mut Model, record: &InputRecord, step: &mut Step) {
    model.task(record.partition).consumed += 1;
    take_up(model, record, false, step);
}

fn take_up(model: &mut Model, record: &InputRecord, waits_for_gaps: bool, step: &mut Step) {
    let (event, action_is_known) = match parse(record) {
        Parsed::DeadLetter(reason) => {
            return step.settle(record, judge::dead_letter(reason));
        }
        Parsed::UnknownAction(event) => (event, false),
        Parsed::Event(event) => (event, true),
    };
    let case = Case::new(event, action_is_known, record, model.now());
    let newcomer = Parked {
        record: record.clone(),
        case,
        arrival: model.next_arrival(),
        parked_at: model.deadline_clock(record.partition),
        due: 0,
        waits_for_gaps,
    };
    let policy = newcomer.policy(model.settings.policy);
    let found = model.verdict(&newcomer.case, &policy);
    if let Verdict::TooEarly(cause, _) = found
        && policy.choice(cause) == Choice::Park
    {
        return park(model, newcomer, step);
    }
    settle(model, &newcomer, found, false, step);
}

/// Sets a newcomer aside, or rejects it where too many wait already.
fn park(model: &mut Model, mut newcomer: Parked, step: &mut Step) {
    let order_no = newcomer.case.event.order_no.clone();
    let partition = newcomer.record.partition;
    let of_order = model.waiting.get(&order_no);
    let of_order = of_order.map_or(0, |waiting| waiting.parked().len());
    let task = model.task(partition);
    let task_is_full = task.deadlines.len() >= task.park_limit();
    if of_order >= model.settings.parked_per_order || task_is_full {
        let found = Verdict::Refused("PARK_LIMIT");
        return settle(model, &newcomer, found, false, step);
    }
    let limit = model.settings.park_limit_of(&newcomer.case.event.action);
    newcomer.due = newcomer.parked_at + limit;
    step.settle(&newcomer.record, Judged::plain(Outcome::Parked));
    model.set_aside(newcomer);
}

/// Carries the verdict out, and then whatever it makes possible.
fn settle(model: &mut Model, parked: &Parked, found: Verdict, timed_out: bool, step: &mut Step) {
    let order_no = &parked.case.event.order_no;
    let judged = settle_alone(model, parked, found, timed_out, step);
    if judged.order_changed {
        apply_ghost(model, parked, &judged, step);
        retry(model, order_no, step);
        redrive::send_what_fits(model, order_no, step);
    }
}

fn settle_alone(
    model: &mut Model,
    parked: &Parked,
    found: Verdict,
    timed_out: bool,
    step: &mut Step,
) -> Judged {
    let matter = Matter {
        case: &parked.case,
        record: &parked.record,
        parked_ms: model.deadline_clock(parked.record.partition) - parked.parked_at,
        timed_out,
    };
    let judged = judge::carry_out(model, found, &matter);
    redrive::keep(model, parked, &judged);
    step.settle(&parked.record, judged.clone());
    judged
}

/// Tries the parked events of an order: the lowest version first, then by arrival, from the front after each release.
fn retry(model: &mut Model, order_no: &str, step: &mut Step) {
    while let Some((parked, found)) = next_release(model, order_no) {
        let judged = settle_alone(model, &parked, found, false, step);
        apply_ghost(model, &parked, &judged, step);
    }
}

/// The first parked event that has no reason to wait any more, taken out, and what should become of it.
fn next_release(model: &mut Model, order_no: &str) -> Option<(Parked, Verdict)> {
    let arrivals: Vec<u64> = model
        .waiting
        .get(order_no)?
        .parked()
        .iter()
        .map(|parked| parked.arrival)
        .collect();
    for arrival in arrivals {
        let (parked, found) = look_again(model, order_no, arrival)?;
        let policy = parked.policy(model.settings.policy);
        let waits = match found {
            Verdict::TooEarly(cause, _) => policy.choice(cause) == Choice::Park,
            _ => false,
        };
        if !waits {
            return Some((parked, found));
        }
        model.set_aside(parked);
    }
    None
}

/// Takes a parked event out and judges it as of now.
fn look_again(model: &mut Model, order_no: &str, arrival: u64) -> Option<(Parked, Verdict)> {
    let mut parked = model.waiting.get_mut(order_no)?.unpark(arrival)?;
    let task = model.task(parked.record.partition);
    task.deadlines.remove(&parked.deadline());
    let case = &parked.case;
    parked.case = Case::new(
        case.event.clone(),
        case.action_is_known,
        &parked.record,
        model.now(),
    );
    let policy = parked.policy(model.settings.policy);
    let found = model.verdict(&parked.case, &policy);
    Some((parked, found))
}

/// With `ghost.autoapply`: the ghost's cancel is judged again in place, as one more consumed record.
fn apply_ghost(model: &mut Model, parked: &Parked, judged: &Judged, step: &mut Step) {
    let created = parked.case.event.action == "order.created" && judged.transition.is_some();
    if !created || !model.settings.autoapply_ghosts {
        return;
    }
    let order_no = &parked.case.event.order_no;
    let Some(ghost) = model.order_or_nothing(order_no).ghost else {
        return;
    };
    if let Some(waiting) = model.waiting.get_mut(order_no) {
        waiting.forget_kept(&ghost.event_id);
    }
    model.task(ghost.record.partition).consumed += 1;
    take_up(model, &ghost.record, true, step);
}

/// Looks at every parked event whose time may be over: what still waits is rejected by its present cause, unless an
/// input lags.
pub fn give_up(model: &mut Model, partition: i32, step: &mut Step) {
    while let Some((order_no, arrival)) = next_due(model, partition) {
        let now = model.deadline_clock(partition);
        let lag = model.task(partition).lag;
        let longest = model.settings.longest_park_limit;
        let Some((mut parked, found)) = look_again(model, &order_no, arrival) else {
            return;
        };
        let mut limit = model.settings.park_limit_of(&parked.case.event.action);
        if lag > limit {
            limit = (lag + model.settings.park_limit).min(longest);
        }
        if now < parked.parked_at + limit {
            parked.due = parked.parked_at + limit;
            model.set_aside(parked);
            continue;
        }
        settle(model, &parked, found, true, step);
    }
}

/// The parked event of the task that is due first.
fn next_due(model: &mut Model, partition: i32) -> Option<(String, u64)> {
    let now = model.deadline_clock(partition);
    let (due, _, arrival, order_no) = model.task(partition).deadlines.first()?;
    (*due <= now).then(|| (order_no.clone(), *arrival))
}
