use super::super::housekeeping::{Budgets, Keeper, Passed, Verdict, decide};
use super::super::packed::{self, Packed};
use super::crash::{Sample, append, records};
use super::*;

/// A market journal of one frame to a segment.
fn journal(dir: &Path, groups: std::ops::RangeInclusive<u64>) -> Writer<MarketRecord> {
    let mut writer = Writer::open(dir, SMALL_SEGMENT).unwrap();
    groups.for_each(|n| append(&mut writer, n));
    writer
}

fn expected(groups: std::ops::RangeInclusive<u64>) -> Vec<MarketRecord> {
    groups.flat_map(MarketRecord::group).collect()
}

fn pack_closed(dir: &Path) {
    let mut closed = segments(dir).unwrap();
    closed.pop();
    for segment in closed.iter().filter(|s| !s.is_packed()) {
        assert!(matches!(packed::pack(dir, segment, Log::Market, || true), Ok(Packed::Done { .. })));
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn compressed_segments_read_as_the_plain_ones_did() {
    let dir = folder();
    journal(dir.path(), 1..=5);
    let plain: u64 = verify(dir.path(), Log::Market).unwrap().iter().map(|v| v.bytes).sum();
    pack_closed(dir.path());
    let found = segments(dir.path()).unwrap();
    assert_eq!(found.iter().map(Segment::is_packed).collect::<Vec<_>>(), [true, true, true, true, false]);
    assert_eq!(names(dir.path()).len(), 5, "the plain ones are gone");
    assert_eq!(records::<MarketRecord>(dir.path()).unwrap(), expected(1..=5));

    let verified = verify(dir.path(), Log::Market).unwrap();
    assert!(verified.iter().all(|v| v.problem.is_none() && v.records == 3));
    assert_eq!(verified.iter().map(|v| v.bytes).sum::<u64>(), plain);

    assert_eq!(tail_start(dir.path(), Log::Market, plain - 30).unwrap(), Seq(4));
    assert_eq!(tail_start(dir.path(), Log::Market, plain).unwrap(), Seq(1));

    let mut inside = Reader::<MarketRecord>::new(dir.path(), Seq(5));
    let group = inside.next_group(Seq(15)).unwrap().unwrap();
    assert_eq!((group.first, group.last), (Seq(5), Seq(6)));
}

#[test]
fn a_reader_goes_on_while_its_segments_are_compressed_and_dropped() {
    let dir = folder();
    let mut writer = journal(dir.path(), 1..=2);
    let mut reader = Reader::<MarketRecord>::new(dir.path(), Seq(1));
    let mut found = Vec::new();
    let mut read = |reader: &mut Reader<MarketRecord>, durable: Seq| {
        while let Some(group) = reader.next_group(durable).unwrap() {
            found.extend(group.records.into_iter().map(|(_, record)| record));
        }
    };
    read(&mut reader, Seq(2));
    // Behind its back, in the middle of the first.
    pack_closed(dir.path());
    fs::remove_file(&segments(dir.path()).unwrap()[0].path).unwrap();
    (3..=5).for_each(|n| append(&mut writer, n));
    pack_closed(dir.path());
    read(&mut reader, writer.last());
    assert_eq!(found, expected(1..=5));
}

#[test]
fn a_reader_is_overtaken_by_what_is_dropped_and_hears_that_it_is_gone() {
    let dir = folder();
    let writer = journal(dir.path(), 1..=4);
    let mut reader = Reader::<MarketRecord>::new(dir.path(), Seq(1));
    assert_eq!(reader.next_group(writer.last()).unwrap().unwrap().last, Seq(3));
    // It holds the first one still; the second it has never seen.
    let found = segments(dir.path()).unwrap();
    found[..2].iter().for_each(|segment| fs::remove_file(&segment.path).unwrap());
    let overtaken = reader.next_group(writer.last());
    assert!(matches!(overtaken, Err(Error::Gone { from: 4, oldest: 7, .. })), "{overtaken:?}");
    // One that is missing between others was not dropped.
    let mut reader = Reader::<MarketRecord>::new(dir.path(), Seq(7));
    assert_eq!(reader.next_group(writer.last()).unwrap().unwrap().last, Seq(9));
    let (kept, missing) = (&found[2], &found[3]);
    fs::remove_file(&missing.path).unwrap();
    segment::create(dir.path(), Log::Market, 13).unwrap();
    assert!(kept.path.exists());
    assert!(matches!(reader.next_group(Seq(13)), Err(Error::Damaged { path, .. }) if path == kept.path));
}

#[test]
fn a_writer_goes_on_behind_a_compressed_segment() {
    let dir = folder();
    journal(dir.path(), 1..=3);
    pack_closed(dir.path());
    // A crash came when the open one had no header yet.
    fs::write(last_segment(dir.path()), b"MERG").unwrap();
    journal(dir.path(), 3..=4);
    assert_eq!(records::<MarketRecord>(dir.path()).unwrap(), expected(1..=4));
}

#[test]
fn whatever_a_crash_leaves_of_the_compressing_is_put_right() {
    let dir = folder();
    journal(dir.path(), 1..=2);
    let before = names(dir.path());
    let (plain, packed) = segment::names(dir.path(), 1);
    let bytes = fs::read(&plain).unwrap();
    // While it is written.
    fs::write(dir.path().join("00000000000000000001.tmp.zst"), &bytes[..7]).unwrap();
    assert_eq!(records::<MarketRecord>(dir.path()).unwrap(), expected(1..=2));
    packed::tidy(dir.path()).unwrap();
    assert_eq!(names(dir.path()), before);
    // When it has its name, and the plain one is still there: that one counts.
    fs::write(&packed, b"whatever it holds").unwrap();
    assert_eq!(records::<MarketRecord>(dir.path()).unwrap(), expected(1..=2));
    assert!(verify(dir.path(), Log::Market).unwrap().iter().all(|v| v.problem.is_none()));
    packed::tidy(dir.path()).unwrap();
    assert_eq!(names(dir.path()), before);
}

#[test]
fn what_is_given_up_or_damaged_stays_as_it_is() {
    let dir = folder();
    journal(dir.path(), 1..=2);
    let before = names(dir.path());
    let first = segments(dir.path()).unwrap().remove(0);
    assert_eq!(packed::pack(dir.path(), &first, Log::Market, || false).unwrap(), Packed::GivenUp);
    assert_eq!(names(dir.path()), before);

    let mut bytes = fs::read(&first.path).unwrap();
    bytes[segment::HEADER + 100] ^= 1;
    fs::write(&first.path, &bytes).unwrap();
    let refused = packed::pack(dir.path(), &first, Log::Market, || true);
    assert!(matches!(refused, Err(Error::Damaged { offset: 24, .. })), "{refused:?}");
    assert_eq!(names(dir.path()), before);
    assert_eq!(fs::read(&first.path).unwrap(), bytes);
}

/// A megabyte that does not compress.
fn noise(n: u64) -> MarketRecord {
    let mut state = n;
    let frame = (0..1 << 20).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let (feed, error) = (String::new(), String::new());
    MarketRecord::Undecodable { feed, received: UtcNanos(n as i64), error, frame: frame.collect() }
}

#[test]
fn a_bit_that_rots_in_a_compressed_segment_costs_its_block() {
    let dir = folder();
    let mut writer = Writer::open(dir.path(), 13 << 20).unwrap();
    for n in 1..=13 {
        writer.append(&noise(n)).unwrap();
        writer.sync().unwrap();
    }
    pack_closed(dir.path());
    let first = segments(dir.path()).unwrap().remove(0);
    assert!(first.is_packed());
    let mut bytes = fs::read(&first.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&first.path, &bytes).unwrap();

    let read = records::<MarketRecord>(dir.path());
    assert!(matches!(&read, Err(Error::Damaged { path, .. }) if *path == first.path), "{:?}", read.err());
    let verified = verify(dir.path(), Log::Market).unwrap();
    assert!(verified[0].problem.is_some() && verified[1].problem.is_none());

    let done = quarantine(dir.path(), Log::Market).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(fs::read(&done[0].aside).unwrap(), bytes, "the damaged bytes are kept");
    assert!(!segments(dir.path()).unwrap()[0].is_packed());
    let kept = records::<MarketRecord>(dir.path()).unwrap();
    let [(from, to)] = done[0].missing[..] else { panic!("{:?}", done[0].missing) };
    assert!(from > 1 && to < 12 && to - from < 4, "lost {from} to {to}");
    assert_eq!(kept, (1..=13).filter(|n| !(from..=to).contains(n)).map(noise).collect::<Vec<_>>());
}

#[test]
fn the_oldest_that_everybody_has_passed_go_and_no_more_than_needed() {
    let segments = [(1, 10), (11, 10), (21, 10), (31, 10)];
    let check = |passed: u64, max_bytes: u64, dropped: &[u64], is_full: bool| {
        let passed = Passed { by_all: Seq(passed), by_late: Seq(u64::MAX) };
        let verdict = decide(&segments, 31, passed, Budgets { journal: max_bytes, late: 0, room: i64::MAX });
        let expected = Verdict { dropped: dropped.to_vec(), given_up: vec![], kept: 0, may_keep: 0, is_full };
        assert_eq!(verdict, expected, "{passed:?} max {max_bytes}");
    };
    check(40, 40, &[], false);
    check(40, 39, &[1], false);
    check(40, 20, &[1, 11], false);
    check(40, 19, &[1, 11, 21], false);
    check(9, 39, &[], true);
    check(10, 39, &[1], false);
    check(10, 20, &[1], true);
    check(0, 0, &[], true);
    // Nothing closed is left: the open one alone makes nobody wait.
    check(40, 5, &[1, 11, 21], false);
}

#[test]
fn for_one_who_is_late_they_are_kept_within_a_budget_of_its_own_and_nobody_waits() {
    let segments = [(1, 10), (11, 10), (21, 10), (31, 10)];
    let check = |passed: (u64, u64), budgets: (u64, u64), dropped: &[u64], given_up: &[u64], kept, is_full| {
        let of = Passed { by_all: Seq(passed.0), by_late: Seq(passed.1) };
        let verdict = decide(&segments, 31, of, Budgets { journal: budgets.0, late: budgets.1, room: i64::MAX });
        let (dropped, given_up) = (dropped.to_vec(), given_up.to_vec());
        let expected = Verdict { dropped, given_up, kept, may_keep: budgets.1, is_full };
        assert_eq!(verdict, expected, "passed {passed:?} budgets {budgets:?}");
    };
    // It has everything: as without it.
    check((40, 40), (20, 0), &[1, 11], &[], 0, false);
    // It has nothing yet, and its budget holds what is too much.
    check((40, 0), (20, 20), &[], &[], 20, false);
    // Less budget: the oldest are given up, and no more than needed.
    check((40, 0), (20, 19), &[], &[1], 10, false);
    check((40, 0), (20, 10), &[], &[1], 10, false);
    check((40, 0), (20, 9), &[], &[1, 11], 0, false);
    check((40, 0), (19, 20), &[], &[1], 20, false);
    // What it has taken in goes at once; the rest is its.
    check((40, 10), (20, 10), &[1], &[], 10, false);
    check((40, 19), (20, 10), &[1], &[], 10, false);
    check((40, 20), (20, 0), &[1, 11], &[], 0, false);
    // While all fit, nothing of it counts.
    check((40, 0), (40, 0), &[], &[], 0, false);
    // What another consumer needs is neither dropped nor given up, and feeds wait for that one alone.
    check((10, 0), (20, 100), &[], &[], 10, true);
    check((10, 0), (20, 0), &[], &[1], 0, true);
    check((0, 40), (20, 100), &[], &[], 0, true);
}

#[test]
fn what_is_kept_for_one_who_is_late_goes_before_the_disk_is_full() {
    let segments = [(1, 10), (11, 10), (21, 10), (31, 10)];
    let given_up = |room: i64| {
        let passed = Passed { by_all: Seq(40), by_late: Seq(0) };
        decide(&segments, 31, passed, Budgets { journal: 10, late: 100, room }).given_up
    };
    assert!(given_up(0).is_empty());
    assert_eq!(given_up(-1), [1]);
    assert_eq!(given_up(-10), [1]);
    assert_eq!(given_up(-11), [1, 11]);
    assert_eq!(given_up(i64::MIN), [1, 11, 21]);
}

#[test]
fn what_may_be_kept_is_what_the_disk_has_room_for_where_that_is_less() {
    let segments = [(1, 10), (11, 10), (21, 10), (31, 10)];
    let of_all = |room: i64| {
        let passed = Passed { by_all: Seq(40), by_late: Seq(0) };
        let Verdict { kept, may_keep, .. } = decide(&segments, 31, passed, Budgets { journal: 10, late: 100, room });
        (kept, may_keep)
    };
    assert_eq!(of_all(i64::MAX), (30, 100));
    assert_eq!(of_all(70), (30, 100));
    assert_eq!(of_all(2), (30, 32), "nearly all that may be, and an alert says so");
    assert_eq!(of_all(-1), (20, 29));
    assert_eq!(of_all(i64::MIN), (0, 0));
}

#[test]
fn there_is_no_room_while_one_consumer_needs_the_oldest_segment() {
    let dir = folder();
    let writer = journal(dir.path(), 1..=4);
    let [fast, slow] = [12, 0].map(|n| Watermark::new(Seq(n)));
    let consumers =
        vec![Consumer { name: "fast", applied: fast.clone() }, Consumer { name: "slow", applied: slow.clone() }];
    let kept_for = KeptFor { consumers, late: nobody() };
    let mut keeper = Keeper::new(dir.path(), 2_500, Watermark::new(writer.open_segment()), kept_for);
    keeper.pass().unwrap();
    let room = keeper.room.clone();
    assert_eq!((room.segments_packed(), room.segments_dropped(), room.is_full()), (2, 0, true));
    assert_eq!(records::<MarketRecord>(dir.path()).unwrap(), expected(1..=4));

    slow.advance(Seq(5));
    keeper.pass().unwrap();
    assert_eq!(segments(dir.path()).unwrap()[0].first_seq, 4, "the second is needed from record 6 on");

    slow.advance(Seq(12));
    keeper.pass().unwrap();
    assert!(!room.is_full());
    assert_eq!(room.segments_dropped() as usize, 4 - segments(dir.path()).unwrap().len());
    assert!(matches!(records::<MarketRecord>(dir.path()), Err(Error::Gone { from: 1, .. })));
}

/// One who may be late, and needs nothing.
fn nobody() -> Late {
    let taken = Taken::default();
    taken.needs_nothing();
    Late { name: "nobody", taken, max_bytes: 0, min_free_bytes: 0 }
}

#[test]
fn what_is_given_up_is_gone_for_the_late_one_and_feeds_go_on() {
    let dir = folder();
    let writer = journal(dir.path(), 1..=4);
    let file = Consumer { name: "file", applied: Watermark::new(Seq(12)) };
    let taken = Taken::default();
    let late = |max_bytes| Late { name: "late", taken: taken.clone(), max_bytes, min_free_bytes: 0 };
    let keeper = |max_bytes| {
        let kept_for = KeptFor { consumers: vec![file.clone()], late: late(max_bytes) };
        Keeper::new(dir.path(), 0, Watermark::new(writer.open_segment()), kept_for)
    };
    let mut patient = keeper(1 << 20);
    patient.pass().unwrap();
    assert!(!patient.room.is_full());
    let closed = |from| {
        let is_closed = |segment: &&segment::Segment| (from..10).contains(&segment.first_seq);
        let size = |segment: &segment::Segment| std::fs::metadata(&segment.path).unwrap().len();
        segments(dir.path()).unwrap().iter().filter(is_closed).map(size).sum::<u64>()
    };
    assert_eq!(taken.kept(), Kept { bytes: closed(1), max_bytes: 1 << 20 });
    assert_eq!(records::<MarketRecord>(dir.path()).unwrap(), expected(1..=4));
    // It has the first three records, which is the first segment.
    taken.set(Seq(3));
    patient.pass().unwrap();
    assert_eq!(segments(dir.path()).unwrap()[0].first_seq, 4);
    assert_eq!(taken.kept().bytes, closed(4));
    let mut none = keeper(0);
    none.pass().unwrap();
    assert!(!none.room.is_full());
    assert_eq!(segments(dir.path()).unwrap()[0].first_seq, 10, "only the open one is left");
    assert_eq!((taken.kept(), taken.kept().ratio()), (Kept { bytes: 0, max_bytes: 1 }, 0.0));
    assert!(matches!(
        Reader::<MarketRecord>::new(dir.path(), taken.get().next()).next_group(writer.last()),
        Err(Error::Gone { from: 4, oldest: 10, .. })
    ));
}

/// Waits for what another thread does, for up to a minute.
fn until(holds: impl Fn() -> bool) {
    let (_never, nothing) = flume::bounded::<()>(1);
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        let _ = nothing.recv_timeout(std::time::Duration::from_millis(10));
    }
    panic!("it did not happen within a minute");
}

#[test]
fn segments_are_compressed_as_they_are_closed_and_feeds_wait_for_consumers() {
    let dir = folder();
    let options = Options { segment_bytes: SMALL_SEGMENT, queue: 100, linger: std::time::Duration::ZERO };
    let (market, thread) = Journal::<MarketRecord>::open(dir.path(), options, |_| {}).unwrap();
    let applied = Watermark::new(Seq(0));
    let consumers = vec![Consumer { name: "file", applied: applied.clone() }];
    let kept_for = KeptFor { consumers, late: nobody() };
    let keeper = Housekeeping::start(dir.path(), 2_500, market.open_segment().clone(), kept_for).unwrap();
    for n in 1..=4 {
        market.append_and_wait(MarketRecord::group(n)).unwrap();
    }
    until(|| keeper.room().segments_packed() == 2 && keeper.room().is_full());
    applied.advance(Seq(12));
    until(|| !keeper.room().is_full());
    assert!(keeper.room().segments_dropped() > 0);
    keeper.finish();
    market.close();
    thread.join().unwrap();
    assert!(verify(dir.path(), Log::Market).unwrap().iter().all(|v| v.problem.is_none()));
}

#[test]
fn what_is_kept_goes_without_a_segment_being_closed() {
    let dir = folder();
    let writer = journal(dir.path(), 1..=4);
    let consumers = vec![Consumer { name: "file", applied: Watermark::new(Seq(12)) }];
    let taken = Taken::default();
    let late = Late { name: "late", taken: taken.clone(), max_bytes: 1 << 20, min_free_bytes: 0 };
    let open = Watermark::new(writer.open_segment());
    let keeper = Housekeeping::start(dir.path(), 0, open, KeptFor { consumers, late }).unwrap();
    until(|| taken.kept().bytes > 0);
    assert_eq!(keeper.room().segments_dropped(), 0);
    // The market is quiet from here on: only the clock is left to wake it.
    taken.set(Seq(12));
    until(|| keeper.room().segments_dropped() == 3 && taken.kept().bytes == 0);
    assert_eq!(segments(dir.path()).unwrap()[0].first_seq, 10, "only the open one is left");
    keeper.finish();
}
