//! Backups of a running instance.
//!
//! The answer is a line of JSON for each thing that is done, and one at the end. An empty line once a second shows
//! that both sides are still there: when the one who asked is gone, or the instance stops, the backup ends.

use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{HttpResponse, get, post, web};
use anyhow::ensure;
use futures::stream;
use serde::{Deserialize, Serialize};
use storage::backup::{self, Doing, Listed, Repository, Source, Stop, Tables};
use storage::datadir::Paths;
use storage::settings;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::Refusals;
use crate::http::access::Admin;
use crate::http::edge::Edge;
use crate::http::problem::{Answer, Problem};

/// How often an empty line is sent where there is nothing to say.
const ALIVE: Duration = Duration::from_secs(1);

/// Lines that may wait for who asked; more are left out.
const LINES: usize = 64;

/// What a backup needs to know of the instance.
pub struct Directory {
    /// Where everything is.
    pub paths: Paths,
    /// The cold store.
    pub cold: settings::Cold,
    /// Bytes of the disk that are left free.
    pub reserve_bytes: u64,
    /// The backup that is being made.
    pub current: Current,
}

/// The backup that is being made, if any: one at a time, and none is left when the database closes. A clone is the same.
#[derive(Clone, Default)]
pub struct Current(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    stop: Option<Stop>,
    is_closed: bool,
}

impl Current {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one.
    fn begin(&self, stop: &Stop) -> anyhow::Result<Begun> {
        let mut state = self.state();
        ensure!(!state.is_closed, "merganser is stopping; no backup was made");
        ensure!(state.stop.is_none(), "a backup is being made already; wait until it is done");
        state.stop = Some(stop.clone());
        Ok(Begun(self.clone()))
    }

    /// Ends the one that is being made, and lets none begin any more. Waits for nothing.
    pub fn stop(&self) {
        let mut state = self.state();
        state.is_closed = true;
        if let Some(stop) = &state.stop {
            stop.stop();
        }
    }

    /// As [`Self::stop`], and returns when it has ended.
    pub fn close(&self) {
        self.stop();
        let state = self.state();
        drop(self.0.1.wait_while(state, |state| state.stop.is_some()));
    }
}

/// A backup that is being made.
struct Begun(Current);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.state().stop = None;
        self.0.0.1.notify_all();
    }
}

/// Where to.
#[derive(Debug, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(as = BackupTo)]
pub struct Asked {
    /// The repository: a folder, or `s3://bucket/prefix`.
    pub to: String,
}

/// One line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Something is being done.
    Doing {
        /// The file.
        what: String,
        /// Bytes that were sent so far.
        done: u64,
    },
    /// It is done.
    Done(Listed),
    /// It is not, and why.
    Failed(String),
}

impl Said {
    fn line(&self) -> web::Bytes {
        let mut text = serde_json::to_vec(self).expect("plain data");
        text.push(b'\n');
        text.into()
    }
}

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(create_backup).service(read_backups);
}

/// Every backup of a repository, the oldest first.
#[utoipa::path(tag = "tiers", params(Asked), responses((status = 200, description = "The answer", body = Vec<Object>), Refusals))]
#[get("/backups")]
async fn read_backups(_: Admin, edge: web::Data<Edge>, asked: web::Query<Asked>) -> Answer<Vec<Listed>> {
    let found = web::block(move || {
        let repository = Repository::open(&asked.to, &edge.directory.cold)?;
        anyhow::Ok(repository.list()?.iter().map(backup::Backup::listed).collect())
    });
    Ok(web::Json(found.await??))
}

/// Makes a backup. The answer is a line of JSON for each thing that is done, and one at the end.
#[utoipa::path(tag = "tiers", request_body = Asked, responses(
    (status = 200, description = "The answer", body = String, content_type = "application/x-ndjson"),
    Refusals,
))]
#[post("/backup")]
async fn create_backup(admin: Admin, edge: web::Data<Edge>, asked: web::Json<Asked>) -> Result<HttpResponse, Problem> {
    edge.note(&admin.0, "backup.create", &asked.to, "").await?;
    let (say, said) = flume::bounded(LINES);
    let stop = Stop::default();
    let ends = Ends(stop.clone());
    let edge = edge.clone();
    tokio::task::spawn_blocking(move || {
        let on = |doing: Doing<'_>| {
            let line = Said::Doing { what: doing.what.to_owned(), done: doing.done }.line();
            // A line that does not fit is only progress.
            let _ = say.try_send(line);
        };
        let last = match make(&edge, &asked.to, &on, stop) {
            Ok(listed) => Said::Done(listed),
            Err(error) => Said::Failed(format!("{error:#}")),
        };
        // Who asked may be gone.
        let _ = say.send(last.line());
    });
    let lines = stream::unfold((said, ends), |(said, ends)| async move {
        let line = match tokio::time::timeout(ALIVE, said.recv_async()).await {
            Ok(Ok(line)) => line,
            Ok(Err(_)) => return None,
            Err(_) => web::Bytes::from_static(b"\n"),
        };
        Some((Ok::<_, Infallible>(line), (said, ends)))
    });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(lines))
}

fn make(edge: &Edge, to: &str, on: &dyn Fn(Doing<'_>), stop: Stop) -> anyhow::Result<Listed> {
    let Directory { paths, cold, reserve_bytes, current } = &edge.directory;
    let _one = current.begin(&stop)?;
    let clock = actors::clock::Clock::wall();
    let source = Source {
        tables: Tables::Running(&edge.database),
        paths,
        cold,
        durable: &|| (edge.watermarks.ledger.0.get(), edge.watermarks.market.0.get()),
        reserve_bytes: *reserve_bytes,
        now: &|| clock.now(),
        on,
        stop,
    };
    let made = backup::create(&Repository::open(to, cold)?, &source)?;
    tracing::info!(
        event = "backup_made",
        backup = made.id,
        bytes = made.bytes(),
        new = made.sent.1,
        "a backup was made"
    );
    Ok(made.listed())
}

/// Ends the backup when its answer is not sent any more.
struct Ends(Stop);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.stop();
    }
}
