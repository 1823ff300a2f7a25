//! How many different things were seen, without keeping them.
//!
//! HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with 4,096 registers: each remembers the longest run of zeros
//! with which a hash that fell to it began. Only registers that saw anything are kept, so that few things take few bytes;
//! registers are maxima, so that parts merged in any order are equal to the last bit. The standard error is
//! 1.04 / √4096 = 1.6 %, less while most registers are empty.

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

const REGISTER_BITS: u32 = 12;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// The hash under which a thing is counted.
#[must_use]
pub fn member(thing: &[u8]) -> u64 {
    xxh3_64(thing)
}

/// Things that were seen.
///
/// ```
/// use jumun::domain::aggregates::{Distinct, member};
///
/// let mut riders = Distinct::default();
/// for rider in ["r-1", "r-2", "r-1"] {
///     riders.add(member(rider.as_bytes()));
/// }
/// assert_eq!(riders.count(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distinct {
    /// Registers that saw anything: number, and the position of the first bit that was set, from 1.
    registers: Vec<(u16, u8)>,
}

impl Distinct {
    /// Counts the thing of this hash.
    pub fn add(&mut self, member: u64) {
        let register = (member >> (u64::BITS - REGISTER_BITS)) as u16;
        let rest = member << REGISTER_BITS | 1 << (REGISTER_BITS - 1);
        self.see(register, rest.leading_zeros() as u8 + 1);
    }

    /// Counts the things of another.
    pub fn merge(&mut self, other: &Self) {
        for (register, first) in &other.registers {
            self.see(*register, *first);
        }
    }

    fn see(&mut self, register: u16, first: u8) {
        match self
            .registers
            .binary_search_by_key(&register, |(number, _)| *number)
        {
            Ok(place) => {
                if let Some((_, known)) = self.registers.get_mut(place) {
                    *known = first.max(*known);
                }
            }
            Err(place) => self.registers.insert(place, (register, first)),
        }
    }

    /// How many there are, to the standard error of the module's description.
    #[must_use]
    pub fn count(&self) -> u64 {
        let all = REGISTERS as f64;
        let empty = all - self.registers.len() as f64;
        let power = |(_, first): &(u16, u8)| (-f64::from(*first)).exp2();
        let sum = empty + self.registers.iter().map(power).sum::<f64>();
        let estimate = 0.7213 / (1.0 + 1.079 / all) * all * all / sum;
        let estimate = match empty > 0.0 && estimate <= 2.5 * all {
            true => all * (all / empty).ln(),
            false => estimate,
        };
        estimate.round() as u64
    }

    /// Appends its bytes: number of registers, then of each its number, less that of the one before, and what it saw.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.number(self.registers.len() as u64);
        let mut before = 0;
        for (register, first) in &self.registers {
            writer.number(u64::from(register.wrapping_sub(before)));
            writer.byte(*first);
            before = *register;
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, OrderCodecError> {
        const IMPOSSIBLE: OrderCodecError = OrderCodecError::Impossible("set of registers");
        let registers = reader.number("registers")?;
        let mut distinct = Self::default();
        let mut before = 0;
        for _ in 0..registers {
            before += reader.number("register")?;
            let register = u16::try_from(before).map_err(|_| IMPOSSIBLE)?;
            let last = distinct.registers.last();
            if last.is_some_and(|(last, _)| *last >= register) || usize::from(register) >= REGISTERS
            {
                return Err(IMPOSSIBLE);
            }
            distinct
                .registers
                .push((register, reader.byte("register")?));
        }
        Ok(distinct)
    }
}
