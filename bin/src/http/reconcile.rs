//! Reconciliation: our books held against the venue's. What the last one found, one more, and what it left taken as it is.

use actix_web::{get, post, web};
use actors::orders::risk::reconciling::Waits;
use actors::orders::state::ReconcileStatus;
use messages::account::{Difference, ReconcileAsk, Reconciliation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Reader, Trader};
use super::edge::{Edge, to_the_end};
use super::problem::{Answer, Code, Problem};
use super::trading::Done;
use super::{Refusals, views, words};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_reconciliation).service(reconcile_all).service(accept_differences);
}

/// How our books stand to the venue's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reconciled {
    /// Whether the venue keeps books that ours can be held against. The paper venue keeps none.
    pub possible: bool,
    /// What new orders wait for: `books`, until the venue has said what the account holds; `accept`, until somebody accepts what
    /// differs or that the venue does not say it, and only what reduces passes; null where they wait for nothing.
    pub waits_for: Option<String>,
    /// Why one is under way: `start`, `reconnect`, `schedule` or `asked`; null where none is.
    pub running: Option<String>,
    /// Since when.
    pub running_since: Option<String>,
    /// The last one that ended.
    pub last: Option<Report>,
}

/// What one found and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Its number in the ledger; 0 where it found nothing new and was not kept.
    pub number: u64,
    /// `start`, `reconnect`, `schedule` or `asked`.
    pub cause: String,
    /// `agreed`, `settled`, `unsettled` or `accepted`.
    pub outcome: String,
    /// When it began.
    pub began_at: String,
    /// When it ended.
    pub ended_at: String,
    /// How often the venue was asked what the account holds.
    pub rounds: u32,
    /// What differed.
    pub differences: Vec<Differs>,
    /// How many more differed.
    pub left_out: u32,
    /// What was entered, for history does not explain it.
    pub entries: Vec<String>,
    /// Who accepted what was left; `merganser` where nobody had to.
    pub by: String,
    /// Why.
    pub why: String,
    /// All of it in words.
    pub words: String,
}

/// Something that differed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Differs {
    /// What kind of thing: `missed_fill`, `position`, `balance` …
    pub kind: String,
    /// Which.
    pub subject: String,
    /// How much here and there.
    pub text: String,
    /// Whether it is settled.
    pub settled: bool,
}

impl From<ReconcileStatus> for Reconciled {
    fn from(status: ReconcileStatus) -> Self {
        let ReconcileStatus { possible, waits, running, last } = status;
        let (cause, since) = running.unzip();
        let waits_for = waits.map(|waits| match waits {
            Waits::Books => "books".to_owned(),
            Waits::Accept => "accept".to_owned(),
        });
        Self {
            possible,
            waits_for,
            running: cause.map(|cause| cause.to_string()),
            running_since: views::maybe(since),
            last: last.map(Report::from),
        }
    }
}

impl From<Reconciliation> for Report {
    fn from(done: Reconciliation) -> Self {
        let differs = |d: &Difference| {
            let Difference { kind, subject, text, settled } = d.clone();
            Differs { kind: kind.to_string(), subject, text, settled }
        };
        Self {
            words: done.words(),
            number: done.number,
            cause: done.cause.to_string(),
            outcome: done.outcome.to_string(),
            began_at: views::text(done.began),
            ended_at: views::text(done.at),
            rounds: done.rounds,
            differences: done.differences.iter().map(differs).collect(),
            left_out: done.left_out,
            entries: done.entries.iter().map(ToString::to_string).collect(),
            by: done.by,
            why: done.why,
        }
    }
}

/// Why what differs is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Why; it is written to the ledger.
    #[schema(min_length = 1, max_length = 512)]
    pub why: String,
}

/// How our books stand to the venue's: whether orders wait for it, and what the last reconciliation found.
#[utoipa::path(tag = "trading", responses((status = 200, description = "The answer", body = Reconciled), Refusals))]
#[get("/reconcile")]
async fn read_reconciliation(_: Reader, edge: web::Data<Edge>) -> Answer<Reconciled> {
    let status = edge.runtime.reconcile_status().await.ok_or_else(|| Problem::silent("orders"))?;
    Ok(web::Json(Reconciled::from(*status)))
}

/// Holds our books against the venue's now. Where the venue keeps none, or is not reached, orders and positions are restored from
/// the ledger, and the venue is asked about every open order.
#[utoipa::path(tag = "trading", responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/reconcile")]
async fn reconcile_all(trader: Trader, edge: web::Data<Edge>) -> Answer<Done> {
    edge.note(&trader.0, "reconcile", "", "").await?;
    let ask = ReconcileAsk::Begin { by: trader.0.name.clone() };
    let refused = match edge.runtime.ask_reconcile(ask).await.ok_or_else(|| Problem::silent("orders"))? {
        Ok(done) => return Ok(web::Json(Done { done })),
        Err(why) => why,
    };
    edge.runtime.reconcile().await.map_err(|why| Problem::new(Code::Unavailable, why))?;
    let done = format!("restored from the ledger; {refused}");
    Ok(web::Json(Done { done }))
}

/// Takes what the last reconciliation left as it is: an order that the venue does not have ends, one that it still has is cancelled
/// there, what is held becomes what the venue says. New orders are taken again.
#[utoipa::path(tag = "trading", request_body = Accept, responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/reconcile/accept")]
async fn accept_differences(trader: Trader, edge: web::Data<Edge>, asked: web::Json<Accept>) -> Answer<Done> {
    let Accept { why } = asked.into_inner();
    to_the_end(async move {
        let ask = ReconcileAsk::Accept { by: trader.0.name, why: words::cut(why) };
        let text = "orders did not say in time that it is durable; it may hold: see GET /api/v1/reconcile";
        let done = edge.runtime.ask_reconcile(ask).await.ok_or_else(|| Problem::new(Code::Unknown, text))?;
        done.map(|done| web::Json(Done { done })).map_err(|why| Problem::new(Code::Conflict, why))
    })
    .await
}
