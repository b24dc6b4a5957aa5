//! One cell at a time, by the bytes that the server sends.

use std::collections::BTreeMap;

use messages::{Price, Quantity, UtcNanos};
use uuid::Uuid;

use super::super::convert::{Cell, Rule};
use super::super::mapping::Unit;
use crate::duck::sheet::Kind;
use crate::postgres::catalog::Type;
use crate::postgres::numeric;

fn rule(column: &'static str, kind: Kind, source: Type) -> Rule {
    Rule { table: "market_ticks", column, kind, is_required: false, source, values: BTreeMap::new(), unit: None }
}

fn numeric(value: i128, scale: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    numeric::encode(value, scale, &mut bytes);
    bytes
}

/// A cell that fits.
fn fits(rule: &Rule, bytes: &[u8], expected: Cell<'_>) {
    assert_eq!(rule.read(Some(bytes)), Ok(expected));
}

/// A cell that does not, and all that is said about it.
fn refuses(rule: &Rule, bytes: &[u8], expected: &str) {
    assert_eq!(rule.read(Some(bytes)).unwrap_err().to_string(), expected);
}

#[test]
fn decimals_come_over_exactly_or_not_at_all() {
    let price = |source| rule("last_price", Kind::P, source);
    let of_numeric = price(Type::Numeric(None));
    fits(&of_numeric, &numeric(6_183_763, 2), Cell::P("61837.63".parse().unwrap()));
    refuses(&of_numeric, &numeric(1, 9), "last_price = 0.000000001: has more than 8 decimals");
    refuses(&of_numeric, &numeric(10i128.pow(10), 0), "last_price = 10000000000: is too large for the column");
    refuses(&of_numeric, &[0, 0, 0, 0, 0xC0, 0, 0, 0], "last_price = NaN: is no finite number");
    fits(&rule("volume", Kind::Q, Type::Numeric(None)), &numeric(1, 9), Cell::Q(Quantity::from_raw(1).unwrap()));
    fits(&price(Type::Int(4)), &(-7i32).to_be_bytes(), Cell::P("-7".parse().unwrap()));
    fits(&price(Type::Text), b"0.1", Cell::P("0.1".parse().unwrap()));
    refuses(&price(Type::Text), b"1e3", "last_price = `1e3`: is no decimal number");
}

#[test]
fn a_floating_point_number_is_its_shortest_decimal() {
    let price = |source| rule("last_price", Kind::P, source);
    fits(&price(Type::Double), &61_837.63f64.to_be_bytes(), Cell::P("61837.63".parse().unwrap()));
    fits(&price(Type::Real), &0.1f32.to_be_bytes(), Cell::P("0.1".parse().unwrap()));
    fits(&price(Type::Double), &1e-8f64.to_be_bytes(), Cell::P(Price::from_raw(1).unwrap()));
    let third = 1.0f64 / 3.0;
    refuses(&price(Type::Double), &third.to_be_bytes(), "last_price = 0.3333333333333333: has more than 8 decimals");
    refuses(&price(Type::Double), &f64::INFINITY.to_be_bytes(), "last_price = inf: is no finite number");
}

#[test]
fn times_count_from_2000_or_as_the_mapping_says() {
    let time = |source| rule("timestamp", Kind::Time, source);
    let at = |text: &str| Cell::Time(text.parse::<UtcNanos>().unwrap());
    fits(&time(Type::Timestamptz), &0i64.to_be_bytes(), at("2000-01-01"));
    fits(&time(Type::Timestamp), &(-1i64).to_be_bytes(), at("1999-12-31 23:59:59.999999"));
    fits(&time(Type::Date), &9_498i32.to_be_bytes(), at("2026-01-02"));
    refuses(
        &time(Type::Timestamptz),
        &i64::MAX.to_be_bytes(),
        "timestamp = infinity: is infinite; expected an instant",
    );
    let far = (i64::MAX - 1).to_be_bytes();
    let words = format!("timestamp = {} µs since 2000: lies outside of the years 1678 to 2261", i64::MAX - 1);
    refuses(&time(Type::Timestamptz), &far, &words);
    let counted = |unit| Rule { unit: Some(unit), ..time(Type::Int(8)) };
    fits(&counted(Unit::Ms), &1_723_161_255_342i64.to_be_bytes(), at("2024-08-08 23:54:15.342"));
    refuses(&counted(Unit::Ns), &1_001i64.to_be_bytes(), "timestamp = `1001`: has parts of a microsecond");
}

#[test]
fn texts_are_ours_or_are_called_so_by_the_mapping() {
    let side = rule("aggressor_side", Kind::Text, Type::Text);
    fits(&side, b"buy", Cell::Text("buy".into()));
    refuses(&side, b"BUY", "aggressor_side = `BUY`: unknown variant `BUY`, expected `buy` or `sell`");
    let pairs = [("true", "sell"), ("false", "buy")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let maker = Rule { source: Type::Bool, values: pairs.into(), ..side };
    fits(&maker, &[1], Cell::Text("sell".into()));
    let words = "aggressor_side = `maybe`: is none of the values that the mapping lists (false, true)";
    refuses(&Rule { source: Type::Text, ..maker }, b"maybe", words);
    fits(&rule("note", Kind::Text, Type::Jsonb), b"\x01{\"a\": 1}", Cell::Text("{\"a\": 1}".into()));
    refuses(&rule("symbol", Kind::Text, Type::Text), &[0xFF], "symbol = is not UTF-8: is not UTF-8");
}

#[test]
fn whole_numbers_flags_and_ids() {
    fits(&rule("sequence_number", Kind::Int, Type::Int(2)), &(-3i16).to_be_bytes(), Cell::Int(-3));
    fits(&rule("sequence_number", Kind::Int, Type::Numeric(None)), &numeric(12, 0), Cell::Int(12));
    refuses(
        &rule("sequence_number", Kind::Int, Type::Numeric(None)),
        &numeric(15, 1),
        "sequence_number = 1.5: has more than 0 decimals",
    );
    refuses(
        &rule("revision", Kind::Small, Type::Int(4)),
        &40_000i32.to_be_bytes(),
        "revision = `40000`: is out of range; expected 0 to 32767",
    );
    fits(&rule("is_complete", Kind::Flag, Type::Bool), &[0], Cell::Flag(false));
    refuses(
        &rule("is_complete", Kind::Flag, Type::Text),
        b"si",
        "is_complete = `si`: is neither true nor false; list it under `values`",
    );
    let id = Uuid::from_u128(7);
    fits(&rule("order_id", Kind::Id, Type::Uuid), id.as_bytes(), Cell::Id(id));
    fits(&rule("order_id", Kind::Id, Type::Text), id.to_string().as_bytes(), Cell::Id(id));
}

#[test]
fn null_stands_only_where_it_may() {
    let price = rule("last_price", Kind::P, Type::Numeric(None));
    assert_eq!(price.read(None), Ok(Cell::Null));
    let required = Rule { is_required: true, ..price };
    assert_eq!(required.read(None).unwrap_err().to_string(), "last_price = NULL: must have a value");
}

#[test]
fn bytes_of_another_type_are_refused_and_not_read_as_something_else() {
    let time = rule("timestamp", Kind::Time, Type::Timestamptz);
    let words = "timestamp = has 4 bytes where its type has 8; its column may have changed: has 4 bytes where its type has 8; its column may have changed";
    refuses(&time, &[0; 4], words);
}
