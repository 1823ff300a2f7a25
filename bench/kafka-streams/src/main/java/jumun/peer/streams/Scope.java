package jumun.peer.streams;

import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;

/**
 * What a processor needs to forward and to write outside of {@code process}: its node and a record context, which the
 * changelog takes timestamps from. As Kafka Streams' own caches do when they are flushed.
 */
public final class Scope {
    private final InternalProcessorContext<?, ?> context;
    private final ProcessorNode<?, ?, ?, ?> node;

    /** To be made in {@code Processor.init}, where the context knows the node. */
    public Scope(ProcessorContext<?, ?> context) {
        this.context = (InternalProcessorContext<?, ?>) context;
        this.node = this.context.currentNode();
    }

    /** Runs with the node as current one and a record context of this timestamp. */
    public void run(long timestamp, Runnable body) {
        ProcessorNode<?, ?, ?, ?> nodeBefore = context.currentNode();
        ProcessorRecordContext recordBefore = context.recordContext();
        context.setCurrentNode(node);
        context.setRecordContext(new ProcessorRecordContext(timestamp, -1, context.taskId().partition(), null,
            new RecordHeaders()));
        try {
            body.run();
        } finally {
            context.setRecordContext(recordBefore);
            context.setCurrentNode(nodeBefore);
        }
    }

    /** Gives the record at hand another timestamp, for the changelog records that are written with it. */
    public void timestamp(long timestamp) {
        ProcessorRecordContext now = context.recordContext();
        context.setRecordContext(new ProcessorRecordContext(timestamp, now.offset(), now.partition(), now.topic(),
            now.headers()));
    }
}
