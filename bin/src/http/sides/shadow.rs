//! Questions that are asked of both sides, behind the answer of one: nobody waits for it.
//!
//! Both must hold the same. Of the market only what lies some time back is asked for, where nothing new comes; of the ledger two
//! answers count only if they are complete up to one record. What still comes late looks like a difference once: only one that
//! stays is one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use messages::UtcNanos;
use storage::journal::Log;
use storage::migrate::compare::answers::unlike;
use storage::migrate::reads::{Divided, Need};
use storage::query::{self, Answer, Query};

use super::{Question, Sides};

/// How far back the market is held to be at rest. Feeds report trades within seconds, and fetch what they missed within a minute.
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
        let Some(query) = at_rest(&question.query, wall.before(AT_REST)).filter(|_| is_due) else {
            return;
        };
        if shadows.is_one_under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let sides = self.clone();
        actix_web::rt::spawn(async move {
            // What was found in another phase says nothing about this one.
            if let Some(difference) = sides.look(&query, divided).await
                && sides.reads.share().get() == divided
            {
                sides.reads.shadowed(&query, difference.as_deref());
            }
            sides.shadows.is_one_under_way.store(false, Ordering::Release);
        });
    }

    /// What stays different, if anything; `None` where that cannot be told now.
    async fn look(&self, query: &Query, divided: Divided) -> Option<Option<String>> {
        let mut difference = None;
        for n in 0..LOOKS {
            if n > 0 {
                tokio::time::sleep(BETWEEN).await;
            }
            let (duckdb, postgres) = self.both(query, divided).await?;
            if query::log_of(query) == Log::Ledger && duckdb.complete_to != postgres.complete_to {
                continue;
            }
            match unlike(query, duckdb, postgres) {
                None => return Some(None),
                Some(unlike) => difference = Some(unlike.first),
            }
        }
        difference.map(Some)
    }

    /// Both answers, which hold all that is durable now.
    async fn both(&self, query: &Query, divided: Divided) -> Option<(Answer, Answer)> {
        let need: Need = self.watermarks.durable();
        let question = Question { query: query.clone(), whole: query.clone(), need, memory: need.market };
        // Neither is counted: nobody waited for it.
        let duckdb = self.read_duckdb(&question).await.ok()?.ok()?;
        let postgres = self.ask_postgres(&question, divided).await.ok()?;
        Some((duckdb, postgres))
    }
}

/// The part of a question to which nothing new comes; `None` where there is none.
fn at_rest(query: &Query, before: UtcNanos) -> Option<Query> {
    let mut asked = query.clone();
    if let Query::Ticks { range, .. } | Query::Bars { range, .. } = &mut asked {
        range.to = range.to.min(before);
        return (range.from < range.to).then_some(asked);
    }
    Some(asked)
}

#[cfg(test)]
mod tests {
    use messages::{Exchange, Instrument};
    use storage::query::{Of, Page, Range};

    use super::*;

    #[test]
    fn of_the_market_only_what_is_at_rest_is_asked_for() {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "BTC/USD".parse().unwrap() };
        let ticks = |from, to| {
            let range = Range { from: UtcNanos(from), to: UtcNanos(to) };
            Query::Ticks { instrument, range, page: Page::Oldest(1) }
        };
        let asked = |query: &Query| at_rest(query, UtcNanos(5));
        assert_eq!(asked(&ticks(1, 9)), Some(ticks(1, 5)));
        assert_eq!(asked(&ticks(1, 3)), Some(ticks(1, 3)));
        assert_eq!(asked(&ticks(5, 9)), None);
        let positions = Query::Positions { at: UtcNanos(9), of: Of::default() };
        assert_eq!(asked(&positions), Some(positions));
    }
}
