//! Rows of ours that go there and come back are the same rows, for every table and all values that it may hold.

use messages::{Price, Quantity, UtcNanos, caps};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use super::super::encode;
use super::super::mapping::{Mapping, check};
use super::super::plan::Plan;
use super::super::targets::{TARGETS, Target};
use super::catalog;
use crate::duck::sheet::{Kind, Sheet};
use crate::postgres::catalog::{Catalog, Type};
use crate::postgres::copy;

/// The type that a column of ours has there.
fn source(kind: Kind) -> Type {
    match kind {
        Kind::Text => Type::Text,
        Kind::Int => Type::Int(8),
        Kind::Small => Type::Int(2),
        Kind::P => Type::Numeric(Some(8)),
        Kind::Q => Type::Numeric(Some(9)),
        Kind::Time => Type::Timestamptz,
        Kind::Flag => Type::Bool,
        Kind::Id => Type::Uuid,
        Kind::Real => Type::Double,
    }
}

/// A mapping of each column to the one of the same name.
pub fn same_names(target: &Target, from: &str) -> Mapping {
    let line = |(name, _): (&str, Kind)| format!("{name} = {{ from = \"{name}\" }}\n");
    let columns: String = target.columns().map(line).collect();
    Mapping::parse(&format!("[[table]]\nfrom = \"{from}\"\ninto = \"{}\"\n\n[table.columns]\n{columns}", target.table))
        .unwrap()
}

pub fn plan(target: &Target, from: &str, catalog: &Catalog) -> Plan {
    let mut checked = check(&same_names(target, from), catalog);
    assert_eq!(checked.problems, [], "{}", target.table);
    checked.plans.remove(0)
}

/// What is random about a cell.
#[derive(Debug, Clone)]
pub struct Random {
    word: u64,
    wide: i128,
    text: String,
    is_null: bool,
}

pub fn random() -> impl Strategy<Value = Random> {
    (any::<u64>(), any::<i128>(), "[a-zA-Z0-9 äß€\"\\\\]{1,20}", proptest::bool::weighted(0.2))
        .prop_map(|(word, wide, text, is_null)| Random { word, wide, text, is_null })
}

/// A text that may stand in the column.
fn word_for(table: &str, column: &str, random: &Random) -> String {
    let words: &[&str] = match column {
        "exchange" => &["binance", "alpaca", "simulated"],
        "kind" if random.is_null => &["quote"],
        "kind" => &["trade"],
        "side" if table == "positions" => &["long", "short", "flat"],
        "side" | "aggressor_side" => &["buy", "sell"],
        "source" => &["stream", "rest", "import", "replay", "simulated"],
        "timeframe" => &["1s", "1m", "1h"],
        "order_type" => &["market", "limit"],
        "time_in_force" => &["gtc", "day"],
        "status" => &["filled", "canceled"],
        "contingency" => &["oco", "oto"],
        "position_intent" => &["buy_to_open", "sell_to_close"],
        "liquidity" => &["maker", "taker"],
        "snapshot_type" => &["eod", "manual"],
        "conditions" => &["@,T", "I"],
        "symbol" | "asset" | "currency" | "commission_asset" => &["BTCUSDT", "BTC/USD", "币安"],
        _ => return random.text.chars().filter(|c| c.is_ascii()).take(16).chain(['x']).collect(),
    };
    words[random.word as usize % words.len()].to_owned()
}

/// What only a trade has.
const OF_A_TRADE: [&str; 2] = ["last_price", "volume"];

fn write(sheet: &mut Sheet, target: &Target, column: &'static str, kind: Kind, random: &Random) {
    let is_needed = target.required.contains(&column) || target.filled.contains(&column);
    let is_null = random.is_null && !is_needed;
    let wide = random.wide % (caps::DECIMAL_38_MAX + 1);
    match kind {
        Kind::Text => sheet.text((!is_null).then(|| word_for(target.table, column, random)).as_deref()),
        Kind::Int if is_needed => sheet.int((random.word % 2_147_483_648) as i64),
        Kind::Int => sheet.int((!is_null).then_some(random.word as i64)),
        Kind::Small => sheet.small((random.word % 32_768) as u16),
        Kind::P => sheet
            .p((!is_null).then(|| Price::from_raw((wide % (i128::from(caps::DECIMAL_18_MAX) + 1)) as i64).unwrap())),
        Kind::Q => sheet.q((!is_null).then(|| Quantity::from_raw(wide).unwrap())),
        Kind::Time => sheet.time((!is_null).then_some(UtcNanos(random.word as i64 / 1_000 * 1_000))),
        Kind::Flag => sheet.flag(random.word.is_multiple_of(2)),
        Kind::Id => sheet.id((!is_null).then(|| Uuid::from_u128(random.wide as u128))),
        Kind::Real => sheet.real((!is_null).then_some(random.word as f64)),
    };
}

/// Rows of a table, of which each cell is random within what it may hold.
pub fn sheet(target: &Target, rows: &[Vec<Random>]) -> Sheet {
    let columns: Vec<(&'static str, Kind)> = target.columns().collect();
    let mut sheet = Sheet::new(&columns);
    for row in rows {
        // A trade has a price and a size, and a quote has neither.
        let kind_at = columns.iter().position(|(name, _)| *name == "kind").unwrap_or(0);
        let is_quote = row[kind_at % row.len()].is_null;
        for ((name, kind), random) in columns.iter().zip(row.iter().cycle()) {
            let of_a_trade = OF_A_TRADE.contains(name) && target.table == "market_ticks";
            let random = if of_a_trade { Random { is_null: is_quote, ..random.clone() } } else { random.clone() };
            write(&mut sheet, target, name, *kind, &random);
        }
    }
    sheet
}

#[test]
fn rows_come_back_as_they_were() {
    for target in TARGETS {
        let columns: Vec<(&str, Type)> = target.columns().map(|(name, kind)| (name, source(kind))).collect();
        let catalog = catalog(&[("public.theirs", &columns)]);
        let plan = plan(target, "public.theirs", &catalog);
        let rows = proptest::collection::vec(proptest::collection::vec(random(), 7), 1..5);
        let mut runner = TestRunner::new(Config::with_cases(64));
        let there_and_back = |rows: Vec<Vec<Random>>| {
            let batch = sheet(target, &rows).take();
            let mut writer = copy::Writer::new(batch.num_columns());
            encode::rows(&batch, &mut writer);
            let (mut stream, mut back) = (copy::Rows::default(), plan.rows());
            stream.push(&writer.finish());
            while let Some(row) = stream.next_row().unwrap() {
                back.push(row).map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
            }
            prop_assert_eq!(back.len(), rows.len());
            prop_assert_eq!(back.take(), batch);
            Ok(())
        };
        runner.run(&rows, there_and_back).unwrap_or_else(|e| panic!("{}: {e}", target.table));
    }
}
