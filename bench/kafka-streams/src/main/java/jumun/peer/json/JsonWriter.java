package jumun.peer.json;

import java.util.Arrays;

/** Writes JSON into a buffer that is used again. Names are given as {@link #name} makes them: {@code "field":}. */
public final class JsonWriter {
    private static final byte[] HEX = ascii("0123456789abcdef");
    private byte[] buffer = new byte[2048];
    private int length;

    public static byte[] ascii(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    public static byte[] name(String name) {
        return ascii("\"" + name + "\":");
    }

    public JsonWriter clear() {
        length = 0;
        return this;
    }

    public byte[] copy() {
        return Arrays.copyOf(buffer, length);
    }

    public byte[] buffer() {
        return buffer;
    }

    public int length() {
        return length;
    }

    public void open() {
        put((byte) '{');
    }

    public void close() {
        // Every field ends with a comma.
        if (length > 0 && buffer[length - 1] == ',') {
            length--;
        }
        put((byte) '}');
    }

    /** As {@link #close}, inside another object. */
    public void closeInner() {
        close();
        put((byte) ',');
    }

    /** Ends an array whose first element would have stood at {@code empty}. */
    public void closeArray(int empty) {
        if (length > empty) {
            length--;
        }
        put((byte) ']');
        put((byte) ',');
    }

    public void put(byte one) {
        reserve(1);
        buffer[length++] = one;
    }

    public void raw(byte[] bytes) {
        raw(bytes, 0, bytes.length);
    }

    public void raw(byte[] bytes, int from, int to) {
        int count = to - from;
        reserve(count);
        System.arraycopy(bytes, from, buffer, length, count);
        length += count;
    }

    public void number(byte[] name, long number) {
        raw(name);
        digits(number);
        put((byte) ',');
    }

    public void bool(byte[] name, boolean value) {
        raw(name);
        raw(value ? TRUE : FALSE);
    }

    /** A name of ours, which needs no escapes. */
    public void plain(byte[] name, byte[] value) {
        raw(name);
        reserve(value.length + 3);
        buffer[length++] = '"';
        System.arraycopy(value, 0, buffer, length, value.length);
        length += value.length;
        buffer[length++] = '"';
        buffer[length++] = ',';
    }

    /** Text; nothing is written of null. */
    public void text(byte[] name, byte[] value) {
        if (value == null) {
            return;
        }
        raw(name);
        string(value);
        put((byte) ',');
    }

    /** The string of another JSON text, as it is written there. */
    public void written(byte[] name, byte[] text, int from, int to) {
        raw(name);
        reserve(to - from + 3);
        buffer[length++] = '"';
        System.arraycopy(text, from, buffer, length, to - from);
        length += to - from;
        buffer[length++] = '"';
        buffer[length++] = ',';
    }

    public void time(byte[] name, long epochMilliseconds) {
        raw(name);
        reserve(Times.LENGTH + 3);
        buffer[length++] = '"';
        length = Times.write(epochMilliseconds, buffer, length);
        buffer[length++] = '"';
        buffer[length++] = ',';
    }

    public void string(byte[] value) {
        put((byte) '"');
        reserve(value.length * 6);
        for (byte next : value) {
            if (next == '"' || next == '\\') {
                buffer[length++] = '\\';
                buffer[length++] = next;
            } else if (next >= 0 && next < 0x20) {
                buffer[length++] = '\\';
                buffer[length++] = 'u';
                buffer[length++] = '0';
                buffer[length++] = '0';
                buffer[length++] = HEX[next >> 4];
                buffer[length++] = HEX[next & 15];
            } else {
                buffer[length++] = next;
            }
        }
        put((byte) '"');
    }

    public void digits(long number) {
        reserve(20);
        if (number < 0) {
            buffer[length++] = '-';
            number = -number;
        }
        int count = 1;
        for (long rest = number; rest >= 10; rest /= 10) {
            count++;
        }
        for (int place = length + count - 1; place >= length; place--) {
            buffer[place] = (byte) ('0' + number % 10);
            number /= 10;
        }
        length += count;
    }

    private void reserve(int count) {
        if (length + count > buffer.length) {
            buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, length + count));
        }
    }

    private static final byte[] TRUE = ascii("true,");
    private static final byte[] FALSE = ascii("false,");
}
