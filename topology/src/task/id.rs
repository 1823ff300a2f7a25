use std::fmt;

/// Names a task: the sub-topology and the partition, printed as Kafka Streams prints it.
///
/// ```
/// # use topology::task::TaskId;
/// assert_eq!(TaskId { subtopology: 0, partition: 3 }.to_string(), "0_3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Index of the sub-topology.
    pub subtopology: u32,
    /// Partition of the sub-topology's inputs.
    pub partition: i32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.subtopology, self.partition)
    }
}
