//! What comes over exactly, and what is refused, in which words.

mod cells;
mod mapping;
pub(super) mod real;
pub(super) mod round;
pub(super) mod theirs;
pub mod timescale;

use std::collections::{BTreeMap, BTreeSet};

use messages::UtcNanos;

use crate::postgres::catalog::{Catalog, Column, Facts, Form, Table, TableName, Type};

/// A catalog with these tables, each with its columns.
pub(super) fn catalog(tables: &[(&str, &[(&str, Type)])]) -> Catalog {
    let facts = Facts {
        version: 150_018,
        version_text: "15.18".to_owned(),
        encoding: "UTF8".to_owned(),
        time_zone: "UTC".to_owned(),
        now: UtcNanos(0),
        is_standby: false,
        may_create: true,
        timescale: None,
    };
    let column = |(name, kind): &(&str, Type)| Column { name: (*name).to_owned(), kind: kind.clone() };
    let table = |columns: &[(&str, Type)]| Table {
        form: Form::Plain,
        columns: columns.iter().map(column).collect(),
        rows_about: Some(34_419),
        may_read: true,
        holds: BTreeSet::new(),
    };
    let named =
        |(name, columns): &(&str, &[(&str, Type)])| (TableName::try_from((*name).to_owned()).unwrap(), table(columns));
    Catalog { facts, tables: tables.iter().map(named).collect::<BTreeMap<_, _>>() }
}

/// Trades as people keep them.
pub(super) fn raw_trades() -> Vec<(&'static str, Type)> {
    vec![
        ("time", Type::Timestamptz),
        ("symbol", Type::Text),
        ("trade_id", Type::Int(8)),
        ("price", Type::Numeric(None)),
        ("qty", Type::Numeric(None)),
        ("buyer_maker", Type::Bool),
        ("recv", Type::Timestamptz),
    ]
}
