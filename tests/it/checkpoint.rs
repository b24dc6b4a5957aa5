//! A checkpoint of the ledger and its tail give what the whole ledger gives, wherever the checkpoint was made.

use std::fs;

use actors::assembly::Assembly;
use actors::restore;
use messages::ledger::Seq;
use storage::datadir::Paths;

use crate::determinism::{assembly, backtest};

/// The checkpoint that the ledger of `paths` gives at `upto`, as bytes.
fn folded(paths: &Paths, upto: Seq, assembly: &Assembly) -> Vec<u8> {
    restore::checkpoint(&paths.ledger, upto, assembly).unwrap();
    fs::read(paths.ledger.join("checkpoint")).unwrap()
}

#[test]
fn a_checkpoint_and_its_tail_are_the_whole_ledger() {
    let dir = tempfile::tempdir().unwrap();
    assert!(backtest(dir.path(), 3) > 10, "the test needs fills");
    let paths = Paths::of(dir.path(), None);
    // A backtest closes its groups by size: written again in groups of ten, as a live ledger has them.
    let records = regroup(&paths);
    let assembly = assembly(3);
    let whole = folded(&paths, Seq(records), &assembly);
    assert!(whole.len() > 1_000);
    for upto in (1..=records).step_by(97) {
        fs::remove_file(paths.ledger.join("checkpoint")).unwrap();
        folded(&paths, Seq(upto), &assembly);
        assert_eq!(folded(&paths, Seq(records), &assembly), whole, "with a checkpoint at {upto} of {records}");
    }
    let restored = restore::restore(&paths.ledger, Seq(records), &assembly).unwrap();
    assert_eq!(restored.checkpointed, Seq(records));
    let past = restore::past(&paths.ledger, Seq(records)).unwrap();
    assert!(past.stopped && past.records == records && past.started.is_some());
}

/// Writes the ledger again in small groups; returns how many records it has.
fn regroup(paths: &Paths) -> u64 {
    use messages::ledger::LedgerRecord;
    use storage::journal::{Reader, Writer};
    let mut reader = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
    let mut records = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        records.extend(group.records.into_iter().map(|(_, record)| record));
    }
    fs::remove_dir_all(&paths.ledger).unwrap();
    let mut writer = Writer::open(&paths.ledger, 1 << 20).unwrap();
    for group in records.chunks(10) {
        for record in group {
            writer.append(record).unwrap();
        }
        writer.sync().unwrap();
    }
    records.len() as u64
}
