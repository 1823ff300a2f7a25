//! A transactional log in this process (stands in until the real one is merged).
use super::*;
use std::sync::Arc;
/// Stand-in.
pub struct MemoryLog;
impl MemoryLog {
    /// Stand-in.
    pub fn new(_clock: Arc<dyn crate::time::Clock>) -> Arc<Self> {
        Arc::new(Self)
    }
    /// Stand-in.
    pub fn set_retention(&self, _records: usize) {}
}
impl Log for MemoryLog {
    fn consumer(&self, _: &ConsumerConfig) -> IoResult<Box<dyn Consumer>> {
        Err(Error::fatal("memory", "not merged"))
    }
    fn producer(&self, _: &ProducerConfig) -> IoResult<Box<dyn Producer>> {
        Err(Error::fatal("memory", "not merged"))
    }
    fn reader(&self, _: &str) -> IoResult<Box<dyn Reader>> {
        Err(Error::fatal("memory", "not merged"))
    }
    fn admin(&self, _: &str) -> IoResult<Box<dyn Admin>> {
        Err(Error::fatal("memory", "not merged"))
    }
}
