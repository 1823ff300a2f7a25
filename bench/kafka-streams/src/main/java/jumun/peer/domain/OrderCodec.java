package jumun.peer.domain;

import java.util.Arrays;

import jumun.peer.domain.Regions.Claim;
import jumun.peer.domain.Regions.Delivery;
import jumun.peer.domain.Regions.Fulfilment;
import jumun.peer.domain.Regions.Kitchen;
import jumun.peer.domain.Regions.Liability;
import jumun.peer.domain.Regions.Main;
import jumun.peer.domain.Regions.Payment;
import jumun.peer.domain.Regions.Reason;

/** An order as a compact row: variable-length integers, times relative to the first one. */
public final class OrderCodec {
    private static final Main[] MAINS = Main.values();
    private static final Kitchen[] KITCHENS = Kitchen.values();
    private static final Delivery[] DELIVERIES = Delivery.values();
    private static final Payment[] PAYMENTS = Payment.values();
    private static final Claim[] CLAIMS = Claim.values();
    private static final Fulfilment[] FULFILMENTS = Fulfilment.values();
    private static final Reason[] REASONS = Reason.values();
    private static final Liability[] LIABILITIES = Liability.values();

    private byte[] buffer = new byte[1024];
    private int at;

    public byte[] encode(Order order) {
        at = 0;
        unsigned(order.generation);
        unsigned(order.seq);
        one(order.main.ordinal() | order.kitchen.ordinal() << 4);
        one(order.delivery.ordinal() | order.claim.ordinal() << 4);
        one(order.payment.ordinal() | order.paymentBeforeClaim.ordinal() << 4);
        one(order.fulfilment == null ? 0 : order.fulfilment.ordinal() + 1);
        one(order.reason == null ? 0 : order.reason.ordinal() + 1);
        one(order.liability == null ? 0 : order.liability.ordinal() + 1);
        one(order.flags | (order.readyImplied ? 16 : 0) | (order.hasGhost ? 32 : 0));
        one(order.contradicted);
        for (int target = 0; target < 4; target++) {
            unsigned(order.last[target]);
            unsigned(order.applied[target]);
        }
        unsigned(order.deliveries);
        for (int place = 0; place < order.deliveries; place++) {
            text(order.deliveryIds[place]);
            unsigned(order.deliveryLast[place]);
            unsigned(order.deliveryApplied[place]);
            one(order.deliveryFormer[place] ? 1 : 0);
        }
        unsigned(order.current + 1L);
        text(order.customerId);
        text(order.storeId);
        text(order.category);
        text(order.sido);
        text(order.sigungu);
        text(order.dong);
        text(order.paymentMethod);
        unsigned(order.amount);
        unsigned(order.paid);
        unsigned(order.refunded);
        unsigned(order.attempts);
        unsigned(order.reassigned);
        long base = order.updatedAt;
        fixed(base);
        time(order.promisedAt, base);
        for (long time : order.times) {
            time(time, base);
        }
        if (order.hasGhost) {
            fixed(order.ghostHigh);
            fixed(order.ghostLow);
        }
        Memory memory = order.memory;
        unsigned(memory.size);
        for (int place = 0; place < memory.size; place++) {
            fixed(memory.high[place]);
            fixed(memory.low[place]);
            fixed(memory.hash[place]);
            unsigned(memory.version[place]);
            unsigned(memory.what[place]);
        }
        return Arrays.copyOf(buffer, at);
    }

    public Order decode(byte[] row) {
        byte[] own = buffer;
        buffer = row;
        at = 0;
        Order order = read(new Order());
        buffer = own;
        return order;
    }

    private Order read(Order order) {
        order.generation = unsigned();
        order.seq = unsigned();
        int pair = one();
        order.main = MAINS[pair & 15];
        order.kitchen = KITCHENS[pair >> 4];
        pair = one();
        order.delivery = DELIVERIES[pair & 15];
        order.claim = CLAIMS[pair >> 4];
        pair = one();
        order.payment = PAYMENTS[pair & 15];
        order.paymentBeforeClaim = PAYMENTS[pair >> 4];
        int code = one();
        order.fulfilment = code == 0 ? null : FULFILMENTS[code - 1];
        code = one();
        order.reason = code == 0 ? null : REASONS[code - 1];
        code = one();
        order.liability = code == 0 ? null : LIABILITIES[code - 1];
        code = one();
        order.flags = code & 15;
        order.readyImplied = (code & 16) != 0;
        order.hasGhost = (code & 32) != 0;
        order.contradicted = one();
        for (int target = 0; target < 4; target++) {
            order.last[target] = unsigned();
            order.applied[target] = unsigned();
        }
        int deliveries = (int) unsigned();
        for (int place = 0; place < deliveries; place++) {
            order.addDelivery(text());
            order.deliveryLast[place] = unsigned();
            order.deliveryApplied[place] = unsigned();
            order.deliveryFormer[place] = one() == 1;
        }
        order.current = (int) unsigned() - 1;
        order.customerId = text();
        order.storeId = text();
        order.category = text();
        order.sido = text();
        order.sigungu = text();
        order.dong = text();
        order.paymentMethod = text();
        order.amount = unsigned();
        order.paid = unsigned();
        order.refunded = unsigned();
        order.attempts = unsigned();
        order.reassigned = unsigned();
        long base = fixed();
        order.updatedAt = base;
        order.promisedAt = time(base);
        for (int milestone = 0; milestone < Order.MILESTONES; milestone++) {
            order.times[milestone] = time(base);
        }
        if (order.hasGhost) {
            order.ghostHigh = fixed();
            order.ghostLow = fixed();
        }
        Memory memory = order.memory;
        memory.size = (int) unsigned();
        memory.reserve(memory.size);
        for (int place = 0; place < memory.size; place++) {
            memory.high[place] = fixed();
            memory.low[place] = fixed();
            memory.hash[place] = fixed();
            memory.version[place] = unsigned();
            memory.what[place] = (int) unsigned();
        }
        return order;
    }

    private void reserve(int count) {
        if (at + count > buffer.length) {
            buffer = Arrays.copyOf(buffer, Math.max(1024, Math.max(buffer.length * 2, at + count)));
        }
    }

    private void one(int value) {
        reserve(1);
        buffer[at++] = (byte) value;
    }

    private int one() {
        return buffer[at++] & 0xff;
    }

    private void unsigned(long value) {
        reserve(10);
        while ((value & ~0x7fL) != 0) {
            buffer[at++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        buffer[at++] = (byte) value;
    }

    private long unsigned() {
        long value = 0;
        for (int shift = 0;; shift += 7) {
            byte next = buffer[at++];
            value |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    private void fixed(long value) {
        reserve(8);
        for (int shift = 56; shift >= 0; shift -= 8) {
            buffer[at++] = (byte) (value >> shift);
        }
    }

    private long fixed() {
        long value = 0;
        for (int count = 0; count < 8; count++) {
            value = value << 8 | (buffer[at++] & 0xff);
        }
        return value;
    }

    /** 0 is no time; else the zigzag distance from the base, plus one. */
    private void time(long time, long base) {
        if (time == Order.NEVER) {
            unsigned(0);
            return;
        }
        long distance = time - base;
        unsigned(((distance << 1) ^ (distance >> 63)) + 1);
    }

    private long time(long base) {
        long written = unsigned();
        if (written == 0) {
            return Order.NEVER;
        }
        written--;
        return base + ((written >>> 1) ^ -(written & 1));
    }

    private void text(byte[] text) {
        if (text == null) {
            unsigned(0);
            return;
        }
        unsigned(text.length + 1L);
        reserve(text.length);
        System.arraycopy(text, 0, buffer, at, text.length);
        at += text.length;
    }

    private byte[] text() {
        int length = (int) unsigned() - 1;
        if (length < 0) {
            return null;
        }
        at += length;
        return Arrays.copyOfRange(buffer, at - length, at);
    }
}
