//! A mapping made from the catalog, for a person to look at: tables are known by their columns, columns by the names that
//! people give them. What cannot be known (which exchange, what `BUY` is called here) is left open, and said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use toml::ser::ValueSerializer;

use super::super::targets::{Target, check_text, target};
use super::common::{Named, common, place};
use super::fits::{fits, labels_fit};
use super::{ColumnMapping, Floating, Unit, Zone};
use crate::duck::sheet::Kind;
use crate::postgres::catalog::{Catalog, Column, Form, Table, TableName, Type, one_line};

/// What tables of one use look like.
struct Shape {
    into: &'static str,
    /// A table that has all of these is one.
    needs: &'static [&'static str],
    /// What is the same in all of its rows.
    always: &'static [(&'static str, &'static str)],
}

/// Those that need more come first: a table of orders has a price and a size as well.
const SHAPES: &[Shape] = &[
    Shape { into: "ohlcv_bars", needs: &["timestamp", "symbol", "open", "high", "low", "close"], always: &[] },
    Shape {
        into: "market_ticks",
        needs: &["timestamp", "symbol", "bid_price", "ask_price"],
        always: &[("kind", "quote"), ("source", "import")],
    },
    Shape { into: "orders", needs: &["order_id", "side", "quantity", "status", "created_at"], always: &[] },
    Shape { into: "trades", needs: &["order_id", "side", "quantity", "price", "executed_at"], always: &[] },
    Shape { into: "portfolio_snapshots", needs: &["snapshot_time", "portfolio_value"], always: &[] },
    Shape { into: "positions", needs: &["snapshot_time", "symbol", "quantity", "cost_basis"], always: &[] },
    Shape { into: "balances", needs: &["timestamp", "asset", "total"], always: &[] },
    Shape {
        into: "market_ticks",
        needs: &["timestamp", "symbol", "last_price", "volume"],
        always: &[("kind", "trade"), ("source", "import")],
    },
];

/// Names that people give to what we call otherwise.
const NAMES: &[(&str, &[&str])] = &[
    ("timestamp", &["time", "ts", "datetime", "event_time", "trade_time", "bucket", "open_time"]),
    ("created_at", &["time", "ts", "order_time", "created"]),
    ("executed_at", &["time", "ts", "filled_at", "trade_time", "execution_time"]),
    ("snapshot_time", &["time", "ts", "timestamp"]),
    ("symbol", &["ticker", "instrument", "pair", "market", "sym"]),
    ("exchange", &["venue"]),
    ("last_price", &["price", "last", "px"]),
    ("price", &["px"]),
    ("volume", &["qty", "quantity", "size", "amount", "vol", "base_volume"]),
    ("quantity", &["qty", "size", "amount"]),
    ("filled_quantity", &["filled_qty", "executed_qty", "filled"]),
    ("bid_price", &["bid", "best_bid", "bid_px"]),
    ("ask_price", &["ask", "best_ask", "ask_px"]),
    ("bid_size", &["bid_qty", "bid_quantity", "bid_volume"]),
    ("ask_size", &["ask_qty", "ask_quantity", "ask_volume"]),
    ("aggressor_side", &["side", "taker_side", "buyer_maker", "is_buyer_maker"]),
    ("sequence_number", &["trade_id", "update_id", "sequence", "seq"]),
    ("ingestion_time", &["recv", "received", "received_at", "recv_time", "ingested_at"]),
    ("open", &["o"]),
    ("high", &["h"]),
    ("low", &["l"]),
    ("close", &["c"]),
    ("notional", &["quote_volume", "turnover"]),
    ("trade_count", &["trades", "num_trades", "count"]),
    ("timeframe", &["interval", "resolution"]),
    ("order_id", &["id"]),
    ("trade_id", &["id", "fill_id"]),
    ("order_type", &["type"]),
    ("time_in_force", &["tif"]),
    ("commission", &["fee"]),
    ("commission_asset", &["fee_asset", "fee_currency"]),
    ("asset", &["currency", "coin"]),
    ("total", &["balance", "amount"]),
    ("portfolio_value", &["equity", "value"]),
    ("cash_balance", &["cash"]),
    ("strategy_id", &["strategy"]),
];

/// The text of a mapping file for what is there.
#[must_use]
pub fn propose(catalog: &Catalog) -> String {
    let mut text = format!(
        "# Which columns of {} become which of merganser's. Proposed from the names and types that are there: look at\n\
         # every line, then run `merganser migrate timescale check`. Values that do not fit are refused, never rounded.\n\
         # A view is mapped like a table: whatever needs more than this file can say is said there in SQL.\n",
        catalog.facts.timescale.as_ref().map_or("PostgreSQL", |_| "TimescaleDB")
    );
    let shapes = catalog.tables.iter().filter_map(|(name, table)| Some((name, shape(table)?)));
    let shapes: BTreeMap<&TableName, Known> = shapes.collect();
    let twice = twice(catalog, &shapes);
    for (name, table) in &catalog.tables {
        match (shapes.get(name), twice.get(name)) {
            (Some(&(shape, target)), None) => describe(&mut text, name, table, shape, target),
            (Some(&(shape, target)), Some(why)) => {
                let mut described = String::new();
                describe(&mut described, name, table, shape, target);
                let why = one_line(&format!("{name} is commented out, for {why}"));
                let _ = writeln!(text, "\n# {why}; rows that are in both would come twice.");
                for line in described.trim_start().lines() {
                    let line = format!("# {line}");
                    let _ = writeln!(text, "{}", line.trim_end());
                }
            }
            (None, _) => {
                let known = one_line(&format!("{name} ({})", table.form));
                let _ = writeln!(text, "\n# {known} looks like none of merganser's tables and stays behind.");
            }
        }
    }
    text
}

/// What a table looks like, and so which of ours it is.
type Known = (&'static Shape, &'static Target);

/// Tables whose rows others bring already into the same of ours, and in which words.
fn twice<'a>(catalog: &'a Catalog, shapes: &BTreeMap<&TableName, Known>) -> BTreeMap<&'a TableName, String> {
    let into = |name: &TableName| shapes.get(name).map(|(_, target)| target.table);
    let mut tables: Vec<Named<'a>> = catalog.tables.iter().filter(|(name, _)| shapes.contains_key(*name)).collect();
    tables.sort_by_key(|table| place(*table));
    let (mut stay, mut twice) = (Vec::<Named<'a>>::new(), BTreeMap::new());
    for table in tables {
        let mut alike = stay.iter().copied().filter(|other| into(other.0) == into(table.0));
        let found = alike.find_map(|other| common(other, table));
        match found {
            Some(found) => {
                twice.insert(table.0, found.words());
            }
            None => stay.push(table),
        }
    }
    twice
}

fn shape(table: &Table) -> Option<Known> {
    let found = |shape: &&Shape| {
        let Some(target) = target(shape.into) else { return false };
        let kind_of = |name: &str| target.columns().find(|(column, _)| *column == name).map(|(_, kind)| kind);
        shape.needs.iter().all(|name| kind_of(name).is_some_and(|kind| column(table, target, name, kind).is_some()))
    };
    // What is aggregated from ticks is no table of ticks.
    let shapes = || SHAPES.iter().filter(|s| table.form != Form::ContinuousAggregate || s.into == "ohlcv_bars");
    let shape = shapes().find(found)?;
    target(shape.into).map(|target| (shape, target))
}

/// Adds a table with its columns, and says what is open and what stays behind.
fn describe(text: &mut String, name: &TableName, table: &Table, shape: &Shape, target: &'static Target) {
    let proposed = |(ours, kind): (&'static str, Kind)| {
        let always = shape.always.iter().find(|(name, _)| *name == ours).map(|(_, value)| ColumnMapping::always(value));
        Some((ours, always.or_else(|| column(table, target, ours, kind))?))
    };
    let columns: Vec<(&str, ColumnMapping)> = target.columns().filter_map(proposed).collect();
    let _ = write!(text, "\n# {}", one_line(&table.form.to_string()));
    if let Some(rows) = table.rows_about {
        let _ = write!(text, ", about {rows} rows");
    }
    let (from, into) = (inline(name), target.table);
    let _ = writeln!(text, "\n[[table]]\nfrom = {from}\ninto = \"{into}\"\n\n[table.columns]");
    for (ours, mapping) in &columns {
        let _ = writeln!(text, "{ours} = {}", inline(mapping));
    }
    say_what_is_open(text, table, target, &columns);
}

/// Adds what the mapping still needs, and what it leaves behind.
fn say_what_is_open(text: &mut String, table: &Table, target: &Target, columns: &[(&str, ColumnMapping)]) {
    for ours in target.required.iter().filter(|needed| !columns.iter().any(|(ours, _)| ours == *needed)) {
        let how = "{ from = \"their column\" } or { value = \"for every row\" }";
        let _ = writeln!(text, "# needed, and not found: {ours} = {how}");
    }
    for (ours, kind) in target.columns() {
        let mapping = columns.iter().find(|(name, _)| *name == ours).map(|(_, mapping)| mapping);
        let both = mapping.and_then(|mapping| Some((table.column(mapping.from.as_deref()?)?, mapping)));
        if let Some((found, _)) = both.filter(|(found, mapping)| lacks_unit(kind, found, mapping)) {
            let what = one_line(&format!("what {} counts since 1970", found.name));
            let _ =
                writeln!(text, "# needed, and not found: {ours} with unit = \"s\", \"ms\", \"us\" or \"ns\", {what}");
        }
    }
    let used: Vec<&str> = columns.iter().filter_map(|(_, c)| c.from.as_deref()).collect();
    let left = table.columns.iter().filter(|c| !used.contains(&c.name.as_str()));
    let left: Vec<String> = left.map(|c| one_line(&format!("{} ({})", c.name, c.kind))).collect();
    if !left.is_empty() {
        let _ = writeln!(text, "# stays behind: {}", left.join(", "));
    }
}

/// A value as the file has it, in one line.
fn inline(value: &impl Serialize) -> String {
    let mut text = String::new();
    value.serialize(ValueSerializer::new(&mut text)).expect("texts and names only");
    text
}

/// The column of theirs that one of ours is likely to be, if it fits, or would with the unit of a time that is needed.
fn column(table: &Table, target: &Target, ours: &str, kind: Kind) -> Option<ColumnMapping> {
    let others = NAMES.iter().find(|(name, _)| *name == ours).map_or(&[][..], |(_, names)| names);
    let names = std::iter::once(ours).chain(others.iter().copied());
    let named = |name: &str| table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    // A time may say its unit behind its name.
    let with_unit = |name: &str| {
        let mut times = table.columns.iter().filter(|_| kind == Kind::Time);
        times.find(|column| unit(&column.name).is_some_and(|(bare, _)| bare.eq_ignore_ascii_case(name)))
    };
    let found = names.clone().filter_map(named).chain(names.filter_map(with_unit));
    let candidates: Vec<(&Column, ColumnMapping)> =
        found.map(|found| (found, mapping_of(target, ours, kind, found))).collect();
    let fitting = candidates.iter().find(|(found, mapping)| {
        let labels_do = match &found.kind {
            Type::Enum(labels) if kind == Kind::Text => labels_fit(target.table, ours, labels, mapping).is_ok(),
            _ => true,
        };
        labels_do && fits(kind, &found.kind, mapping).is_ok()
    });
    // Nobody is asked about a column that no row needs.
    let may_be_open = target.required.contains(&ours);
    let open = || candidates.iter().find(|(found, mapping)| may_be_open && lacks_unit(kind, found, mapping));
    fitting.or_else(open).map(|(_, mapping)| mapping.clone())
}

/// True for a time that is a whole number of nobody knows what.
fn lacks_unit(kind: Kind, found: &Column, mapping: &ColumnMapping) -> bool {
    kind == Kind::Time && matches!(found.kind, Type::Int(_)) && mapping.unit.is_none()
}

/// How a column is most likely meant.
fn mapping_of(target: &Target, ours: &str, kind: Kind, found: &Column) -> ColumnMapping {
    let mut mapping = ColumnMapping::of(&found.name);
    match (&found.kind, kind) {
        (Type::Timestamp | Type::Date, Kind::Time) => mapping.zone = Some(Zone::Utc),
        (Type::Int(_), Kind::Time) => mapping.unit = unit(&found.name).map(|(_, unit)| unit),
        (Type::Real | Type::Double, Kind::P | Kind::Q) => mapping.floating = Some(Floating::Shortest),
        // The side of the taker: where the buyer was there first, somebody sold to him.
        (Type::Bool, Kind::Text) if ours == "aggressor_side" && found.name.contains("buyer_maker") => {
            mapping.values = [("true", "sell"), ("false", "buy")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        }
        (Type::Enum(labels), Kind::Text) if labels.iter().any(|l| check_text(target.table, ours, l).is_err()) => {
            mapping.values = labels.iter().map(|label| (label.clone(), label.to_lowercase())).collect();
        }
        _ => {}
    }
    mapping
}

/// The unit of a time that is a whole number, if its name says so behind the rest of it.
fn unit(name: &str) -> Option<(&str, Unit)> {
    let units = [("_ms", Unit::Ms), ("_us", Unit::Us), ("_ns", Unit::Ns), ("_s", Unit::S)];
    units.into_iter().find_map(|(end, unit)| Some((name.strip_suffix(end)?, unit)))
}
