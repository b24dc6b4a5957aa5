//! Ids that are ours to give: ticks and bars get the next free ones far above all that the market will ever reach;
//! positions, balances and snapshots rank by theirs, so that these are made of the time and lie below all of our own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use messages::{UtcNanos, caps};

use super::super::plan::Refusal;
use crate::tiers::{Manifest, Table};

/// The first number of a tick or bar that was brought over. A market of a million ticks a second comes here in 146,000 years.
pub const BACKFILL_IDS: i64 = 1 << 62;

/// Whose ids a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Theirs.
    Given,
    /// The next free ones.
    Next,
    /// By the time of the row.
    ByTime,
}

impl Ids {
    /// Of a table.
    pub fn of(table: &Table) -> Self {
        match table.name {
            "positions" | "balances" | "portfolio_snapshots" => Self::ByTime,
            _ if table.id.is_some() => Self::Next,
            _ => Self::Given,
        }
    }
}

/// Hands out the next free ones.
#[derive(Debug)]
pub struct Numbers(Mutex<BTreeMap<String, i64>>);

impl Numbers {
    /// Behind all that the manifest knows.
    pub fn after(manifest: &Manifest) -> Self {
        let mut next = BTreeMap::new();
        for piece in manifest.all() {
            if let Some((_, last)) =
                piece.content.as_ref().and_then(|content| content.ids).filter(|ids| ids.1 >= BACKFILL_IDS)
            {
                let free = next.entry(piece.table.clone()).or_insert(BACKFILL_IDS);
                *free = last.saturating_add(1).max(*free);
            }
        }
        Self(Mutex::new(next))
    }

    /// So many.
    ///
    /// # Panics
    /// When there are no more, which 146,000 years of a market do not reach.
    pub fn take(&self, table: &str, count: usize) -> Range<i64> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = next.entry(table.to_owned()).or_insert(BACKFILL_IDS);
        let end =
            i64::try_from(count).ok().and_then(|count| first.checked_add(count)).expect("ids for all rows there are");
        std::mem::replace(first, end)..end
    }
}

/// Numbers rows by their time. They come in the order of it, so that it knows the last instant alone.
#[derive(Debug, Default)]
pub struct Ranks {
    /// The microsecond of the last row.
    at: Option<i64>,
    /// How many rows had it.
    nth: i64,
}

impl Ranks {
    /// The number of the next row at an instant.
    ///
    /// # Errors
    /// There is none: too many rows, or an instant too far away.
    pub fn next(&mut self, column: &'static str, at: UtcNanos) -> Result<i64, Refusal> {
        let micros = at.micros();
        if self.at != Some(micros) {
            (self.at, self.nth) = (Some(micros), 0);
        }
        let refuse = |reason: String| Refusal { column, value: at.to_string(), reason };
        if self.nth >= caps::BACKFILL_ROWS_AT_ONCE {
            let most = caps::BACKFILL_ROWS_AT_ONCE;
            return Err(refuse(format!("more than {most} rows of the table have this time; rows rank by it")));
        }
        let ranked = micros.checked_mul(caps::BACKFILL_ROWS_AT_ONCE).and_then(|n| n.checked_sub(BACKFILL_IDS));
        let id = ranked.map(|first| first + self.nth).filter(|id| *id < 0);
        self.nth += 1;
        id.ok_or_else(|| refuse("lies outside of the years 1970 to 2112, in which such rows can be ranked".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_behind_the_manifest_and_come_once() {
        let numbers = Numbers::after(&Manifest::default());
        assert_eq!(numbers.take("market_ticks", 3), BACKFILL_IDS..BACKFILL_IDS + 3);
        assert_eq!(numbers.take("market_ticks", 2), BACKFILL_IDS + 3..BACKFILL_IDS + 5);
        assert_eq!(numbers.take("ohlcv_bars", 1), BACKFILL_IDS..BACKFILL_IDS + 1);
    }

    #[test]
    fn rows_rank_by_their_time_below_all_of_our_own() {
        let (mut ranks, at) = (Ranks::default(), |text: &str| text.parse::<UtcNanos>().unwrap());
        let mut next = |text: &str| ranks.next("position_id", at(text));
        let earlier = next("1970-01-01").unwrap();
        let first = next("2026-01-02").unwrap();
        assert!(earlier < first);
        let mut last = first;
        for _ in 1..1_024 {
            let id = next("2026-01-02").unwrap();
            assert!(last < id);
            last = id;
        }
        let refused = next("2026-01-02").unwrap_err();
        assert!(refused.reason.contains("more than 1024 rows"), "{refused}");
        let later = next("2026-01-02 00:00:00.000001").unwrap();
        assert!(last < later && later < 0);
        assert!(next("2200-01-01").unwrap_err().reason.contains("1970 to 2112"));
    }
}
