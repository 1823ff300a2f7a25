package jumun.peer.json;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The fields of an event that are looked at, by the object that they stand in. */
public enum Field {
    ID(Part.ROOT, "id"), ACTION(Part.ROOT, "action"), TARGET(Part.ROOT, "target"), ACTOR(Part.ROOT, "actor"),
    INFO(Part.ROOT, "info"), TIME(Part.ROOT, "time"), SCHEMA(Part.ROOT, "schema"),
    TARGET_TYPE(Part.TARGET, "type"), TARGET_ID(Part.TARGET, "id"), ORDER_NO(Part.TARGET, "orderNo"),
    VERSION(Part.TARGET, "version"),
    ACTOR_TYPE(Part.ACTOR, "type"), ACTOR_ID(Part.ACTOR, "id"),
    OCCURRED_AT(Part.TIME, "occurredAt"), RECORDED_AT(Part.TIME, "recordedAt"),
    SCHEMA_VERSION(Part.SCHEMA, "version"),
    STORE_ID(Part.INFO, "storeId"), CATEGORY(Part.INFO, "category"), SIDO(Part.INFO, "sido"),
    SIGUNGU(Part.INFO, "sigungu"), DONG(Part.INFO, "dong"), FULFILMENT(Part.INFO, "fulfilment"),
    AMOUNT(Part.INFO, "amount"), PAYMENT_METHOD(Part.INFO, "paymentMethod"), ITEMS_TOTAL(Part.INFO, "itemsTotal"),
    DELIVERY_FEE(Part.INFO, "deliveryFee"), DISCOUNT(Part.INFO, "discount"), PROMISED_AT(Part.INFO, "promisedAt"),
    CUSTOMER_ID(Part.INFO, "customerId"), METHOD(Part.INFO, "method"), CODE(Part.INFO, "code"),
    CHANNEL(Part.INFO, "channel"), COOK_MINUTES(Part.INFO, "cookMinutes"), REASON(Part.INFO, "reason"),
    WAITED_SEC(Part.INFO, "waitedSec"), ADD_MINUTES(Part.INFO, "addMinutes"), DELIVERY_ID(Part.INFO, "deliveryId"),
    INFO_TYPE(Part.INFO, "type"), DISTANCE_M(Part.INFO, "distanceM"), RIDER_ID(Part.INFO, "riderId"),
    MEANS(Part.INFO, "means"), ASSIGN_NO(Part.INFO, "assignNo"), PROOF(Part.INFO, "proof"),
    LIABILITY(Part.INFO, "liability"), OWNER_CONSENT(Part.INFO, "ownerConsent"), RECHARGE(Part.INFO, "recharge"),
    INFO_VERSION(Part.INFO, "version");

    /** The object in which a field stands. */
    public enum Part {
        ROOT, TARGET, ACTOR, INFO, TIME, SCHEMA, OTHER
    }

    public static final int COUNT = values().length;
    private static final int LONGEST = 16;
    private static final Field[][][] BY_LENGTH = byLength();

    public final Part part;
    public final int slot = ordinal();
    private final byte[] name;

    Field(Part part, String name) {
        this.part = part;
        this.name = name.getBytes(StandardCharsets.UTF_8);
    }

    /** The object that this field of the root holds. */
    Part holds() {
        return switch (this) {
            case TARGET -> Part.TARGET;
            case ACTOR -> Part.ACTOR;
            case INFO -> Part.INFO;
            case TIME -> Part.TIME;
            case SCHEMA -> Part.SCHEMA;
            default -> Part.OTHER;
        };
    }

    /** The field of that name in that object; null if nobody asks for it. */
    static Field find(Part part, byte[] bytes, int from, int to) {
        int length = to - from;
        if (length >= LONGEST) {
            return null;
        }
        Field[] candidates = BY_LENGTH[part.ordinal()][length];
        search:
        for (Field candidate : candidates) {
            byte[] name = candidate.name;
            for (int at = 0; at < length; at++) {
                if (name[at] != bytes[from + at]) {
                    continue search;
                }
            }
            return candidate;
        }
        return null;
    }

    private static Field[][][] byLength() {
        Field[][][] table = new Field[Part.values().length][LONGEST][];
        for (Part part : Part.values()) {
            for (int length = 0; length < LONGEST; length++) {
                List<Field> fields = new ArrayList<>();
                for (Field field : values()) {
                    if (field.part == part && field.name.length == length) {
                        fields.add(field);
                    }
                }
                table[part.ordinal()][length] = fields.toArray(new Field[0]);
            }
        }
        return table;
    }
}
