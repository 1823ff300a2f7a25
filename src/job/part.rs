use topology::codec::{CodecError, Presence, Serializer};

use super::judged::Judged;

/// One of the records that judging comes to: each goes to a topic of its own.
#[derive(Clone, Copy)]
pub(super) struct Part {
    text: fn(&Judged) -> Option<&[u8]>,
    /// Whether the record is a tombstone, where there is no text.
    ends: fn(&Judged) -> bool,
}

fn some(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text)
}

impl Part {
    pub(super) const TRANSITION: Self = Self::of(|judged| some(&judged.transition.0));
    pub(super) const STATE: Self = Self {
        text: |judged| some(&judged.state.0),
        ends: |judged| judged.state_ends,
    };
    pub(super) const REJECTED: Self = Self::of(|judged| some(&judged.rejected.0));
    pub(super) const RECONCILE: Self = Self::of(|judged| some(&judged.reconcile.0));
    pub(super) const SLA: Self = Self::of(|judged| some(&judged.sla.0));
    pub(super) const FINDING: Self = Self::of(|judged| some(&judged.finding.0));
    pub(super) const REDRIVE: Self = Self {
        text: |judged| judged.redrive.as_ref()?.value.as_deref(),
        ends: |judged| judged.redrive.is_some(),
    };

    const fn of(text: fn(&Judged) -> Option<&[u8]>) -> Self {
        Self {
            text,
            ends: |_| false,
        }
    }

    /// Whether judging came to such a record.
    pub(super) fn is_in(self, judged: &Judged) -> bool {
        (self.text)(judged).is_some() || (self.ends)(judged)
    }
}

impl Serializer<Judged> for Part {
    fn serialize(&mut self, value: &Judged, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        match (self.text)(value) {
            Some(text) => {
                out.extend_from_slice(text);
                Ok(Presence::Present)
            }
            None => Ok(Presence::Null),
        }
    }
}
