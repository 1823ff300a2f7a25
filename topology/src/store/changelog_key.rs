//! Keys in a changelog topic: those of the store as they are, the task's own values and timers
//! under reserved keys beside them.
//!
//! | in the changelog | means |
//! |---|---|
//! | any bytes not beginning with the magic `FF 4A 4D FF` | a key of the store, verbatim |
//! | magic, `00`, key | a key of the store that itself begins with the magic |
//! | magic, `01`, rest | the key `rest` of the task's own family; its value begins with a format version byte |

/// What a reserved key begins with.
pub(crate) const MAGIC: [u8; 4] = [0xFF, 0x4A, 0x4D, 0xFF];
const ESCAPED: u8 = 0x00;
const RESERVED: u8 = 0x01;

/// Format version that reserved values begin with.
pub(crate) const VALUE_FORMAT: u8 = 1;

/// A key read from a changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangelogKey<'a> {
    /// A key of the store.
    Store(&'a [u8]),
    /// A key of the task's own family.
    Own(&'a [u8]),
}

/// The changelog's form of a key of the store; `scratch` is used if it must be escaped.
pub(crate) fn encode_store_key<'a>(key: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if !key.starts_with(&MAGIC) {
        return key;
    }
    encode(ESCAPED, key, scratch)
}

/// The changelog's form of a key of the task's own family.
pub(crate) fn encode_own_key<'a>(key: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    encode(RESERVED, key, scratch)
}

fn encode<'a>(tag: u8, key: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    scratch.extend_from_slice(&MAGIC);
    scratch.push(tag);
    scratch.extend_from_slice(key);
    scratch
}

/// What a changelog key means; `None` if it is reserved in a way this version does not know.
pub(crate) fn decode(key: &[u8]) -> Option<ChangelogKey<'_>> {
    let Some(reserved) = key.strip_prefix(&MAGIC) else {
        return Some(ChangelogKey::Store(key));
    };
    match reserved.split_first() {
        Some((&ESCAPED, rest)) => Some(ChangelogKey::Store(rest)),
        Some((&RESERVED, rest)) => Some(ChangelogKey::Own(rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_key() -> impl Strategy<Value = Vec<u8>> {
        let magic_bytes = prop_oneof![
            Just(0xFF_u8),
            Just(0x4A),
            Just(0x4D),
            Just(0),
            Just(1),
            any::<u8>()
        ];
        let tail = proptest::collection::vec(magic_bytes, 0..12);
        (any::<bool>(), tail).prop_map(|(with_magic, tail)| {
            let mut key = if with_magic {
                MAGIC.to_vec()
            } else {
                Vec::new()
            };
            key.extend(tail);
            key
        })
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in any_key()) {
            let mut scratch = Vec::new();
            prop_assert_eq!(decode(encode_store_key(&key, &mut scratch)), Some(ChangelogKey::Store(&key)));
            prop_assert_eq!(decode(encode_own_key(&key, &mut scratch)), Some(ChangelogKey::Own(&key)));
        }

        #[test]
        fn different_keys_stay_different(a in any_key(), b in any_key()) {
            let (mut for_a, mut for_b) = (Vec::new(), Vec::new());
            let same = encode_store_key(&a, &mut for_a) == encode_store_key(&b, &mut for_b);
            prop_assert_eq!(same, a == b);
        }
    }

    #[test]
    fn ordinary_keys_are_verbatim() {
        let mut scratch = Vec::new();
        assert_eq!(encode_store_key(b"order-1", &mut scratch), b"order-1");
        assert_eq!(encode_store_key(&MAGIC[..3], &mut scratch), &MAGIC[..3]);
    }

    #[test]
    fn the_bytes_of_keys_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "changelog-key-1.hex");
        let mut scratch = Vec::new();
        let keys = [
            ("of-store", ChangelogKey::Store(b"B1")),
            (
                "of-store-escaped",
                ChangelogKey::Store(&[0xFF, 0x4A, 0x4D, 0xFF, 7]),
            ),
            ("of-task", ChangelogKey::Own(&[2, 1, 9])),
        ];
        for (name, key) in keys {
            let written = match key {
                ChangelogKey::Store(key) => encode_store_key(key, &mut scratch),
                ChangelogKey::Own(key) => encode_own_key(key, &mut scratch),
            };
            pinned.assert_written(name, written);
            assert_eq!(decode(pinned.bytes(name)), Some(key));
        }
        pinned.assert_written("value-format", &[VALUE_FORMAT]);
    }

    #[test]
    fn unknown_reserved_keys_are_refused() {
        assert_eq!(decode(&MAGIC), None);
        assert_eq!(decode(&[0xFF, 0x4A, 0x4D, 0xFF, 0x02, 0x61]), None);
    }
}
