//! The pieces put together: settings that are put right while it runs, and what a comparison comes to in words.

use std::fs;
use std::time::Duration;

use messages::ledger::LedgerRecord;

use super::*;
use crate::archive::tests::Opened;
use crate::migrate::backfill::{Summary, Total};
use crate::migrate::compare::Report;
use crate::migrate::compare::report::Behind;
use crate::migrate::sink::tests::{end_by_itself, records, tiers};
use crate::migrate::tests::theirs::{MAPPING, hidden, raw_trades};
use crate::postgres::tests::running::{PASSWORD, running, wait};
use crate::postgres::tests::settings;
use crate::postgres::{Session, catalog};
use crate::query::Range;
use crate::settings::Tls;

const NOW: UtcNanos = UtcNanos(1_800_000_000_000_000_000);

/// A running directory, and the way out of a server.
struct Place {
    way: Way,
    opened: Opened,
}

impl Place {
    /// With its password in the file `password` of the directory.
    fn new(settings: &Timescale) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let password_file = dir.path().join("password").display().to_string();
        let settings = Timescale { password_file, ..settings.clone() };
        let opened = Opened::new(dir, 1 << 20, tiers(), &settings);
        let storage = opened.storage();
        storage.ledger.append_and_wait(vec![LedgerRecord::Started(records::started("way"))]).unwrap();
        let way = storage.way(&opened.paths, &settings, &opened.tiers, &opened.archive, || NOW);
        Self { way, opened }
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        wait(Duration::from_millis(10));
    }
    panic!("within half a minute not: {what}");
}

#[test]
fn what_could_not_be_read_at_the_start_is_read_again_by_who_writes_and_by_who_reads() {
    let Some(running) = running() else { return };
    drop(running.database("put_right"));
    let place = Place::new(&running.settings_of("put_right", "owner"));
    let state = Migration {
        phase: Phase::DualWrite,
        watermark: Some(Begin { market: Seq(0), at: NOW }),
        ..Migration::default()
    };
    let way = &place.way;
    way.follow(&state);
    until("the sink says why", || way.standing().sink.error.is_some());
    let standing = way.standing();
    assert!(standing.sink.error.unwrap().contains("timescale.password_file"));
    assert!(standing.reads.is_none() && way.lag().is_none());
    fs::write(place.opened.paths.root.join("password"), PASSWORD).unwrap();
    // As the actor does each second.
    until("PostgreSQL is level and may be asked", || {
        way.follow(&state);
        way.lag().is_some() && way.standing().reads.is_some()
    });
    assert!(follows(&place.opened.storage().sink()).trouble.is_none());
}

#[test]
fn dual_write_does_not_begin_beside_tables_that_the_server_would_not_give() {
    let Some(running) = running() else { return };
    let owner = running.database("init_unreadable");
    let mapping = hidden(&owner);
    owner.execute("let rows in", "GRANT CREATE ON DATABASE init_unreadable TO reader").unwrap();
    let settings = running.settings_of("init_unreadable", "reader");
    let (place, server) = (Place::new(&settings), Server::new(&settings).unwrap());
    let Opened { paths, tiers, archive, .. } = &place.opened;
    fs::write(paths.root.join("timescale.toml"), mapping).unwrap();
    // The server's clock must not be far from ours.
    let wall = move || catalog::read(&Session::open(&server).unwrap()).unwrap().facts.now;
    let way = place.opened.storage().way(paths, &settings, tiers, archive, wall);
    let begun = way.perform(&way.turn().unwrap(), &Work::Init, &Migration::default(), &|_| {}, &|| true);
    let Err(Error::Unfit { findings, .. }) = &begun else { panic!("{begun:?}") };
    for table in ["public.raw_trades: ", "; public.seen: ", "; public.unfilled: "] {
        assert!(findings.contains(table), "{findings}");
    }
    assert!(!place.opened.storage().sink().runs(), "nothing is written there");
}

#[test]
fn a_sink_whose_thread_has_ended_is_started_anew() {
    // It finds no password, and tries again.
    let place = Place::new(&settings("postgres://me@127.0.0.1:1/db", Tls::Off));
    let watermark = Some(Begin { market: Seq(0), at: NOW });
    let state = Migration { phase: Phase::DualWrite, watermark, ..Migration::default() };
    let (way, sink) = (&place.way, place.opened.storage().sink());
    way.follow(&state);
    let first = sink.handle().unwrap();
    end_by_itself(&first);
    until("its thread has ended", || first.status().state == State::Ended);
    assert!(!sink.runs());
    way.follow(&state);
    assert!(sink.runs(), "another one tries");
    until("the new one says why it cannot", || way.standing().sink.error.is_some());
    sink.stop(Duration::ZERO);
}

#[test]
fn rows_from_behind_the_watermark_are_named_in_words() {
    let behind = [("public.raw_trades", 360), ("public.cash", 2)];
    let behind = behind.map(|(origin, rows)| Behind { origin: origin.to_owned(), rows }).to_vec();
    let text = compare::words(&Report { behind, ..Report::default() });
    assert!(text.ends_with(
        "; 360 rows of public.raw_trades there have a time behind the watermark and did not come over; 2 rows of public.cash there have a time behind the watermark and did not come over: both sides are the same"
    ), "{text}");
}

#[test]
fn what_the_mapping_no_longer_names_is_said_in_words() {
    let report = Report { unmapped: vec!["public.raw_trades".to_owned()], maps_none: true, ..Report::default() };
    let text = compare::words(&report);
    assert!(
        text.contains("; rows of public.raw_trades stand here and the mapping no longer has it: put it back there"),
        "{text}"
    );
    assert!(text.contains("`merganser migrate timescale backfill --again --table public.raw_trades`"), "{text}");
    assert!(
        text.contains("; the mapping names no table, so that nothing of what stood there before was compared"),
        "{text}"
    );
    assert!(!compare::words(&Report::default()).contains("mapping"));
}

#[test]
fn a_backfill_of_an_empty_mapping_says_that_it_names_no_table() {
    let Some(running) = running() else { return };
    let owner = running.database("backfill_unmapped");
    owner.execute("make their tables", &raw_trades(3)).unwrap();
    let settings = running.settings_of("backfill_unmapped", "owner");
    let place = Place::new(&settings);
    let Opened { paths, tiers, archive, .. } = &place.opened;
    let now: UtcNanos = "2026-01-10".parse().unwrap();
    let way = place.opened.storage().way(paths, &settings, tiers, archive, move || now);
    until("the database is open", || place.opened.storage().database().stores().is_some());
    let watermark = Some(Begin { market: Seq(0), at: now });
    let state = Migration { phase: Phase::Backfill, watermark, ..Migration::default() };
    let backfill = |mapping: &str| {
        fs::write(paths.root.join("timescale.toml"), mapping).unwrap();
        let work = Work::Backfill { tables: Vec::new(), range: Range::ALL, again: false };
        way.perform(&way.turn().unwrap(), &work, &state, &|_| {}, &|| true)
    };
    let done = backfill("").unwrap();
    assert!(done.text.starts_with("0 rows came over in 0 slices") && done.is_good, "{}", done.text);
    assert!(
        done.text.ends_with("; the mapping names no table, so that nothing of theirs was looked for"),
        "{}",
        done.text
    );
    let done = backfill(MAPPING).unwrap();
    assert!(done.text.starts_with("4 rows came over in 1 slices") && !done.text.contains("mapping"), "{}", done.text);
    // One that was emptied since does not pass.
    let refused = backfill("").unwrap_err().to_string();
    assert!(refused.contains("the mapping no longer has public.raw_trades into market_ticks"), "{refused}");
}

#[test]
fn rows_that_did_not_fit_are_counted_with_those_that_a_comparison_asks_about() {
    let total = Total { slices: 7, rows: 900, refused: 24 };
    let summary =
        |refused, total| Summary { refused, total, rejects: vec!["rejects/1".to_owned()], ..Summary::default() };
    let said = |summary, is_whole| backfill::words(&summary, is_whole);
    let text = said(summary(15, total), true);
    assert!(
        text.ends_with(
            "15 rows did not fit (24 in all, with those of runs before): they stand, each with the reason, in rejects/1"
        ),
        "{text}"
    );
    assert!(said(summary(0, total), true).ends_with("0 rows did not fit (24 in all, with those of runs before)"));
    // The first run, and one of a part, of which it is not known.
    assert!(said(summary(24, total), true).contains("24 rows did not fit: they stand"));
    assert!(said(summary(15, total), false).contains("15 rows did not fit: they stand"));
}
