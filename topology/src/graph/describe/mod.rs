//! What a topology looks like: as text, in the format of Kafka Streams, and drawn.

mod dot;
mod drawing;
mod mermaid;
mod text;
