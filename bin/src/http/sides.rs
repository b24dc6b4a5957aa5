//! Who answers questions to history: DuckDB, or, on the way out of PostgreSQL, that.
//!
//! The phase says who, and in it a share of the questions. An answer holds what it must, whoever gives it: the side that is
//! asked is waited for. Where PostgreSQL cannot answer DuckDB does, once it holds everything; before, the question is
//! refused, for an answer without the rows that were not brought over yet would be a wrong one. Some questions are asked of
//! both, behind the answer, and what both say is held against each other. What DuckDB alone recorded before dual write is in
//! PostgreSQL's answer, too.

mod rest;
mod shadow;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use actix_web::web;
use messages::UtcNanos;
use messages::ledger::Seq;
use messages::migration::Watermark;
use storage::journal::Log;
use storage::migrate::reads::{Alone, Divided, Error, Follows, Need, OTHERWISE, Reads, Side};
use storage::pool;
use storage::query::{self, Answer, Query};
use storage::service::Database;
use storage::settings::Tiers;

use super::ask::busy;
use super::edge::{FRESH_WITHIN, Watermarks, now, opening};
use super::problem::{Code, Problem};
use rest::Rest;

/// How often it is looked whether a side holds what it must.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A question to history.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked.
    pub query: Query,
    /// The question of which it asks a page: all its pages are answered by one side.
    pub whole: Query,
    /// What the answer must hold.
    pub need: Need,
    /// What memory must hold of the market to answer: it may be behind the tables, and who turns a page of theirs must not miss
    /// what was there.
    pub memory: Seq,
}

/// Both sides. A clone asks the same ones.
#[derive(Clone)]
pub struct Sides {
    database: Database,
    reads: Reads,
    watermarks: Watermarks,
    shadows: Arc<Shadows>,
    rest: Rest,
}

/// Questions that are asked of both sides.
struct Shadows {
    /// One of so many; 0 for none.
    every: u64,
    /// How long rows live: DuckDB deletes what PostgreSQL may keep.
    tiers: Tiers,
    answered: AtomicU64,
    /// One at a time: they take readers from those who wait for an answer.
    is_one_under_way: AtomicBool,
}

impl Sides {
    /// These sides; one of `shadow_every` questions is asked of both, about what DuckDB has not deleted by `tiers`.
    pub fn new(database: Database, reads: Reads, watermarks: Watermarks, shadow_every: u64, tiers: Tiers) -> Self {
        let (answered, is_one_under_way) = (AtomicU64::new(0), AtomicBool::new(false));
        let shadows = Arc::new(Shadows { every: shadow_every, tiers, answered, is_one_under_way });
        Self { database, reads, watermarks, shadows, rest: Rest::default() }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// It cannot be answered, or not now.
    pub async fn answer(&self, question: &Question) -> Result<Answer, Problem> {
        let divided = self.reads.share().get();
        let answer = match divided.side(&question.whole) {
            Side::DuckDb => self.duckdb(question).await?,
            Side::Postgres => match self.postgres(question, divided).await {
                Ok(answer) => answer,
                Err(error) if divided.may_fall_back() && !matches!(error, Error::Gone | Error::Closed) => {
                    tracing::warn!(event = "read_fell_back", "DuckDB answers in place of PostgreSQL: {}", words(error));
                    self.duckdb(question).await?
                }
                Err(error) => return Err(refused(error, divided)),
            },
        };
        self.shadow(question, divided);
        Ok(answer)
    }

    /// Waits until the side that will answer holds what it must.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn ready(&self, question: &Question) -> Result<(), Problem> {
        let divided = self.reads.share().get();
        if divided.side(&question.whole) == Side::Postgres {
            let began = now();
            match self.patiently(divided, self.until_whole(question, divided)).await {
                Ok(_) => return Ok(()),
                // Where DuckDB answers in its place, it is asked again first, and that is counted.
                Err(error) if !divided.may_fall_back() => {
                    if !error.is_ours() {
                        self.reads.answered(Side::Postgres, began.elapsed(), true);
                    }
                    return Err(refused(error, divided));
                }
                Err(_) => {}
            }
        }
        self.until_applied(question.need).await
    }

    /// Waits until DuckDB holds what it must. Where it does not get there in time, that is an error of DuckDB's: nobody gets an
    /// answer of it, as of a PostgreSQL that is behind.
    async fn until_applied(&self, need: Need) -> Result<(), Problem> {
        let began = now();
        let applied = self.watermarks.until_applied(need).await;
        // While it opens it has begun nothing in which it could fail.
        if applied.is_err() && self.database.pool().is_some() {
            self.reads.answered(Side::DuckDb, began.elapsed(), true);
        }
        applied
    }

    /// DuckDB's answer.
    async fn duckdb(&self, question: &Question) -> Result<Answer, Problem> {
        self.database.pool().ok_or_else(opening)?;
        self.until_applied(question.need).await?;
        let began = now();
        let found = self.read_duckdb(question).await?;
        if !matches!(found, Err(query::Error::Pool(pool::Error::Gone))) {
            self.reads.answered(Side::DuckDb, began.elapsed(), found.as_ref().is_err_and(is_fault));
        }
        found.map_err(|error| match error {
            query::Error::Pool(error @ pool::Error::Busy { .. }) => busy(&error),
            error => anyhow::Error::from(error).into(),
        })
    }

    async fn read_duckdb(&self, question: &Question) -> Result<Result<Answer, query::Error>, Problem> {
        let lease = match self.database.lease(&question.query).await.ok_or_else(opening)? {
            Ok(lease) => lease,
            Err(error) => return Ok(Err(error.into())),
        };
        // Dropped with this future when the client goes: nobody reads for who does not listen.
        let _ender = lease.ender();
        let (database, query, at_least) = (self.database.clone(), question.query.clone(), question.memory);
        let work =
            move || lease.run(|reader| database.answer(reader, &query, at_least).expect("open: it has lent a reader"));
        Ok(web::block(work).await?)
    }

    /// PostgreSQL's answer.
    async fn postgres(&self, question: &Question, divided: Divided) -> Result<Answer, Error> {
        let began = now();
        let found = self.patiently(divided, self.ask_postgres(question, divided)).await;
        if !found.as_ref().is_err_and(Error::is_ours) {
            self.reads.answered(Side::Postgres, began.elapsed(), found.is_err());
        }
        found
    }

    /// Asks PostgreSQL, unless it hung a moment ago and DuckDB may answer in its place.
    async fn patiently<T>(&self, divided: Divided, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if divided.may_fall_back() && self.rest.is_on(now()) {
            return Err(Error::Hung { server: self.server() });
        }
        let found = asked.await;
        if matches!(found, Err(Error::TimedOut { .. })) {
            self.rest.begin(now());
        }
        found
    }

    async fn ask_postgres(&self, question: &Question, divided: Divided) -> Result<Answer, Error> {
        let watermark = divided.watermark()?;
        let deadline = self.until_whole(question, divided).await?;
        self.ask_server(question, (watermark, divided.own_of(&question.query)), deadline).await
    }

    /// Asks it for an answer until then: waiting for a connection, and for it to be made, is part of that.
    /// Theirs count up to the watermark, what DuckDB alone has up to `own`.
    async fn ask_server(
        &self,
        question: &Question,
        (watermark, own): (UtcNanos, Option<Watermark>),
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let postgres = self.reads.postgres().ok_or_else(no_server)?;
        let too_late = |_| Error::TimedOut { server: self.server(), after: FRESH_WITHIN };
        let deadline = deadline.into();
        let lent = tokio::time::timeout_at(deadline, postgres.sessions().lend()).await.map_err(too_late)??;
        let open = |own: Watermark| Alone::open(&self.database, own.at).ok_or(NOT_OPEN);
        let alone = own.map(open).transpose()?;
        // Dropped with this future when the client goes, or when it takes too long.
        let _enders = (lent.ender(), alone.as_ref().map(Alone::ender));
        let (reads, query, need) = (self.reads.clone(), question.query.clone(), question.need);
        let work = move || {
            let postgres = reads.postgres().ok_or_else(no_server)?;
            lent.run(|session| postgres.answer(session, &query, watermark, need, alone.as_ref()))
        };
        let answered = tokio::time::timeout_at(deadline, web::block(work)).await.map_err(too_late)?;
        answered.unwrap_or(Err(Error::Closed))
    }

    /// Waits until all is there that PostgreSQL's answer is made of; says until when it may be given.
    async fn until_whole(&self, question: &Question, divided: Divided) -> Result<Instant, Error> {
        self.has_own(question, divided).await?;
        let deadline = now() + FRESH_WITHIN;
        self.until_there(question, deadline).await?;
        Ok(deadline)
    }

    /// Waits until DuckDB holds all that it alone recorded before dual write, where that belongs into the answer.
    async fn has_own(&self, question: &Question, divided: Divided) -> Result<(), Error> {
        let Some(Watermark { market, .. }) = divided.own_of(&question.query) else { return Ok(()) };
        self.database.pool().ok_or(NOT_OPEN)?;
        let behind = |_| Error::NotOpen { why: "its tables are still behind the journal" };
        self.watermarks.until_applied(Need { market, ..Need::default() }).await.map_err(behind)
    }

    fn server(&self) -> String {
        self.reads.postgres().map(|postgres| postgres.sessions().server().name()).unwrap_or_default()
    }

    /// Waits until the server holds what the answer must, unless something keeps it from getting there.
    async fn until_there(&self, question: &Question, deadline: Instant) -> Result<(), Error> {
        loop {
            let Follows { applied, trouble } = self.reads.follows().ok_or_else(no_server)?;
            let (log, found, wanted) = match question.query.log() {
                Log::Ledger => ("ledger", applied.ledger, question.need.ledger),
                Log::Market => ("market", applied.market, question.need.market),
            };
            if found >= wanted {
                return Ok(());
            }
            let cause = match trouble {
                None if now() > deadline => {
                    // It may hang: the next questions need not find out, too.
                    self.rest.begin(now());
                    format!("it did not get there within {}", within())
                }
                None => {
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
                Some(trouble) => trouble,
            };
            return Err(Error::Behind { server: self.server(), log, found, wanted, cause });
        }
    }
}

/// The refusal of a question that only PostgreSQL could answer.
fn refused(error: Error, divided: Divided) -> Problem {
    let next = match divided.use_duckdb {
        _ if matches!(error, Error::NothingThere { .. } | Error::Alone(_) | Error::NotOpen { .. }) => None,
        None => Some(OTHERWISE),
        Some(_) => Some("USE_DUCKDB=false lets nobody else answer: start without it"),
    };
    let words = words(error);
    Problem::new(Code::Unavailable, next.map_or(words.clone(), |next| format!("{words}; {next}")))
}

/// An error with what is behind it.
fn words(error: Error) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// DuckDB is to add its part, and is not there yet.
const NOT_OPEN: Error = Error::NotOpen { why: "the database is still opening" };

fn no_server() -> Error {
    Error::NothingThere { why: "timescale.url names no server".to_owned() }
}

fn within() -> String {
    messages::durations::format(FRESH_WITHIN)
}

/// Whether DuckDB is to blame that there is no answer.
fn is_fault(error: &query::Error) -> bool {
    // Archived files are restored when they are asked for.
    !matches!(error, query::Error::Restoring { .. })
}

#[cfg(test)]
mod tests {
    use messages::migration::{Migration, Phase};
    use storage::journal;
    use storage::settings::Tls;

    use super::*;

    #[test]
    fn a_refusal_says_what_may_be_done_meanwhile() {
        let check = |error: Error, use_duckdb, words: &[&str], never: &str| {
            let problem = refused(error, Divided { phase: Phase::DualWrite, use_duckdb, ..Divided::default() });
            assert_eq!(problem.code, Code::Unavailable);
            words.iter().for_each(|word| assert!(problem.detail.contains(word), "{}", problem.detail));
            assert!(!problem.detail.contains(never), "{}", problem.detail);
        };
        let behind = || Error::Behind {
            server: "db:5432/market".to_owned(),
            log: "ledger",
            found: Seq(3),
            wanted: Seq(5),
            cause: "it could not be reached".to_owned(),
        };
        check(behind(), None, &["db:5432/market", "could not be reached", "USE_DUCKDB=true"], "USE_DUCKDB=false");
        check(behind(), Some(false), &["could not be reached", "USE_DUCKDB=false lets nobody else"], "USE_DUCKDB=true");
        check(no_server(), Some(false), &["timescale.url names no server", "without USE_DUCKDB=false"], "nobody else");
    }

    /// A server that takes connections and says nothing.
    async fn hanging() -> (std::net::TcpListener, Sides) {
        hanging_in(None).await
    }

    /// The same; what keeps the sink from writing to it.
    async fn hanging_in(trouble: Option<&'static str>) -> (std::net::TcpListener, Sides) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, reads) = (listener.local_addr().unwrap().port(), Reads::default());
        let config::Settings { timescale, tiers, .. } = config::load(&config::Layers::default()).unwrap();
        let settings = storage::settings::Timescale {
            url: format!("postgres://owner@127.0.0.1:{port}/market"),
            tls: Tls::Off,
            ..timescale
        };
        let follows = move || Follows { applied: Need::default(), trouble: trouble.map(str::to_owned) };
        reads.open(&settings, "timescale.toml".into(), Arc::new(follows)).unwrap();
        let state = Migration {
            phase: Phase::GradualReads,
            watermark: Some(Watermark { market: Seq(0), at: UtcNanos(1_000) }),
            ..Migration::default()
        };
        reads.divide(&state);
        (listener, Sides::new(Database::default(), reads, level_at(Seq(0)), 0, tiers))
    }

    /// Journals and tables that hold the same records.
    fn level_at(seq: Seq) -> Watermarks {
        let level = || (journal::Watermark::new(seq), journal::Watermark::new(seq));
        Watermarks { ledger: level(), market: level() }
    }

    #[actix_web::test]
    async fn one_question_finds_out_that_postgresql_hangs() {
        let (_listener, sides) = hanging().await;
        let query = Query::Positions { at: UtcNanos(9), of: query::Of::default() };
        let question = Question { query: query.clone(), whole: query, need: Need::default(), memory: Seq(0) };
        let divided = sides.reads.share().get();
        let deadline = now() + Duration::from_millis(200);
        let first = sides.ask_server(&question, (UtcNanos(1_000), None), deadline);
        let first = sides.patiently(divided, first).await.unwrap_err();
        assert!(matches!(first, Error::TimedOut { .. }), "{first}");
        let next = sides.postgres(&question, divided).await.unwrap_err();
        assert!(matches!(next, Error::Hung { .. }), "{next}");
        // Where nobody else may answer it is asked all the same.
        let only = Divided { phase: Phase::Compare, ..divided };
        assert_eq!(sides.patiently(only, async { Ok(7) }).await.unwrap(), 7);
    }

    #[actix_web::test]
    async fn an_answer_that_duckdb_must_add_to_is_refused_while_it_cannot() {
        let (_listener, sides) = hanging().await;
        let instrument = messages::Instrument { exchange: messages::Exchange::Simulated, symbol: "A".parse().unwrap() };
        let watermark = Some(Watermark { market: Seq(7), at: UtcNanos(1_000) });
        let before = Divided { phase: Phase::DualWrite, watermark, ..Divided::default() };
        let asked =
            |query: Query| Question { query: query.clone(), whole: query, need: Need::default(), memory: Seq(0) };
        let ticks = asked(Query::Ticks { instrument, range: query::Range::ALL, page: query::Page::Oldest(1) });
        let error = sides.ask_postgres(&ticks, before).await.unwrap_err();
        assert!(matches!(error, Error::NotOpen { .. }) && error.is_ours(), "{error}");
        let words = refused(error, before).detail;
        assert!(words.contains("ask again in some seconds") && !words.contains("USE_DUCKDB"), "{words}");
        // What DuckDB has nothing of is PostgreSQL's alone.
        let fills =
            asked(Query::Trades { range: query::Range::ALL, of: query::Of::default(), page: query::Page::Oldest(1) });
        sides.has_own(&fills, before).await.unwrap();
        let nothing_before = Divided { watermark: Some(Watermark { market: Seq(0), at: UtcNanos(1_000) }), ..before };
        sides.has_own(&ticks, nothing_before).await.unwrap();
    }

    /// How many answers each side gave, and how many of them failed: DuckDB, then PostgreSQL.
    fn counted(sides: &Sides) -> [(u64, u64); 2] {
        sides.reads.stats().unwrap().sides.map(|(_, stats)| (stats.count, stats.errors))
    }

    fn needs_a_record() -> Question {
        let query = Query::Positions { at: UtcNanos(9), of: query::Of::default() };
        let need = Need { ledger: Seq(1), ..Need::default() };
        Question { query: query.clone(), whole: query, need, memory: Seq(0) }
    }

    #[actix_web::test]
    async fn a_duckdb_that_does_not_keep_up_fails_each_question_that_waits_for_it() {
        let (_listener, sides) = hanging().await;
        sides.reads.share().set_override(Some(true));
        let question = needs_a_record();
        let dir = tempfile::tempdir().unwrap();
        let settings = config::load(&config::Layers::default()).unwrap();
        let storage = storage::service::Storage::open(
            &storage::datadir::Paths::of(dir.path(), None),
            &settings.journal,
            &settings.tiers.cold,
            &settings.timescale,
            settings.duckdb.options(),
            None,
            |_, _| {},
        )
        .unwrap();
        let open = Sides { database: storage.database(), ..sides.clone() };
        let is_open = async {
            while open.database.pool().is_none() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), is_open).await.unwrap();
        // At once: each waits for as long as the tables may be behind.
        let (asked, ready, shadow) =
            tokio::join!(open.duckdb(&question), open.ready(&question), open.ask_duckdb(&question));
        assert_eq!([asked.err(), ready.err()].map(|problem| problem.map(|p| p.code)), [Some(Code::Unavailable); 2]);
        assert_eq!(counted(&open), [(2, 2), (0, 0)]);
        assert_eq!(shadow, None, "tables that are behind are no difference between the sides");
        let level = Sides { watermarks: level_at(Seq(1)), ..open.clone() };
        assert!(level.ask_duckdb(&question).await.is_some());
        drop((level, open, sides));
        storage.finish().unwrap();
    }

    #[actix_web::test]
    async fn a_question_that_only_a_postgresql_that_is_behind_could_answer_is_counted_once() {
        let (_listener, sides) = hanging_in(Some("it could not be reached")).await;
        let question = needs_a_record();
        let share = sides.reads.share();
        share.set_override(Some(false));
        let problem = sides.ready(&question).await.unwrap_err();
        assert!(problem.detail.contains("it could not be reached"), "{}", problem.detail);
        assert_eq!(counted(&sides), [(0, 0), (1, 1)]);
        // Where DuckDB may answer in its place, whoever asks then counts it.
        share.set_override(None);
        let level = Sides { watermarks: level_at(Seq(1)), ..sides.clone() };
        level.ready(&question).await.unwrap();
        assert_eq!(counted(&sides), [(0, 0), (1, 1)]);
        level.answer(&question).await.unwrap_err();
        assert_eq!(counted(&sides), [(0, 0), (2, 2)]);
    }

    #[test]
    fn what_is_restored_from_an_archive_is_no_fault_of_duckdb() {
        let restoring = query::Error::Restoring { files: 1, ready_about: Duration::from_secs(1), tickets: Vec::new() };
        assert!(!is_fault(&restoring));
        assert!(is_fault(&query::Error::Pool(pool::Error::Failed)));
    }
}
