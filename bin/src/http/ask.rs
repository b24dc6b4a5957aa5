//! How handlers ask the database: a reader is lent, and what it finds is written on a thread that may take its time.

use std::time::Duration;

use actix_web::web;
use messages::caps;
use storage::pool::{Class, Limits};
use storage::query::Answer;
use storage::sql_tiers::Scope;
use storage::{pool, sql};

use super::body::{Body, Filled};
use super::edge::{Edge, opening};
use super::problem::{Code, Problem};
use super::sides::Question;

/// One SELECT.
pub struct Select {
    /// Who asks.
    pub class: Class,
    /// The text.
    pub text: String,
    /// How far it reaches.
    pub scope: Scope,
    /// The most rows.
    pub max_rows: usize,
    /// The longest time; what is usual where none is given.
    pub time: Option<Duration>,
}

impl Edge {
    /// Answers a question to history; `write` writes the body.
    ///
    /// # Errors
    /// It cannot be answered, or not now.
    pub async fn history<T: Send + 'static>(
        &self,
        question: Question,
        write: impl FnOnce(Answer, &mut Body) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<(Filled, T), Problem> {
        let found = self.sides.answer(&question).await?;
        let room = self.answers.clone();
        web::block(move || room.fill(|body| write(found, body))).await?
    }

    /// Answers a SELECT; `write` writes the body.
    ///
    /// # Errors
    /// It cannot be answered, or not now.
    pub async fn select<T: Send + 'static>(
        &self,
        select: Select,
        write: impl FnOnce(sql::Answer, &mut Body) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<(Filled, T), Problem> {
        let (pool, stores) = self.database.pool().zip(self.database.stores().cloned()).ok_or_else(opening)?;
        let Limits { acquire, execute } = pool.limits();
        let execute = select.time.unwrap_or(execute).min(caps::QUESTION_TIME);
        let lease = pool.lease_async(select.class, Limits { acquire, execute }).await.map_err(|error| busy(&error))?;
        // Dropped with this future when the client goes: nobody computes for who does not listen.
        let _ender = lease.ender();
        let room = self.answers.clone();
        let work = move || {
            let found =
                sql::ask(lease, &stores, &select.text, select.scope, select.max_rows).map_err(anyhow::Error::from)?;
            room.fill(|body| write(found, body))
        };
        web::block(work).await?
    }
}

pub(super) fn busy(error: &pool::Error) -> Problem {
    Problem::new(Code::Unavailable, error.to_string())
}
