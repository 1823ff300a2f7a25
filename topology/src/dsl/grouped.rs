/// The codecs of a grouped stream: of the keys in its stores, and of keys and values in its
/// repartition topic where it needs one.
#[derive(Clone, Debug)]
pub struct Grouped<CK, CV> {
    pub(super) key: CK,
    pub(super) value: CV,
}

impl<CK, CV> Grouped<CK, CV> {
    /// With these codecs of keys and values.
    pub fn with(key: CK, value: CV) -> Self {
        Self { key, value }
    }
}
