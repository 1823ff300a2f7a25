package jumun.peer.json;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.OffsetDateTime;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TimesTest {
    private static long parse(String text) {
        return Times.parse(text.getBytes(), 0, text.length());
    }

    @ParameterizedTest
    @ValueSource(strings = {"2024-05-12T12:03:11.482+09:00", "2024-02-29T23:59:59Z", "1969-12-31T23:59:59.999-05:30",
        "2100-03-01T00:00:00.5Z", "2000-02-29T00:00:00.123456789+00:00"})
    void timesAreThoseOfJavaTime(String text) {
        assertEquals(OffsetDateTime.parse(text).toInstant().toEpochMilli(), parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "2024-05-12", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-05-12T24:00:00Z",
        "2024-05-12T12:03:11", "2024-05-12T12:03:11.Z", "2024-05-12T12:03:11+0900"})
    void whatIsNoTimeIsInvalid(String text) {
        assertEquals(Times.INVALID, parse(text));
    }

    @Test
    void whatIsWrittenIsReadAgain() {
        byte[] out = new byte[Times.LENGTH];
        for (long at = -3_000_000_000_000L; at < 5_000_000_000_000L; at += 86_399_999_983L) {
            assertEquals(Times.LENGTH, Times.write(at, out, 0));
            assertEquals(at, Times.parse(out, 0, out.length));
        }
    }
}
