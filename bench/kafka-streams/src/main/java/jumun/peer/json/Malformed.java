package jumun.peer.json;

/** What was read is no JSON. One instance without a stack trace: on a record path it costs nothing. */
public final class Malformed extends RuntimeException {
    public static final Malformed INSTANCE = new Malformed();

    private Malformed() {
        super("no JSON", null, false, false);
    }
}
