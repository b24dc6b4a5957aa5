//! A mapping held against the catalog: plans for what fits, and words for everything that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::convert::Rule;
use super::super::plan::{Made, Plan};
use super::super::targets::{TARGETS, Target, target};
use super::common::common;
use super::fits::{fits, labels_fit};
use super::{ColumnMapping, Mapping, TableMapping};
use crate::duck::sheet::Kind;
use crate::postgres::catalog::{Catalog, Table, TableName, Type};

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// A plan for each table, where there is no problem at all.
    pub plans: Vec<Plan>,
    /// The same, whatever else is wrong, of tables that the catalog says may be read: to ask the server for.
    pub to_ask: Vec<Plan>,
    /// What must be put right.
    pub problems: Vec<Problem>,
    /// What may be right and should be looked at.
    pub doubts: Vec<Problem>,
    /// Columns that stay behind, by their tables.
    pub left: Vec<(TableName, Vec<String>)>,
}

/// Something in the file that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: their table, and our column.
    pub place: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Holds a mapping against what is there.
#[must_use]
pub fn check(mapping: &Mapping, catalog: &Catalog) -> Checked {
    let mut checked = Checked::default();
    if mapping.tables.is_empty() {
        let what = "it maps no table: nothing is brought over".to_owned();
        checked.doubts.push(Problem { place: "the mapping".to_owned(), what });
    }
    let mut known = BTreeSet::new();
    for table in &mapping.tables {
        let mut checking = Checking { table, problems: Vec::new() };
        checked.doubts.extend(checking.zones(&catalog.facts.time_zone));
        if !known.insert((&table.from, &table.into)) {
            checking.problem(None, format!("it is mapped into {} twice, which would double its rows", table.into));
        }
        if let Some((plan, left)) = checking.plan(catalog) {
            if catalog.tables.get(&plan.from).is_some_and(|there| there.may_read) {
                checked.to_ask.push(plan.clone());
            }
            checked.plans.push(plan);
            checked.left.push((table.from.clone(), left));
        }
        checked.problems.append(&mut checking.problems);
    }
    checked.find_rows_in_common(mapping, catalog);
    if !checked.problems.is_empty() {
        checked.plans.clear();
    }
    checked
}

impl Checked {
    /// Finds tables that would bring the same rows into one table of ours.
    fn find_rows_in_common(&mut self, mapping: &Mapping, catalog: &Catalog) {
        let find = |table: &TableMapping| catalog.tables.get_key_value(&table.from);
        for (at, one) in mapping.tables.iter().enumerate() {
            let before = mapping.tables.iter().take(at);
            for other in before.filter(|other| other.into == one.into && other.from != one.from) {
                let both = find(one).zip(find(other));
                let Some(common) = both.and_then(|(one, other)| common(one, other)) else { continue };
                let (words, into, place) = (common.words(), &one.into, common.second.to_string());
                if common.is_certain {
                    let what = format!(
                        "{words}; both are mapped into {into}, which would double them; take one of the two out, or map a view instead that leaves these rows out"
                    );
                    self.problems.push(Problem { place, what });
                } else {
                    let what = format!(
                        "{words}; both are mapped into {into}, and rows that are in both would come twice; take one of the two out, unless the view leaves out what the other one has"
                    );
                    self.doubts.push(Problem { place, what });
                }
            }
        }
    }
}

/// The check of one table.
struct Checking<'a> {
    table: &'a TableMapping,
    problems: Vec<Problem>,
}

impl Checking<'_> {
    /// The plan, and the columns that it leaves behind.
    fn plan(&mut self, catalog: &Catalog) -> Option<(Plan, Vec<String>)> {
        let found = self.find(catalog);
        let target = self.target();
        let (found, target) = (found?, target?);
        let ours = target.columns().map(|(column, kind)| Ours { target, column, kind });
        let made: Vec<Made> = ours.filter_map(|ours| self.made(ours, found)).collect();
        self.find_strangers(target);
        self.find_missing(target);
        let mapped: BTreeSet<&str> = self.table.columns.values().filter_map(|c| c.from.as_deref()).collect();
        let left = found.columns.iter().map(|c| c.name.clone()).filter(|name| !mapped.contains(name.as_str()));
        let plan = Plan::new(self.table.from.clone(), target, made)?;
        Some((plan.standing_as(&found.form), left.collect()))
    }

    /// Columns that are said to be in UTC on a server where sessions are not, unless they say so.
    fn zones(&self, sessions: &str) -> Vec<Problem> {
        if ["UTC", "Etc/UTC", "GMT"].contains(&sessions) {
            return Vec::new();
        }
        let said = self.table.columns.iter().filter(|(_, mapping)| mapping.zone.is_some());
        let doubt = |(column, _): (&String, &ColumnMapping)| Problem {
            place: self.place(Some(column)),
            what: format!(
                "it is said to be in UTC, and sessions there are in {sessions}; look at a row of which you know the time, and if it is not UTC map a view with AT TIME ZONE '{sessions}'"
            ),
        };
        said.map(doubt).collect()
    }

    fn find<'c>(&mut self, catalog: &'c Catalog) -> Option<&'c Table> {
        let found = catalog.tables.get(&self.table.from);
        match found {
            None => {
                let there: Vec<String> = catalog.tables.keys().take(20).map(ToString::to_string).collect();
                self.problem(None, format!("there is no such table; there are {}", there.join(", ")));
            }
            Some(table) if !table.may_read => {
                let sql = self.table.from.sql();
                let grant = format!(
                    "its owner must run GRANT USAGE ON SCHEMA {:?} and GRANT SELECT ON {sql}",
                    self.table.from.schema
                );
                self.problem(None, format!("it may not be read; {grant} for this user"));
            }
            Some(_) => {}
        }
        found
    }

    fn target(&mut self) -> Option<&'static Target> {
        let found = target(&self.table.into);
        if found.is_none() {
            let names: Vec<&str> = TARGETS.iter().map(|t| t.table).collect();
            self.problem(
                None,
                format!("`{}` is none of our tables; expected one of {}", self.table.into, names.join(", ")),
            );
        }
        found
    }

    /// How one of our columns is made; `None` where the mapping does not name it, or names it wrongly.
    fn made(&mut self, ours: Ours, found: &Table) -> Option<Made> {
        let mapping = self.table.columns.get(ours.column)?;
        let made = match (&mapping.from, &mapping.value) {
            (Some(from), None) => self.read(ours, found, from, mapping),
            (None, Some(value)) => ours.constant(value, mapping),
            _ => Err("exactly one of `from` and `value` is needed".to_owned()),
        };
        made.map_err(|what| self.problem(Some(ours.column), what)).ok()
    }

    fn read(&self, ours: Ours, found: &Table, from: &str, mapping: &ColumnMapping) -> Result<Made, String> {
        let source = found.column(from).ok_or_else(|| {
            let there: Vec<&str> = found.columns.iter().map(|c| c.name.as_str()).collect();
            format!("there is no column `{from}`; there are {}", there.join(", "))
        })?;
        fits(ours.kind, &source.kind, mapping)?;
        if let (Kind::Text, Type::Enum(labels)) = (ours.kind, &source.kind) {
            labels_fit(ours.target.table, ours.column, labels, mapping)?;
        }
        let rule = ours.rule(source.kind.clone());
        let is_required = rule.is_required || self.of_a_trade().contains(&ours.column);
        let rule = Rule { is_required, values: mapping.values.clone(), unit: mapping.unit, ..rule };
        Ok(Made::Read { from: from.to_owned(), rule })
    }

    /// Columns that the mapping names and the table has not, or that are not for it to give.
    fn find_strangers(&mut self, target: &Target) {
        for name in self.table.columns.keys() {
            if target.ours.contains(&name.as_str()) {
                self.problem(Some(name), "it is given by merganser; take it out".to_owned());
            } else if !target.columns().any(|(column, _)| column == name) {
                let known: Vec<&str> = target.columns().map(|(column, _)| column).collect();
                self.problem(Some(name), format!("{} has no such column; it has {}", target.table, known.join(", ")));
            }
        }
    }

    fn find_missing(&mut self, target: &Target) {
        let needed = target.required.iter().copied().chain(self.of_a_trade().iter().copied());
        for column in needed.filter(|column| !self.table.columns.contains_key(*column)).collect::<Vec<_>>() {
            let what = "every row needs it; add it with `from`, a column, or `value`, the same for every row";
            self.problem(Some(column), what.to_owned());
        }
    }

    /// What a tick needs beside the others when every row is a trade.
    fn of_a_trade(&self) -> &'static [&'static str] {
        let kind = self.table.columns.get("kind").and_then(|kind| kind.value.as_deref());
        if self.table.into == "market_ticks" && kind == Some("trade") { &["last_price", "volume"] } else { &[] }
    }

    fn problem(&mut self, column: Option<&str>, what: String) {
        let place = self.place(column);
        self.problems.push(Problem { place, what });
    }

    fn place(&self, column: Option<&str>) -> String {
        let (from, into) = (&self.table.from, &self.table.into);
        column.map_or_else(|| from.to_string(), |column| format!("{from} into {into}.{column}"))
    }
}

/// One of our columns.
#[derive(Clone, Copy)]
struct Ours {
    target: &'static Target,
    column: &'static str,
    kind: Kind,
}

impl Ours {
    fn rule(self, source: Type) -> Rule {
        let Self { target, column, kind } = self;
        let is_required = target.required.contains(&column) || target.filled.contains(&column);
        Rule { table: target.table, column, kind, is_required, source, values: BTreeMap::new(), unit: None }
    }

    /// A value for every row: read as a text of theirs would be.
    fn constant(self, value: &str, mapping: &ColumnMapping) -> Result<Made, String> {
        if *mapping != ColumnMapping::always(value) {
            return Err("with `value` nothing else is needed".to_owned());
        }
        if self.kind == Kind::Time {
            return Err("an instant is not the same for every row; expected `from`".to_owned());
        }
        let cell = self.rule(Type::Text).read(Some(value.as_bytes()));
        let cell = cell.map_err(|refusal| format!("`{value}` {}", refusal.reason))?.into_owned();
        Ok(Made::Constant { column: self.column, kind: self.kind, cell })
    }
}
