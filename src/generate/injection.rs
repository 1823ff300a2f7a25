//! The truth about a damaged stream: one record per fault.

use std::io::{self, Write};

use super::event::GeneratedEvent;

/// What was done to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InjectionKind {
    /// The same record again.
    Duplicate,
    /// The record arrives right after its successor in the same order.
    Swap,
    /// The record arrives late.
    Delay,
    /// A cancel arrives right before the creation of its order.
    Premature,
    /// The event carries an actor who may not do this.
    Hijack,
    /// An event that is impossible follows the last of its order.
    Transition,
    /// `occurredAt` lies ahead of `recordedAt`.
    Future,
    /// `occurredAt` lies too far back.
    Back,
    /// A record that cannot be judged.
    Poison,
}

impl InjectionKind {
    /// The text in `kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "dup",
            Self::Swap => "swap",
            Self::Delay => "delay",
            Self::Premature => "premature",
            Self::Hijack => "hijack",
            Self::Transition => "transition",
            Self::Future => "future",
            Self::Back => "back",
            Self::Poison => "poison",
        }
    }
}

/// What belongs to a fault beyond its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InjectionDetail {
    None,
    Milliseconds(i64),
    /// A name and its value.
    Text(&'static str, &'static str),
}

/// One fault, where it arrived in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injection {
    /// What was done.
    pub kind: InjectionKind,
    pub(super) detail: InjectionDetail,
}

impl Injection {
    /// Writes the fault as one line of JSON: `{kind, orderNo, id, action, version, detail, line}`.
    ///
    /// `event` is the damaged record, `line` its position in the stream from 0. Of poison only
    /// the kind, the detail and the line are told, since the rest cannot be read.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_line(
        &self,
        line: u64,
        event: &GeneratedEvent,
        into: &mut impl Write,
    ) -> io::Result<()> {
        write!(into, "{{\"kind\":\"{}\",", self.kind.name())?;
        if self.kind == InjectionKind::Poison {
            write!(
                into,
                "\"orderNo\":null,\"id\":null,\"action\":null,\"version\":null,"
            )?;
        } else {
            into.write_all(b"\"orderNo\":\"")?;
            into.write_all(&event.key)?;
            into.write_all(b"\",\"id\":\"")?;
            into.write_all(&event.id)?;
            write!(
                into,
                "\",\"action\":\"{}\",\"version\":{},",
                event.action,
                event.version()
            )?;
        }
        match self.detail {
            InjectionDetail::None => write!(into, "\"detail\":null")?,
            InjectionDetail::Milliseconds(ms) => write!(into, "\"detail\":{{\"ms\":{ms}}}")?,
            InjectionDetail::Text(name, value) => {
                write!(into, "\"detail\":{{\"{name}\":\"{value}\"}}")?;
            }
        }
        writeln!(into, ",\"line\":{line}}}")
    }
}
