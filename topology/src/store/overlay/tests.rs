use super::*;
use std::convert::Infallible;

use proptest::prelude::*;

fn read(overlay: &mut Overlay, key: &[u8]) -> Option<Vec<u8>> {
    let id = overlay.find(key)?;
    overlay.read(id).map(<[u8]>::to_vec)
}

fn load(overlay: &mut Overlay, key: &[u8], value: Option<&[u8]>) {
    let result: Result<SlotId, Infallible> = overlay.load(key, |buffer| {
        buffer.extend_from_slice(value.unwrap_or_default());
        Ok(value.is_some())
    });
    assert!(result.is_ok());
}

#[test]
fn rollback_restores_what_the_record_found() {
    let mut overlay = Overlay::new(Retention::Cache);
    load(&mut overlay, b"clean", Some(b"committed"));
    load(&mut overlay, b"absent", None);
    overlay.write(b"dirty", Some(b"earlier record"));
    let (dirty, clean) = (overlay.dirty_bytes(), overlay.clean_bytes());
    overlay.mark();
    for key in [b"clean".as_slice(), b"absent", b"dirty", b"unknown"] {
        overlay.write(key, Some(b"first"));
        overlay.write(key, None);
    }
    overlay.rollback();
    assert_eq!(
        read(&mut overlay, b"clean").as_deref(),
        Some(b"committed".as_slice())
    );
    assert_eq!(read(&mut overlay, b"absent"), None);
    assert!(overlay.find(b"absent").is_some());
    assert_eq!(
        read(&mut overlay, b"dirty").as_deref(),
        Some(b"earlier record".as_slice())
    );
    assert!(overlay.find(b"unknown").is_none());
    assert_eq!(
        (overlay.dirty_bytes(), overlay.clean_bytes()),
        (dirty, clean)
    );
    assert_eq!(overlay.changes().count(), 1);
}

#[test]
fn a_key_known_absent_and_deleted_again_is_no_change() {
    let mut overlay = Overlay::new(Retention::Cache);
    load(&mut overlay, b"absent", None);
    overlay.write(b"absent", Some(b"1"));
    overlay.write(b"absent", None);
    overlay.write(b"unknown", Some(b"1"));
    overlay.write(b"unknown", None);
    let changes: Vec<_> = overlay.changes().collect();
    assert_eq!(changes, [(b"unknown".as_slice(), None)]);
}

#[test]
fn eviction_spares_dirty_and_used_slots() {
    let mut overlay = Overlay::new(Retention::Cache);
    for i in 0..100_u32 {
        load(&mut overlay, &i.to_be_bytes(), Some(&[0; 100]));
    }
    overlay.write(&7_u32.to_be_bytes(), Some(b"dirty"));
    // The first round takes all second chances away and then evicts one slot.
    assert!(overlay.evict(1) > 0);
    let used = overlay.find(&50_u32.to_be_bytes());
    assert!(used.is_some_and(|id| overlay.read(id).is_some()));
    let keep = overlay.clean_bytes() / 50;
    overlay.evict(overlay.clean_bytes() - keep);
    assert!(overlay.find(&50_u32.to_be_bytes()).is_some());
    assert!(overlay.find(&7_u32.to_be_bytes()).is_some());
    overlay.evict(usize::MAX);
    assert_eq!(overlay.clean_bytes(), 0);
    assert!(overlay.find(&7_u32.to_be_bytes()).is_some());
}

#[test]
fn steady_state_reuses_slots_and_buffers() {
    let mut overlay = Overlay::new(Retention::Cache);
    for round in 0..50_u8 {
        for key in 0..10_u8 {
            overlay.mark();
            overlay.write(&[key], Some(&[round; 40]));
        }
        overlay.committed();
        overlay.evict(usize::MAX);
        assert!(overlay.slots.len() <= 10, "{} slots", overlay.slots.len());
        assert!(overlay.spare.len() <= 21, "{} buffers", overlay.spare.len());
    }
}

/// What the counters should say.
fn recount(overlay: &Overlay) -> (usize, usize) {
    let live = overlay.slots.iter().filter(|slot| slot.live);
    live.fold((0, 0), |(clean, dirty), slot| match slot.dirty {
        true => (clean, dirty + slot.content_bytes()),
        false => (clean + slot.cost(), dirty),
    })
}

proptest! {
    #[test]
    fn counters_and_index_agree_with_the_slots(
        steps in proptest::collection::vec((0..9_u8, 0..8_u8, 0..80_usize), 1..150),
    ) {
        let mut overlay = Overlay::new(Retention::Cache);
        for (step, key, len) in steps {
            match step {
                0 | 1 => overlay.write(&[key], Some(&vec![key; len])),
                2 => overlay.write(&[key], None),
                3 if overlay.find(&[key]).is_none() => load(&mut overlay, &[key], Some(&vec![1; len])),
                4 => overlay.mark(),
                5 => overlay.rollback(),
                6 => overlay.committed(),
                7 => overlay.abort(),
                _ => {
                    overlay.evict(len);
                }
            }
            prop_assert_eq!((overlay.clean_bytes(), overlay.dirty_bytes()), recount(&overlay));
            let live = overlay.slots.iter().filter(|slot| slot.live).count();
            prop_assert_eq!(overlay.index.len(), live);
            prop_assert_eq!(overlay.free.len(), overlay.slots.len() - live);
            let dirty = overlay.slots.iter().filter(|slot| slot.dirty).count();
            prop_assert_eq!(overlay.dirty.len(), dirty);
        }
    }
}
