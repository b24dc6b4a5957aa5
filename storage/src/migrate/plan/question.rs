//! A question for some rows of a mapped table: what is wanted is said of our columns, and asked of theirs. Pure.
//!
//! A condition holds for exactly the rows that would meet it as rows of ours, so that the server may count and cut them.
//! Rows of one instant come in an order that is the same each time: who turns pages goes on where he was.

use super::{Made, Plan};
use crate::migrate::convert::{Cell, Rule};
use crate::postgres::catalog::{Type, quoted};
use crate::query::Range;
use crate::tiers;

/// Which rows of a mapped table.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Of which time.
    pub range: Range,
    /// The text that stands in each of these columns of ours.
    pub texts: &'a [(&'static str, String)],
    /// Only rows that correct others.
    pub is_correction: bool,
    /// In which order.
    pub order: Order,
    /// How many at most.
    pub limit: Option<usize>,
}

impl Wanted<'_> {
    /// All rows of a range, in no order.
    #[must_use]
    pub fn all(range: Range) -> Self {
        Self { range, texts: &[], is_correction: false, order: Order::Any, limit: None }
    }
}

/// Which row comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Any.
    Any,
    /// The oldest.
    Oldest,
    /// The newest.
    Newest,
}

/// What becomes of a condition on one of our columns.
enum Condition {
    /// No row meets it.
    Never,
    /// Every row does.
    Always,
    /// Those of which this holds.
    If(String),
}

impl Plan {
    /// The question for these rows; `None` where there can be none.
    #[must_use]
    pub fn question(&self, wanted: &Wanted<'_>) -> Option<String> {
        if wanted.range.from >= wanted.range.to {
            return None;
        }
        let mut conditions = self.bounds(wanted.range);
        let texts = wanted.texts.iter().map(|(column, text)| self.is(column, text));
        for condition in texts.chain(wanted.is_correction.then(|| self.is_correction())) {
            match condition {
                Condition::Never => return None,
                Condition::Always => {}
                Condition::If(sql) => conditions.push(sql),
            }
        }
        let mut sql = self.select_where(&conditions) + &self.in_order(wanted.order);
        if let Some(limit) = wanted.limit {
            sql += &format!(" LIMIT {limit}");
        }
        Some(sql)
    }

    /// The question for the rows whose time lies in `range`, in the order in which pages of them are turned: who numbers them as
    /// they come gives the rows of an instant the same order everywhere.
    #[must_use]
    pub fn select_in_order(&self, range: Range) -> String {
        self.select(range) + &self.in_order(Order::Oldest)
    }

    fn in_order(&self, order: Order) -> String {
        let way = match order {
            Order::Any => return String::new(),
            Order::Oldest => "ASC",
            Order::Newest => "DESC",
        };
        let keys: Vec<String> = self.order().into_iter().map(|key| format!("{key} {way}")).collect();
        format!(" ORDER BY {}", keys.join(", "))
    }

    /// True if rows of it may correct others.
    #[must_use]
    pub fn may_correct(&self) -> bool {
        !matches!(self.is_correction(), Condition::Never)
    }

    fn made(&self, column: &str) -> Option<&Made> {
        self.made.iter().find(|made| made.column().0 == column)
    }

    fn is(&self, column: &str, text: &str) -> Condition {
        match self.made(column) {
            None => Condition::Never,
            Some(Made::Constant { cell: Cell::Text(always), .. }) if always == text => Condition::Always,
            Some(Made::Constant { .. }) => Condition::Never,
            Some(Made::Read { from, rule }) => of_text(from, rule, text),
        }
    }

    fn is_correction(&self) -> Condition {
        match self.made("revision") {
            Some(Made::Constant { cell: Cell::Small(revision), .. }) if *revision > 0 => Condition::Always,
            None | Some(Made::Constant { .. }) => Condition::Never,
            Some(Made::Read { from, rule }) if matches!(rule.source, Type::Text | Type::LooseText) => {
                Condition::If(format!("{} <> '0'", quoted(from)))
            }
            Some(Made::Read { from, .. }) => Condition::If(format!("{} > 0", quoted(from))),
        }
    }

    /// Time, and what tells rows of one time apart: the number or id of a row, where it has one; else the venue's number, and
    /// then whatever stands in it.
    fn order(&self) -> Vec<String> {
        let mut keys = vec![quoted(&self.time.0)];
        let own = match self.into.table {
            "orders" => Some("order_id"),
            "trades" => Some("trade_id"),
            table => tiers::table(table).and_then(|table| table.id),
        };
        if let Some(Made::Read { from, rule }) = own.and_then(|id| self.made(id)) {
            keys.push(key(from, rule));
            return keys;
        }
        let (numbers, others): (Vec<_>, Vec<_>) = self.read().partition(|(_, rule)| rule.column == "sequence_number");
        keys.extend(numbers.into_iter().map(|(from, rule)| key(from, rule)));
        keys.extend(others.into_iter().filter(|(from, _)| *from != self.time.0).map(|(from, rule)| key(from, rule)));
        keys
    }
}

/// That their column becomes this text.
fn of_text(from: &str, rule: &Rule, text: &str) -> Condition {
    let theirs: Vec<&str> = if rule.values.is_empty() {
        vec![text]
    } else {
        rule.values.iter().filter(|(_, ours)| *ours == text).map(|(theirs, _)| theirs.as_str()).collect()
    };
    let column = match &rule.source {
        Type::Text | Type::LooseText | Type::Enum(_) => quoted(from),
        _ => format!("{}::text", quoted(from)),
    };
    // What is no label of it cannot even be compared with it.
    let may_be = |theirs: &&str| match &rule.source {
        Type::Enum(labels) => labels.iter().any(|label| label == theirs),
        _ => true,
    };
    let theirs: Vec<String> = theirs.into_iter().filter(may_be).map(literal).collect();
    let is = match &theirs[..] {
        [] => return Condition::Never,
        [one] => format!("= {one}"),
        several => format!("IN ({})", several.join(", ")),
    };
    Condition::If(match rule.source {
        // An index finds those that the server takes for it, and then only itself stays.
        Type::LooseText => format!("{column} {is} AND {} {is}", as_text(from)),
        _ => format!("{column} {is}"),
    })
}

/// What a column is sorted by: where equal values make equal cells of ours by its value, which costs the server less than its
/// text; all else by its text.
fn key(from: &str, rule: &Rule) -> String {
    match rule.source {
        Type::Int(_)
        | Type::Numeric(_)
        | Type::Uuid
        | Type::Bool
        | Type::Timestamptz
        | Type::Timestamp
        | Type::Date => quoted(from),
        _ => as_text(from),
    }
}

/// Every type has a text, and a text by its bytes sorts in the same way everywhere.
fn as_text(from: &str) -> String {
    format!("{}::text COLLATE \"C\"", quoted(from))
}

/// A text in SQL, whatever the server thinks of backslashes.
fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!(" E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}
