//! Testing topologies without a broker.
