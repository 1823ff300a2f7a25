package jumun.peer.json;

import java.nio.charset.StandardCharsets;

/** The escapes of JSON strings. They are rare: this is not made to be fast. */
final class Escapes {
    private Escapes() {
    }

    /** Checks the escape that begins here, a pair of surrogates as one, and tells where it ends. */
    static int skip(byte[] text, int at) {
        int kind = at + 1 < text.length ? text[at + 1] : 0;
        if (kind != 'u') {
            if ("\"\\/bfnrt".indexOf(kind) < 0) {
                throw Malformed.INSTANCE;
            }
            return at + 2;
        }
        char unit = unit(text, at);
        if (Character.isLowSurrogate(unit)) {
            throw Malformed.INSTANCE;
        }
        if (!Character.isHighSurrogate(unit)) {
            return at + 6;
        }
        boolean isPair = at + 7 < text.length && text[at + 6] == '\\' && text[at + 7] == 'u'
            && Character.isLowSurrogate(unit(text, at + 6));
        if (!isPair) {
            throw Malformed.INSTANCE;
        }
        return at + 12;
    }

    /** What a checked string means, as UTF-8. */
    static byte[] resolve(byte[] text, int from, int to) {
        String written = new String(text, from, to - from, StandardCharsets.UTF_8);
        StringBuilder meant = new StringBuilder(written.length());
        for (int at = 0; at < written.length(); at++) {
            char next = written.charAt(at);
            if (next != '\\') {
                meant.append(next);
                continue;
            }
            char kind = written.charAt(++at);
            switch (kind) {
                case 'b' -> meant.append('\b');
                case 'f' -> meant.append('\f');
                case 'n' -> meant.append('\n');
                case 'r' -> meant.append('\r');
                case 't' -> meant.append('\t');
                case 'u' -> {
                    meant.append((char) Integer.parseInt(written.substring(at + 1, at + 5), 16));
                    at += 4;
                }
                default -> meant.append(kind);
            }
        }
        return meant.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static char unit(byte[] text, int at) {
        if (at + 6 > text.length) {
            throw Malformed.INSTANCE;
        }
        int unit = 0;
        for (int place = at + 2; place < at + 6; place++) {
            int digit = Character.digit(text[place], 16);
            if (digit < 0) {
                throw Malformed.INSTANCE;
            }
            unit = unit * 16 + digit;
        }
        return (char) unit;
    }
}
