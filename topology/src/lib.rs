//! Stream processing on Kafka.
