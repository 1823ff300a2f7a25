/// How records go through a repartition topic.
#[derive(Clone, Debug)]
pub struct Repartitioned<CK, CV> {
    pub(super) key: CK,
    pub(super) value: CV,
    pub(super) partitions: Option<i32>,
}

impl<CK, CV> Repartitioned<CK, CV> {
    /// With these codecs of keys and values, and as many partitions as the widest input.
    pub fn with(key: CK, value: CV) -> Self {
        Self {
            key,
            value,
            partitions: None,
        }
    }

    /// With so many partitions.
    #[must_use]
    pub fn with_number_of_partitions(mut self, partitions: i32) -> Self {
        self.partitions = Some(partitions);
        self
    }
}
