//! Times as text: RFC 3339 in Korean time with milliseconds.

use jiff::{Timestamp, tz};

const DAY_MS: u64 = 86_400_000;
/// Korean time is nine hours ahead of UTC all year round.
pub(super) const KOREA_MS: u64 = 9 * 3_600_000;
const SLOTS: usize = 4;

/// Writes times; remembers the dates of the last days, since the calendar is the dear part.
#[derive(Debug)]
pub(super) struct ClockText {
    days: [(u64, [u8; 10]); SLOTS],
}

impl Default for ClockText {
    fn default() -> Self {
        Self {
            days: [(u64::MAX, *b"0000-00-00"); SLOTS],
        }
    }
}

impl ClockText {
    /// Appends an instant (epoch ms), as in `2024-05-12T12:03:11.482+09:00`.
    pub(super) fn write(&mut self, into: &mut Vec<u8>, epoch_ms: u64) {
        let local = epoch_ms + KOREA_MS;
        let date = self.date(local / DAY_MS);
        let in_day = (local % DAY_MS) as u32;
        let mut text = *b"0000-00-00T00:00:00.000+09:00";
        let (minutes, milliseconds) = (in_day / 60_000, in_day % 60_000);
        let digits = [
            two(minutes / 60),
            two(minutes % 60),
            two(milliseconds / 1000),
            two(milliseconds % 1000 / 10),
        ];
        for (slot, byte) in text.iter_mut().zip(date) {
            *slot = byte;
        }
        for (slots, pair) in text
            .get_mut(11..)
            .unwrap_or_default()
            .chunks_mut(3)
            .zip(digits)
        {
            for (slot, byte) in slots.iter_mut().zip(pair) {
                *slot = byte;
            }
        }
        if let Some(last) = text.get_mut(22) {
            *last = b'0' + (milliseconds % 10) as u8;
        }
        into.extend_from_slice(&text);
    }

    /// The six digits yyMMdd of the Korean day that contains an instant (epoch ms).
    pub(super) fn year_month_day(&mut self, epoch_ms: u64) -> [u8; 6] {
        let [_, _, y, z, _, m, n, _, d, e] = self.date((epoch_ms + KOREA_MS) / DAY_MS);
        [y, z, m, n, d, e]
    }

    fn date(&mut self, day: u64) -> [u8; 10] {
        let Some(slot) = self.days.get_mut((day % SLOTS as u64) as usize) else {
            return *b"0000-00-00";
        };
        if slot.0 != day {
            *slot = (day, calendar_date(day));
        }
        slot.1
    }
}

fn calendar_date(day: u64) -> [u8; 10] {
    let date = i64::try_from(day * DAY_MS)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map(|instant| tz::Offset::UTC.to_datetime(instant).date());
    let Some(date) = date else {
        return *b"9999-12-31";
    };
    let year = u32::from(date.year().unsigned_abs());
    let [a, b] = two(year / 100);
    let [c, d] = two(year % 100);
    let [e, f] = two(u32::from(date.month().unsigned_abs()));
    let [g, h] = two(u32::from(date.day().unsigned_abs()));
    [a, b, c, d, b'-', e, f, b'-', g, h]
}

const fn two(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_korean_time_with_milliseconds() {
        let mut clock = ClockText::default();
        for (instant, expected) in [
            ("2024-05-12T03:03:11.482Z", "2024-05-12T12:03:11.482+09:00"),
            ("2024-02-29T15:00:00.009Z", "2024-03-01T00:00:00.009+09:00"),
            ("2024-12-31T14:59:59.999Z", "2024-12-31T23:59:59.999+09:00"),
        ] {
            let instant: Timestamp = instant.parse().unwrap();
            let mut text = Vec::new();
            clock.write(&mut text, instant.as_millisecond() as u64);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }

    #[test]
    fn the_day_of_an_order_number_is_korean() {
        let instant: Timestamp = "2026-11-19T15:00:00Z".parse().unwrap();
        let digits = ClockText::default().year_month_day(instant.as_millisecond() as u64);
        assert_eq!(&digits, b"261120");
    }
}
