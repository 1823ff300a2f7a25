/// Keys one after the other in one buffer.
#[derive(Debug, Default)]
pub(super) struct RowKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RowKeys {
    pub(super) fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().filter_map(move |end| {
            let key = self.bytes.get(begin..*end);
            begin = *end;
            key
        })
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key of this number, by which they were added.
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let begin = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(begin..*self.ends.get(index)?)
    }

    /// The last key; an empty one where there is none.
    pub(super) fn last(&self) -> &[u8] {
        let last = self.len().checked_sub(1);
        last.and_then(|last| self.get(last)).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
