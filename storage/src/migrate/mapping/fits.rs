//! Whether a column of one type can become one of ours, before a single row is read. A refusal says what would help.

use super::super::targets;
use super::{ColumnMapping, Floating, Zone};
use crate::duck::sheet::Kind;
use crate::postgres::catalog::Type;

/// What always helps: a view that says it in SQL.
const VIEW: &str = "map a view that casts it instead";

/// That `source` can become `kind` as the mapping says.
///
/// # Errors
/// It cannot: why, and what would help.
pub(super) fn fits(kind: Kind, source: &Type, mapping: &ColumnMapping) -> Result<(), String> {
    options_apply(kind, source, mapping)?;
    match (kind, source) {
        (_, Type::Other(name)) => Err(format!("the type {name} is not read; {VIEW}")),
        (
            Kind::Text,
            Type::Real | Type::Double | Type::Numeric(_) | Type::Timestamptz | Type::Timestamp | Type::Date,
        ) => Err(format!("{source} is no text; {VIEW}")),
        (Kind::P | Kind::Q, Type::Real | Type::Double) if mapping.floating.is_none() => Err(format!(
            "{source} holds no decimal exactly; if the shortest decimal that is stored as the same number is what you mean, add floating = \"shortest\", else {VIEW}"
        )),
        (
            Kind::P | Kind::Q,
            Type::Numeric(_) | Type::Int(_) | Type::Text | Type::LooseText | Type::Real | Type::Double,
        )
        | (Kind::Int | Kind::Small, Type::Int(_) | Type::Text | Type::LooseText | Type::Numeric(_))
        | (Kind::Text, _)
        | (Kind::Flag, Type::Bool | Type::Text | Type::LooseText | Type::Enum(_) | Type::Int(_))
        | (Kind::Id, Type::Uuid | Type::Text | Type::LooseText)
        | (Kind::Time, Type::Timestamptz) => Ok(()),
        (Kind::Time, Type::Timestamp | Type::Date) if mapping.zone == Some(Zone::Utc) => Ok(()),
        (Kind::Time, Type::Timestamp | Type::Date) => Err(format!(
            "{source} says not in which zone it is; if it is UTC add zone = \"UTC\", else map a view with `AT TIME ZONE`"
        )),
        (Kind::Time, Type::Int(_)) if mapping.unit.is_some() => Ok(()),
        (Kind::Time, Type::Int(_)) => {
            Err("a whole number is a time only with its unit since 1970; add unit = \"s\", \"ms\", \"us\" or \"ns\""
                .to_owned())
        }
        _ => Err(format!("{source} cannot become {}; {VIEW}", name(kind))),
    }
}

/// That no option is given which would do nothing.
fn options_apply(kind: Kind, source: &Type, mapping: &ColumnMapping) -> Result<(), String> {
    let is_floating = matches!(source, Type::Real | Type::Double) && matches!(kind, Kind::P | Kind::Q);
    let (is_time, is_zoneless) = (kind == Kind::Time, matches!(source, Type::Timestamp | Type::Date));
    let idle = [
        ("values", !mapping.values.is_empty() && !matches!(kind, Kind::Text | Kind::Flag)),
        ("unit", mapping.unit.is_some() && !(is_time && matches!(source, Type::Int(_)))),
        ("floating", mapping.floating == Some(Floating::Shortest) && !is_floating),
        ("zone", mapping.zone.is_some() && !(is_time && is_zoneless)),
    ];
    match idle.iter().find(|(_, is_idle)| *is_idle) {
        Some((option, _)) => Err(format!("`{option}` does nothing for {source} as {}; take it out", name(kind))),
        None => Ok(()),
    }
}

/// That every label of an enumerated type becomes something that may stand in the column.
///
/// # Errors
/// Those that do not, and what would be right.
pub(super) fn labels_fit(table: &str, column: &str, labels: &[String], mapping: &ColumnMapping) -> Result<(), String> {
    for label in labels {
        let ours = mapping.values.get(label).or(Some(label).filter(|_| mapping.values.is_empty()));
        let Some(ours) = ours else {
            return Err(format!("the label `{label}` is not among `values`; say what it is called here"));
        };
        targets::check_text(table, column, ours).map_err(|why| {
            format!("the label `{label}` fits not ({why}); say under `values` what each is called here")
        })?;
    }
    Ok(())
}

/// What a column of ours holds, for people.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Int | Kind::Small => "a whole number",
        Kind::P => "a decimal with 8 decimals",
        Kind::Q => "a decimal with 9 decimals",
        Kind::Time => "an instant",
        Kind::Flag => "true or false",
        Kind::Id => "a UUID",
        Kind::Real => "a measured value",
    }
}
