//! Who answers the questions of a report: a running instance, or the tables of a directory that nobody runs on. Answers are
//! CSV, the same from both.

use anyhow::Context;
use config::Settings;
use messages::caps;
use storage::duck::hot::Hot;
use storage::pool::Pool;
use storage::query::{Duck, Query, Source, Stores};
use storage::sql::{self, Limits};
use storage::sql_tiers::Scope;

use crate::client::{self, Running};
use crate::http::{history, sql::Request};
use crate::output::{self, Format};

/// Who answers.
pub trait Ask {
    /// Answers one SELECT.
    ///
    /// # Errors
    /// It was refused, failed, or took too long.
    fn sql(&self, query: &str, scope: Scope) -> anyhow::Result<Vec<u8>>;

    /// Answers a question to history.
    ///
    /// # Errors
    /// It failed, or took too long.
    fn history(&self, query: Query) -> anyhow::Result<Vec<u8>>;
}

/// An instance that runs.
pub struct Live<'a> {
    /// Which.
    pub running: &'a Running,
    /// For how long to wait.
    pub settings: &'a Settings,
}

impl Ask for Live<'_> {
    fn sql(&self, query: &str, scope: Scope) -> anyhow::Result<Vec<u8>> {
        let request = Request {
            query: query.to_owned(),
            scope,
            format: Format::Csv,
            max_rows: caps::SQL_ROWS,
            timeout_ms: Some(u64::try_from(caps::REPORT_QUESTION_TIME.as_millis())?),
            stale: false,
        };
        let within = client::within(self.settings, caps::REPORT_QUESTION_TIME);
        Ok(self.running.ask("/api/v1/sql", &request, Some(within))?.body)
    }

    fn history(&self, query: Query) -> anyhow::Result<Vec<u8>> {
        let request = history::Request { query, format: Format::Csv, explain: false, fresh: true };
        let within = client::within(self.settings, self.settings.duckdb.query_timeout);
        Ok(self.running.ask("/api/v1/history", &request, Some(within))?.body)
    }
}

/// Tables that nobody else has open.
pub struct Still<'a> {
    /// Their readers.
    pub pool: &'a Pool,
    /// Their tiers.
    pub stores: &'a Stores,
}

impl Ask for Still<'_> {
    fn sql(&self, query: &str, scope: Scope) -> anyhow::Result<Vec<u8>> {
        let limits = Limits { rows: caps::SQL_ROWS, time: caps::REPORT_QUESTION_TIME };
        let answer = sql::run(self.pool, self.stores, query, scope, limits)?;
        let mut out = Vec::new();
        output::write(&answer, Format::Csv, &mut out)?;
        Ok(out)
    }

    fn history(&self, query: Query) -> anyhow::Result<Vec<u8>> {
        let duck = Duck::new(self.pool.clone(), Hot::default(), self.stores.clone());
        let answer = duck.ask(&query).context("history cannot be read")?;
        let mut out = Vec::new();
        history::write(answer, Format::Csv, false, &mut out)?;
        Ok(out)
    }
}
