//! Questions that are asked of both sides, behind the answer of one: nobody waits for it.
//!
//! Both must hold the same. What DuckDB has deleted at the end of its life PostgreSQL may still have: only what lies behind that
//! is asked for. Of what only grows, the market, fills and the equity curve, that is what lies some time back, where nothing new
//! comes: it is the same whichever records come meanwhile. Orders and positions change, and two answers about them count only
//! if they are complete up to one record. What still comes late looks like a difference once: only one that stays is one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use messages::UtcNanos;
use storage::migrate::compare::answers::unlike;
use storage::migrate::compare::kept_since;
use storage::migrate::reads::{Divided, Need};
use storage::query::{Answer, Query};

use super::{Question, Sides};

/// How far back what only grows is held to be at rest. Feeds report trades within seconds, and fetch what they missed within a
/// minute; a venue's fills are heard of as soon, and what undoes one is a row of its own.
const AT_REST: Duration = Duration::from_secs(120);

/// How often a difference must be found.
const LOOKS: usize = 3;

/// How long between two looks.
const BETWEEN: Duration = Duration::from_secs(2);

impl Sides {
    /// Asks both sides, if it is the turn of this question.
    pub(super) fn shadow(&self, question: &Question, divided: Divided) {
        let shadows = &self.shadows;
        let is_due = shadows.every > 0
            && divided.is_comparable()
            && divided.use_duckdb.is_none()
            && shadows.answered.fetch_add(1, Ordering::Relaxed).is_multiple_of(shadows.every);
        let wall = actors::clock::Clock::wall().now();
        let kept = kept_since(shadows.tiers.limits(question.query.table()), wall);
        let Some(query) = at_rest(&question.query, wall.before(AT_REST), kept).filter(|_| is_due) else {
            return;
        };
        if shadows.is_one_under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let sides = self.clone();
        actix_web::rt::spawn(async move {
            // Whose turn it is to answer may have changed since: it is a difference of the same two sides.
            if let Some(difference) = sides.look(&query, divided).await {
                sides.reads.shadowed(&query, difference.as_deref());
            }
            sides.shadows.is_one_under_way.store(false, Ordering::Release);
        });
    }

    /// What stays different, if anything; `None` where that cannot be told now.
    async fn look(&self, query: &Query, divided: Divided) -> Option<Option<String>> {
        let mut difference: Option<String> = None;
        for n in 0..LOOKS {
            if n > 0 {
                tokio::time::sleep(BETWEEN).await;
            }
            let (duckdb, postgres) = self.both(query, divided).await?;
            let is_level = duckdb.complete_to == postgres.complete_to;
            if !is_level && !only_grows(query) {
                continue;
            }
            match unlike(query, duckdb, postgres) {
                None => return Some(None),
                Some(found) if is_level || stays(difference.as_deref(), &found.first) => difference = Some(found.first),
                Some(_) => return None,
            }
        }
        difference.map(Some)
    }

    /// Both answers, which hold all that is durable now.
    async fn both(&self, query: &Query, divided: Divided) -> Option<(Answer, Answer)> {
        let need: Need = self.watermarks.durable();
        let question = Question { query: query.clone(), whole: query.clone(), need, memory: need.market };
        // Neither is counted: nobody waited for it.
        let duckdb = self.ask_duckdb(&question).await?;
        let postgres = self.ask_postgres(&question, divided).await.ok()?;
        Some((duckdb, postgres))
    }

    /// DuckDB's answer, if it has what that must hold: what its tables do not have yet is no difference.
    pub(super) async fn ask_duckdb(&self, question: &Question) -> Option<Answer> {
        self.watermarks.until_applied(question.need).await.ok()?;
        self.read_duckdb(question).await.ok()?.ok()
    }
}

/// Whether no row of an answer changes: some time back it stays as it is.
fn only_grows(query: &Query) -> bool {
    match query {
        Query::Ticks { .. } | Query::Bars { .. } | Query::Trades { .. } | Query::Equity { .. } => true,
        Query::Orders { .. } | Query::Positions { .. } => false,
    }
}

/// Whether a difference is the one that was found before: another one each time is of rows that come late.
fn stays(before: Option<&str>, found: &str) -> bool {
    before.is_none_or(|before| before == found)
}

/// The part of a question to which nothing new comes, and of which DuckDB has deleted nothing: since `kept`, where it does
/// delete. `None` where there is none.
fn at_rest(query: &Query, before: UtcNanos, kept: Option<UtcNanos>) -> Option<Query> {
    match query {
        // Fills go with their order, and how old that is their time does not tell.
        Query::Trades { .. } if kept.is_some() => return None,
        // What stood at an instant may have gone since; what stands now stays on disk.
        Query::Positions { at, .. } if kept.is_some() && *at < before => return None,
        _ => {}
    }
    let mut asked = query.clone();
    let Some(range) = asked.range_mut() else { return Some(asked) };
    if only_grows(query) {
        range.to = range.to.min(before);
    }
    range.from = kept.map_or(range.from, |kept| range.from.max(kept));
    (range.from < range.to).then_some(asked)
}

#[cfg(test)]
mod tests {
    use messages::market::Timeframe;
    use messages::{Exchange, Instrument};
    use storage::query::{Gaps, Of, Page, Range};

    use super::*;

    fn instrument() -> Instrument {
        Instrument { exchange: Exchange::Simulated, symbol: "BTC/USD".parse().unwrap() }
    }

    fn range(from: i64, to: i64) -> Range {
        Range { from: UtcNanos(from), to: UtcNanos(to) }
    }

    fn ticks(from: i64, to: i64) -> Query {
        Query::Ticks { instrument: instrument(), range: range(from, to), page: Page::Oldest(1) }
    }

    #[test]
    fn of_what_only_grows_only_what_is_at_rest_is_asked_for() {
        let asked = |query: &Query| at_rest(query, UtcNanos(5), None);
        let (of, page) = (Of::default(), Page::Oldest(1));
        let fills = |from, to| Query::Trades { range: range(from, to), of, page };
        let equity = |from, to| Query::Equity { range: range(from, to), account: None, page };
        let growing: [&dyn Fn(i64, i64) -> Query; 3] = [&ticks, &fills, &equity];
        for query in growing {
            assert!(only_grows(&query(1, 9)));
            assert_eq!(asked(&query(1, 9)), Some(query(1, 5)));
            assert_eq!(asked(&query(1, 3)), Some(query(1, 3)));
            assert_eq!(asked(&query(5, 9)), None);
        }
        let positions = Query::Positions { at: UtcNanos(9), of };
        for changing in [positions, Query::Orders { range: range(1, 9), of, page }] {
            assert!(!only_grows(&changing), "it counts at one record only");
            assert_eq!(asked(&changing), Some(changing));
        }
    }

    #[test]
    fn another_difference_each_time_is_none_that_stays() {
        assert!(stays(None, "PostgreSQL alone: a"));
        assert!(stays(Some("PostgreSQL alone: a"), "PostgreSQL alone: a"));
        assert!(!stays(Some("PostgreSQL alone: a"), "PostgreSQL alone: b"));
    }

    #[test]
    fn what_duckdb_has_deleted_is_asked_of_neither_side() {
        let asked = |query: &Query| at_rest(query, UtcNanos(50), Some(UtcNanos(20)));
        let (of, page) = (Of::default(), Page::Oldest(1));
        let bars = |from, to| Query::Bars {
            instrument: instrument(),
            timeframe: Timeframe::MINUTE,
            range: range(from, to),
            gaps: Gaps::Left,
            page,
        };
        let orders = |from, to| Query::Orders { range: range(from, to), of, page };
        let equity = |from, to| Query::Equity { range: range(from, to), account: None, page };
        let of_range: [&dyn Fn(i64, i64) -> Query; 4] = [&ticks, &bars, &orders, &equity];
        for query in of_range {
            assert_eq!(asked(&query(1, 40)), Some(query(20, 40)));
            assert_eq!(asked(&query(30, 40)), Some(query(30, 40)));
            assert_eq!(asked(&query(1, 20)), None, "all of it may have been deleted");
        }
        // How old the order of a fill is, its time does not tell.
        let fills = Query::Trades { range: range(30, 40), of, page };
        assert_eq!(asked(&fills), None);
        assert_eq!(at_rest(&fills, UtcNanos(50), None), Some(fills));
        let positions = |at| Query::Positions { at: UtcNanos(at), of };
        assert_eq!(asked(&positions(49)), None);
        assert_eq!(asked(&positions(50)), Some(positions(50)));
    }
}
