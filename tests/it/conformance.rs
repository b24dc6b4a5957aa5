//! Conformance: every case of `docs/venues.md`, walked at every venue.
//!
//! The real connectors, behind the whole tree with its ledger, trade against local servers that speak the venues' own protocols;
//! the paper venue trades in its place. A cell of the document is what the case ends with, word for word: what the document does
//! not know, what the test does not know, and what ends otherwise, fails. In the end the venue's books, the ledger's orders and
//! the booked fills say the same.

mod audit;
mod bench;
mod cases;
mod feed;
mod house;
mod interruptions;

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use bench::{Bench, Cell};
use cases::{bracket, cancel, deny, expire, fill, place, reject, replace, trigger, unclear};
use house::House;
use interruptions::How::{Disconnect, Restart};

/// A case: its name in the document, and what does it.
type Case = (&'static str, fn(&mut Bench) -> Cell);

const CASES: &[Case] = &[
    ("place.market", place::market),
    ("place.quote_quantity", place::quote_quantity),
    ("place.limit", place::limit),
    ("place.post_only", place::post_only),
    ("trigger.stop", trigger::stop),
    ("trigger.stop_limit", trigger::stop_limit),
    ("trigger.take_profit", trigger::take_profit),
    ("trigger.trailing_stop", trigger::trailing_stop),
    ("fill.resting", fill::resting),
    ("fill.partial", fill::partial),
    ("fill.completed", fill::completed),
    ("fill.while_canceling", fill::while_canceling),
    ("fill.told_twice", fill::told_twice),
    ("fill.told_out_of_order", fill::told_out_of_order),
    ("fill.told_with_unknown", fill::told_with_unknown),
    ("fill.told_unreadably", fill::told_unreadably),
    ("fill.never_told", fill::never_told),
    ("fill.busted", fill::busted),
    ("bracket.profit", bracket::profit),
    ("bracket.loss", bracket::loss),
    ("bracket.restarted", bracket::restarted),
    ("bracket.entry_canceled", bracket::entry_canceled),
    ("cancel.open", cancel::open),
    ("cancel.partly_filled", cancel::partly_filled),
    ("cancel.ended", cancel::ended),
    ("cancel.answer_lost", cancel::answer_lost),
    ("cancel.failed_before", cancel::failed_before),
    ("cancel.failed_after", cancel::failed_after),
    ("cancel.rate", cancel::rate),
    ("cancel.clock", cancel::clock),
    ("replace.price", replace::price),
    ("replace.smaller", replace::smaller),
    ("replace.larger", replace::larger),
    ("replace.partly_filled", replace::partly_filled),
    ("replace.answer_lost", replace::answer_lost),
    ("replace.failed_before", replace::failed_before),
    ("replace.never_arrived", replace::never_arrived),
    ("replace.too_late", replace::too_late),
    ("reject.funds", reject::funds),
    ("reject.post_only", reject::post_only),
    ("reject.halted", reject::halted),
    ("reject.rate", reject::rate),
    ("reject.banned", reject::banned),
    ("reject.clock", reject::clock),
    ("deny.price_step", deny::price_step),
    ("deny.least_value", deny::least_value),
    ("expire.ioc", expire::ioc),
    ("expire.ioc_partly_filled", expire::ioc_partly_filled),
    ("expire.fok", expire::fok),
    ("expire.day", expire::day),
    ("unclear.answer_lost", unclear::answer_lost),
    ("unclear.answer_late", unclear::answer_late),
    ("unclear.answer_unreadable", unclear::answer_unreadable),
    ("unclear.failed_before", unclear::failed_before),
    ("unclear.failed_after", unclear::failed_after),
    ("unclear.never_arrived", unclear::never_arrived),
    ("disconnect.pending_submit", |b| interruptions::pending_submit(b, Disconnect)),
    ("disconnect.submitted", |b| interruptions::submitted(b, Disconnect)),
    ("disconnect.accepted", |b| interruptions::accepted(b, Disconnect)),
    ("disconnect.triggered", |b| interruptions::triggered(b, Disconnect)),
    ("disconnect.partially_filled", |b| interruptions::partially_filled(b, Disconnect)),
    ("disconnect.pending_cancel", |b| interruptions::pending_cancel(b, Disconnect)),
    ("disconnect.pending_replace", |b| interruptions::pending_replace(b, Disconnect)),
    ("disconnect.ended", |b| interruptions::ended(b, Disconnect)),
    ("restart.pending_submit", |b| interruptions::pending_submit(b, Restart)),
    ("restart.submitted", |b| interruptions::submitted(b, Restart)),
    ("restart.accepted", |b| interruptions::accepted(b, Restart)),
    ("restart.triggered", |b| interruptions::triggered(b, Restart)),
    ("restart.partially_filled", |b| interruptions::partially_filled(b, Restart)),
    ("restart.pending_cancel", |b| interruptions::pending_cancel(b, Restart)),
    ("restart.pending_replace", |b| interruptions::pending_replace(b, Restart)),
    ("restart.ended", |b| interruptions::ended(b, Restart)),
];

/// What stands in a cell where a venue has no such case.
const NO_CASE: &str = "–";
/// The venues, in the order of the document's columns.
const VENUES: [&str; 3] = ["paper", "binance", "alpaca"];

/// The rows of the document: a case's name, and its cell for each venue.
fn document() -> BTreeMap<String, [String; 3]> {
    let text = std::fs::read_to_string(testkit::root().join("docs/venues.md")).expect("docs/venues.md");
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, paper, binance, alpaca] = cells[..] else {
            panic!("docs/venues.md: `{line}`: expected a case, what happens, and a cell for each of {VENUES:?}");
        };
        let cells = [paper, binance, alpaca].map(|cell| cell.replace('`', ""));
        assert!(rows.insert(name.replace('`', ""), cells).is_none(), "docs/venues.md: {name} stands there twice");
    }
    rows
}

#[test]
fn the_document_and_the_test_know_the_same_cases() {
    let document = document();
    let written: Vec<&str> = document.keys().map(String::as_str).collect();
    let mut known: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(written, known);
}

/// Walks every case, or those whose name begins with `MERGANSER_CASES`.
#[expect(clippy::disallowed_methods, reason = "a test asks which cases to walk")]
fn walk(house: House) {
    let (document, column) = (document(), VENUES.iter().position(|name| *name == house.name()).unwrap());
    let chosen = std::env::var("MERGANSER_CASES").unwrap_or_default();
    let mut bench = Bench::new(house);
    let (mut walked, mut wrong) = (0, Vec::new());
    for (name, case) in CASES.iter().filter(|(name, _)| name.starts_with(&chosen)) {
        let Some(cells) = document.get(*name) else { continue };
        let walk = || {
            bench.begin(name);
            case(&mut bench).unwrap_or_else(|| NO_CASE.to_owned())
        };
        // One run finds all that is wrong: a case that does not end costs its own line, and the runtime that it has left.
        let found = panic::catch_unwind(AssertUnwindSafe(walk)).unwrap_or_else(|_| {
            bench.kill();
            "a panic, told above".to_owned()
        });
        walked += u32::from(found != NO_CASE);
        if found != cells[column] {
            wrong.push(format!("{name}: {} ends with `{found}`, the document has `{}`", VENUES[column], cells[column]));
        }
    }
    let ended = bench.end();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let fills = audit::check(&ended);
    println!("{}: {walked} cases as docs/venues.md has them, {fills} fills, each once", VENUES[column]);
}

#[test]
fn paper_conforms() {
    walk(House::Paper);
}

#[test]
fn binance_conforms() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    walk(servers.block_on(House::binance()));
}

#[test]
fn alpaca_conforms() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    walk(servers.block_on(House::alpaca()));
}
