use super::{TimeWindows, Windowed};
use crate::codec::{CodecError, Deserializer, Presence, Serializer};

/// A group in a window as Kafka Streams' `TimeWindowedSerializer` writes it: the group's bytes, then the
/// beginning of the window in eight, big-endian. The end follows from the size of the windows.
///
/// ```
/// use std::time::Duration;
/// use topology::codec::{Deserializer, Serializer, Utf8};
/// use topology::window::{TimeWindowed, TimeWindows, Windowed};
///
/// let minutes = TimeWindows::of_size(Duration::from_secs(60));
/// let mut codec = TimeWindowed::of(Utf8, minutes);
/// let windowed = Windowed { key: "a".to_owned(), start: 60_000, end: 120_000 };
/// let mut bytes = Vec::new();
/// codec.serialize(&windowed, &mut bytes)?;
/// assert_eq!(bytes, [b"a".as_slice(), &60_000_i64.to_be_bytes()].concat());
///
/// let mut read = Windowed::default();
/// codec.deserialize(Some(&bytes), &mut read)?;
/// assert_eq!(read, windowed);
/// # Ok::<(), topology::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TimeWindowed<C> {
    group: C,
    windows: TimeWindows,
}

impl<C> TimeWindowed<C> {
    /// Of groups that `group` writes and reads, in windows of this size.
    pub fn of(group: C, windows: TimeWindows) -> Self {
        Self { group, windows }
    }
}

impl<K, C: Serializer<K>> Serializer<Windowed<K>> for TimeWindowed<C> {
    fn serialize(
        &mut self,
        value: &Windowed<K>,
        out: &mut Vec<u8>,
    ) -> Result<Presence, CodecError> {
        self.group.serialize(&value.key, out)?;
        out.extend_from_slice(&value.start.to_be_bytes());
        Ok(Presence::Present)
    }
}

impl<K, C: Deserializer<K>> Deserializer<Windowed<K>> for TimeWindowed<C> {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut Windowed<K>,
    ) -> Result<(), CodecError> {
        let (group, start) = data
            .and_then(<[u8]>::split_last_chunk::<8>)
            .ok_or_else(|| {
                let size = data.map_or(0, <[u8]>::len);
                let message =
                    format!("{size} bytes where a group and the 8 of a window were expected");
                CodecError::new("MALFORMED", message)
            })?;
        self.group.deserialize(Some(group), &mut target.key)?;
        target.start = i64::from_be_bytes(*start);
        target.end = self.windows.end_of(target.start);
        Ok(())
    }
}
