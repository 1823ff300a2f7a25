//! Order numbers: `B`, yyMMdd in Korean time, a daily sequence per node (five characters), the
//! node (two) and two check characters.
//!
//! All characters are Crockford's base 32 (no I, L, O, U), so the first fourteen are one number
//! in base 32; the check characters are its remainder modulo 1021, the largest prime below 32².
//! A prime modulus detects every single wrong character and every swap of two neighbours.

/// Characters of an order number.
pub const LENGTH: usize = 16;

/// Orders a node can number in a day.
pub const SEQUENCES_PER_DAY: u32 = 32 * 32 * 32 * 32 * 32;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const MODULUS: u32 = 1021;
const CHECKED: usize = LENGTH - 2;

/// An order number as ASCII.
pub type OrderNumber = [u8; LENGTH];

/// The order number of the `sequence`th order of `node` on a day given as its six digits.
///
/// `sequence` counts from 0 and is taken modulo [`SEQUENCES_PER_DAY`], `node` modulo 1024.
pub fn order_number(year_month_day: [u8; 6], sequence: u32, node: u16) -> OrderNumber {
    let mut number = [b'0'; LENGTH];
    let sequence = (0..5u32)
        .rev()
        .map(|place| character(sequence >> (5 * place)));
    let node = [character(u32::from(node) >> 5), character(u32::from(node))];
    let text = [b'B']
        .into_iter()
        .chain(year_month_day)
        .chain(sequence)
        .chain(node);
    let mut remainder = 0;
    for (slot, byte) in number.iter_mut().zip(text) {
        *slot = byte;
        remainder = (remainder * 32 + value(byte).unwrap_or(0)) % MODULUS;
    }
    let check = [character(remainder >> 5), character(remainder)];
    for (slot, byte) in number.iter_mut().skip(CHECKED).zip(check) {
        *slot = byte;
    }
    number
}

/// Whether the text has the form of an order number and its check characters fit.
pub fn is_valid(text: &[u8]) -> bool {
    if text.len() != LENGTH || text.first() != Some(&b'B') {
        return false;
    }
    let mut remainder = 0;
    let mut check = 0;
    for (index, byte) in text.iter().enumerate() {
        let Some(value) = value(*byte) else {
            return false;
        };
        if index < CHECKED {
            remainder = (remainder * 32 + value) % MODULUS;
        } else {
            check = check * 32 + value;
        }
    }
    remainder == check
}

fn character(value: u32) -> u8 {
    ALPHABET.get((value & 31) as usize).copied().unwrap_or(b'0')
}

fn value(character: u8) -> Option<u32> {
    ALPHABET
        .iter()
        .position(|known| *known == character)
        .and_then(|index| u32::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_carries_its_day_and_its_check_characters() {
        let number = order_number(*b"261120", 33, 2);
        assert_eq!(&number[..14], b"B2611200001102");
        assert!(is_valid(&number));
    }

    #[test]
    fn every_wrong_character_and_every_swap_of_neighbours_is_found() {
        let number = order_number(*b"261120", 1_234_567, 77);
        for position in 1..LENGTH {
            for character in ALPHABET {
                let mut wrong = number;
                wrong[position] = *character;
                assert_eq!(is_valid(&wrong), wrong == number);
            }
            let mut swapped = number;
            swapped.swap(position - 1, position);
            assert_eq!(is_valid(&swapped), swapped == number);
        }
    }

    #[test]
    fn numbers_of_a_day_differ() {
        let numbers: std::collections::HashSet<_> = (0..2000)
            .map(|sequence| order_number(*b"261120", sequence * 97, 5))
            .collect();
        assert_eq!(numbers.len(), 2000);
    }
}
