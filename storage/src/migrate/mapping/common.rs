//! Rows that two of their tables have in common: a parent has those of its children, a view those that it reads. Mapped into one
//! table of ours, both bring them over.

use crate::postgres::catalog::{Form, Table, TableName};

/// One of their tables.
pub(super) type Named<'a> = (&'a TableName, &'a Table);

/// Rows that two tables have in common.
#[derive(Debug)]
pub(super) struct Common<'a> {
    /// The table that rather stays.
    first: &'a TableName,
    /// The other one.
    pub second: &'a TableName,
    /// Whose rows they are.
    rows_of: &'a TableName,
    /// False where one of the two is a view, which may leave out what the other one has.
    pub is_certain: bool,
}

/// Where a table stands among those that have rows in common with it: parents before their children, and views last, those
/// behind that read others.
pub(super) fn place((name, table): Named<'_>) -> (bool, usize, &TableName) {
    let (is_view, holds) = (table.form == Form::View, table.holds.len());
    (is_view, if is_view { holds } else { usize::MAX - holds }, name)
}

/// The rows that two tables have in common. Two views that read the same third one may only share a table of names: of them
/// nothing is known.
pub(super) fn common<'a>(one: Named<'a>, other: Named<'a>) -> Option<Common<'a>> {
    let (first, second) = if place(one) < place(other) { (one, other) } else { (other, one) };
    let rows_of = if first.1.holds.contains(second.0) {
        second.0
    } else if second.1.holds.contains(first.0) {
        first.0
    } else if first.1.form == Form::View {
        return None;
    } else {
        first.1.holds.intersection(&second.1.holds).next()?
    };
    // The first of two is a view only where the second is one as well.
    Some(Common { first: first.0, second: second.0, rows_of, is_certain: second.1.form != Form::View })
}

impl Common<'_> {
    /// What the second table has of the first.
    pub fn words(&self) -> String {
        let Self { first, second, rows_of, .. } = *self;
        if rows_of == second {
            format!("its rows are already in {first}")
        } else if rows_of == first {
            format!("it reads {first}")
        } else {
            format!("rows of {rows_of} are in it and in {first}")
        }
    }
}
