//! RFC 3339 times: parsed to epoch milliseconds, written in Korean time.
//!
//! Calendar arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
const KST_MS: i64 = 9 * 3_600_000;
/// 0000-01-01T00:00:00 and 9999-12-31T23:59:59.999 in Korean time: what four digits of a year can say.
const FIRST_MS: i64 = -62_167_219_200_000 - KST_MS;
const LAST_MS: i64 = 253_402_300_799_999 - KST_MS;

/// Parses an RFC 3339 time with offset to epoch milliseconds; finer fractions are cut off.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    parse_common(text.as_bytes()).or_else(|| {
        // Rare forms: lower-case letters, leap seconds, a space for the `T`.
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        Some(timestamp.as_millisecond())
    })
}

/// The common form: `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
fn parse_common(bytes: &[u8]) -> Option<i64> {
    let (head, rest) = bytes.split_at_checked(19)?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, offset) = match rest {
        [b'.', a, b, c, offset @ ..]
            if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() =>
        {
            let fraction = digit(*a)? * 100 + digit(*b)? * 10 + digit(*c)?;
            let finer = offset
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            (fraction, offset.get(finer..)?)
        }
        [b'.', ..] => return None,
        offset => (0, offset),
    };
    let offset_minutes = match offset {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some((minutes * 60 + second) * 1000 + fraction)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Days from 0000-03-01, four centuries earlier, to 1970-01-01: all that four digits of a year can say is later.
const DAYS_BEFORE_1970: i64 = 719_468 + 146_097;

/// A day and the milliseconds of it, by the two-digit numbers that times are written with.
struct Civil {
    century: u32,
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    ms: u32,
}

impl Civil {
    /// Of milliseconds since 1970-01-01, in the years 0000 to 9999. In 32 bits, whose divisions by constants are cheap:
    /// a record of an order has up to a dozen times.
    fn of(local_ms: i64) -> Self {
        let days = local_ms.div_euclid(DAY_MS) + DAYS_BEFORE_1970;
        let days = u32::try_from(days).unwrap_or(0);
        let ms = u32::try_from(local_ms.rem_euclid(DAY_MS)).unwrap_or(0);
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = (year_of_era + era * 400 + u32::from(month <= 2)).saturating_sub(400);
        Self {
            century: year / 100,
            year: year % 100,
            month,
            day,
            hour: ms / 3_600_000,
            minute: ms / 60_000 % 60,
            ms: ms % 60_000,
        }
    }
}

/// Appends the time as `YYYY-MM-DDTHH:MM:SS.mmm+09:00`. Times beyond four digits of a year are clamped.
pub fn write_rfc3339_kst(out: &mut Vec<u8>, epoch_ms: i64) {
    let at = Civil::of(epoch_ms.clamp(FIRST_MS, LAST_MS) + KST_MS);
    let [y1, y2] = digits(at.century);
    let [y3, y4] = digits(at.year);
    let [m1, m2] = digits(at.month);
    let [d1, d2] = digits(at.day);
    let [h1, h2] = digits(at.hour);
    let [n1, n2] = digits(at.minute);
    let [s1, s2] = digits(at.ms / 1000);
    let [f1, f2] = digits(at.ms % 1000 / 10);
    let [_, f3] = digits(at.ms % 10);
    out.extend_from_slice(&[
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'.',
        f1, f2, f3, b'+', b'0', b'9', b':', b'0', b'0',
    ]);
}

/// Appends the time as `YYYY-MM-DDTHH:MMZ`, in UTC, seconds cut off. Clamped as [`write_rfc3339_kst`] does.
pub fn write_utc_minute(out: &mut Vec<u8>, epoch_ms: i64) {
    let at = Civil::of(epoch_ms.clamp(FIRST_MS + KST_MS, LAST_MS + KST_MS));
    let [y1, y2] = digits(at.century);
    let [y3, y4] = digits(at.year);
    let [m1, m2] = digits(at.month);
    let [d1, d2] = digits(at.day);
    let [h1, h2] = digits(at.hour);
    let [n1, n2] = digits(at.minute);
    out.extend_from_slice(&[
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b'Z',
    ]);
}

/// Two decimal digits of a number below 100.
fn digits(number: u32) -> [u8; 2] {
    let [tens, ..] = (number / 10).to_le_bytes();
    let [ones, ..] = (number % 10).to_le_bytes();
    [b'0' + tens, b'0' + ones]
}

#[cfg(test)]
mod tests {
    use super::{parse_common, parse_rfc3339, write_rfc3339_kst, write_utc_minute};
    use proptest::prelude::*;

    fn written(ms: i64) -> String {
        let mut out = Vec::new();
        write_rfc3339_kst(&mut out, ms);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn common_and_rare_forms_are_parsed() {
        for (text, ms) in [
            ("2024-05-12T12:03:11.482+09:00", 1_715_482_991_482),
            ("2024-05-12T03:03:11.482Z", 1_715_482_991_482),
            ("2024-05-12T03:03:11.482999Z", 1_715_482_991_482),
            ("2024-05-12t03:03:11.482z", 1_715_482_991_482),
            ("2024-05-11T22:03:11-05:00", 1_715_482_991_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2024-05-12T03:03:11.4Z", 1_715_482_991_400),
        ] {
            assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_or_has_no_offset_is_refused() {
        for text in [
            "",
            "now",
            "2024-05-12",
            "2024-05-12T12:03:11",
            "2024-13-12T12:03:11Z",
            "2023-02-29T12:03:11Z",
            "2024-05-12T24:03:11Z",
            "2024-05-12T12:60:11Z",
            "2024-05-12T12:03:11+9:00",
            "2024-05-12T12:03:11.Z",
            "1715482991482",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_in_korean_time() {
        assert_eq!(written(1_715_482_991_482), "2024-05-12T12:03:11.482+09:00");
        assert_eq!(written(i64::MAX), "9999-12-31T23:59:59.999+09:00");
        assert_eq!(written(i64::MIN), "0000-01-01T00:00:00.000+09:00");
    }

    #[test]
    fn minutes_are_written_in_utc() {
        for (ms, text) in [
            (1_715_482_991_482, "2024-05-12T03:03Z"),
            (1_715_482_979_999, "2024-05-12T03:02Z"),
            (-1, "1969-12-31T23:59Z"),
            (i64::MAX, "9999-12-31T23:59Z"),
            (i64::MIN, "0000-01-01T00:00Z"),
        ] {
            let mut out = Vec::new();
            write_utc_minute(&mut out, ms);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn written_times_are_those_of_the_calendar_library(ms in -62_135_596_800_000_i64..253_370_764_799_999) {
            let text = written(ms);
            prop_assert_eq!(text.parse::<jiff::Timestamp>().unwrap().as_millisecond(), ms);
            prop_assert_eq!(parse_common(text.as_bytes()), Some(ms));
        }
    }
}
