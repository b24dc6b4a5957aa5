//! The guard: what SQL from outside may be. DuckDB's own parser gives the syntax tree, nothing is run.
//!
//! Allowed is one statement that selects, from tables by their own names and from a few functions that make rows
//! of nothing but their arguments. It is a list of what is allowed wherever rows come from, and a list of what is not
//! only for functions that compute a value.

use duckdb::Connection;
use messages::caps;
use serde_json::{Map, Value};

use super::names::{
    FUNCTION_PREFIX, FUNCTIONS, HIDDEN, OWN, SYSTEM_PREFIXES, SYSTEM_SCHEMA, SYSTEM_TABLES, TABLE_FUNCTIONS,
};
use super::size::Size;
use super::{Error, refused};
use crate::sql_tiers::Named;

/// Parts of a syntax tree that select.
const SELECTS: &[&str] = &["SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"];

/// Refuses everything but one SELECT from tables by their own names.
///
/// # Errors
/// [`Error`] says what is not allowed.
pub fn check(db: &Connection, sql: &str) -> Result<Named, Error> {
    parser_bears(sql)?;
    let tree: String = db.query_row("SELECT json_serialize_sql(?)", [sql], |row| row.get(0)).map_err(refused)?;
    // The parser of JSON goes 128 levels deep, and the walk below no deeper.
    let tree: Value = serde_json::from_str(&tree).map_err(|_| Error::TooDeep)?;
    if tree["error"].as_bool() != Some(false) {
        let why = tree["error_message"].as_str().unwrap_or("it does not parse");
        return Err(if why.starts_with("Max expression depth") {
            Error::TooDeep
        } else {
            Error::NotASelect { why: why.to_owned() }
        });
    }
    match tree["statements"].as_array().map_or(0, Vec::len) {
        1 => {
            let mut walk = Walk::default();
            walk.value(&tree["statements"])?;
            Ok(walk.named)
        }
        n => Err(Error::NotASelect { why: format!("{n} statements") }),
    }
}

/// Refuses what the parser takes long for, or ends the process with: it hears no interrupt. Everything is counted in the
/// text as it stands, in strings and comments, too, so that nothing can be hidden from it.
fn parser_bears(sql: &str) -> Result<(), Error> {
    let count = |what: &[char]| sql.matches(what).count();
    // Two dashes begin a comment.
    let dashes = sql.split(|c| c != '-').filter(|run| run.len() == 1).count();
    let (brackets, signs) = (count(&['(', '[', '{']), count(&['+']) + dashes);
    let most = caps::SQL_BRACKETS;
    if brackets > most || signs > most {
        return Err(Error::TooMany { brackets, signs });
    }
    let lower = sql.to_ascii_lowercase();
    let withs = lower.matches("with").count() - lower.matches("with time zone").count();
    let further = u32::try_from(withs.saturating_sub(caps::SQL_WITHS)).unwrap_or(u32::MAX);
    let most = caps::SQL_BYTES / 5_usize.saturating_pow(further);
    if sql.len() > most { Err(Error::TooLong { bytes: sql.len(), most, withs }) } else { Ok(()) }
}

/// A walk through a syntax tree.
#[derive(Default)]
struct Walk<'t> {
    /// Names that a WITH has given, as far as they reach.
    given: Vec<&'t str>,
    named: Named,
    size: Size,
}

impl<'t> Walk<'t> {
    fn value(&mut self, value: &'t Value) -> Result<(), Error> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item)),
            Value::Object(fields) => {
                let outside = self.given.len();
                self.object(fields)?;
                self.given.truncate(outside);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn object(&mut self, fields: &'t Map<String, Value>) -> Result<(), Error> {
        let kind = text(fields, "type");
        if kind.ends_with("_NODE") && !SELECTS.contains(&kind) {
            return Err(Error::NotASelect { why: "a part of it changes something".to_owned() });
        }
        self.with(fields)?;
        match kind {
            "BASE_TABLE" => self.table(fields)?,
            "SHOW_REF" => self.show(fields)?,
            "COLUMN_REF" if parts(fields) > caps::SQL_NAME_PARTS => return Err(Error::TooDeep),
            // It is called for rows and not for a value, and has been looked at.
            "TABLE_FUNCTION" => return table_function(fields).and_then(|arguments| self.value(arguments)),
            _ => {}
        }
        let function = text(fields, "function_name").to_ascii_lowercase();
        if FUNCTIONS.contains(&function.as_str()) || function.starts_with(FUNCTION_PREFIX) {
            return Err(Error::Function { name: function });
        }
        self.size.call(&function, fields)?;
        for (key, value) in fields.iter().filter(|(key, _)| *key != "cte_map") {
            // Only what is repeated knows the name of the whole.
            let outside = self.given.len();
            if kind == "RECURSIVE_CTE_NODE" && key == "right" {
                self.given.push(text(fields, "cte_name"));
            }
            self.value(value)?;
            self.given.truncate(outside);
        }
        Ok(())
    }

    /// A name reaches from behind its own definition to the end of the statement that the WITH belongs to.
    fn with(&mut self, fields: &'t Map<String, Value>) -> Result<(), Error> {
        let defined = fields.get("cte_map").and_then(|map| map["map"].as_array());
        for entry in defined.into_iter().flatten() {
            self.value(&entry["value"])?;
            self.given.extend(entry["key"].as_str());
        }
        Ok(())
    }

    fn table(&mut self, fields: &'t Map<String, Value>) -> Result<(), Error> {
        let path = fields.get("qualified_name").and_then(|name| name["path"].as_array());
        let path: Vec<&str> = path.into_iter().flatten().filter_map(Value::as_str).collect();
        let Some((name, before)) = path.split_last() else {
            return Err(Error::NoTable { name: text(fields, "table_name").to_owned() });
        };
        if before.is_empty() && self.given.iter().any(|given| given.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let lower = name.to_ascii_lowercase();
        if one_of(HIDDEN, before) {
            return Err(Error::Hidden { name: path.join(".") });
        }
        if name.contains(['/', '.', '*', '\\', ':', '?', '[']) {
            return Err(Error::File { name: (*name).to_owned() });
        }
        if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(Error::NoTable { name: (*name).to_owned() });
        }
        let is_system = |lower: &str| SYSTEM_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        if before.iter().all(|part| one_of(OWN, &[part])) && !is_system(&lower) {
            self.named.add(&path);
            return Ok(());
        }
        let of_schema = before.last().is_some_and(|schema| schema.eq_ignore_ascii_case(SYSTEM_SCHEMA));
        if of_schema && SYSTEM_TABLES.contains(&lower.as_str()) {
            return Ok(());
        }
        Err(Error::System { name: path.join(".") })
    }

    fn show(&mut self, fields: &'t Map<String, Value>) -> Result<(), Error> {
        match (text(fields, "show_type"), text(fields, "table_name")) {
            // What is described is a query, which is looked at like any other.
            (_, "") | ("SHOW_SPECIAL", "\"tables\"") => Ok(()),
            ("SHOW_SPECIAL", what) => Err(Error::System { name: format!("SHOW {what}") }),
            // It describes a table of this name, or shows the setting of this name: DESCRIBE does only the former.
            (_, what) => {
                self.table(fields)?;
                Err(Error::System { name: format!("SHOW {what}") })
            }
        }
    }
}

/// The arguments of a function that may stand where a table does.
fn table_function(fields: &Map<String, Value>) -> Result<&Value, Error> {
    let function = fields.get("function").and_then(Value::as_object);
    let name = function.map(|f| text(f, "function_name")).unwrap_or_default().to_ascii_lowercase();
    match function.filter(|_| TABLE_FUNCTIONS.contains(&name.as_str())) {
        Some(function) => Ok(function.get("arguments").unwrap_or(&Value::Null)),
        None => Err(Error::TableFunction { name }),
    }
}

fn one_of(names: &[&str], found: &[&str]) -> bool {
    found.iter().any(|found| names.iter().any(|name| name.eq_ignore_ascii_case(found)))
}

/// Parts of a column's name.
fn parts(fields: &Map<String, Value>) -> usize {
    fields.get("column_names").and_then(Value::as_array).map_or(0, Vec::len)
}

/// A field that is a text; empty where it is none.
pub(super) fn text<'t>(fields: &'t Map<String, Value>, key: &str) -> &'t str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}
