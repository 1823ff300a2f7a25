//! Enums with a wire name and a stable code, and bit sets of them.

/// Declares an enum whose values have a wire name and a code (their position), and a set of them as bits.
///
/// The order of the values is part of the stored format: append, never reorder.
macro_rules! codes {
    ($(#[$meta:meta])* $Name:ident, $Set:ident { $($Value:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $Name {
            $(#[doc = concat!("`", $text, "`")] $Value),+
        }

        impl $Name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$Value),+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Value => $text),+ }
            }

            /// The code in stored records and dense tables.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The value of a code.
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }

            /// The value of a wire name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$Value),)+ _ => None }
            }
        }

        #[doc = concat!("A set of [`", stringify!($Name), "`] as bits.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct $Set(u64);

        #[allow(dead_code, reason = "every set has the same operations, not all sets need all of them")]
        impl $Set {
            /// No value.
            pub const EMPTY: Self = Self(0);
            /// Every value.
            pub const ALL: Self = Self(0 $(| 1 << ($Name::$Value as u64))+);

            /// This set and one value more.
            #[must_use]
            pub const fn with(self, value: $Name) -> Self {
                Self(self.0 | 1 << (value as u64))
            }

            /// This set less one value.
            #[must_use]
            pub const fn without(self, value: $Name) -> Self {
                Self(self.0 & !(1 << (value as u64)))
            }

            /// Whether the value is in the set.
            #[must_use]
            pub const fn contains(self, value: $Name) -> bool {
                self.0 & 1 << (value as u64) != 0
            }

            /// The values that are in this set and not in the other.
            #[must_use]
            pub const fn minus(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether the set has no value.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The bits, value with code 0 lowest.
            #[must_use]
            pub const fn bits(self) -> u64 {
                self.0
            }

            /// The set of these bits; bits of no value are dropped.
            #[must_use]
            pub const fn from_bits(bits: u64) -> Self {
                Self(bits & Self::ALL.0)
            }

            /// The values of the set, lowest code first.
            pub fn iter(self) -> impl Iterator<Item = $Name> {
                $Name::ALL.iter().copied().filter(move |&value| self.contains(value))
            }
        }
    };
}

pub(crate) use codes;
