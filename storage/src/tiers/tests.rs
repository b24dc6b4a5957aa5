//! Periods, paths, and what views are made of.

use messages::UtcNanos;

use super::period::Unit;
use super::places::folder;
use super::tables::{table, ticks};
use super::{Manifest, Period, Piece};

#[test]
fn periods_are_read_written_and_bounded() {
    fn check(text: &str, start: &str, end: &str) {
        let period: Period = text.parse().unwrap();
        assert_eq!(period.to_string(), text);
        assert_eq!(period.start(), start.parse().unwrap());
        assert_eq!(period.end(), end.parse().unwrap());
        let (first, last) = (period.start(), UtcNanos(period.end().0 - 1));
        assert_eq!([first, last].map(|at| Period::of(period.unit(), at)), [period; 2]);
    }
    check("2024-08-08", "2024-08-08", "2024-08-09");
    check("2024-12-31", "2024-12-31", "2025-01-01");
    check("2024-02", "2024-02-01", "2024-03-01");
    check("2024-12", "2024-12-01", "2025-01-01");
    for wrong in ["2024", "2024-13", "2024-02-30", "", "x"] {
        assert!(wrong.parse::<Period>().is_err(), "{wrong}");
    }
}

#[test]
fn no_symbol_leads_out_of_its_folder() {
    for (symbol, expected) in [
        ("BTCUSDT", "symbol=BTCUSDT"),
        ("BTC/USD", "symbol=BTC%2FUSD"),
        ("BRK.B", "symbol=BRK.B"),
        ("..", "symbol=%2E."),
        ("a=b", "symbol=a%3Db"),
        ("币安", "symbol=%E5%B8%81%E5%AE%89"),
    ] {
        assert_eq!(folder("symbol", symbol), expected);
    }
}

#[test]
fn parts_are_numbered_behind_each_other() {
    let day: Period = "2024-08-08".parse().unwrap();
    let open = |part| Piece::open(ticks(), day, part, format!("disk.ticks_20240808_{part}"));
    let manifest = Manifest::from_pieces([open(0), open(2)]);
    assert_eq!(manifest.next_part("market_ticks", "2024-08-08"), 3);
    assert_eq!(manifest.next_part("market_ticks", "2024-08-09"), 0);
    assert_eq!(manifest.of_table("market_ticks").count(), 2);
    assert_eq!(manifest.of_table("market_tick").count(), 0);
}

#[test]
fn a_month_holds_the_instants_of_its_days() {
    let at: UtcNanos = "2024-02-29 23:59:59.999999".parse().unwrap();
    assert_eq!(Period::of(Unit::Month, at).to_string(), "2024-02");
    assert!(table("orders").unwrap().belongs(Period::of(Unit::Month, at)).contains("2024-03-01"));
}
