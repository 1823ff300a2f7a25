package jumun.peer.json;

import java.util.Arrays;

import jumun.peer.json.Field.Part;

/**
 * One pass over an event: checks that it is JSON (RFC 8259, in UTF-8), notes where the values of the known fields stand,
 * and hashes target, action, actor, information and time so that neither the order of fields nor white space matters.
 * Nothing is allocated; the scanner is used again for the next event.
 */
public final class JsonScanner {
    public static final byte ABSENT = 0;
    public static final byte STRING = 1;
    public static final byte NUMBER = 2;
    public static final byte TRUE = 3;
    public static final byte FALSE = 4;
    public static final byte NULL = 5;
    public static final byte OBJECT = 6;
    public static final byte ARRAY = 7;

    private static final int DEEPEST = 127;

    private final byte[] kinds = new byte[Field.COUNT];
    private final int[] starts = new int[Field.COUNT];
    private final int[] ends = new int[Field.COUNT];
    private final boolean[] escaped = new boolean[Field.COUNT];

    private byte[] bytes;
    private int at;
    private byte lastKind;
    private int lastStart;
    private int lastEnd;
    private boolean lastEscaped;
    private long contentHash;

    /** Reads one JSON text; throws {@link Malformed} if it is none. */
    public void scan(byte[] text) {
        bytes = text;
        at = 0;
        contentHash = 0;
        Arrays.fill(kinds, ABSENT);
        skipSpace();
        value(Part.ROOT, 0);
        boolean isObject = lastKind == OBJECT;
        skipSpace();
        if (at != text.length || !isObject) {
            throw Malformed.INSTANCE;
        }
    }

    public byte kind(Field field) {
        return kinds[field.slot];
    }

    /** Neither absent nor null. */
    public boolean has(Field field) {
        byte kind = kinds[field.slot];
        return kind != ABSENT && kind != NULL;
    }

    public int start(Field field) {
        return starts[field.slot];
    }

    public int end(Field field) {
        return ends[field.slot];
    }

    public boolean isEscaped(Field field) {
        return escaped[field.slot];
    }

    public byte[] bytes() {
        return bytes;
    }

    /** Over target, action, actor, information and time. */
    public long contentHash() {
        return contentHash;
    }

    /** The text of a string field as UTF-8, unescaped; null if it is no string. */
    public byte[] text(Field field) {
        if (kinds[field.slot] != STRING) {
            return null;
        }
        int from = starts[field.slot];
        int to = ends[field.slot];
        return escaped[field.slot] ? Escapes.resolve(bytes, from, to) : Arrays.copyOfRange(bytes, from, to);
    }

    /** A whole number from 0 to 2^63 − 1; −1 if the field holds anything else. */
    public long unsigned(Field field) {
        if (kinds[field.slot] != NUMBER) {
            return -1;
        }
        long number = 0;
        for (int place = starts[field.slot]; place < ends[field.slot]; place++) {
            int digit = bytes[place] - '0';
            if (digit < 0 || digit > 9 || number > (Long.MAX_VALUE - digit) / 10) {
                return -1;
            }
            number = number * 10 + digit;
        }
        return number;
    }

    /** A number without fraction and exponent. */
    public boolean isInteger(Field field) {
        if (kinds[field.slot] != NUMBER) {
            return false;
        }
        for (int place = starts[field.slot]; place < ends[field.slot]; place++) {
            byte digit = bytes[place];
            if ((digit < '0' || digit > '9') && digit != '-') {
                return false;
            }
        }
        return true;
    }

    private long value(Part part, int depth) {
        if (at >= bytes.length) {
            throw Malformed.INSTANCE;
        }
        switch (bytes[at]) {
            case '"':
                return string();
            case '{':
                return object(part, depth + 1);
            case '[':
                return array(depth + 1);
            case 't':
                return literal("true", TRUE);
            case 'f':
                return literal("false", FALSE);
            case 'n':
                return literal("null", NULL);
            default:
                return number();
        }
    }

    private long object(Part part, int depth) {
        if (depth > DEEPEST) {
            throw Malformed.INSTANCE;
        }
        int start = at++;
        long hash = OBJECT;
        skipSpace();
        if (peek() == '}') {
            at++;
            return ended(OBJECT, start, hash);
        }
        while (true) {
            if (peek() != '"') {
                throw Malformed.INSTANCE;
            }
            long name = string();
            Field field = null;
            if (part != Part.OTHER) {
                if (lastEscaped) {
                    byte[] plain = Escapes.resolve(bytes, lastStart, lastEnd);
                    field = Field.find(part, plain, 0, plain.length);
                } else {
                    field = Field.find(part, bytes, lastStart, lastEnd);
                }
            }
            skipSpace();
            if (peek() != ':') {
                throw Malformed.INSTANCE;
            }
            at++;
            skipSpace();
            long value = value(field != null && part == Part.ROOT ? field.holds() : Part.OTHER, depth);
            long member = Hash.mix(name + 31 * value);
            hash += member;
            if (field != null) {
                note(field);
                if (part == Part.ROOT && isContent(field)) {
                    contentHash += member;
                }
            }
            skipSpace();
            byte next = peek();
            at++;
            if (next == '}') {
                return ended(OBJECT, start, Hash.mix(hash));
            }
            if (next != ',') {
                throw Malformed.INSTANCE;
            }
            skipSpace();
        }
    }

    private static boolean isContent(Field field) {
        return field == Field.TARGET || field == Field.ACTION || field == Field.ACTOR || field == Field.INFO
            || field == Field.TIME;
    }

    private void note(Field field) {
        int slot = field.slot;
        kinds[slot] = lastKind;
        starts[slot] = lastStart;
        ends[slot] = lastEnd;
        escaped[slot] = lastEscaped;
    }

    private long array(int depth) {
        if (depth > DEEPEST) {
            throw Malformed.INSTANCE;
        }
        int start = at++;
        long hash = ARRAY;
        skipSpace();
        if (peek() == ']') {
            at++;
            return ended(ARRAY, start, hash);
        }
        while (true) {
            hash = Hash.mix(hash * 31 + value(Part.OTHER, depth));
            skipSpace();
            byte next = peek();
            at++;
            if (next == ']') {
                return ended(ARRAY, start, hash);
            }
            if (next != ',') {
                throw Malformed.INSTANCE;
            }
            skipSpace();
        }
    }

    /** Notes the value that ends here. A string's bounds are those without the quotes. */
    private long ended(byte kind, int start, long hash) {
        lastKind = kind;
        lastStart = start;
        lastEnd = at;
        lastEscaped = false;
        return hash;
    }

    private long string() {
        byte[] text = bytes;
        int length = text.length;
        int start = ++at;
        int place = start;
        boolean hasEscapes = false;
        boolean isAscii = true;
        while (true) {
            if (place >= length) {
                throw Malformed.INSTANCE;
            }
            byte next = text[place];
            if (next == '"') {
                break;
            }
            if (next < 0x20) {
                if (next >= 0) {
                    throw Malformed.INSTANCE;
                }
                isAscii = false;
            } else if (next == '\\') {
                hasEscapes = true;
                place = Escapes.skip(text, place);
                continue;
            }
            place++;
        }
        if (!isAscii && !Utf8.isValid(text, start, place)) {
            throw Malformed.INSTANCE;
        }
        at = place + 1;
        lastKind = STRING;
        lastStart = start;
        lastEnd = place;
        lastEscaped = hasEscapes;
        return Hash.of(text, start, place);
    }

    private long literal(String word, byte kind) {
        int start = at;
        for (int place = 0; place < word.length(); place++) {
            if (at >= bytes.length || bytes[at] != word.charAt(place)) {
                throw Malformed.INSTANCE;
            }
            at++;
        }
        return ended(kind, start, kind);
    }

    private long number() {
        int start = at;
        if (peek() == '-') {
            at++;
        }
        if (peek() == '0') {
            at++;
        } else {
            digits();
        }
        if (at < bytes.length && bytes[at] == '.') {
            at++;
            digits();
        }
        if (at < bytes.length && (bytes[at] == 'e' || bytes[at] == 'E')) {
            at++;
            if (peek() == '+' || peek() == '-') {
                at++;
            }
            digits();
        }
        return ended(NUMBER, start, Hash.of(bytes, start, at) + NUMBER);
    }

    private void digits() {
        int start = at;
        while (at < bytes.length && bytes[at] >= '0' && bytes[at] <= '9') {
            at++;
        }
        if (at == start) {
            throw Malformed.INSTANCE;
        }
    }

    private byte peek() {
        if (at >= bytes.length) {
            throw Malformed.INSTANCE;
        }
        return bytes[at];
    }

    private void skipSpace() {
        byte[] text = bytes;
        int place = at;
        while (place < text.length) {
            byte next = text[place];
            if (next != ' ' && next != '\n' && next != '\r' && next != '\t') {
                break;
            }
            place++;
        }
        at = place;
    }
}
