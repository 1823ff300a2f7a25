package jumun.peer.order;

/**
 * What of the order job can be switched.
 *
 * @param cachedOrders orders kept decoded per task, and written back once per commit; 0: every record reads and writes
 *     the store
 * @param recordCache whether Kafka Streams' own record cache lies over the order store
 * @param parkLimitMs how long an event may be parked; payments never less than ten minutes
 * @param aggregates whether minutes are counted
 * @param mergingPartitions partitions of the topic between the two stages of aggregation
 * @param partialsTopic its name
 */
record OrderSettings(int cachedOrders, boolean recordCache, long parkLimitMs, boolean aggregates, int mergingPartitions,
                     String partialsTopic) {
}
