use std::fmt;

/// One thing wrong with a topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake(pub(crate) String);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything wrong with a topology, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyError {
    /// Each names the node and the fix.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the topology has {} mistake(s):", self.mistakes.len())?;
        self.mistakes
            .iter()
            .try_for_each(|mistake| write!(f, "\n  - {mistake}"))
    }
}

impl std::error::Error for TopologyError {}
