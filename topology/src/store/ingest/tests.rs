use std::ops::{Bound, ControlFlow};
use std::path::Path;

use super::super::backend::{BackendStatistics, BatchWriter, FlushWait};
use super::super::memory::MemoryBackend;
use super::super::range::RowVisitor;
use super::*;

const FAMILY: FamilyIndex = FamilyIndex(0);

fn rows(backend: &MemoryBackend) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    backend
        .range(
            FAMILY,
            Bound::Unbounded,
            Bound::Unbounded,
            &mut |key, value| {
                rows.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            },
        )
        .expect("range");
    rows
}

#[test]
fn of_each_key_the_last_row_is_written_and_a_file_may_delete_what_an_earlier_one_wrote() {
    let backend = MemoryBackend::new(1);
    let mut buffer = CollectedRows::default();
    buffer.push(b"order-1", Some(b"created"));
    buffer.push(b"order-2", Some(b"created"));
    buffer.push(b"order-1", Some(b"paid"));
    buffer.push(b"order-3", Some(b"created"));
    buffer.push(b"order-3", None);
    buffer.push(b"empty", Some(b""));
    assert!(buffer.write(&backend, FAMILY).expect("write"));
    let row = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    assert_eq!(
        rows(&backend),
        [
            row(b"empty", b""),
            row(b"order-1", b"paid"),
            row(b"order-2", b"created"),
        ]
    );
    buffer.push(b"order-2", None);
    assert!(buffer.write(&backend, FAMILY).expect("write"));
    assert_eq!(
        rows(&backend),
        [row(b"empty", b""), row(b"order-1", b"paid")]
    );
    assert!(!buffer.write(&backend, FAMILY).expect("write"));
    assert_eq!(buffer.bytes(), 0);
}

/// A backend that only looks: keys must come ascending, each once, or RocksDB refuses the file.
#[test]
fn keys_come_ascending_even_where_their_first_bytes_are_the_same_or_padded_alike() {
    let keys: [&[u8]; 9] = [
        b"12345678b",
        b"12345678a",
        b"1234",
        b"1234\0",
        b"",
        b"\0",
        b"12345678",
        b"1234\0\0\0\0\0",
        b"\xff",
    ];
    let mut buffer = CollectedRows::default();
    for _ in 0..2 {
        for key in keys {
            buffer.push(key, Some(key));
        }
    }
    let looking = Looking::default();
    buffer.write(&looking, FAMILY).expect("write");
    let mut expected = keys.map(<[u8]>::to_vec);
    expected.sort();
    assert_eq!(*looking.0.lock(), expected);
}

/// Remembers the keys of a file as they came.
#[derive(Default)]
struct Looking(parking_lot::Mutex<Vec<Vec<u8>>>);

impl Backend for Looking {
    fn get(&self, _: FamilyIndex, _: &[u8], _: &mut Vec<u8>) -> BackendResult<bool> {
        unreachable!()
    }
    fn multi_get(
        &self,
        _: FamilyIndex,
        _: &[&[u8]],
        _: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> BackendResult<()> {
        unreachable!()
    }
    fn range(
        &self,
        _: FamilyIndex,
        _: Bound<&[u8]>,
        _: Bound<&[u8]>,
        _: &mut RowVisitor<'_>,
    ) -> BackendResult<()> {
        unreachable!()
    }
    fn write(&self, _: usize, _: &mut dyn FnMut(&mut dyn BatchWriter)) -> BackendResult<()> {
        unreachable!()
    }
    fn ingest(
        &self,
        _: FamilyIndex,
        rows: &mut dyn Iterator<Item = SortedRow<'_>>,
    ) -> BackendResult<()> {
        let mut keys = self.0.lock();
        keys.extend(rows.map(|(key, _)| key.to_vec()));
        Ok(())
    }
    fn flush(&self, _: FlushWait) -> BackendResult<()> {
        unreachable!()
    }
    fn crash_copy(&self, _: &Path) -> BackendResult<()> {
        unreachable!()
    }
    fn statistics(&self) -> BackendStatistics {
        unreachable!()
    }
}
