//! Record headers as a borrowed view and as a reusable buffer.

use super::batch::Span;

/// Where one header lies in the bytes of its buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderSpan {
    pub(crate) name: Span,
    pub(crate) value: Option<Span>,
}

/// Headers of a record, borrowed. Copying the view copies no bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    spans: &'a [HeaderSpan],
}

impl<'a> Headers<'a> {
    pub(crate) fn new(bytes: &'a [u8], spans: &'a [HeaderSpan]) -> Self {
        Self { bytes, spans }
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Name and value of each header in order. A name that is not UTF-8 is shown as empty.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + use<'a> {
        let (bytes, spans) = (self.bytes, self.spans);
        spans.iter().map(move |span| {
            let name = std::str::from_utf8(span.name.of(bytes)).unwrap_or_default();
            (name, span.value.map(|value| value.of(bytes)))
        })
    }

    /// The value of the last header of this name, as Kafka's `lastHeader`.
    pub fn last(&self, name: &str) -> Option<&'a [u8]> {
        let span = self
            .spans
            .iter()
            .rev()
            .find(|span| span.name.of(self.bytes) == name.as_bytes())?;
        span.value.map(|value| value.of(self.bytes))
    }
}

/// Headers one owns; reused from record to record without allocating.
///
/// ```
/// use topology::io::HeaderBuffer;
/// let mut buffer = HeaderBuffer::default();
/// buffer.push("event-id", Some(b"42"));
/// assert_eq!(buffer.view().last("event-id"), Some(&b"42"[..]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeaderBuffer {
    bytes: Vec<u8>,
    spans: Vec<HeaderSpan>,
}

impl HeaderBuffer {
    /// Forgets all headers, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    /// Appends a header.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        let name = Span::append(&mut self.bytes, name.as_bytes());
        let value = value.map(|value| Span::append(&mut self.bytes, value));
        self.spans.push(HeaderSpan { name, value });
    }

    /// Appends all headers of a view.
    pub fn extend(&mut self, headers: Headers<'_>) {
        for (name, value) in headers.iter() {
            self.push(name, value);
        }
    }

    /// A view of what is held.
    pub fn view(&self) -> Headers<'_> {
        Headers::new(&self.bytes, &self.spans)
    }
}
