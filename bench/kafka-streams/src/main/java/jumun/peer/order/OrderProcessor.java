package jumun.peer.order;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

import jumun.peer.agg.OrderAggregates;
import jumun.peer.agg.Partials;
import jumun.peer.domain.Event;
import jumun.peer.domain.Event.Defect;
import jumun.peer.domain.Judge;
import jumun.peer.domain.Judge.Outcome;
import jumun.peer.domain.Judge.Verdict;
import jumun.peer.domain.Order;
import jumun.peer.domain.Records;
import jumun.peer.json.Field;
import jumun.peer.streams.CommitHook;
import jumun.peer.streams.MergeOrder;
import jumun.peer.streams.Scope;

/** Judges each event against its order, parks what came too early, and tells what followed. */
final class OrderProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    static final String ORDERS = "orders";
    static final String PARKED = "parked";
    static final String HOOK = "orders-commit";
    static final String TRANSITIONS = "transitions";
    static final String STATES = "states";
    static final String REJECTED = "rejected";
    static final String DEAD_LETTERS = "dead-letters";
    static final String PARTIALS = "partials";

    private static final long PARK_LIMIT_OF_PAYMENTS_MS = 600_000;
    private static final long LONGEST_PARK_LIMIT_MS = 600_000;
    /** A task that took nothing for so long has caught up. */
    private static final long IDLE_MS = 1_000;

    private final OrderSettings settings;
    private final Event arriving = new Event();
    private final Event aside = new Event();
    private final Judge judge = new Judge();
    private final Records records = new Records();
    private final Outcomes outcomes = new Outcomes();
    private final Partials partials;
    private ProcessorContext<byte[], byte[]> context;
    private Scope scope;
    private Orders orders;
    private Waiting waiting;
    private boolean replay;
    private long lastTakenAt;
    private long lastTimestamp;

    OrderProcessor(OrderSettings settings) {
        this.settings = settings;
        this.partials = new Partials(settings.mergingPartitions());
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        scope = new Scope(context);
        KeyValueStore<Bytes, byte[]> orderStore = context.getStateStore(ORDERS);
        KeyValueStore<Bytes, byte[]> parkedStore = context.getStateStore(PARKED);
        orders = new Orders(orderStore, settings.cachedOrders(), this::tellState);
        waiting = new Waiting(parkedStore);
        CommitHook hook = context.getStateStore(HOOK);
        hook.beforeCommit(this::beforeCommit);
        context.schedule(Duration.ofSeconds(1), PunctuationType.WALL_CLOCK_TIME, this::giveUp);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata place = context.recordMetadata().orElseThrow();
        long timestamp = MergeOrder.timestamp(record.timestamp());
        if (settings.cachedOrders() == 0) {
            scope.timestamp(timestamp);
        }
        lastTakenAt = context.currentSystemTimeMs();
        lastTimestamp = timestamp;
        waiting.consumed();
        outcomes.consumed();
        Source source = new Source(record.key(), record.value(), record.headers(), place.topic(), place.partition(),
            place.offset(), timestamp);
        Defect defect = arriving.read(source.key(), source.value(), timestamp);
        if (defect != null && defect != Defect.UNKNOWN_ACTION) {
            deadLetter(source, defect);
            return;
        }
        Orders.Entry entry = orders.get(arriving.orderNo);
        Verdict verdict = examine(entry.order, arriving, source, null);
        if (verdict.isParked()) {
            if (waiting.hasRoom(arriving.orderNo)) {
                park(source);
                return;
            }
            judge.rejection = Judge.Rejection.PARK_LIMIT;
            verdict = Verdict.REFUSED;
        }
        settle(verdict, entry, arriving, source, -1, false);
    }

    private Verdict examine(Order order, Event event, Source source, Parked itself) {
        readHeaders(source.headers());
        judge.at = Judge.eventTime(event.occurredAt, source.timestamp(), context.currentSystemTimeMs());
        Parked same = waiting.isEmpty() ? null : waiting.sameId(event, itself);
        return judge.examine(order, event, same != null, same == null ? 0 : same.hash);
    }

    private void readHeaders(Headers headers) {
        judge.redrives = 0;
        judge.force = false;
        replay = false;
        for (Header header : headers) {
            String name = header.key();
            if (!name.startsWith("x-re") || header.value() == null) {
                continue;
            }
            String value = new String(header.value(), java.nio.charset.StandardCharsets.UTF_8).trim();
            switch (name) {
                case "x-redrive-count" -> judge.redrives = number(value);
                case "x-redrive-force" -> judge.force = value.equals("true");
                case "x-replay" -> replay = value.equals("true");
                default -> {
                }
            }
        }
    }

    /** What is no number counts as over the limit. */
    private static long number(String text) {
        try {
            return Long.parseUnsignedLong(text);
        } catch (NumberFormatException error) {
            return Long.MAX_VALUE;
        }
    }

    private void park(Source source) {
        long now = context.currentSystemTimeMs();
        Parked parked = new Parked(waiting.nextArrival(), now, source.key(), source.value(), source.headers(),
            source.topic(), source.partition(), source.offset(), source.timestamp(),
            arriving.action != null && arriving.action.isOfPayments());
        parked.version = arriving.judgedVersion();
        parked.idHigh = arriving.idHigh;
        parked.idLow = arriving.idLow;
        parked.hash = arriving.json.contentHash();
        parked.due = now + limitOf(parked);
        scope.timestamp(source.timestamp());
        waiting.park(parked);
        outcomes.count(Outcome.PARKED, null);
    }

    private long limitOf(Parked parked) {
        long limit = settings.parkLimitMs();
        return parked.isOfPayments ? Math.max(limit, PARK_LIMIT_OF_PAYMENTS_MS) : limit;
    }

    /** Carries the verdict out, and then whatever it makes possible. */
    private void settle(Verdict verdict, Orders.Entry entry, Event event, Source source, long parkedMs,
                        boolean timedOut) {
        settleAlone(verdict, entry, event, source, parkedMs, timedOut);
        if (judge.orderChanged && !waiting.isEmpty()) {
            while (releaseOne(entry, source.key())) {
                outcomes.released();
            }
        }
    }

    private void settleAlone(Verdict verdict, Orders.Entry entry, Event event, Source source, long parkedMs,
                             boolean timedOut) {
        Order order = entry.order;
        judge.carryOut(verdict, order, event, source.timestamp(), timedOut);
        outcomes.count(judge.outcome, judge.outcome == Outcome.REJECTED ? judge.rejection : null);
        Headers headers = source.headers();
        // A dead letter keeps the headers that it came with.
        if (judge.outcome != Outcome.DLT && (judge.isDirty || judge.outcome == Outcome.REJECTED)) {
            headers = headers.add("event-id", event.text(Field.ID));
        }
        if (Records.isTransition(judge.outcome)) {
            byte[] value = records.transition(order, event, judge, replay);
            context.forward(new Record<>(source.key(), value, source.timestamp(), headers), TRANSITIONS);
            if (settings.aggregates()) {
                OrderAggregates.add(partials, order, event, judge, source.timestamp());
            }
        } else if (judge.outcome == Outcome.REJECTED) {
            byte[] value = records.rejection(order, event, judge, source.topic(), source.partition(), source.offset(),
                parkedMs);
            context.forward(new Record<>(source.key(), value, source.timestamp(), headers), REJECTED);
        } else if (judge.outcome == Outcome.DLT) {
            tellDeadLetter(source, Defect.UNKNOWN_ACTION);
        }
        if (judge.isDirty) {
            orders.changed(entry, headers, source.timestamp());
        }
    }

    /** Settles the first parked event of the order that has no reason to wait any more. */
    private boolean releaseOne(Orders.Entry entry, byte[] orderNo) {
        List<Parked> parkedOnes = waiting.of(orderNo);
        for (Parked parked : parkedOnes) {
            Source source = Source.of(parked);
            aside.read(parked.key, parked.value, parked.timestamp);
            Verdict verdict = examine(entry.order, aside, source, parked);
            if (!verdict.isParked()) {
                scope.timestamp(source.timestamp());
                waiting.remove(parked);
                settleAlone(verdict, entry, aside, source, context.currentSystemTimeMs() - parked.parkedAt, false);
                return true;
            }
        }
        return false;
    }

    /** Looks at every parked event whose time may be over; the time is stretched while the task lags. */
    private void giveUp(long now) {
        for (Parked parked : waiting.due(now)) {
            if (!waiting.holds(parked)) {
                continue;
            }
            long lag = now - lastTakenAt > IDLE_MS ? 0 : now - lastTimestamp;
            long limit = limitOf(parked);
            if (lag > limit) {
                limit = Math.max(limit, Math.min(lag + limit, LONGEST_PARK_LIMIT_MS));
            }
            if (now < parked.parkedAt + limit) {
                parked.due = parked.parkedAt + limit;
                continue;
            }
            Source source = Source.of(parked);
            aside.read(parked.key, parked.value, parked.timestamp);
            Orders.Entry entry = orders.get(parked.key);
            Verdict verdict = examine(entry.order, aside, source, parked);
            scope.run(parked.timestamp, () -> {
                waiting.remove(parked);
                outcomes.released();
                settle(verdict, entry, aside, source, now - parked.parkedAt, true);
            });
        }
    }

    private void deadLetter(Source source, Defect defect) {
        outcomes.deadLetter(defect);
        tellDeadLetter(source, defect);
    }

    /** Key, value and headers untouched, and where it came from (the names are those of KIP-1034). */
    private void tellDeadLetter(Source source, Defect defect) {
        RecordHeaders headers = new RecordHeaders(source.headers());
        headers.add("__streams.errors.topic", bytes(source.topic()));
        headers.add("__streams.errors.partition", bytes(Integer.toString(source.partition())));
        headers.add("__streams.errors.offset", bytes(Long.toString(source.offset())));
        headers.add("__streams.errors.reason", bytes(defect.name()));
        headers.add("__streams.errors.timestamp", bytes(Long.toString(source.timestamp())));
        context.forward(new Record<>(source.key(), source.value(), source.timestamp(), headers), DEAD_LETTERS);
    }

    private void tellState(Orders.Entry entry) {
        byte[] key = entry.key.get();
        byte[] value = records.state(key, entry.order);
        context.forward(new Record<>(key, value, entry.timestamp, entry.headers), STATES);
    }

    private void beforeCommit() {
        long now = context.currentSystemTimeMs();
        scope.run(now, () -> {
            orders.flush();
            waiting.flush();
            partials.handOver((partition, deltas) -> context.forward(
                new Record<>(ByteBuffer.allocate(4).putInt(partition).array(), deltas, now, new RecordHeaders()),
                PARTIALS));
        });
    }

    private static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    /** A record, just consumed or parked before. */
    private record Source(byte[] key, byte[] value, Headers headers, String topic, int partition, long offset,
                          long timestamp) {
        static Source of(Parked parked) {
            return new Source(parked.key, parked.value, parked.headers, parked.topic, parked.partition, parked.offset,
                parked.timestamp);
        }
    }
}
