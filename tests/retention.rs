//! Sixty-five days of a marketplace: orders are forgotten when their time is over, and the state grows no further.
//!
//! 300 orders a day by default; `make retention-large` asks for 3,000 and for the figures.
#![allow(clippy::print_stdout)]

mod lives;
mod market;
mod sample;
mod simulation;

use std::env;
use std::time::Instant;

use market::{MOVED, REUSED, REUSED_LATER};
use sample::{Sample, report_orders, report_samples};
use simulation::Simulation;

const ASKED: &str = "JUMUN_RETENTION_ORDERS_PER_DAY";
const DAYS: u32 = 65;
/// One day after the first orders have gone.
const FULL: u32 = 32;

#[test]
fn the_state_grows_no_further_once_orders_leave() {
    let orders_per_day = env::var(ASKED).map_or(300, |asked| asked.parse().unwrap());
    let begun = Instant::now();
    let mut simulation = Simulation::new(orders_per_day);
    let mut samples: Vec<Sample> = Vec::new();
    for day in 1..=DAYS {
        match day {
            // In the middle of an hour, with events that are not committed.
            15 => simulation.crash_at(day, false),
            // The same, but the disk has got hold of some of them.
            36 => simulation.crash_at(day, true),
            _ => simulation.run_to_day(day),
        }
        if day == 40 {
            simulation.restore_from_nothing();
        }
        samples.push(simulation.sample(day));
        check_special_orders(&simulation, day);
    }
    simulation.restore_from_nothing();
    let took = begun.elapsed();

    let full = samples[FULL as usize - 1].clone();
    for sample in &samples[FULL as usize..] {
        sample.is_no_larger_than(&full);
    }
    // Half of the way to it nothing had left yet: the bound is no idle one.
    assert!(full.orders.rows > 3 * samples[9].orders.rows);
    report_samples(&samples, &[10, 20, 32, 40, DAYS]);
    report_orders(&simulation.rows("orders"));
    println!(
        "{} events of {} orders in {took:.1?}",
        simulation.market.sent, simulation.market.orders
    );

    // Every kind of order was there, and has left as its kind does.
    let told = &simulation.lives;
    for (what, count) in [
        ("closed", told.left_closed),
        ("never closed", told.left_open),
        ("ghosts", told.left_ghosts),
        ("late events", told.left_stubs),
        ("claims", told.claims),
        ("refunds", told.refunds),
        ("kept events", full.parked.rows),
    ] {
        assert!(count > 0, "{what}");
    }
    assert_eq!(simulation.market.reused_too_early, told.reused_too_early);

    // Another month in which nothing comes: the last ones leave, and nothing at all remains of them.
    simulation.let_all_leave(34);
    let last = simulation.sample(DAYS + 34);
    let rows = [last.orders.rows, last.parked.rows, last.timers.rows];
    assert_eq!((rows, last.in_flight), ([0; 3], 0));
    assert!(simulation.lives.is_empty());
    assert!(
        last.changelog.rows < 20,
        "{:?}: tombstones leave the changelog too",
        last.changelog
    );
}

/// Numbers that are used again, and a timer that is moved.
fn check_special_orders(simulation: &Simulation, day: u32) {
    let lives = |number: &str| {
        let life = simulation.lives.of(number);
        life.map(|life| (life.generation, life.seq))
    };
    let expected = match day {
        1 => [None, None, Some((1, 1))],
        2 => [Some((1, 2)), None, Some((1, 1))],
        // The number came too early once more, and changed nothing.
        31 => [Some((1, 2)), Some((1, 2)), Some((1, 2))],
        // 30 days after its end it was taken for another order, though the first was not forgotten yet.
        33 => [Some((2, 2)), Some((1, 2)), Some((1, 2))],
        // Forgotten after 31 days, and begun anew.
        36 => [Some((2, 2)), Some((1, 1)), Some((1, 2))],
        // Its timer was moved by an event of day 20.
        51 => [Some((2, 2)), Some((1, 1)), Some((1, 2))],
        52 => [Some((2, 2)), Some((1, 1)), None],
        64 => [None, Some((1, 1)), None],
        65 => [Some((1, 1)), Some((1, 1)), None],
        _ => return,
    };
    let found = [REUSED, REUSED_LATER, MOVED].map(lives);
    assert_eq!(found, expected, "day {day}");
}
