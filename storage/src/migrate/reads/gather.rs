//! Rows of several tables as one page of one answer. Pure.
//!
//! Each table gives its first rows in the order of the page, and more of them when too few are left of these: some do not
//! fit, some were corrected, some stand in two tables. A row counts only if no table can still have one before it.

use super::relation::Owner;
use crate::query::Page;

/// What rows of an answer are sorted by. Of rows of one time the rank says which table's come first, the number which row;
/// of rows without a number the one that the server gave first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its time, in microseconds.
    pub micros: i64,
    /// Of its table: [`rank`].
    pub rank: u16,
    /// Its id or number.
    pub number: u128,
    /// Its place among those that the server gave; in an answer of the newest counted back from the largest.
    pub place: u64,
}

impl Key {
    /// The place of the row that came as the `n`th.
    #[must_use]
    pub fn place(n: usize, page: Page) -> u64 {
        match page {
            Page::Oldest(_) => n as u64,
            Page::Newest(_) => u64::MAX - n as u64,
        }
    }
}

/// The rank of the `nth` table, whose rows' numbers say nothing about those of others: ours are lower where `is_tick`. Each of
/// theirs has its own, for a row's place says only which of its own table it is, and that depends on where the page begins.
#[must_use]
pub fn rank(owner: Owner, is_tick: bool, nth: usize) -> u16 {
    let nth = u16::try_from(nth).unwrap_or(u16::MAX);
    match (owner, is_tick) {
        (Owner::Them, true) => nth.saturating_add(1),
        (Owner::Them, false) => nth,
        (Owner::Us | Owner::Alone, true) => 0,
        (Owner::Us | Owner::Alone, false) => u16::MAX,
    }
}

/// The first rows of one table.
#[derive(Debug)]
pub struct First<T> {
    /// In the order of the page.
    pub rows: Vec<(Key, T)>,
    /// That it may have more.
    pub has_more: bool,
}

/// A page.
#[derive(Debug, PartialEq)]
pub struct Gathered<T> {
    /// The oldest first.
    pub rows: Vec<T>,
    /// That there are more.
    pub is_cut: bool,
}

/// Gathers a page. `first` reads that many rows of each table; `keep` leaves out those that another one replaces.
///
/// # Errors
/// Those of `first` and `keep`.
pub fn gather<T, E>(
    page: Page,
    mut first: impl FnMut(usize) -> Result<Vec<First<T>>, E>,
    mut keep: impl FnMut(Vec<(Key, T)>) -> Result<Vec<(Key, T)>, E>,
) -> Result<Gathered<T>, E> {
    let mut limit = page.limit().saturating_add(1);
    loop {
        let tables = first(limit)?;
        let has_more = tables.iter().any(|table| table.has_more);
        let known_to = horizon(&tables, page);
        let mut rows = keep(tables.into_iter().flat_map(|table| table.rows).collect())?;
        rows.retain(|(key, _)| known_to.is_none_or(|last| is_within(*key, last, page)));
        if rows.len() > page.limit() || !has_more {
            rows.sort_by_key(|(key, _)| *key);
            return Ok(cut(rows, page));
        }
        limit = limit.saturating_mul(2);
    }
}

/// The row behind which a table may have others; `None` where all of them gave all that they have. A table that gave none and
/// has more is known to nowhere.
fn horizon<T>(tables: &[First<T>], page: Page) -> Option<Option<Key>> {
    let open = tables.iter().filter(|table| table.has_more).map(|table| table.rows.last().map(|(key, _)| *key));
    open.reduce(|a, b| {
        let (a, b) = (a?, b?);
        Some(match page {
            Page::Oldest(_) => a.min(b),
            Page::Newest(_) => a.max(b),
        })
    })
}

fn is_within(key: Key, last: Option<Key>, page: Page) -> bool {
    last.is_some_and(|last| match page {
        Page::Oldest(_) => key <= last,
        Page::Newest(_) => key >= last,
    })
}

fn cut<T>(mut rows: Vec<(Key, T)>, page: Page) -> Gathered<T> {
    let limit = page.limit();
    let is_cut = rows.len() > limit;
    match page {
        Page::Oldest(_) => rows.truncate(limit),
        Page::Newest(_) => drop(rows.drain(..rows.len().saturating_sub(limit))),
    }
    Gathered { rows: rows.into_iter().map(|(_, row)| row).collect(), is_cut }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Rows of two tables: their times, and whether each is left out.
    type Table = Vec<(i64, bool)>;

    fn all(tables: &[Table]) -> Vec<(Key, (usize, usize))> {
        let keys = |(of, table): (usize, &Table)| {
            let key = move |(n, (micros, out)): (usize, (i64, bool))| {
                let key = Key { micros, rank: of as u16, number: n as u128, place: 0 };
                (!out).then_some((key, (of, n)))
            };
            table.iter().copied().enumerate().filter_map(key).collect::<Vec<_>>()
        };
        tables.iter().enumerate().flat_map(keys).collect()
    }

    fn first(tables: &[Table], page: Page, limit: usize) -> Vec<First<(usize, usize)>> {
        let of = |(rank, table): (usize, &Table)| {
            let mut rows: Vec<usize> = (0..table.len()).collect();
            if matches!(page, Page::Newest(_)) {
                rows.reverse();
            }
            let has_more = rows.len() >= limit;
            rows.truncate(limit);
            let known = all(tables);
            let rows = rows.into_iter().filter_map(|n| known.iter().find(|(_, at)| *at == (rank, n)).copied());
            First { rows: rows.collect(), has_more }
        };
        tables.iter().enumerate().map(of).collect()
    }

    #[test]
    fn each_of_their_tables_has_a_rank_of_its_own_above_our_ticks_and_below_all_else() {
        for is_tick in [true, false] {
            let theirs: Vec<u16> = (1..4).map(|nth| rank(Owner::Them, is_tick, nth)).collect();
            assert!(theirs.is_sorted_by(|a, b| a < b), "{theirs:?}");
            for ours in [rank(Owner::Us, is_tick, 0), rank(Owner::Alone, is_tick, 4)] {
                assert!(theirs.iter().all(|theirs| (ours < *theirs) == is_tick && ours != *theirs), "{theirs:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_page_is_the_first_rows_of_all(
            tables in prop::collection::vec(prop::collection::vec((0..20i64, prop::bool::weighted(0.3)), 0..40), 1..3),
            limit in 0..12u32, is_newest in any::<bool>(), odd in any::<bool>(),
        ) {
            let mut tables = tables;
            tables.iter_mut().for_each(|table| table.sort_by_key(|(micros, _)| *micros));
            let page = if is_newest { Page::Newest(limit) } else { Page::Oldest(limit) };
            // Rows at odd times are replaced by others, which is known only when all are there.
            let stays = |key: &Key| !odd || key.micros % 2 == 0;
            let found = gather(
                page,
                |limit| Ok::<_, Infallible>(first(&tables, page, limit)),
                |rows| Ok(rows.into_iter().filter(|(key, _)| stays(key)).collect()),
            );
            let mut expected: Vec<_> = all(&tables).into_iter().filter(|(key, _)| stays(key)).collect();
            expected.sort();
            prop_assert_eq!(found.unwrap(), cut(expected, page));
        }
    }
}
