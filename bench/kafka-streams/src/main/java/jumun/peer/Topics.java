package jumun.peer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TopicExistsException;

import jumun.peer.count.CountJob;
import jumun.peer.order.OrderJob;

/** Creates the topics that are missing; the inputs must be there. */
final class Topics {
    private static final String DAY_MS = "86400000";

    private Topics() {
    }

    static void create(Settings settings) throws InterruptedException, ExecutionException {
        int keyed = settings.whole("partitions");
        int few = settings.whole("output.partitions");
        List<NewTopic> wanted = new ArrayList<>();
        if (settings.text("job").equals("order")) {
            wanted.add(topic(OrderJob.TRANSITIONS, keyed, TopicConfig.CLEANUP_POLICY_DELETE));
            wanted.add(topic(OrderJob.STATE, keyed, TopicConfig.CLEANUP_POLICY_COMPACT));
            wanted.add(topic(OrderJob.REJECTED, few, TopicConfig.CLEANUP_POLICY_DELETE));
            wanted.add(topic(OrderJob.DEAD_LETTERS, few, TopicConfig.CLEANUP_POLICY_DELETE)
                .configs(Map.of(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(16 << 20))));
            wanted.add(topic(OrderJob.AGGREGATES, few, TopicConfig.CLEANUP_POLICY_COMPACT));
            wanted.add(topic(OrderJob.partialsTopic(settings), settings.whole("aggregates.partitions"),
                TopicConfig.CLEANUP_POLICY_DELETE).configs(Map.of(TopicConfig.RETENTION_MS_CONFIG, DAY_MS)));
        } else {
            wanted.add(topic(CountJob.OUTPUT, keyed, TopicConfig.CLEANUP_POLICY_DELETE));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", settings.text("bootstrap.servers")))) {
            Set<String> known = admin.listTopics().names().get();
            wanted.removeIf(topic -> known.contains(topic.name()));
            admin.createTopics(wanted).all().get();
        } catch (ExecutionException error) {
            if (!(error.getCause() instanceof TopicExistsException)) {
                throw error;
            }
        }
    }

    private static NewTopic topic(String name, int partitions, String cleanup) {
        return new NewTopic(name, partitions, (short) 1).configs(Map.of(TopicConfig.CLEANUP_POLICY_CONFIG, cleanup));
    }
}
