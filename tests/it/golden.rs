//! Journals of every record version so far still decode: `tests/golden/vN` holds one that version N wrote.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};
use std::path::Path;

use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use storage::journal::{Reader, Record};

/// Reads a whole log; returns the records and how many kinds there are.
fn read<R: Record>(dir: &Path) -> (usize, usize) {
    let mut reader = Reader::<R>::new(dir, Seq(1));
    let mut count = 0;
    let mut kinds: Vec<Discriminant<R>> = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        for (_, record) in group.records {
            count += 1;
            let kind = discriminant(&record);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    (count, kinds.len())
}

#[test]
fn journals_of_every_version_decode() {
    let golden = testkit::root().join("tests/golden");
    let versions: BTreeSet<_> = std::fs::read_dir(&golden).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(!versions.is_empty());
    for version in versions {
        let (ledger, kinds) = read::<LedgerRecord>(&version.join("ledger"));
        assert!(ledger > 20 && kinds >= 8, "{}: {ledger} ledger records of {kinds} kinds", version.display());
        let (market, kinds) = read::<MarketRecord>(&version.join("market"));
        assert!(market > 100 && kinds >= 2, "{}: {market} market records of {kinds} kinds", version.display());
    }
}

#[test]
fn the_rules_of_instruments_decode() {
    let mut reader = Reader::<LedgerRecord>::new(&testkit::root().join("tests/golden/v2/ledger"), Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        found.extend(group.records.into_iter().filter_map(|(_, record)| match record {
            LedgerRecord::Instruments(rules) => Some(rules),
            _ => None,
        }));
    }
    let [rules] = &found[..] else { panic!("one start, one list: {found:?}") };
    let btc = rules.iter().find(|r| r.instrument.to_string() == "binance:BTCUSDT").expect("it was configured");
    assert_eq!(
        (rules.len(), btc.price_step.to_string().as_str(), btc.sessions.as_str()),
        (6, "0.01", "around_the_clock")
    );
}

#[test]
fn the_begin_of_an_import_decodes() {
    let mut reader = Reader::<LedgerRecord>::new(&testkit::root().join("tests/golden/v3/ledger"), Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        found.extend(group.records.into_iter().filter_map(|(_, record)| match record {
            LedgerRecord::ImportBegun(begun) => Some((begun.files[0].path.clone(), begun.first.0, begun.market)),
            _ => None,
        }));
    }
    assert_eq!(found, [("g.csv".to_owned(), 1_048_577, Seq(2_862))]);
}

#[test]
fn the_steps_out_of_postgresql_decode() {
    let mut reader = Reader::<LedgerRecord>::new(&testkit::root().join("tests/golden/v4/ledger"), Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        found.extend(group.records.into_iter().filter_map(|(_, record)| match record {
            LedgerRecord::Migration(change) => {
                let refused = change.state.backfilled.map(|done| (done.refused, done.accepted));
                Some((change.what, change.state.phase.as_str(), refused))
            }
            _ => None,
        }));
    }
    let found: Vec<_> = found.iter().map(|(what, phase, refused)| (what.as_str(), *phase, *refused)).collect();
    let expected = [
        ("migration.init", "dual_write", None),
        ("migration.backfill", "backfill", None),
        ("migration.backfilled", "backfill", Some((1, 0))),
        ("migration.compare", "compare", Some((1, 1))),
        ("migration.compared", "compare", Some((1, 1))),
        ("migration.rollback", "backfill", Some((1, 1))),
        ("migration.rollback", "dual_write", Some((1, 1))),
        ("migration.rollback", "off", Some((1, 1))),
    ];
    assert_eq!(found, expected);
}
