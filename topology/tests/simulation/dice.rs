//! The one source of chance of a history.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(1) };
}

/// From here on everything follows from the seed.
pub fn seed(seed: u64) {
    STATE.set(seed);
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub fn below(bound: u64) -> u64 {
    let state = STATE.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    STATE.set(state);
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) % bound
}

/// One of these.
pub fn one_of<T: Copy>(choices: &[T]) -> T {
    choices[below(choices.len() as u64) as usize]
}
