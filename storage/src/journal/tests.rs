use std::fs;
use std::path::Path;

use messages::UtcNanos;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use proptest::prelude::*;

use super::*;

mod arbitrary;
mod crash;
mod housekeeping;

const SMALL_SEGMENT: u64 = 256;

/// A folder in memory, where the system has one: nothing here is about what a sync costs.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn record(n: i64) -> LedgerRecord {
    LedgerRecord::Stopped { at: UtcNanos(n) }
}

/// Writes one frame for each group of record numbers.
fn write(dir: &Path, groups: &[&[i64]]) {
    let mut writer = Writer::open(dir, SMALL_SEGMENT).unwrap();
    for group in groups {
        for n in *group {
            writer.append(&record(*n)).unwrap();
        }
        writer.sync().unwrap();
    }
}

fn read_all(dir: &Path) -> Result<Vec<i64>, Error> {
    let mut reader = Reader::<LedgerRecord>::new(dir, Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX))? {
        found.extend(group.records.iter().map(|(_, r)| match r {
            LedgerRecord::Stopped { at } => at.0,
            other => panic!("{other:?}"),
        }));
    }
    Ok(found)
}

fn last_segment(dir: &Path) -> std::path::PathBuf {
    segments(dir).unwrap().pop().unwrap().path
}

#[test]
fn what_was_synced_is_read_back_across_segments() {
    let dir = folder();
    write(dir.path(), &[&[1, 2], &[3], &[4, 5, 6], &[7], &[8], &[9], &[10]]);
    assert!(segments(dir.path()).unwrap().len() > 1, "the test needs several segments");
    assert_eq!(read_all(dir.path()).unwrap(), (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_reader_starts_inside_a_group_and_stops_at_the_watermark() {
    let dir = folder();
    write(dir.path(), &[&[1, 2], &[3], &[4, 5, 6], &[7]]);
    let mut reader = Reader::<LedgerRecord>::new(dir.path(), Seq(5));
    let group = reader.next_group(Seq(6)).unwrap().unwrap();
    assert_eq!((group.first, group.last, group.records.len()), (Seq(5), Seq(6), 2));
    assert!(reader.next_group(Seq(6)).unwrap().is_none());
    assert_eq!(reader.next_group(Seq(7)).unwrap().unwrap().first, Seq(7));
}

#[test]
fn quarantine_keeps_what_is_intact_and_names_what_is_lost() {
    let dir = folder();
    write(dir.path(), &[&[1, 2], &[3, 4]]);
    let path = last_segment(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[segment::HEADER + frame::HEADER] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(read_all(dir.path()).is_err());

    let done = quarantine(dir.path(), Log::Ledger).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!((done[0].kept, &done[0].missing[..]), (2, &[(1, 2)][..]));
    assert_eq!(fs::read(&done[0].aside).unwrap(), bytes, "the damaged bytes are kept");
    write(dir.path(), &[&[5]]);
    assert_eq!(read_all(dir.path()).unwrap(), [3, 4, 5]);
    assert!(verify(dir.path(), Log::Ledger).unwrap().iter().all(|v| v.problem.is_none()));
}

#[test]
fn records_of_an_unknown_version_are_named_and_not_skipped() {
    let dir = folder();
    write(dir.path(), &[&[1]]);
    let path = last_segment(dir.path());
    let mut payload = Vec::new();
    frame::push_record(&mut payload, 10, 99, &[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(&frame::Header::of(&payload, 2, 1).encode());
    bytes.extend_from_slice(&payload);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(read_all(dir.path()), Err(Error::Unknown { seq: 2, kind: 10, version: 99, .. })));
}

#[test]
fn a_gone_segment_is_told_and_not_taken_for_the_end() {
    let dir = folder();
    write(dir.path(), &[&[1, 2], &[3], &[4, 5, 6], &[7], &[8], &[9], &[10]]);
    let first = segments(dir.path()).unwrap().remove(0);
    fs::remove_file(first.path).unwrap();
    assert!(matches!(read_all(dir.path()), Err(Error::Gone { from: 1, .. })));
}

#[test]
fn a_missing_segment_in_the_middle_is_damage_and_not_the_end() {
    let dir = folder();
    let groups: Vec<[i64; 1]> = (1..=20).map(|n| [n]).collect();
    write(dir.path(), &groups.iter().map(|g| &g[..]).collect::<Vec<_>>());
    let found = segments(dir.path()).unwrap();
    assert!(found.len() > 2, "the test needs a segment in the middle");
    fs::remove_file(&found[1].path).unwrap();
    let Err(Error::Damaged { path, .. }) = read_all(dir.path()) else { panic!("not noticed") };
    assert_eq!(path, found[0].path);
    let verified = verify(dir.path(), Log::Ledger).unwrap();
    assert!(verified[0].problem.is_some() && verified[1..].iter().all(|v| v.problem.is_none()));

    let done = quarantine(dir.path(), Log::Ledger).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].missing, [(found[1].first_seq, found[2].first_seq - 1)]);
    let lost = found[1].first_seq as i64..found[2].first_seq as i64;
    assert_eq!(read_all(dir.path()).unwrap(), (1..=20).filter(|n| !lost.contains(n)).collect::<Vec<_>>());
}

#[test]
fn quarantine_leaves_a_torn_end_to_recovery() {
    let dir = folder();
    write(dir.path(), &[&[1, 2], &[3, 4]]);
    let path = last_segment(dir.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(quarantine(dir.path(), Log::Ledger).unwrap().is_empty());
    assert_eq!(read_all(dir.path()).unwrap(), [1, 2]);
}

#[test]
fn acknowledgements_come_after_the_sync_and_in_order() {
    let dir = folder();
    let options = Options { segment_bytes: SMALL_SEGMENT, queue: 100, linger: std::time::Duration::ZERO };
    let (journal, thread) = Journal::<LedgerRecord>::open(dir.path(), options, |_| {}).unwrap();
    let (tx, rx) = flume::unbounded();
    for n in 1..=50 {
        let tx = tx.clone();
        let watermark = journal.watermark().clone();
        let ack: Ack = Box::new(move |seq| tx.send((n, seq.unwrap(), watermark.get())).unwrap());
        journal.try_append(vec![record(n), record(n)], Some(ack)).unwrap();
    }
    drop((journal, tx));
    thread.join().unwrap();
    for (expected, (n, seq, watermark)) in (1..).zip(rx.iter()) {
        assert_eq!((n, seq), (expected, Seq(2 * expected as u64)));
        assert!(watermark >= seq);
    }
    assert_eq!(read_all(dir.path()).unwrap().len(), 100);
}

proptest! {
    #[test]
    fn no_bytes_make_the_frame_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = frame::parse(&bytes);
        let _ = frame::intact_frame_follows(&bytes, 0);
        for record in frame::Records(&bytes).flatten() {
            let _ = LedgerRecord::decode(record.kind, record.version, record.bytes);
        }
    }

    #[test]
    fn no_payload_makes_the_decoders_panic(kind in 0u8..12, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = LedgerRecord::decode(kind, 1, &bytes);
        let _ = MarketRecord::decode(kind, 1, &bytes);
    }

    #[test]
    fn any_grouping_gives_the_same_records(sizes in proptest::collection::vec(1usize..5, 1..20)) {
        let dir = folder();
        let mut n = 0;
        let groups: Vec<Vec<i64>> = sizes.iter().map(|size| (0..*size).map(|_| { n += 1; n }).collect()).collect();
        write(dir.path(), &groups.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert_eq!(read_all(dir.path()).unwrap(), (1..=n).collect::<Vec<_>>());
    }

    #[test]
    fn recovery_of_any_damage_refuses_or_keeps_a_prefix(at in 24usize..400, flip in 1u8..=255) {
        let dir = folder();
        let mut writer = Writer::open(dir.path(), 1 << 20).unwrap();
        for n in 1..=6 {
            writer.append(&record(n)).unwrap();
            writer.sync().unwrap();
        }
        let path = last_segment(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        if recover(dir.path(), Log::Ledger).is_ok() {
            let kept = read_all(dir.path()).unwrap();
            prop_assert_eq!(kept, (1..=5).collect::<Vec<_>>(), "only the last frame may be cut");
        }
    }
}

#[test]
fn the_tail_begins_at_the_first_frame_that_fits() {
    let dir = folder();
    write(dir.path(), &[&[1, 2], &[3], &[4, 5, 6], &[7], &[8], &[9], &[10]]);
    let total: u64 = segments(dir.path()).unwrap().iter().map(|s| fs::metadata(&s.path).unwrap().len()).sum();
    assert_eq!(tail_start(dir.path(), Log::Ledger, total).unwrap(), Seq(1));
    let mut last = Seq(u64::MAX);
    for bytes in (0..=total).step_by(7) {
        let start = tail_start(dir.path(), Log::Ledger, bytes).unwrap();
        assert!(start <= last, "more bytes reach back farther: {bytes} to {start}");
        let mut reader = Reader::<LedgerRecord>::new(dir.path(), start);
        if let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
            assert_eq!(group.first, start, "at a frame's start");
        }
        last = start;
    }
    assert_eq!(tail_start(&dir.path().join("nothing"), Log::Ledger, 10).unwrap(), Seq(1));
}
