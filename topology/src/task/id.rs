use std::fmt;

/// Names a task: the sub-topology and the partition, printed as Kafka Streams prints it.
///
/// ```
/// # use topology::task::TaskId;
/// let task = TaskId { subtopology: 0, partition: 3 };
/// assert_eq!(task.to_string(), "0_3");
/// assert_eq!(TaskId::parse("0_3"), Some(task));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Index of the sub-topology.
    pub subtopology: u32,
    /// Partition of the sub-topology's inputs.
    pub partition: i32,
}

impl TaskId {
    /// The task of this name; `None` for whatever is not printed so.
    pub fn parse(name: &str) -> Option<Self> {
        let (subtopology, partition) = name.split_once('_')?;
        let task = Self {
            subtopology: subtopology.parse().ok()?,
            partition: partition.parse().ok()?,
        };
        (task.to_string() == name).then_some(task)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.subtopology, self.partition)
    }
}
