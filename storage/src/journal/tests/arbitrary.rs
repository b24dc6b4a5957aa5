//! Whatever bytes stand where a segment should: nobody panics, and behind a quarantine the log is whole.

use super::crash::{Sample, frames_of};
use super::*;

/// What is done to the bytes of a segment.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Cut(usize),
    Zero(usize, usize),
    Repeat(usize, usize),
    Remove(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let (at, len) = (|| any::<usize>(), || 1usize..400);
    prop_oneof![
        (at(), 1u8..=255).prop_map(|(at, bits)| Change::Flip(at, bits)),
        at().prop_map(Change::Cut),
        (at(), len()).prop_map(|(at, len)| Change::Zero(at, len)),
        (at(), len()).prop_map(|(at, len)| Change::Repeat(at, len)),
        (at(), len()).prop_map(|(at, len)| Change::Remove(at, len)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let place = |at: usize, len: usize| {
        let at = at % bytes.len().max(1);
        at..(at + len).min(bytes.len())
    };
    match *change {
        Change::Flip(at, bits) => {
            let at = place(at, 1);
            bytes[at].iter_mut().for_each(|b| *b ^= bits);
        }
        Change::Cut(at) => bytes.truncate(place(at, 0).start),
        Change::Zero(at, len) => {
            let range = place(at, len);
            bytes[range].fill(0);
        }
        Change::Repeat(at, len) => {
            let range = place(at, len);
            let again = bytes[range.clone()].to_vec();
            bytes.splice(range.start..range.start, again);
        }
        Change::Remove(at, len) => {
            let range = place(at, len);
            bytes.drain(range);
        }
    }
}

/// Frames whose checksums are right, whatever they say.
fn sound_frames() -> impl Strategy<Value = Vec<u8>> {
    let record = (0u8..12, 0u8..3, proptest::collection::vec(any::<u8>(), 0..40));
    let first = prop_oneof![1u64..30, any::<u64>()];
    let frame = (first, proptest::collection::vec(record, 1..5)).prop_map(|(first, records)| {
        let mut payload = Vec::new();
        for (kind, version, bytes) in &records {
            frame::push_record(&mut payload, *kind, *version, bytes);
        }
        let mut bytes = frame::Header::of(&payload, first, records.len() as u32).encode().to_vec();
        bytes.extend_from_slice(&payload);
        bytes
    });
    proptest::collection::vec(frame, 1..6).prop_map(|frames| {
        let mut bytes = segment::header(Log::Ledger, 1).to_vec();
        bytes.extend(frames.concat());
        bytes
    })
}

fn valid(dir: &Path) -> Vec<u8> {
    let (path, bytes, _) = frames_of::<LedgerRecord>(dir, 3);
    fs::remove_file(path).unwrap();
    bytes
}

/// Puts the bytes where segment 1 should be, alone or with one behind it, and lets everybody at them.
fn everybody(dir: &Path, bytes: &[u8], is_packed: bool, followed: bool) {
    let (plain, packed) = segment::names(dir, 1);
    let path = if is_packed { packed } else { plain };
    fs::write(&path, bytes).unwrap();
    if followed {
        let mut payload = Vec::new();
        for record in LedgerRecord::group(4) {
            let mut bytes = Vec::new();
            let (kind, version) = record.encode(&mut bytes);
            frame::push_record(&mut payload, kind, version, &bytes);
        }
        let mut next = segment::header(Log::Ledger, 16).to_vec();
        next.extend_from_slice(&frame::Header::of(&payload, 16, 5).encode());
        next.extend_from_slice(&payload);
        fs::write(segment::names(dir, 16).0, next).unwrap();
    }
    let _ = crash::records::<LedgerRecord>(dir);
    let _ = verify(dir, Log::Ledger).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(before, bytes, "nobody who only reads has changed it");
    let _ = recover(dir, Log::Ledger);
    quarantine(dir, Log::Ledger).unwrap();
    for found in verify(dir, Log::Ledger).unwrap() {
        assert!(found.problem.is_none(), "behind a quarantine: {:?}", found.problem);
    }
    match crash::records::<LedgerRecord>(dir) {
        // What a checksum vouches for and no program has written.
        Ok(_) | Err(Error::Unknown { .. } | Error::Undecodable { .. }) => {}
        Err(error) => panic!("behind a quarantine: {error}"),
    }
    Writer::<LedgerRecord>::open(dir, 1 << 20).unwrap();
}

proptest! {
    #[test]
    fn any_bytes_as_a_segment(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        is_packed: bool,
        followed: bool,
    ) {
        everybody(folder().path(), &bytes, is_packed, followed);
    }

    #[test]
    fn any_change_of_a_plain_segment(changes in proptest::collection::vec(change(), 0..4), followed: bool) {
        let dir = folder();
        let mut bytes = valid(dir.path());
        changes.iter().for_each(|c| apply(&mut bytes, c));
        everybody(dir.path(), &bytes, false, followed);
    }

    #[test]
    fn any_change_of_a_compressed_segment(changes in proptest::collection::vec(change(), 0..4), followed: bool) {
        let dir = folder();
        let mut bytes = zstd::encode_all(&valid(dir.path())[..], 3).unwrap();
        changes.iter().for_each(|c| apply(&mut bytes, c));
        everybody(dir.path(), &bytes, true, followed);
    }

    #[test]
    fn any_change_inside_a_compressed_segment(changes in proptest::collection::vec(change(), 0..4), followed: bool) {
        let dir = folder();
        let mut bytes = valid(dir.path());
        changes.iter().for_each(|c| apply(&mut bytes, c));
        everybody(dir.path(), &zstd::encode_all(&bytes[..], 3).unwrap(), true, followed);
    }

    #[test]
    fn any_frames_that_a_checksum_vouches_for(bytes in sound_frames(), is_packed: bool, followed: bool) {
        let bytes = if is_packed { zstd::encode_all(&bytes[..], 3).unwrap() } else { bytes };
        everybody(folder().path(), &bytes, is_packed, followed);
    }
}
