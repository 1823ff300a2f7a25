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

    /// Bytes of names and values together.
    pub fn size(&self) -> usize {
        let value = |span: &HeaderSpan| span.value.map_or(0, Span::len);
        self.spans
            .iter()
            .map(|span| span.name.len() + value(span))
            .sum()
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

    /// As [`Headers::iter`], the names as they are.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let (bytes, spans) = (self.bytes, self.spans);
        spans
            .iter()
            .map(move |span| (span.name.of(bytes), span.value.map(|value| value.of(bytes))))
    }

    /// Appends copies to an arena and its list of headers. Records pass here several times, so all
    /// bytes are copied at once: those of one view lie one after the other, as they were appended.
    pub(crate) fn append_to(self, arena: &mut Vec<u8>, spans: &mut Vec<HeaderSpan>) {
        let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) else {
            return;
        };
        let whole = Span::between(first.name, last.value.unwrap_or(last.name));
        let moved = Span::append(arena, whole.of(self.bytes));
        spans.extend(self.spans.iter().map(|span| HeaderSpan {
            name: span.name.moved(whole, moved),
            value: span.value.map(|value| value.moved(whole, moved)),
        }));
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
        headers.append_to(&mut self.bytes, &mut self.spans);
    }

    /// A view of what is held.
    pub fn view(&self) -> Headers<'_> {
        Headers::new(&self.bytes, &self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_copied_behind_others_keep_names_values_and_nulls() {
        let mut first = HeaderBuffer::default();
        first.push("id", Some(b"e1"));
        first.push("nothing", None);
        let mut second = HeaderBuffer::default();
        second.push("before", Some(b""));
        second.extend(first.view());
        second.extend(Headers::default());
        second.extend(first.view());
        second.push("after", Some(b"x"));
        let expected: [(&str, Option<&[u8]>); 6] = [
            ("before", Some(b"")),
            ("id", Some(b"e1")),
            ("nothing", None),
            ("id", Some(b"e1")),
            ("nothing", None),
            ("after", Some(b"x")),
        ];
        assert_eq!(second.view().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_name_that_is_not_text_is_copied_as_it_is() {
        let mut batch = crate::io::RecordBatch::default();
        batch.push_with(0, 0, Some(b"key"), None, |batch| {
            batch.push_header(b"\xff", Some(b"v"))
        });
        let mut copy = HeaderBuffer::default();
        copy.extend(batch.front().unwrap().headers);
        assert_eq!(
            copy.view().raw().collect::<Vec<_>>(),
            [(&b"\xff"[..], Some(&b"v"[..]))]
        );
    }
}
