package jumun.peer.json;

import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;

/** RFC 3339 to epoch milliseconds and back, by arithmetic: java.time allocates. */
public final class Times {
    /** {@code 2024-05-12T12:03:11.482+09:00} */
    public static final int LENGTH = 29;
    public static final long INVALID = Long.MIN_VALUE;

    private static final long DAY = 86_400_000L;
    private static final long KOREA = 9 * 3_600_000L;

    private Times() {
    }

    /** {@link #INVALID} if it is no time. */
    public static long parse(byte[] text, int from, int to) {
        int length = to - from;
        if (length < 20 || length > 40 || text[from + 4] != '-' || text[from + 7] != '-' || text[from + 10] != 'T'
            || text[from + 13] != ':' || text[from + 16] != ':') {
            return slowly(text, from, to);
        }
        int year = two(text, from) * 100 + two(text, from + 2);
        int month = two(text, from + 5);
        int day = two(text, from + 8);
        int hour = two(text, from + 11);
        int minute = two(text, from + 14);
        int second = two(text, from + 17);
        if (year < 0 || month < 1 || month > 12 || day < 1 || day > lengthOf(month, year) || hour < 0 || hour > 23
            || minute < 0 || minute > 59 || second < 0 || second > 59) {
            return slowly(text, from, to);
        }
        int at = from + 19;
        long milliseconds = 0;
        if (text[at] == '.') {
            at++;
            int digits = 0;
            for (; at < to && text[at] >= '0' && text[at] <= '9'; at++, digits++) {
                if (digits < 3) {
                    milliseconds = milliseconds * 10 + (text[at] - '0');
                }
            }
            if (digits == 0 || digits > 9) {
                return INVALID;
            }
            for (; digits < 3; digits++) {
                milliseconds *= 10;
            }
        }
        long offset;
        if (at + 1 == to && (text[at] == 'Z')) {
            offset = 0;
        } else if (at + 6 == to && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':') {
            int hours = two(text, at + 1);
            int minutes = two(text, at + 4);
            if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
                return INVALID;
            }
            offset = (hours * 60L + minutes) * 60_000L;
            offset = text[at] == '-' ? -offset : offset;
        } else {
            return slowly(text, from, to);
        }
        return daysOf(year, month, day) * DAY + hour * 3_600_000L + minute * 60_000L + second * 1000L + milliseconds
            - offset;
    }

    /** In +09:00 with milliseconds; tells where it ends. */
    public static int write(long epochMilliseconds, byte[] out, int at) {
        long local = epochMilliseconds + KOREA;
        at = date(Math.floorDiv(local, DAY), out, at);
        int ofDay = (int) Math.floorMod(local, DAY);
        out[at++] = 'T';
        at = pair(ofDay / 3_600_000, out, at);
        out[at++] = ':';
        at = pair(ofDay / 60_000 % 60, out, at);
        out[at++] = ':';
        at = pair(ofDay / 1000 % 60, out, at);
        out[at++] = '.';
        int milliseconds = ofDay % 1000;
        out[at++] = (byte) ('0' + milliseconds / 100);
        at = pair(milliseconds % 100, out, at);
        out[at++] = '+';
        out[at++] = '0';
        out[at++] = '9';
        out[at++] = ':';
        out[at++] = '0';
        out[at++] = '0';
        return at;
    }

    /** {@code 2024-05-12T03:03Z}; tells where it ends. */
    public static int writeUtcMinute(long epochMilliseconds, byte[] out, int at) {
        at = date(Math.floorDiv(epochMilliseconds, DAY), out, at);
        int ofDay = (int) Math.floorMod(epochMilliseconds, DAY);
        out[at++] = 'T';
        at = pair(ofDay / 3_600_000, out, at);
        out[at++] = ':';
        at = pair(ofDay / 60_000 % 60, out, at);
        out[at++] = 'Z';
        return at;
    }

    private static int date(long days, byte[] out, int at) {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        long shifted = days + 719_468;
        long era = Math.floorDiv(shifted, 146_097L);
        long ofEra = shifted - era * 146_097;
        long yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
        long ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        long month = (5 * ofYear + 2) / 153;
        int day = (int) (ofYear - (153 * month + 2) / 5 + 1);
        int monthOfYear = (int) (month < 10 ? month + 3 : month - 9);
        int year = (int) (yearOfEra + era * 400 + (monthOfYear <= 2 ? 1 : 0));
        at = pair(year / 100, out, at);
        at = pair(year % 100, out, at);
        out[at++] = '-';
        at = pair(monthOfYear, out, at);
        out[at++] = '-';
        return pair(day, out, at);
    }

    private static long daysOf(int year, int month, int day) {
        int shifted = month <= 2 ? year - 1 : year;
        int era = Math.floorDiv(shifted, 400);
        int yearOfEra = shifted - era * 400;
        int ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        int ofEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear;
        return era * 146_097L + ofEra - 719_468;
    }

    private static int lengthOf(int month, int year) {
        return switch (month) {
            case 2 -> year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
            case 4, 6, 9, 11 -> 30;
            default -> 31;
        };
    }

    private static int two(byte[] text, int at) {
        int tens = text[at] - '0';
        int ones = text[at + 1] - '0';
        return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -10_000 : tens * 10 + ones;
    }

    private static int pair(int number, byte[] out, int at) {
        out[at] = (byte) ('0' + number / 10);
        out[at + 1] = (byte) ('0' + number % 10);
        return at + 2;
    }

    /** The rare spellings: lower case, a blank for T, a leap second. */
    private static long slowly(byte[] text, int from, int to) {
        try {
            String written = new String(text, from, to - from, java.nio.charset.StandardCharsets.UTF_8);
            String usual = written.toUpperCase().replace(' ', 'T').replace(":60", ":59");
            return OffsetDateTime.parse(usual).toInstant().toEpochMilli();
        } catch (DateTimeParseException error) {
            return INVALID;
        }
    }
}
