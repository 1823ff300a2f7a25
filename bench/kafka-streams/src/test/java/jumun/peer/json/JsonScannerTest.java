package jumun.peer.json;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonScannerTest {
    private final JsonScanner scanner = new JsonScanner();

    private long hash(String text) {
        scanner.scan(text.getBytes(StandardCharsets.UTF_8));
        return scanner.contentHash();
    }

    @Test
    void fieldsAreFoundWhereverTheyStand() {
        hash("{\"x\":{\"id\":\"no\"}, \"info\":{\"amount\":12000,\"sido\":\"\\uc11c울\"},\"id\":\"e1\"}");
        assertArrayEquals("e1".getBytes(), scanner.text(Field.ID));
        assertEquals(12000, scanner.unsigned(Field.AMOUNT));
        assertArrayEquals("서울".getBytes(StandardCharsets.UTF_8), scanner.text(Field.SIDO));
        assertEquals(JsonScanner.ABSENT, scanner.kind(Field.ACTOR));
    }

    @Test
    void theHashCoversMeaningAndNotForm() {
        long usual = hash("{\"id\":\"1\",\"action\":\"a\",\"info\":{\"amount\":1,\"code\":\"c\"}}");
        assertEquals(usual, hash("{ \"info\":{\"code\":\"c\", \"amount\":1},\"action\":\"a\",\"schema\":{},\"id\":\"2\"}"));
        assertNotEquals(usual, hash("{\"id\":\"1\",\"action\":\"a\",\"info\":{\"amount\":2,\"code\":\"c\"}}"));
        assertNotEquals(usual, hash("{\"id\":\"1\",\"action\":\"a\",\"info\":{\"code\":1,\"amount\":\"c\"}}"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1]", "null", "{\"a\":1}x", "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}", "{\"a\":tru}",
        "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\u12\"}", "{\"a\":1,}", "{a:1}", "{\"a\" 1}",
        "{\"a\":[1,]}"})
    void whatIsNoJsonObjectIsMalformed(String text) {
        assertThrows(Malformed.class, () -> hash(text));
    }

    @Test
    void whatIsNoUtf8IsMalformed() {
        for (byte[] wrong : new byte[][] {{(byte) 0xc3, 0x28}, {(byte) 0xff}, {(byte) 0xc0, (byte) 0x80},
            {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, {(byte) 0xe2, (byte) 0x82}}) {
            byte[] text = new byte[wrong.length + 8];
            System.arraycopy("{\"a\":\"".getBytes(), 0, text, 0, 6);
            System.arraycopy(wrong, 0, text, 6, wrong.length);
            System.arraycopy("\"}".getBytes(), 0, text, 6 + wrong.length, 2);
            assertThrows(Malformed.class, () -> scanner.scan(text));
        }
    }
}
