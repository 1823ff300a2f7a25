package jumun.peer;

import java.util.concurrent.CountDownLatch;

import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

import jumun.peer.count.CountJob;
import jumun.peer.order.OrderJob;

/**
 * Runs one job until it is told to stop. Standard output tells {@code listening <port>}, {@code ready} once all tasks
 * run, and {@code facts <JSON>} at the end.
 */
public final class Main {
    private Main() {
    }

    public static void main(String... arguments) throws Exception {
        Settings settings;
        Topology topology;
        try {
            settings = Settings.of(arguments);
            topology = switch (settings.text("job")) {
                case "order" -> OrderJob.topology(settings);
                case "count" -> CountJob.topology(settings);
                default -> throw new IllegalArgumentException("--job " + settings.text("job")
                    + ": it is order or count");
            };
        } catch (IllegalArgumentException error) {
            System.err.println("kafka-streams-peer: " + error.getMessage());
            System.exit(2);
            return;
        }
        System.out.println("settings " + settings.line());
        Topics.create(settings);
        System.exit(run(settings, topology));
    }

    private static int run(Settings settings, Topology topology) throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        int[] status = {0};
        KafkaStreams streams = new KafkaStreams(topology, settings.streams());
        streams.setGlobalStateRestoreListener(new Restores());
        streams.setUncaughtExceptionHandler(error -> {
            System.err.println("kafka-streams-peer: " + error);
            error.printStackTrace();
            status[0] = 1;
            ended.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == State.REBALANCING) {
                Facts.REBALANCES.incrementAndGet();
            }
            if (now == State.RUNNING && Facts.RUNNING_AFTER_MS.compareAndSet(-1, Facts.sinceStartMs())) {
                System.out.println("ready");
            }
        });
        Readiness readiness = null;
        if (!settings.text("listen.port").isEmpty()) {
            readiness = new Readiness(settings.whole("listen.port"), () -> streams.state() == State.RUNNING);
            System.out.println("listening " + readiness.port());
        }
        CountDownLatch stopped = new CountDownLatch(1);
        // SIGTERM and SIGINT: the hook waits for the clean stop below, since the JVM ends with its hooks; and it ends the
        // JVM, whose exit status would tell of the signal.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            ended.countDown();
            try {
                stopped.await();
            } catch (InterruptedException error) {
                status[0] = 1;
            }
            Runtime.getRuntime().halt(status[0]);
        }, "stop"));
        streams.start();
        ended.await();
        streams.close();
        if (readiness != null) {
            readiness.stop();
        }
        System.out.println("facts " + Facts.json());
        System.out.flush();
        stopped.countDown();
        return status[0];
    }
}
