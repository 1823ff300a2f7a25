//! The section `[dead_letters]`.

use super::tests::{check_error, given};
use super::*;

#[test]
fn dead_letters_have_a_section_of_their_own() {
    let file = "[dead_letters]\nshare = 0.25\nwindow = 200";
    let environment = [("JUMUN__DEAD_LETTERS__MINIMUM", "7")];
    let effective = given(file, &environment, Flags::default()).load();
    let circuit = effective.configuration.dead_letters.circuit().unwrap();
    assert_eq!((circuit.window, circuit.minimum), (200, 7));
    assert!(circuit.is_exceeded(51, 200) && !circuit.is_exceeded(50, 200));
    let toml = effective.print(Format::Toml).unwrap();
    for line in [
        "[dead_letters]\n",
        "share = 0.25 ",
        "window = 200 ",
        "minimum = 7 ",
    ] {
        assert!(toml.contains(line), "{line}: {toml}");
    }
    let off = given("[dead_letters]\ncircuit = false", &[], Flags::default()).load();
    assert_eq!(off.configuration.dead_letters.circuit(), None);
    let never = given("[dead_letters]\nshare = 1", &[], Flags::default()).load();
    let never = never.configuration.dead_letters.circuit().unwrap();
    assert!(!never.is_exceeded(1_000, 1_000));
}

#[test]
fn a_circuit_that_makes_no_sense_is_refused() {
    check_error(
        "[dead_letters]\nshare = 1.5",
        "jumun.toml, dead_letters.share: must be a share from 0 to 1 such as 0.01, not 1.5",
    );
    check_error(
        "[dead_letters]\nwindow = 5",
        "jumun.toml, dead_letters.window: dead_letters.minimum is 10 and dead_letters.window is 5: there can never be so many; set \
         dead_letters.circuit = false to switch it off",
    );
}
