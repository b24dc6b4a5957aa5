//! Which side answers a question. Pure.
//!
//! A question stays on its side while its pages are turned: it is told by what is asked, and not by how many rows of it and
//! from which end. At a higher share of DuckDB's, what it answered before it answers still.

use serde::{Deserialize, Serialize};

use crate::query::{Page, Query};

/// Who answers questions to history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// DuckDB's tiers.
    #[default]
    DuckDb,
    /// The PostgreSQL server.
    Postgres,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::DuckDb, Self::Postgres];

    /// Its name in answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Postgres => "postgres",
        }
    }
}

/// Buckets that questions fall into.
const BUCKETS: u64 = 10_000;

/// The side of a question when so many percent are DuckDB's.
#[must_use]
pub fn side(query: &Query, percent: u8) -> Side {
    if bucket(query) < u64::from(percent) * BUCKETS / 100 { Side::DuckDb } else { Side::Postgres }
}

/// The bucket of a question: the same for all its pages.
#[must_use]
pub fn bucket(query: &Query) -> u64 {
    let bytes = postcard::to_allocvec(&without_page(query)).expect("a question is plain data");
    let first = blake3::hash(&bytes).as_bytes()[..8].try_into().expect("8 bytes of 32");
    u64::from_le_bytes(first) % BUCKETS
}

/// What is asked, whichever page of it.
fn without_page(query: &Query) -> Query {
    let mut asked = query.clone();
    match &mut asked {
        Query::Ticks { page, .. }
        | Query::Bars { page, .. }
        | Query::Orders { page, .. }
        | Query::Trades { page, .. }
        | Query::Equity { page, .. } => *page = Page::Oldest(0),
        Query::Positions { .. } => {}
    }
    asked
}

#[cfg(test)]
mod tests {
    use messages::market::Timeframe;
    use messages::{Exchange, Instrument, UtcNanos};

    use super::*;
    use crate::query::{Gaps, Of, Range};

    fn ticks(n: i64, page: Page) -> Query {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "BTC/USD".parse().unwrap() };
        Query::Ticks { instrument, range: Range { from: UtcNanos(n), to: UtcNanos(n * 7 + 1_000) }, page }
    }

    #[test]
    fn a_share_is_what_it_says_and_only_grows() {
        let asked: Vec<Query> = (0..100_000).map(|n| ticks(n, Page::Oldest(100))).collect();
        let mut before = vec![false; asked.len()];
        for percent in [0, 1, 10, 50, 99, 100] {
            let now: Vec<bool> = asked.iter().map(|query| side(query, percent) == Side::DuckDb).collect();
            let count = now.iter().filter(|is_duck| **is_duck).count();
            let expected = asked.len() * usize::from(percent) / 100;
            // Five standard deviations of the middle, and none at the ends.
            let most = if percent.is_multiple_of(100) { 0 } else { 790 };
            assert!(count.abs_diff(expected) <= most, "{percent} %: {count} of {}", asked.len());
            assert!(before.iter().zip(&now).all(|(before, now)| *now || !before), "{percent} % takes some back");
            before = now;
        }
    }

    #[test]
    fn pages_of_a_question_stay_on_one_side() {
        let (of, to) = (Of::default(), UtcNanos(9));
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "BTC/USD".parse().unwrap() };
        let questions = |page| {
            let (range, timeframe) = (Range { from: UtcNanos(1), to }, Timeframe::MINUTE);
            [
                Query::Ticks { instrument, range, page },
                Query::Bars { instrument, timeframe, range, gaps: Gaps::Left, page },
                Query::Orders { range, of, page },
                Query::Trades { range, of, page },
                Query::Equity { range, account: None, page },
            ]
        };
        let first = questions(Page::Oldest(100)).map(|query| bucket(&query));
        assert_eq!(first, questions(Page::Oldest(101)).map(|query| bucket(&query)));
        assert_eq!(first, questions(Page::Newest(7)).map(|query| bucket(&query)));
        let kinds: std::collections::BTreeSet<u64> = first.into_iter().collect();
        assert_eq!(kinds.len(), 5, "each kind has a bucket of its own: {first:?}");
    }

    #[test]
    fn a_bucket_is_the_same_in_every_version() {
        assert_eq!([1, 2, 3].map(|n| bucket(&ticks(n, Page::Oldest(1)))), [9_785, 4_930, 4_954]);
    }
}
