use topology::codec::{CodecError, Presence, Serializer};

use super::codec::JsonText;
use super::judged::Judged;

/// One of the records that judging comes to: each goes to a topic of its own.
#[derive(Clone, Copy)]
pub(super) struct Part(pub(super) fn(&Judged) -> &JsonText);

impl Part {
    /// Whether judging came to such a record.
    pub(super) fn is_in(self, judged: &Judged) -> bool {
        !(self.0)(judged).0.is_empty()
    }
}

impl Serializer<Judged> for Part {
    fn serialize(&mut self, value: &Judged, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(&(self.0)(value).0);
        Ok(Presence::Present)
    }
}
