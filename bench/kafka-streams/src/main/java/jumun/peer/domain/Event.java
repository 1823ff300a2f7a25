package jumun.peer.domain;

import java.util.Arrays;

import jumun.peer.domain.Regions.Actor;
import jumun.peer.domain.Regions.Fulfilment;
import jumun.peer.domain.Regions.Liability;
import jumun.peer.domain.Regions.Reason;
import jumun.peer.domain.Regions.Target;
import jumun.peer.json.Field;
import jumun.peer.json.Hash;
import jumun.peer.json.JsonScanner;
import jumun.peer.json.Malformed;
import jumun.peer.json.Times;

/** One event, read by {@link #read} into the same object again and again: step 1 of order-domain 4.1. */
public final class Event {
    /** Why a record cannot be judged. */
    public enum Defect {
        MALFORMED, TOO_LARGE, KEY_MISMATCH, UNKNOWN_ACTION, UNSUPPORTED_SCHEMA
    }

    private static final int LARGEST = 16 * 1024;
    private static final int KNOWN_SCHEMA = 1;

    public final JsonScanner json = new JsonScanner();
    /** As it came. */
    public byte[] value;
    public byte[] orderNo;
    public long idHigh;
    public long idLow;
    public Target target;
    /** Null if it is not known. */
    public Action action;
    public Actor actor;
    /** 0 if it carries none. */
    public long version;
    public long occurredAt;
    public long recordedAt;
    public Reason reason;
    public Liability liability;

    /** Reads a record; tells what is wrong with it. UNKNOWN_ACTION leaves an event whose envelope is sound. */
    public Defect read(byte[] key, byte[] value, long timestamp) {
        if (value == null) {
            return Defect.MALFORMED;
        }
        if (value.length > LARGEST) {
            return Defect.TOO_LARGE;
        }
        this.value = value;
        try {
            json.scan(value);
        } catch (Malformed malformed) {
            return Defect.MALFORMED;
        }
        if (!readEnvelope(timestamp)) {
            return Defect.MALFORMED;
        }
        if (key == null || !isKey(key)) {
            return Defect.KEY_MISMATCH;
        }
        orderNo = key;
        reason = null;
        liability = null;
        return action == null ? Defect.UNKNOWN_ACTION : readInfo();
    }

    private boolean readEnvelope(long timestamp) {
        if (json.kind(Field.TARGET) != JsonScanner.OBJECT || json.kind(Field.ACTOR) != JsonScanner.OBJECT
            || json.kind(Field.TIME) != JsonScanner.OBJECT || !isText(Field.ID) || !isText(Field.ACTION)
            || !isText(Field.TARGET_TYPE) || !isText(Field.TARGET_ID) || !isText(Field.ORDER_NO)
            || !isText(Field.ACTOR_TYPE)) {
            return false;
        }
        if (json.has(Field.INFO) && json.kind(Field.INFO) != JsonScanner.OBJECT) {
            return false;
        }
        if (json.has(Field.SCHEMA) && json.kind(Field.SCHEMA) != JsonScanner.OBJECT) {
            return false;
        }
        if (json.has(Field.SCHEMA_VERSION) && json.unsigned(Field.SCHEMA_VERSION) < 0) {
            return false;
        }
        if (json.has(Field.ACTOR_ID) && json.kind(Field.ACTOR_ID) != JsonScanner.STRING) {
            return false;
        }
        target = find(Target.NAMES, Field.TARGET_TYPE);
        actor = find(Actor.NAMES, Field.ACTOR_TYPE);
        if (target == null || actor == null) {
            return false;
        }
        version = 0;
        if (json.has(Field.VERSION)) {
            version = json.unsigned(Field.VERSION);
            if (version < 1) {
                return false;
            }
        }
        action = find(Action.NAMES, Field.ACTION);
        occurredAt = time(Field.OCCURRED_AT);
        recordedAt = json.has(Field.RECORDED_AT) ? time(Field.RECORDED_AT) : timestamp;
        readId();
        return occurredAt != Times.INVALID && recordedAt != Times.INVALID;
    }

    private Defect readInfo() {
        if (json.has(Field.SCHEMA_VERSION) && json.unsigned(Field.SCHEMA_VERSION) != KNOWN_SCHEMA) {
            return Defect.UNSUPPORTED_SCHEMA;
        }
        for (Action.Info info : action.infos) {
            if (info.isRequired() && !json.has(info.field())) {
                return Defect.UNSUPPORTED_SCHEMA;
            }
        }
        if (action.target != null && action.target != target) {
            return Defect.MALFORMED;
        }
        for (Action.Info info : action.infos) {
            if (json.has(info.field()) && !accepts(info.kind(), info.field())) {
                return Defect.MALFORMED;
            }
        }
        return null;
    }

    private boolean accepts(Action.Kind kind, Field field) {
        byte found = json.kind(field);
        return switch (kind) {
            case TEXT -> {
                if (field == Field.REASON && found == JsonScanner.STRING) {
                    reason = find(Reason.NAMES, field);
                    reason = reason == null ? Reason.OTHER : reason;
                }
                yield found == JsonScanner.STRING;
            }
            case MONEY, VERSION -> json.unsigned(field) >= 0;
            case INTEGER -> json.isInteger(field);
            case TIME -> time(field) != Times.INVALID;
            case BOOLEAN -> found == JsonScanner.TRUE || found == JsonScanner.FALSE;
            case FULFILMENT -> found == JsonScanner.STRING && find(Fulfilment.NAMES, field) != null;
            case LIABILITY -> {
                liability = found == JsonScanner.STRING ? find(Liability.NAMES, field) : null;
                yield liability != null;
            }
        };
    }

    /** A version that is judged: a reset's own says nothing. */
    public long judgedVersion() {
        return action == Action.AGGREGATE_RESET ? 0 : version;
    }

    public byte[] text(Field field) {
        return json.text(field);
    }

    long amount() {
        return Math.max(0, json.unsigned(Field.AMOUNT));
    }

    Fulfilment fulfilment() {
        return find(Fulfilment.NAMES, Field.FULFILMENT);
    }

    boolean isRecharge() {
        return json.kind(Field.RECHARGE) == JsonScanner.TRUE;
    }

    boolean givesReason() {
        return json.kind(Field.REASON) == JsonScanner.STRING && json.end(Field.REASON) > json.start(Field.REASON);
    }

    /** {@link Times#INVALID} if there is none. */
    long time(Field field) {
        if (json.kind(field) != JsonScanner.STRING) {
            return Times.INVALID;
        }
        if (json.isEscaped(field)) {
            byte[] text = json.text(field);
            return Times.parse(text, 0, text.length);
        }
        return Times.parse(value, json.start(field), json.end(field));
    }

    private boolean isText(Field field) {
        return json.kind(field) == JsonScanner.STRING && json.end(field) > json.start(field);
    }

    private boolean isKey(byte[] key) {
        if (json.isEscaped(Field.ORDER_NO)) {
            return Arrays.equals(key, json.text(Field.ORDER_NO));
        }
        return Arrays.equals(key, 0, key.length, value, json.start(Field.ORDER_NO), json.end(Field.ORDER_NO));
    }

    private <E extends Enum<E>> E find(Names<E> names, Field field) {
        if (json.isEscaped(field)) {
            byte[] text = json.text(field);
            return names.find(text, 0, text.length);
        }
        return names.find(value, json.start(field), json.end(field));
    }

    /** A UUID is its 128 bits, any other text a hash of as many. */
    private void readId() {
        int from = json.start(Field.ID);
        int to = json.end(Field.ID);
        if (to - from == 36 && isUuid(from)) {
            return;
        }
        idHigh = Hash.of(value, from, to);
        idLow = Hash.mix(idHigh + Hash.of(value, from, from + (to - from) / 2));
    }

    private boolean isUuid(int from) {
        long high = 0;
        long low = 0;
        int digits = 0;
        for (int place = 0; place < 36; place++) {
            byte next = value[from + place];
            if (place == 8 || place == 13 || place == 18 || place == 23) {
                if (next != '-') {
                    return false;
                }
                continue;
            }
            int digit = next >= '0' && next <= '9' ? next - '0' : next >= 'a' && next <= 'f' ? next - 'a' + 10 : -1;
            if (digit < 0) {
                return false;
            }
            if (digits++ < 16) {
                high = (high << 4) | digit;
            } else {
                low = (low << 4) | digit;
            }
        }
        idHigh = high;
        idLow = low;
        return true;
    }
}
