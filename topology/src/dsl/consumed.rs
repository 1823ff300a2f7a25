/// How a topic is read.
///
/// ```
/// use topology::codec::{I64, Utf8};
/// use topology::dsl::Consumed;
///
/// let amounts = Consumed::with(Utf8, I64).with_name("amounts");
/// # let _ = amounts;
/// ```
#[derive(Clone, Debug)]
pub struct Consumed<DK, DV> {
    pub(super) key: DK,
    pub(super) value: DV,
    pub(super) name: Option<String>,
}

impl<DK, DV> Consumed<DK, DV> {
    /// With these deserializers of keys and values.
    pub fn with(key: DK, value: DV) -> Self {
        Self {
            key,
            value,
            name: None,
        }
    }

    /// Names the source; by default it has the names of its topics.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
