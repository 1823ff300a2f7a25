//! Colours, on terminals only, and not where somebody wants none (<https://no-color.org>).

use std::fmt;
use std::io::IsTerminal;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// With ANSI escapes.
    Colours,
    /// As it is.
    Plain,
}

/// What a colour means.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    /// A headline.
    Strong,
    /// It went as it should.
    Good,
    /// Somebody should look at it.
    Warning,
    /// It was refused.
    Bad,
    /// Of less interest.
    Faint,
}

impl Paint {
    /// As standard output can show it.
    pub(crate) fn of_standard_output() -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match is_wanted && std::io::stdout().is_terminal() {
            true => Self::Colours,
            false => Self::Plain,
        }
    }

    /// The text in a colour.
    pub(crate) fn paint(self, tone: Tone, text: impl fmt::Display) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) => return text.to_string(),
            (_, Tone::Strong) => "1",
            (_, Tone::Good) => "32",
            (_, Tone::Warning) => "33",
            (_, Tone::Bad) => "31",
            (_, Tone::Faint) => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
