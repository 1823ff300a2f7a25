//! Where the bench's peer on Kafka Streams is, if it was built.

use std::path::PathBuf;

use crate::support::processor::tell;

/// The jar, if it was built (`scripts/build-peer`).
pub fn jar() -> Option<PathBuf> {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "bench/kafka-streams/target/kafka-streams-peer.jar",
    ]
    .iter()
    .collect();
    if !path.exists() {
        tell("skipped: the peer is not built; scripts/build-peer builds it");
        return None;
    }
    Some(path)
}
