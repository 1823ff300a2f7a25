//! The seam on librdkafka.
